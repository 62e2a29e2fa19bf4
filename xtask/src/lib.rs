//! The tasks of cargo-batch, as a library so that the tests can ask for what they check.

#![forbid(unsafe_code)]

pub mod changelog;
pub mod codegen;
pub mod drift;
pub mod model;
pub mod public_api;
pub mod spec;
