//! What is generated from `xtask/kitchen-sink.yaml`, compiled with the macros of the types crate and a client that
//! sends nothing: every form and every kind of name is right on the wire.
//!
//! The files below `generated` are brought up to date by the test `codegen`, with `INSTA_UPDATE=always`.

#![forbid(unsafe_code)]
// What is generated is more than what is called here, and knows a feature of the types crate.
#![allow(dead_code, unexpected_cfgs, unused_imports)]

#[rustfmt::skip]
// As in the client.
#[allow(clippy::redundant_field_names, clippy::uninlined_format_args, clippy::useless_format)]
#[path = "generated/client/mod.rs"]
mod generated;
#[path = "../../../cargo-batch-types/src/decode.rs"]
mod decode;
#[path = "../../../cargo-batch-types/src/error_body.rs"]
mod error_body;
#[path = "../../../cargo-batch-types/src/fields.rs"]
mod fields;
#[path = "../../../cargo-batch-types/src/id.rs"]
mod id;
#[path = "../../../cargo-batch-types/src/locate.rs"]
mod locate;
#[path = "../../../cargo-batch-types/src/one_or_many.rs"]
mod one_or_many;
#[path = "../../../cargo-batch-types/src/open_enum.rs"]
mod open_enum;
#[path = "../../../cargo-batch-client/src/operation.rs"]
mod operation;
#[path = "../../../cargo-batch-client/src/pending.rs"]
mod pending;
#[path = "../../../cargo-batch-client/src/platform.rs"]
mod platform;
#[path = "../../../cargo-batch-types/src/raw_object.rs"]
mod raw_object;
#[path = "../../../cargo-batch-types/src/sensitive.rs"]
mod sensitive;
#[path = "../../../cargo-batch-types/src/tag_literal.rs"]
mod tag_literal;
#[path = "../../../cargo-batch-types/src/tagged_union.rs"]
mod tagged_union;
#[rustfmt::skip]
#[allow(clippy::large_enum_variant)]
#[path = "generated/types/mod.rs"]
mod types;
#[path = "../../../cargo-batch-types/src/lenient.rs"]
mod lenient;

mod call;
mod creation;
mod forms;
mod identity;
mod pages;
mod wire;

use call::{Client, Error, Response};
use error_body::ErrorBody;
use id::{InvalidId, id};
use one_or_many::one_or_many;
use open_enum::{UnknownValue, open_enum};
use raw_object::RawObject;
use sensitive::sensitive;
use tag_literal::own_tag;
use tagged_union::tagged_union;
