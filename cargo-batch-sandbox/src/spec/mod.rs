//! The specification, read by the sandbox itself: which operations there are and what they take.

mod explain;
mod operation;
mod request;
mod schema;

use std::sync::LazyLock;

use axum::http::Method;
use serde_json::Value;

pub use operation::Operation;
pub use request::check;

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
