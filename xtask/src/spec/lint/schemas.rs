//! Every schema has a home and a description, and nothing is closed that the server may extend.

use serde_json::Value;

use super::{described, every_schema, object, strings};
use crate::spec::walk::each_schema;
use crate::spec::{Document, Operation, Place, Problem, reachable};

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, schema) in document.schemas() {
        let place = Place::schema(name);
        if !described(schema) {
            problems.push(document.problem(&place, "the schema needs a description"));
        }
        home(document, &place, schema, &mut problems);
    }
    every_schema(document, &mut |place, schema| {
        for (name, property) in object(&schema["properties"]) {
            let place = place.join("properties").join(name);
            if !described(property) {
                problems.push(document.problem(
                    &place,
                    "the field needs a description (beside a reference: `description` and \
                     `allOf: [{$ref: ...}]`)",
                ));
            }
        }
        for name in strings(&schema["required"]) {
            if schema["properties"].get(name).is_none() {
                problems.push(document.problem(
                    &place.join("required"),
                    format!("`{name}` is required but is not among the properties"),
                ));
            }
        }
        if schema.get("anyOf").is_some() || schema.get("not").is_some() {
            problems.push(document.problem(
                place,
                "`anyOf` and `not` have no form in Rust: use `oneOf` with a discriminator",
            ));
        }
    });
    problems.extend(closed_answers(document));
    problems
}

/// `x-module` says which file the schema's Rust is written to.
fn home(document: &Document, place: &Place, schema: &Value, problems: &mut Vec<Problem>) {
    let modules = &document.root()["x-modules"];
    match schema["x-module"].as_str() {
        Some(module) if modules.get(module).is_some() => {}
        Some(module) => problems.push(document.problem(
            &place.join("x-module"),
            format!("`{module}` is not one of the top-level `x-modules`"),
        )),
        None => problems.push(document.problem(
            place,
            "the schema needs an `x-module`: the file its Rust goes to",
        )),
    }
}

/// A response must stay readable when the server adds a field.
fn closed_answers(document: &Document) -> Vec<Problem> {
    let Ok(operations) = Operation::all(document) else {
        return Vec::new(); // Said by the rules of operations.
    };
    let roots = operations
        .into_iter()
        .flat_map(|operation| [operation.response, operation.error].into_iter().flatten());
    let mut problems = Vec::new();
    for name in reachable(document, roots) {
        let Some(schema) = document.schema(&name) else {
            continue;
        };
        each_schema(&Place::schema(&name), schema, &mut |place, schema| {
            if schema["additionalProperties"] == Value::Bool(false) {
                problems.push(document.problem(
                    &place.join("additionalProperties"),
                    "this schema occurs in a response, which the server may extend: leave \
                     `additionalProperties: false` out",
                ));
            }
        });
    }
    problems
}
