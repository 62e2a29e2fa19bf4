//! Keys that the generator would drop without a word are errors.

use serde_json::Value;

use crate::spec::{Document, Place, Problem};

/// The extensions this project gives a meaning to.
const EXTENSIONS: [&str; 15] = [
    "x-advice",
    "x-ambiguous",
    "x-creates",
    "x-enum-descriptions",
    "x-flags",
    "x-idempotent",
    "x-identity",
    "x-module",
    "x-modules",
    "x-omission",
    "x-one-or-many",
    "x-pagination",
    "x-sensitive",
    "x-terminal",
    "x-waiter",
];

pub fn check(document: &Document) -> Vec<Problem> {
    let understood: openapiv3::OpenAPI = match serde_json::from_value(document.root().clone()) {
        Ok(understood) => understood,
        Err(error) => {
            let message = format!("not an OpenAPI 3.0 document: {error}");
            return vec![document.problem(&Place::root(), message)];
        }
    };
    let mut problems = Vec::new();
    match serde_json::to_value(&understood) {
        Ok(understood) => compare(
            document,
            &Place::root(),
            document.root(),
            &understood,
            &mut problems,
        ),
        Err(error) => problems.push(document.problem(&Place::root(), error.to_string())),
    }
    problems
}

fn compare(
    document: &Document,
    place: &Place,
    written: &Value,
    understood: &Value,
    problems: &mut Vec<Problem>,
) {
    match (written, understood) {
        (Value::Object(written), Value::Object(understood)) => {
            for (key, value) in written {
                let inside = place.join(key);
                if key.starts_with("x-") {
                    if !EXTENSIONS.contains(&key.as_str()) && place.key() != "properties" {
                        let known = EXTENSIONS.join(", ");
                        problems.push(document.problem(
                            &inside,
                            format!("unknown extension; the known ones are {known}"),
                        ));
                    }
                } else if let Some(understood) = understood.get(key) {
                    compare(document, &inside, value, understood, problems);
                } else if !is_default(value) {
                    problems.push(document.problem(
                        &inside,
                        "OpenAPI 3.0 has no such key here (misspelt, or of 3.1?)",
                    ));
                }
            }
        }
        (Value::Array(written), Value::Array(understood)) => {
            for (i, (written, understood)) in written.iter().zip(understood).enumerate() {
                compare(
                    document,
                    &place.join(&i.to_string()),
                    written,
                    understood,
                    problems,
                );
            }
        }
        _ => {}
    }
}

/// Spelling out a default is not wrong; it does not survive the round trip either.
fn is_default(value: &Value) -> bool {
    matches!(value, Value::Bool(false) | Value::Null)
        || value.as_object().is_some_and(serde_json::Map::is_empty)
        || value.as_array().is_some_and(Vec::is_empty)
}
