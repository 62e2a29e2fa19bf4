//! The rules of the specification: what is wrong is named before the generator sees it.
//!
//! The generator panics on a `$ref` to nowhere, drops keys that it does not know, and turns an
//! undescribed union into something useless silently. Each rule here is for one of those.

mod creations;
mod cycles;
mod enums;
mod forms;
mod keys;
mod names;
mod operations;
mod parameters;
mod references;
mod schemas;
mod server;
mod strict;
mod texts;
mod unions;

pub use keys::METHODS;
use serde_json::Value;

use super::walk::each_schema;
use super::{Document, Place, Problem};

/// Runs every rule; the problems come in the order of their lines.
pub fn check(document: &Document) -> Vec<Problem> {
    // A dangling reference or a misspelt key makes the later rules speak of things that follow
    // from it, so these are mended first.
    let mut problems = texts::check(document);
    problems.extend(references::check(document));
    problems.extend(strict::check(document));
    if problems.is_empty() {
        problems.extend(keys::check(document));
        problems.extend(server::check(document));
        problems.extend(schemas::check(document));
        problems.extend(forms::check(document));
        problems.extend(names::check(document));
        problems.extend(cycles::check(document));
        problems.extend(enums::check(document));
        problems.extend(unions::check(document));
        problems.extend(operations::check(document));
        problems.extend(parameters::check(document));
        problems.extend(creations::check(document));
    }
    problems.sort_by_key(|problem| problem.line);
    problems
}

/// Calls `visit` for every schema of the document: the named ones and those of parameters.
fn every_schema(document: &Document, visit: &mut impl FnMut(&Place, &Value)) {
    for (name, schema) in document.schemas() {
        each_schema(&Place::schema(name), schema, visit);
    }
    for (place, _, _, operation) in super::operation::raw(document) {
        for (i, parameter) in operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .filter(|(_, parameter)| parameter.get("$ref").is_none())
        {
            let place = place.join("parameters").join(&i.to_string()).join("schema");
            each_schema(&place, &parameter["schema"], visit);
        }
    }
}

/// Returns the fields of an object; none when it is anything else.
fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// The strings of an array.
fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Does it hold text that says something?
fn described(value: &Value) -> bool {
    value["description"]
        .as_str()
        .is_some_and(|text| !text.trim().is_empty())
}
