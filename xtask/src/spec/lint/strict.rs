//! Keys that the generator would drop silently are errors.

use openapiv3::ReferenceOr;
use serde_json::Value;

use crate::spec::operation::raw;
use crate::spec::{Document, Place, Problem};

/// The extensions this project gives a meaning to.
const EXTENSIONS: [&str; 18] = [
    "x-advice",
    "x-ambiguous",
    "x-creates",
    "x-enum-descriptions",
    "x-flags",
    "x-hand-written",
    "x-idempotent",
    "x-identity",
    "x-module",
    "x-modules",
    "x-omission",
    "x-one-or-many",
    "x-pagination",
    "x-rust-name",
    "x-see-also",
    "x-sensitive",
    "x-terminal",
    "x-waiter",
];

pub fn check(document: &Document) -> Vec<Problem> {
    let understood: openapiv3::OpenAPI = match serde_json::from_value(document.root().clone()) {
        Ok(understood) => understood,
        Err(error) => return vec![unreadable(document, &error)],
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

/// Names the place of what openapiv3 can't read, as its own error names none.
fn unreadable(document: &Document, error: &serde_json::Error) -> Problem {
    let mut found = None;
    super::every_schema(document, &mut |place, schema| {
        // The inner ones come later, and are the ones to mend.
        let error = read::<ReferenceOr<openapiv3::Schema>>(schema);
        found = error.map(|error| (place.clone(), error)).or(found.take());
    });
    for (place, _, _, operation) in raw(document) {
        if found.is_some() {
            break;
        }
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters = parameters.enumerate().filter_map(|(i, parameter)| {
            let error = read::<ReferenceOr<openapiv3::Parameter>>(parameter)?;
            Some((place.join("parameters").join(&i.to_string()), error))
        });
        let mut inner: Vec<_> = parameters.collect();
        if let Some(error) = operation
            .get("requestBody")
            .and_then(read::<ReferenceOr<openapiv3::RequestBody>>)
        {
            inner.push((place.join("requestBody"), error));
        }
        for (status, response) in super::object(&operation["responses"]) {
            if let Some(error) = read::<ReferenceOr<openapiv3::Response>>(response) {
                inner.push((place.join("responses").join(status), error));
            }
        }
        found = inner.into_iter().next();
        found = found.or_else(|| Some((place, read::<openapiv3::Operation>(operation)?)));
    }
    let root = document.root();
    let parts = [
        ("info", root.get("info").and_then(read::<openapiv3::Info>)),
        (
            "servers",
            root.get("servers").and_then(read::<Vec<openapiv3::Server>>),
        ),
        (
            "tags",
            root.get("tags").and_then(read::<Vec<openapiv3::Tag>>),
        ),
        (
            "security",
            root.get("security")
                .and_then(read::<Vec<openapiv3::SecurityRequirement>>),
        ),
        (
            "paths",
            root.get("paths").and_then(read::<openapiv3::Paths>),
        ),
        (
            "components",
            root.get("components")
                .and_then(read::<openapiv3::Components>),
        ),
    ];
    let parts = parts
        .into_iter()
        .filter_map(|(key, error)| Some((Place::root().join(key), error?)));
    let (place, message) = found
        .or_else(|| parts.into_iter().next())
        .unwrap_or_else(|| (Place::root(), error.to_string()));
    document.problem(&place, format!("not an OpenAPI 3.0 document: {message}"))
}

fn read<T: serde::de::DeserializeOwned>(node: &Value) -> Option<String> {
    let error = serde_json::from_value::<T>(node.clone()).err()?;
    Some(error.to_string())
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
                    if !EXTENSIONS.contains(&key.as_str())
                        && !["properties", "mapping"].contains(&place.key())
                    {
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
