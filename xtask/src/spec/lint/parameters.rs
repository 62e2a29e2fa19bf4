//! Parameters are those of the path, or of the query.

use std::collections::BTreeSet;

use serde_json::Value;

use super::object;
use crate::spec::operation::raw;
use crate::spec::{Document, Place, Problem};

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, item) in object(&document.root()["paths"]) {
        let place = Place::root().join("paths").join(path);
        for (key, _) in object(item) {
            if !["get", "post", "put", "patch", "delete"].contains(&key.as_str()) {
                problems.push(document.problem(
                    &place.join(key),
                    "a path holds methods only: parameters are written with each operation",
                ));
            }
        }
    }
    for (place, method, path, operation) in raw(document) {
        if method == "get" && operation.get("requestBody").is_some() {
            problems.push(document.problem(&place.join("requestBody"), "a GET has no body"));
        }
        let mut declared = BTreeSet::new();
        let parameters = operation["parameters"].as_array();
        for (i, parameter) in parameters.into_iter().flatten().enumerate() {
            let place = place.join("parameters").join(&i.to_string());
            let name = parameter["name"].as_str().unwrap_or_default();
            if !declared.insert((parameter["in"].as_str(), name)) {
                problems.push(document.problem(&place, format!("`{name}` is declared twice")));
            }
            if let Some(message) = mistake(parameter, name, &path) {
                problems.push(document.problem(&place, message));
            }
        }
        for name in templates(&path) {
            if !declared.contains(&(Some("path"), name)) {
                problems.push(document.problem(
                    &place,
                    format!("`{{{name}}}` of the path is not among the parameters"),
                ));
            }
        }
    }
    problems
}

fn mistake(parameter: &Value, name: &str, path: &str) -> Option<String> {
    let list = parameter["schema"]["type"] == "array";
    let word = name.strip_suffix("[]").unwrap_or(name);
    if word.is_empty() || !word.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Some(format!(
            "`{name}` can't be the name of an argument: use camelCase"
        ));
    }
    match parameter["in"].as_str() {
        Some("path") if !templates(path).contains(&name) => {
            Some(format!("the path has no `{{{name}}}`"))
        }
        Some("path") if parameter["required"] != true => {
            Some("a parameter of the path is `required: true`".to_owned())
        }
        Some("path") if list => Some("a parameter of the path is no list".to_owned()),
        Some("query") if list != name.ends_with("[]") => {
            Some("a list in the query is named `name[]`, and only a list is".to_owned())
        }
        Some("query") if list && (parameter["style"] != "form" || parameter["explode"] != true) => {
            Some("a list in the query needs `style: form` and `explode: true`".to_owned())
        }
        Some("path" | "query") => None,
        _ => Some("a parameter is `in: path` or `in: query`".to_owned()),
    }
}

/// `uuid` of `/batches/{uuid}`.
fn templates(path: &str) -> Vec<&str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .collect()
}
