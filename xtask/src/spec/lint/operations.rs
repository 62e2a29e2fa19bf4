//! Every operation says how it behaves.

use std::collections::BTreeSet;

use heck::ToSnakeCase;
use serde_json::Value;

use super::{described, object};
use crate::spec::naming::is_identifier;
use crate::spec::operation::raw;
use crate::spec::{Document, Kind, Operation, Problem};

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
                problems.extend(see_also(document, operation));
            }
        }
    }
    problems
}

/// Checks what is written: parameters, bodies and responses.
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
        for (status, response) in object(&operation["responses"]) {
            let place = place.join("responses").join(status);
            if !["2XX", "4XX", "5XX"].contains(&status.as_str()) {
                problems.push(document.problem(
                    &place,
                    "responses are `2XX`, `4XX` and `5XX`: the generator knows one success and one \
                     error for each operation",
                ));
            }
            if !described(response) {
                problems.push(document.problem(&place, "the response needs a description"));
            }
        }
    }
    problems
}

/// What is named in place of an operation is a method, and there is documentation to name it in.
fn see_also(document: &Document, operation: &Operation) -> Vec<Problem> {
    let place = operation.place.join("x-see-also");
    let entries = operation.see_also.iter().enumerate();
    let mut problems: Vec<Problem> = entries
        .filter(|(_, entry)| !is_method(&entry.item))
        .map(|(i, entry)| {
            let place = place.join(&i.to_string()).join("item");
            let message = format!("`{}` is no method such as `Client::watch`", entry.item);
            document.problem(&place, message)
        })
        .collect();
    if operation.hand_written.is_some() && !operation.see_also.is_empty() {
        let message = "the documentation of the operation is written by hand: leave it out";
        problems.push(document.problem(&place, message));
    }
    problems
}

fn is_method(item: &str) -> bool {
    item.split_once("::")
        .is_some_and(|(owner, method)| is_identifier(owner) && is_identifier(method))
}

/// A list that can be limited and continued must say how it is paged, and truly.
fn paging(document: &Document, operation: &Operation) -> Vec<Problem> {
    let has = |location: &str, name: &str| fields_of(document, operation, location).contains(name);
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
            let names = fields_of(document, operation, location);
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
                format!("`{name}` is not a field of the {}", paging.location),
            ));
        }
    }
    let response = operation.response.as_deref().unwrap_or_default();
    let field = |schema: &str, name: &str| {
        let schema = document.schema(schema)?;
        Some(Kind::read(schema["properties"].get(name)?))
    };
    let mut expect = |name: &String, is_right: &dyn Fn(&Kind) -> bool, what: &str| {
        let message = match field(response, name) {
            Some(kind) if is_right(&kind) => return,
            Some(_) => format!("the field `{name}` of the response is not {what}"),
            None => format!("the response has no field `{name}`"),
        };
        problems.push(document.problem(&place, message));
    };
    let is_identified = |kind: &Kind| match kind {
        Kind::List(items) => matches!(
            &**items,
            Kind::Schema(item) if matches!(field(item, "uuid"), Some(Kind::Schema(_)))
        ),
        _ => false,
    };
    expect(
        &paging.items,
        &is_identified,
        "a list of a schema with a `uuid` that distinguishes its items",
    );
    if let Some(total) = &paging.total {
        expect(
            total,
            &|kind| *kind == Kind::Whole { signed: false },
            "an integer from 0",
        );
    }
    problems
}

/// Returns the names of the fields that an operation takes in its query or its body.
fn fields_of(document: &Document, operation: &Operation, location: &str) -> BTreeSet<String> {
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
