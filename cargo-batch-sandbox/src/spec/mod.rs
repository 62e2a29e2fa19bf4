//! The specification, read by the sandbox itself: which operations there are and what they take.

mod explain;
mod operation;
mod request;
mod schema;
mod sensitive;

use std::sync::LazyLock;

use axum::http::Method;
use serde_json::Value;

pub use operation::Operation;
pub use request::check;
pub use sensitive::sensitive;

/// `openapi.yaml`, as `cargo xtask codegen` writes it here.
const TEXT: &str = include_str!("../generated/openapi.json");

/// The prefix of all paths: that of the specification's server.
const PREFIX: &str = "/v1";

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let mut operations = Vec::new();
    let document: Value = document();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            if let Ok(method) = method.to_uppercase().parse() {
                operations.push(Operation::read(method, path, operation));
            }
        }
    }
    operations
});

fn document() -> Value {
    // Generated, and read by every test: it can't be anything but JSON.
    serde_json::from_str(TEXT).unwrap_or_default()
}

/// The operations of the API.
pub fn operations() -> &'static [Operation] {
    &OPERATIONS
}

/// What a method and a path lead to.
pub enum Found {
    /// An operation.
    Operation(&'static Operation),
    /// A path that knows other methods only.
    OtherMethods(Vec<&'static Method>),
    /// Nothing.
    Nothing,
}

/// Finds the operation of a request. A path without placeholders goes before one with them.
pub fn find(method: &Method, path: &str) -> Found {
    let Some(path) = path.strip_prefix(PREFIX) else {
        return Found::Nothing;
    };
    let fitting = || operations().iter().filter(|one| one.fits(path));
    let literal = fitting().any(Operation::is_literal);
    let mut fitting: Vec<_> = fitting()
        .filter(|one| one.is_literal() == literal)
        .collect();
    match fitting.iter().find(|one| one.method == *method) {
        Some(operation) => Found::Operation(operation),
        None if fitting.is_empty() => Found::Nothing,
        None => {
            fitting.sort_by_key(|one| one.method.as_str());
            Found::OtherMethods(fitting.into_iter().map(|one| &one.method).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str) -> Option<String> {
        let path = "/v1/orchestration/batches/00000000-0000-4000-8000-000000000000/download";
        match find(&Method::POST, path) {
            Found::Operation(operation) => operation.check_response(status, body.as_bytes()),
            Found::OtherMethods(_) | Found::Nothing => panic!("there is an operation"),
        }
    }

    #[test]
    fn responses_are_validated_against_the_specification() {
        assert_eq!(check(200, r#"{"url":"http://127.0.0.1:1/file"}"#), None);
        assert_eq!(check(400, r#"{"reason":"batchNotFinished"}"#), None);
        for (status, body, said) in [
            (200, "{}", "url: is missing; wanted is a URL"),
            (200, r#"{"url":null}"#, "url: null is not a URL"),
            (
                400,
                r#"{"errorMessage":5}"#,
                "errorMessage: 5 is not a string",
            ),
            (
                200,
                "",
                "no JSON: EOF while parsing a value at line 1 column 0",
            ),
            (302, "{}", "302 is not among its responses"),
        ] {
            assert_eq!(check(status, body).as_deref(), Some(said));
        }
    }

    #[test]
    fn there_are_all_operations_and_each_is_found() {
        assert_eq!(operations().len(), 35);
        let list = find(&Method::GET, "/v1/orchestration/batches/list");
        assert!(matches!(list, Found::Operation(operation) if operation.id == "list_batches"));
        for path in [
            "/orchestration/batches",
            "/v1/orchestration/batches/",
            "/v1",
        ] {
            assert!(
                matches!(find(&Method::POST, path), Found::Nothing),
                "{path}"
            );
        }
    }
}
