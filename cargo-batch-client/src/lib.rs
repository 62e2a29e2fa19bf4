//! Client of the batches API of Cargo (getcargo.io).

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use cargo_batch_types as types;

mod auth;
mod call;
mod client;
mod config;
mod error;
#[rustfmt::skip]
// progenitor's style, kept as it comes.
#[allow(clippy::redundant_field_names, clippy::uninlined_format_args, clippy::useless_format)]
mod generated;
pub mod operation;
mod response;
mod retry;
mod secret;
mod tls;
mod upload;

pub use auth::{TokenFuture, TokenProvider};
pub use client::Client;
pub use config::{BASE_URL, ClientBuilder};
pub use error::{Error, ErrorKind};
pub use generated::{Reason, batches, files, operations, releases, runs};
pub use response::Response;
pub use retry::RetryPolicy;
pub use secrecy;
pub use upload::UploadFile;
