//! The specification, what is generated from it, and the changelog of its versions.

mod any_edit;
mod cases;
mod changelog;
mod docs;
mod drift;
mod generated;
mod kitchen_sink;
mod msrv;
mod openapi;
mod public_api;
mod refusals;
mod refused_forms;
mod shared_schemas;
mod small_diffs;
mod snapshots;
mod words;
