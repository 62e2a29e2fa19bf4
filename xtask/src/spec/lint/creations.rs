//! What creations are recognised by: money hangs on it, so nothing of it may be missing.

use serde_json::Value;

use super::{object, strings};
use crate::spec::operation::{raw, reference};
use crate::spec::{Document, Place, Problem};

/// How well data distinguishes a batch from others.
const DISTINCTNESS: [&str; 4] = ["unique", "repeatable", "shared", "opaque"];

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut creates = false;
    for (place, _, _, operation) in raw(document) {
        let Some(path) = operation.get("x-creates") else {
            continue;
        };
        creates = true;
        let response = &operation["responses"]["2XX"]["content"]["application/json"]["schema"];
        let path = path.as_str().unwrap_or_default();
        if field(document, response, path).is_none() {
            let message = format!(
                "`{path}` is no field of the response: name that of the id, such as `batch.uuid`"
            );
            problems.push(document.problem(&place.join("x-creates"), message));
        }
        if operation["x-idempotent"] == true {
            let message = "what can be retried creates nothing: `x-idempotent` is `true`";
            problems.push(document.problem(&place.join("x-creates"), message));
        }
    }
    let mut identified = false;
    for (name, schema) in document.schemas() {
        if schema.get("x-identity").is_some() {
            identified = true;
            problems.extend(identity(document, &Place::schema(name), schema));
        }
    }
    if creates && !identified {
        let message = "an operation has `x-creates`: the union of the data that is given back needs an `x-identity`";
        problems.push(document.problem(&Place::root().join("components"), message));
    }
    problems
}

fn identity(document: &Document, place: &Place, union: &Value) -> Vec<Problem> {
    let place = place.join("x-identity");
    let mapping = &union["discriminator"]["mapping"];
    let mut problems = Vec::new();
    let kinds = format!("{}Kind", place.parent().unwrap_or_default().key());
    let names = document.schema(&kinds).map(|kinds| strings(&kinds["enum"]));
    for (kind, _) in object(mapping) {
        if names
            .as_ref()
            .is_none_or(|names| !names.contains(&kind.as_str()))
        {
            let message = format!(
                "the kind `{kind}` must be a value of an enum `{kinds}`: it is recognised by that"
            );
            problems.push(document.problem(&place, message));
        }
        if union["x-identity"].get(kind).is_none() {
            let message =
                format!("the kind `{kind}` needs a line here: which of its fields are given back?");
            problems.push(document.problem(&place, message));
        }
    }
    for (kind, identity) in object(&union["x-identity"]) {
        let place = place.join(kind);
        let mut say = |key: &str, message: String| {
            let place = if key.is_empty() {
                place.clone()
            } else {
                place.join(key)
            };
            problems.push(document.problem(&place, message));
        };
        let Some(target) = mapping[kind].as_str() else {
            say("", format!("there is no kind `{kind}` in the union"));
            continue;
        };
        let variant = serde_json::json!({ "$ref": target });
        for key in ["fields", "ids"] {
            for path in strings(&identity[key]) {
                if field(document, &variant, path).is_none() {
                    say(key, format!("`{path}` is no field of the kind `{kind}`"));
                }
            }
        }
        let distinctness = identity["distinctness"].as_str().unwrap_or_default();
        if !DISTINCTNESS.contains(&distinctness) {
            let known = DISTINCTNESS.join(", ");
            say(
                "distinctness",
                format!("`{distinctness}` is none of {known}"),
            );
        }
        if distinctness != "opaque" && strings(&identity["fields"]).is_empty() {
            say(
                "fields",
                "only data that is `opaque` has no fields that are given back".to_owned(),
            );
        }
        for (key, _) in object(identity) {
            if !["fields", "ids", "distinctness"].contains(&key.as_str()) {
                say(
                    key,
                    "unknown key; the known ones are fields, ids, distinctness".to_owned(),
                );
            }
        }
    }
    problems
}

/// Returns the schema at a path of fields, through references, unions and `allOf`.
fn field<'a>(document: &'a Document, schema: &'a Value, path: &str) -> Option<()> {
    fn find(document: &Document, schema: &Value, path: &[&str]) -> bool {
        let Some((first, rest)) = path.split_first() else {
            return true;
        };
        if let Some(target) = reference(schema).and_then(|name| document.schema(name)) {
            return find(document, target, path);
        }
        let parts = ["allOf", "oneOf"]
            .iter()
            .flat_map(|key| schema[key].as_array().into_iter().flatten());
        match schema["properties"].get(first) {
            Some(inside) => find(document, inside, rest),
            None => parts.into_iter().any(|part| find(document, part, path)),
        }
    }
    find(document, schema, &path.split('.').collect::<Vec<_>>()).then_some(())
}
