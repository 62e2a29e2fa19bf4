//! The types crate: what is read and written as JSON.

mod decoding;
mod every_type;
mod json_schema;
mod paths;
mod seed;
