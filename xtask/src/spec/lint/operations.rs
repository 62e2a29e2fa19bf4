//! Every operation says how it behaves.

use std::collections::BTreeSet;

use heck::ToSnakeCase;
use serde_json::Value;

use super::{described, object, strings};
use crate::spec::operation::raw;
use crate::spec::{Document, Operation, Problem};

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = written(document);
    match Operation::all(document) {
        Err(found) => problems.extend(found),
        Ok(operations) => {
            let mut ids = BTreeSet::new();
            for operation in &operations {
                if operation.id != operation.id.to_snake_case() || !ids.insert(&operation.id) {
                    problems.push(document.problem(
                        &operation.place.join("operationId"),
                        format!("`{}` must be snake_case and used only once", operation.id),
                    ));
                }
                problems.extend(paging(document, operation));
                problems.extend(waiting(document, operation));
            }
        }
    }
    problems
}

/// What is looked at as it is written: parameters, bodies and answers.
fn written(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (place, _, _, operation) in raw(document) {
        for (i, parameter) in operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            if !described(parameter) && parameter.get("$ref").is_none() {
                problems.push(document.problem(
                    &place.join("parameters").join(&i.to_string()),
                    format!("the parameter {} needs a description", parameter["name"]),
                ));
            }
        }
        for (status, answer) in object(&operation["responses"]) {
            let place = place.join("responses").join(status);
            if !["2XX", "4XX", "5XX"].contains(&status.as_str()) {
                problems.push(document.problem(
                    &place,
                    "answers are `2XX`, `4XX` and `5XX`: the generator knows one success and one \
                     error for each operation",
                ));
            }
            if !described(answer) {
                problems.push(document.problem(&place, "the answer needs a description"));
            }
        }
    }
    problems
}

/// A list that can be limited and continued must say how it is paged, and truly.
fn paging(document: &Document, operation: &Operation) -> Vec<Problem> {
    let has = |location: &str, name: &str| members(document, operation, location).contains(name);
    let Some(paging) = &operation.pagination else {
        if !operation.id.starts_with("list_") {
            return Vec::new();
        }
        for location in ["query", "body"] {
            if has(location, "limit") && has(location, "offset") {
                return vec![document.problem(
                    &operation.place,
                    "the operation takes `limit` and `offset`, so it needs `x-pagination`",
                )];
            }
            let names = members(document, operation, location);
            if let Some(cursor) = super::parameters::cursor(&names) {
                let message = format!(
                    "the operation is paged by `{cursor}`: only pages by `limit` and `offset` are generated. Leave the \
                     operation out, or name it otherwise than `list_…` where it isn't paged"
                );
                return vec![document.problem(&operation.place, message)];
            }
        }
        return Vec::new();
    };
    let place = operation.place.join("x-pagination");
    let mut problems = Vec::new();
    if paging.style != "offset" || !["query", "body"].contains(&paging.location.as_str()) {
        problems
            .push(document.problem(&place, "`style` is `offset` and `in` is `query` or `body`"));
    }
    for name in [&paging.limit, &paging.offset] {
        if !has(&paging.location, name) {
            problems.push(document.problem(
                &place,
                format!("`{name}` is not a member of the {}", paging.location),
            ));
        }
    }
    let response = operation.response.as_deref().unwrap_or_default();
    let answer = &document.root()["components"]["schemas"][response]["properties"];
    for name in [Some(&paging.items), paging.total.as_ref()]
        .into_iter()
        .flatten()
    {
        if answer.get(name).is_none() {
            problems.push(document.problem(&place, format!("the answer has no field `{name}`")));
        }
    }
    problems
}

/// Names of the members an operation takes in its query or its body.
fn members(document: &Document, operation: &Operation, location: &str) -> BTreeSet<String> {
    let node = document.get(&operation.place).unwrap_or(&Value::Null);
    if location == "query" {
        let parameters = node["parameters"].as_array().into_iter().flatten();
        return parameters
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
            .collect();
    }
    let body = operation
        .request
        .as_ref()
        .and_then(|name| document.schema(name));
    body.into_iter()
        .flat_map(|body| object(&body["properties"]))
        .map(|(name, _)| name.clone())
        .collect()
}

/// The states that a waiter names are values of the status it reads.
fn waiting(document: &Document, operation: &Operation) -> Vec<Problem> {
    let Some(waiter) = &operation.waiter else {
        return Vec::new();
    };
    let place = operation.place.join("x-waiter");
    let mut problems = Vec::new();
    let response = operation.response.as_deref().unwrap_or_default();
    let status = field(document, response, &waiter.status);
    let known = status
        .and_then(crate::spec::reference)
        .and_then(|name| document.schema(name))
        .map(|schema| (strings(&schema["enum"]), strings(&schema["x-terminal"])));
    let Some((values, terminal)) = known else {
        problems.push(document.problem(
            &place.join("status"),
            format!("`{}` is not an enum of the answer", waiter.status),
        ));
        return problems;
    };
    let ends: Vec<&str> = waiter
        .success
        .iter()
        .chain(&waiter.failure)
        .map(String::as_str)
        .collect();
    for state in &ends {
        if !values.contains(state) {
            problems
                .push(document.problem(&place, format!("`{state}` is not a value of the status")));
        }
    }
    if BTreeSet::from_iter(&ends) != BTreeSet::from_iter(&terminal) {
        problems.push(document.problem(
            &place,
            format!("success and failure name {ends:?}, but the status's x-terminal {terminal:?}"),
        ));
    }
    if field(document, response, &waiter.finished_at).is_none() {
        problems.push(document.problem(
            &place.join("finishedAt"),
            format!("the answer has no field `{}`", waiter.finished_at),
        ));
    }
    if waiter.unknown != "wait" {
        problems.push(document.problem(&place.join("unknown"), "the only way is `wait`"));
    }
    problems
}

/// The schema of a field of a field, such as `batch.status`.
fn field<'a>(document: &'a Document, schema: &str, path: &str) -> Option<&'a Value> {
    let mut schema = document.schema(schema)?;
    for name in path.split('.') {
        if let Some(target) = crate::spec::reference(schema) {
            schema = document.schema(target)?;
        }
        schema = schema["properties"].get(name)?;
    }
    Some(schema)
}
