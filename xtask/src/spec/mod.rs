//! `openapi.yaml`: read strictly, checked before anything is generated from it.

mod document;
mod lint;
pub mod naming;
mod operation;
mod place;
pub mod property;
pub mod prose;
mod walk;

pub use document::Document;
pub use lint::check;
pub use operation::{Operation, Pagination, Parameter, Waiter, raw, reference};
pub use place::{Place, Problem};
pub use property::{Kind, Property};
pub use walk::{each_schema, reachable, used_outside_unions};

/// Reads the specification and checks every rule.
///
/// All problems are returned at once, each with its place and line.
pub fn load(text: &str) -> Result<Document, Vec<Problem>> {
    let document = Document::parse(text).map_err(|problem| vec![problem])?;
    let problems = lint::check(&document);
    if problems.is_empty() {
        Ok(document)
    } else {
        Err(problems)
    }
}
