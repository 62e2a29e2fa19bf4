//! Enums are named, have values, and say what each value means.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{every_schema, object, strings};
use crate::spec::{Document, Place, Problem};

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut tags = BTreeSet::new();
    for schema in document.schemas().values() {
        tags.extend(schema["discriminator"]["propertyName"].as_str());
    }
    every_schema(document, &mut |place, schema| {
        let Some(values) = schema.get("enum") else {
            return;
        };
        let named = place.parent() == Place::schema("any").parent();
        if named {
            problems.extend(named_enum(document, place, schema));
        } else if !tags.contains(place.key()) {
            problems.push(document.problem(
                place,
                "an enum must be a named schema of its own (only a union's tag is written inline)",
            ));
        }
        if strings(values).is_empty()
            || values.as_array().map(Vec::len) != Some(strings(values).len())
        {
            problems.push(document.problem(
                &place.join("enum"),
                "an enum needs at least one value, and its values are strings",
            ));
        }
    });
    problems
}

fn named_enum(document: &Document, place: &Place, schema: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let values = strings(&schema["enum"]);
    let is_reason = place.key().ends_with("ErrorReason");
    let texts = ["x-enum-descriptions"]
        .into_iter()
        .chain(is_reason.then_some("x-advice"));
    for key in texts {
        for value in values
            .iter()
            .filter(|value| !schema[key][**value].is_string())
        {
            problems.push(document.problem(
                &place.join(key),
                format!("the value `{value}` needs a text here"),
            ));
        }
        for (value, _) in object(&schema[key]) {
            if !values.contains(&value.as_str()) {
                problems.push(document.problem(
                    &place.join(key).join(value),
                    "there is no such value in the enum",
                ));
            }
        }
    }
    for key in ["x-terminal", "x-ambiguous"] {
        for value in strings(&schema[key]) {
            if !values.contains(&value) {
                problems.push(document.problem(
                    &place.join(key),
                    format!("`{value}` is not a value of the enum"),
                ));
            }
        }
    }
    problems
}
