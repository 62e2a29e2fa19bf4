//! Parameters are those of the path, or of the query, and of a type that has one spelling there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::spec::operation::{raw, reference};
use crate::spec::{Document, Problem, Property, naming};

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (place, method, path, operation) in raw(document) {
        let has_body = operation.get("requestBody").is_some();
        if has_body && ["get", "delete"].contains(&method.as_str()) {
            let message = format!("a {} has no body", method.to_uppercase());
            problems.push(document.problem(&place.join("requestBody"), message));
        }
        let mut declared = BTreeSet::new();
        let mut names = BTreeMap::new();
        if has_body {
            names.insert("body".to_owned(), "the request's body");
        }
        let parameters = operation["parameters"].as_array();
        for (i, parameter) in parameters.into_iter().flatten().enumerate() {
            let place = place.join("parameters").join(&i.to_string());
            if parameter.get("$ref").is_some() {
                continue; // Said by the rule of keys.
            }
            let name = parameter["name"].as_str().unwrap_or_default();
            let property = Property::parameter(parameter);
            let rust = property.setter().to_owned();
            if !declared.insert((parameter["in"].as_str(), name)) {
                problems.push(document.problem(&place, format!("`{name}` is declared twice")));
            } else if let Some(other) = names.insert(rust.clone(), "another parameter") {
                let message = format!(
                    "`{name}` is `{rust}` in Rust, and so is {other}: give it another name with `x-rust-name`"
                );
                problems.push(document.problem(&place, message));
            }
            let mistakes = [
                mistake(parameter, name, &rust, &path),
                type_mistake(document, parameter),
            ];
            for message in mistakes.into_iter().flatten() {
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
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:{}".contains(c);
        let fixed = path.split('/').skip(1);
        let is_dots = |part: &str| ["", ".", ".."].contains(&part);
        if !path.starts_with('/')
            || !path.chars().all(plain)
            || (path != "/" && fixed.clone().any(is_dots))
        {
            let place = place.parent().unwrap_or_default();
            let message = "a path begins with a slash, has no empty part, and holds letters, digits, `-._~:` and \
                           `{name}` of a parameter";
            problems.push(document.problem(&place, message));
        }
    }
    problems
}

fn mistake(parameter: &Value, name: &str, rust: &str, path: &str) -> Option<String> {
    let list = parameter["schema"]["type"] == "array";
    if !naming::is_identifier(rust) || heck::ToSnakeCase::to_snake_case(rust) != rust {
        return Some(format!(
            "`{name}` can't be the name of an argument: use camelCase, or give it a snake_case `x-rust-name`"
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
        Some("path")
            if !is_or_absent(&parameter["style"], "simple") || parameter["explode"] == true =>
        {
            Some(
                "a parameter of the path is written as it is: leave `style` and `explode` out"
                    .to_owned(),
            )
        }
        Some("query") if list != name.ends_with("[]") => {
            Some("a list in the query is named `name[]`, and only a list is".to_owned())
        }
        Some("query") if list && (parameter["style"] != "form" || parameter["explode"] != true) => {
            Some("a list in the query needs `style: form` and `explode: true`".to_owned())
        }
        Some("query") if !list && !is_or_absent(&parameter["style"], "form") => {
            Some("a value in the query is written `name=value`: leave `style` out".to_owned())
        }
        Some("query") if !list && parameter["explode"] == false => {
            Some("only a list could be written in one: leave `explode` out".to_owned())
        }
        Some("path" | "query") => None,
        Some("header") => Some(
            "a parameter is `in: path` or `in: query`: the client sets the headers itself"
                .to_owned(),
        ),
        _ => Some("a parameter is `in: path` or `in: query`".to_owned()),
    }
}

fn is_or_absent(value: &Value, text: &str) -> bool {
    value.is_null() || value == text
}

/// What can't be written in a URL, each in one way that both sides know.
fn type_mistake(document: &Document, parameter: &Value) -> Option<String> {
    let schema = &parameter["schema"];
    let item = if schema["type"] == "array" {
        &schema["items"]
    } else {
        schema
    };
    let what = "a parameter is text, a date-time, an integer, a number, a boolean, an enum or an id, or in the query \
                a list of these";
    if schema.is_null() {
        return Some("a parameter needs a `schema`".to_owned());
    }
    if schema["nullable"] == true || item["nullable"] == true {
        return Some(
            "a parameter is there or not, and never `null`: leave `nullable` out".to_owned(),
        );
    }
    let named = reference(item);
    let schema = match named {
        Some(name) => document.schema(name)?,
        None => item,
    };
    match schema["type"].as_str() {
        Some("string") if schema["x-sensitive"] == true => {
            Some("URLs end in logs: a secret is no parameter".to_owned())
        }
        Some("string") => match named {
            // A named text that is neither has no `Display` to write it with.
            Some(_) if schema.get("enum").is_none() && schema["format"] != "uuid" => {
                Some(what.to_owned())
            }
            _ => None,
        },
        Some("integer" | "number" | "boolean") if named.is_none() => None,
        _ => Some(what.to_owned()),
    }
}

/// `uuid` of `/batches/{uuid}:stop`.
fn templates(path: &str) -> Vec<&str> {
    let parts = path.split('{').skip(1);
    parts
        .filter_map(|part| Some(part.split_once('}')?.0))
        .collect()
}

/// What a page is continued with, where it isn't an offset.
pub fn cursor(names: &BTreeSet<String>) -> Option<&str> {
    let is_cursor = |name: &&String| {
        let name = name.to_lowercase();
        let name = name.replace(['_', '-'], "");
        [
            "cursor",
            "pagetoken",
            "nexttoken",
            "continuationtoken",
            "startingafter",
            "endingbefore",
        ]
        .iter()
        .any(|word| name.contains(word))
            || ["page", "after", "before", "marker"].contains(&name.as_str())
    };
    names.iter().find(is_cursor).map(String::as_str)
}
