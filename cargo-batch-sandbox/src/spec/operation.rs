//! An operation, as the specification describes it.

use std::sync::OnceLock;

use axum::http::Method;
use serde_json::Value;

use super::explain::{Problem, explain};
use super::schema::{Compiled, compile};

/// An operation of the API.
#[derive(Debug)]
pub struct Operation {
    pub id: String,
    pub method: Method,
    segments: Vec<Segment>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Content>,
    /// What it responds with, by the first digit of the status; nothing where its body is not said.
    responses: Vec<(char, Option<Shape>)>,
}

/// A part of a path, between slashes.
#[derive(Debug)]
enum Segment {
    Literal(String),
    Placeholder(String),
}

/// Where a parameter is.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    Path,
    Query,
}

/// A parameter of a path or a query.
#[derive(Debug)]
pub(super) struct Parameter {
    pub name: String,
    pub place: Place,
    pub required: bool,
    /// `array`, `boolean`, `integer` or `string`.
    pub form: String,
    pub shape: Shape,
}

/// A body.
#[derive(Debug)]
pub(super) struct Content {
    pub required: bool,
    pub media_type: String,
    /// What it must be like, if it is JSON.
    pub shape: Option<Shape>,
}

/// A schema, compiled when it is first needed.
#[derive(Debug)]
pub(super) struct Shape {
    schema: Value,
    compiled: OnceLock<Result<Compiled, String>>,
}

impl Shape {
    fn new(schema: &Value) -> Self {
        Self {
            schema: schema.clone(),
            compiled: OnceLock::new(),
        }
    }

    /// What is wrong with a value.
    pub fn problems(&self, value: &Value) -> Vec<Problem> {
        match self.compiled.get_or_init(|| compile(&self.schema)) {
            Ok(compiled) if compiled.validator.is_valid(value) => Vec::new(),
            Ok(compiled) => explain(compiled, value),
            Err(error) => vec![Problem::whole(error.clone())],
        }
    }
}

impl Operation {
    pub(super) fn read(method: Method, path: &str, operation: &Value) -> Self {
        let segments = path.split('/').skip(1).map(|segment| {
            let name = segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'));
            match name {
                Some(name) => Segment::Placeholder(name.to_owned()),
                None => Segment::Literal(segment.to_owned()),
            }
        });
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let responses = operation["responses"].as_object().into_iter().flatten();
        Self {
            id: text(&operation["operationId"]),
            method,
            segments: segments.collect(),
            parameters: parameters.map(Parameter::read).collect(),
            body: Content::read(&operation["requestBody"]),
            responses: responses
                .filter_map(|(status, response)| {
                    let schema = response.pointer("/content/application~1json/schema");
                    Some((status.chars().next()?, schema.map(Shape::new)))
                })
                .collect(),
        }
    }

    pub(super) fn is_literal(&self) -> bool {
        let literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
        self.segments.iter().all(literal)
    }

    /// Whether a path, without the prefix, is one of this operation.
    pub(super) fn fits(&self, path: &str) -> bool {
        let given: Vec<&str> = path.split('/').skip(1).collect();
        let same = |(segment, given): (&Segment, &&str)| match segment {
            Segment::Literal(literal) => literal == given,
            Segment::Placeholder(_) => !given.is_empty(),
        };
        given.len() == self.segments.len() && self.segments.iter().zip(&given).all(same)
    }

    /// What a path, without the prefix, has in place of a parameter.
    pub(super) fn path_value<'a>(&self, path: &'a str, parameter: &str) -> Option<&'a str> {
        let place = self.segments.iter().position(
            |segment| matches!(segment, Segment::Placeholder(name) if name == parameter),
        )?;
        path.split('/').nth(place + 1)
    }

    /// What is wrong with a response of this operation.
    pub fn check_response(&self, status: u16, body: &[u8]) -> Option<String> {
        let class = char::from_digit(u32::from(status / 100), 10);
        let Some((_, shape)) = self
            .responses
            .iter()
            .find(|(digit, _)| Some(*digit) == class)
        else {
            return Some(format!("{status} is not among its responses"));
        };
        // A body that no client reads isn't validated.
        let shape = shape.as_ref()?;
        match serde_json::from_slice(body) {
            Ok(value) => super::explain::message(shape.problems(&value)),
            Err(error) => Some(format!("no JSON: {error}")),
        }
    }
}

impl Parameter {
    fn read(parameter: &Value) -> Self {
        let schema = &parameter["schema"];
        Self {
            name: text(&parameter["name"]),
            place: match parameter["in"].as_str() {
                Some("path") => Place::Path,
                _ => Place::Query,
            },
            required: parameter["required"] == true,
            form: schema["type"].as_str().unwrap_or("string").to_owned(),
            shape: Shape::new(schema),
        }
    }
}

impl Content {
    fn read(body: &Value) -> Option<Self> {
        let (media_type, content) = body["content"].as_object()?.iter().next()?;
        let json = media_type == "application/json";
        Some(Self {
            required: body["required"] == true,
            media_type: media_type.clone(),
            shape: json.then(|| Shape::new(&content["schema"])),
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
