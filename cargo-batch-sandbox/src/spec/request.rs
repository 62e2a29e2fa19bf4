//! Whether a request is one that the specification knows.

use axum::http::{HeaderMap, header, request};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::explain::{Problem, message, shortened};
use super::operation::{Content, Operation, Parameter, Place};
use super::{Found, PREFIX, find};
use crate::rejection::Rejection;

/// Refuses what the specification doesn't allow.
///
/// # Errors
/// The rejection, which names the place, the value and what is wanted there.
pub fn check(parts: &request::Parts, body: &[u8]) -> Result<(), Rejection> {
    let path = parts.uri.path();
    let operation = match find(&parts.method, path) {
        Found::Operation(operation) => operation,
        Found::OtherMethods(allowed) => {
            let allowed: Vec<&str> = allowed.into_iter().map(|method| method.as_str()).collect();
            return Err(Rejection::method(&parts.method, path, &allowed.join(", ")));
        }
        Found::Nothing => {
            return Err(Rejection::unknown(path));
        }
    };
    check_parameters(operation, path, parts.uri.query().unwrap_or_default())?;
    match &operation.body {
        Some(content) => check_body(content, &parts.headers, body),
        None if body.is_empty() => Ok(()),
        None => Err(Rejection::malformed(format!(
            "body: {} {path} takes none",
            parts.method
        ))),
    }
}

fn check_parameters(operation: &Operation, path: &str, query: &str) -> Result<(), Rejection> {
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    let given: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let known = || {
        operation
            .parameters
            .iter()
            .filter(|parameter| parameter.place == Place::Query)
    };
    let stranger = given
        .iter()
        .find(|(name, _)| !known().any(|parameter| parameter.name == *name));
    if let Some((name, _)) = stranger {
        let names: Vec<&str> = known().map(|parameter| parameter.name.as_str()).collect();
        let only = match names.is_empty() {
            true => "this operation takes none".to_owned(),
            false => format!("there are {}", names.join(", ")),
        };
        let message = format!("{name} in the query: there is no such parameter; {only}");
        return Err(Rejection::malformed(message));
    }
    for parameter in &operation.parameters {
        match parameter.place {
            Place::Path => {
                let value = operation
                    .path_value(path, &parameter.name)
                    .unwrap_or_default();
                let value = percent_decode_str(value).decode_utf8_lossy();
                parameter.check(&[&value], "path")?;
            }
            Place::Query => {
                let values = given.iter().filter(|(name, _)| *name == parameter.name);
                let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
                parameter.check(&values, "query")?;
            }
        }
    }
    Ok(())
}

impl Parameter {
    fn check(&self, given: &[&str], place: &str) -> Result<(), Rejection> {
        let wrong = |message: String| {
            Rejection::malformed(format!("{} in the {place}: {message}", self.name))
        };
        let value = match (self.form.as_str(), given) {
            (_, []) if self.required => return Err(wrong("is missing".to_owned())),
            (_, []) => return Ok(()),
            ("array", texts) => texts.iter().map(|text| Value::from(*text)).collect(),
            (form, [text]) => read(form, text),
            (_, [_, ..]) => return Err(wrong("is given more than once".to_owned())),
        };
        match self.shape.problems(&value).into_iter().next() {
            Some(problem) => Err(wrong(problem.message)),
            None => Ok(()),
        }
    }
}

/// A parameter is text; if it isn't what it should be, it stays that.
fn read(form: &str, text: &str) -> Value {
    match form {
        "boolean" => text.parse().map(Value::Bool).ok(),
        // However large: how much of it counts is for the operation to say.
        "integer" => serde_json::from_str(text).ok().filter(is_whole),
        _ => None,
    }
    .unwrap_or_else(|| text.into())
}

fn is_whole(number: &Value) -> bool {
    number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn check_body(content: &Content, headers: &HeaderMap, body: &[u8]) -> Result<(), Rejection> {
    if body.is_empty() && !content.required {
        return Ok(());
    }
    let given = headers
        .get(header::CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let essence = given.as_deref().map(|given| {
        let essence = given.split(';').next().unwrap_or_default();
        essence.trim().to_ascii_lowercase()
    });
    if essence.as_deref() != Some(&content.media_type) {
        let given = match &given {
            Some(given) => shortened(&Value::from(given.as_str())),
            None => "nothing".to_owned(),
        };
        let message = format!(
            "Content-Type: wanted is {}, not {given}",
            content.media_type
        );
        return Err(Rejection::media_type(message));
    }
    let Some(shape) = &content.shape else {
        return Ok(());
    };
    let problems = match serde_json::from_slice(body) {
        Ok(value) => shape.problems(&value),
        Err(_) if body.is_empty() => vec![Problem::whole("is missing".to_owned())],
        Err(error) => vec![Problem::whole(format!("no JSON: {error}"))],
    };
    match message(problems) {
        Some(message) => Err(Rejection::malformed(message)),
        None => Ok(()),
    }
}
