//! Serde types of the batches API of Cargo (getcargo.io): everything that is sent and read, and no
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
//! What the server may add tomorrow is read today:
//!
//! - unknown fields are ignored, and `null` reads like an absent field;
//! - what a field holds is read in other forms, too, where they can mean one thing only: numbers and
//!   booleans as text, text as numbers, `null` for a number, an empty date or id for none, a date
//!   without an offset as one of UTC, a field that is written twice as its last value;
//! - an unknown value of an enum is kept in its `Unknown` variant ([`UnknownValue`]);
//! - an unknown kind of a union, or a known one in an unexpected form, is kept as it came
//!   ([`RawObject`]) and written back unchanged;
//! - structs are `#[non_exhaustive]`: what is sent has constructors and setters.
//!
//! [`from_json`] reads any of them and names the field in its error. With the feature `schemars`
//! every type is a `JsonSchema`.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod action;
mod batch;
mod decode;
mod error_body;
mod file;
mod filter;
#[rustfmt::skip]
// A union is made once and matched often: boxing its largest variant would show in every match.
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
