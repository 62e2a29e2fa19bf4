//! Messages about invalid values: the path, the value, and what is expected there.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::schema::{Compiled, at};
use super::sensitive;

/// Something that is wrong at a place of a value.
#[derive(Debug, PartialEq)]
pub struct Problem {
    /// `data.ids[0]`; empty for the whole value.
    pub place: String,
    pub message: String,
}

impl Problem {
    /// One about the whole value.
    pub fn whole(message: String) -> Self {
        Self {
            place: String::new(),
            message,
        }
    }
}

/// The most problems in one message.
const TOLD: usize = 3;

/// Some problems as one text; nothing if there are none.
pub fn message(problems: Vec<Problem>) -> Option<String> {
    let more = problems.len().saturating_sub(TOLD);
    let told = problems.into_iter().take(TOLD).map(|problem| {
        let place = match problem.place.is_empty() {
            true => "body",
            false => &problem.place,
        };
        format!("{place}: {}", problem.message)
    });
    let mut told: Vec<String> = told.collect();
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    (!told.is_empty()).then(|| told.join("; "))
}

/// What is wrong with a value, so that the caller knows what to change.
pub fn explain(compiled: &Compiled, value: &Value) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for error in compiled.validator.iter_errors(value) {
        let problem = problem(&error, compiled);
        // What is required twice is missing once.
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems
}

fn problem(error: &ValidationError<'_>, compiled: &Compiled) -> Problem {
    let mut place = dotted(error.instance_path().as_str());
    let secret = place
        .split(['.', '['])
        .any(|name| sensitive().contains(name));
    let value = || match secret {
        true => "the value".to_owned(),
        false => shortened(error.instance()),
    };
    // The schema that it is about.
    let schema = error
        .absolute_keyword_location()
        .and_then(|uri| compiled.at(uri.as_str().rsplit_once('/')?.0));
    let message = match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let wanted = schema.and_then(|schema| wanted(&schema["properties"][name]));
            place = join(&place, name);
            match wanted {
                Some(wanted) => format!("is missing; wanted is {wanted}"),
                None => "is missing".to_owned(),
            }
        }
        Kind::AdditionalProperties { unexpected } => {
            let name = unexpected.first().map_or("", String::as_str);
            let known: Vec<&str> = schema
                .and_then(|schema| schema["properties"].as_object())
                .into_iter()
                .flatten()
                .map(|(name, _)| name.as_str())
                .collect();
            place = join(&place, name);
            format!("there is no such field, only {}", known.join(", "))
        }
        Kind::Enum { options } => {
            let known = options.as_array().into_iter().flatten();
            let known: Vec<&str> = known.filter_map(Value::as_str).collect();
            format!("{} is none of {}", value(), known.join(", "))
        }
        Kind::Maximum { limit } => format!("{} is more than {limit}", value()),
        Kind::Minimum { limit } => format!("{} is less than {limit}", value()),
        _ => match schema.and_then(wanted) {
            Some(wanted) => format!("{} is not {wanted}", value()),
            None => error.to_string(),
        },
    };
    Problem { place, message }
}

/// What a schema expects, as text.
fn wanted(schema: &Value) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return wanted(at(reference)?);
    }
    for combined in ["allOf", "oneOf", "anyOf"] {
        if let Some(schemas) = schema[combined]
            .as_array()
            .filter(|_| schema["type"].is_null())
        {
            let all: Vec<String> = schemas.iter().filter_map(wanted).collect();
            return match combined {
                "allOf" => all.into_iter().next(),
                _ => Some(all.join(" or ")),
            };
        }
    }
    if let Some(then) = schema.get("then") {
        return wanted(then).map(|wanted| format!("{wanted} or null"));
    }
    if let Some(options) = schema["enum"].as_array() {
        let known: Vec<&str> = options.iter().filter_map(Value::as_str).collect();
        return Some(format!("one of {}", known.join(", ")));
    }
    let wanted = match (schema["format"].as_str(), schema["type"].as_str()?) {
        (Some("uuid"), _) => "a uuid",
        (Some("date-time"), _) => "a date and time such as 2026-01-15T10:00:00.000Z",
        (Some("uri"), _) => "a URL",
        (_, "string") => "a string",
        (_, "integer") => "a whole number",
        (_, "number") => "a number",
        (_, "boolean") => "true or false",
        (_, "array") => "an array",
        (_, "object") => "an object",
        _ => return None,
    };
    Some(wanted.to_owned())
}

/// From `/data/ids/0` to `data.ids[0]`.
fn dotted(pointer: &str) -> String {
    let segments = pointer.split('/').skip(1);
    segments.fold(String::new(), |place, segment| {
        let name = segment.replace("~1", "/").replace("~0", "~");
        match name.parse::<usize>() {
            Ok(index) => format!("{place}[{index}]"),
            Err(_) => join(&place, &name),
        }
    })
}

fn join(place: &str, name: &str) -> String {
    match place.is_empty() {
        true => name.to_owned(),
        false => format!("{place}.{name}"),
    }
}

/// The most characters of a value in a message.
const SHOWN: usize = 60;

/// A value as JSON, not too much of it.
pub fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
