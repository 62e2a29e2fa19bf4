//! The differences between the vendor's OpenAPI document and `openapi.yaml`.
//!
//! Both documents are read by the same code, which treats the equivalents of OpenAPI 3.0 and 3.1 alike. Names of
//! schemas and of path parameters don't matter: what is on the wire is compared.

mod compare;
mod decisions;
mod difference;
mod operations;
mod reader;
mod report;
mod schemas;
mod shape;
mod vendor;

pub use compare::compare;
pub use decisions::Decisions;
pub use difference::{Difference, Side, Weight};
pub use report::Report;
pub use vendor::read;
