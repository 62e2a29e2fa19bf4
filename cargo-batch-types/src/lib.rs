//! Serde types of the batches API of Cargo (getcargo.io): everything that is sent and received, and no
//! HTTP.
//!
//! ```
//! use cargo_batch_types::{CreateBatchData, CreateBatchRequest, SegmentUuid, WorkflowUuid};
//!
//! let workflow: WorkflowUuid = "2f0c8a4e-7d8e-4a8b-9a37-6b9f3f2f1c11".parse()?;
//! let segment: SegmentUuid = "9d0c0c43-6f0e-4a57-8c27-0f4c2c4c5f10".parse()?;
//! let request = CreateBatchRequest::new(CreateBatchData::segment(segment)).workflow(workflow);
//! assert_eq!(
//!     serde_json::to_value(&request)?["data"]["kind"],
//!     "segment",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The terms of the API
//!
//! - **Workflow**: what is executed, as a graph of nodes. Each tool and each play has one.
//! - **Tool**: a workflow with a form, whose input a batch takes from a file, from records in the request, or
//!   from other data. See [`Tool`].
//! - **Play**: a workflow over the records of a model, which keeps a segment of them. See [`Play`].
//! - **Node**: one step of a workflow; each execution of a node costs credits. See [`Node`].
//! - **Release**: a version of a workflow's graph; the deployed one is executed by default. See [`Release`].
//! - **Model**: a table of the workspace, such as its companies.
//! - **Record**: a row, of a model or of the data that a batch is created with. See [`Record`].
//! - **Segment**: a part of a model's records, chosen by a filter and kept up to date. See [`Segment`].
//! - **Batch**: many records sent through a workflow with one request. See [`Batch`].
//! - **Run**: one record on its way through a workflow; a batch consists of runs. See [`Run`].
//!
//! In the docs **"Unconfirmed:"** marks a statement that only one public source supports, or that follows from the names
//! alone. **"Unknown:"** marks what no public source says; the API may do either.
//!
//! # Compatibility
//!
//! What a newer server adds can be read today:
//!
//! - unknown fields are ignored, and `null` reads like an absent field;
//! - the value of a field is also read in other forms, where they can mean one thing only: numbers and
//!   booleans as text, text as numbers, `null` for a number, an empty date or id for none, a date
//!   without an offset as one of UTC, a field that occurs twice as its last value;
//! - an unknown value of an enum is preserved in its `Unknown` variant ([`UnknownValue`]);
//! - an unknown kind of a union, or a known one in an unexpected form, is preserved as it was received
//!   ([`RawObject`]) and written unchanged;
//! - structs are `#[non_exhaustive]`: those that are sent have constructors and setters.
//!
//! [`from_json`] reads any of them and names the field in its error. With the feature `schemars`
//! every type is a `JsonSchema`.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    missing_debug_implementations
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod action;
mod batch;
mod decode;
mod error_body;
mod file;
mod filter;
#[rustfmt::skip]
// A union is created once and matched often: boxing its largest variant would show in every match.
#[allow(clippy::large_enum_variant)]
mod generated;
mod fields;
mod id;
mod lenient;
mod locate;
mod one_or_many;
mod open_enum;
mod raw_object;
mod record;
mod sensitive;
mod tag_literal;
mod tagged_union;

pub use batch::Outcome;
pub use decode::{DecodeError, from_json};
pub use error_body::ErrorBody;
pub use generated::*;
pub use id::InvalidId;
pub use open_enum::UnknownValue;
pub use raw_object::RawObject;
pub use record::InvalidRecord;

// Generated code calls these by path.
use id::id;
use one_or_many::one_or_many;
use open_enum::open_enum;
use sensitive::sensitive;
use tag_literal::own_tag;
use tagged_union::tagged_union;
