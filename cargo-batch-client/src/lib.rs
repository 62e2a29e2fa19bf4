#![doc = include_str!("../README.md")]
//!
//! # Where to start in these docs
//!
//! | to | see |
//! |---|---|
//! | set up a client: timeouts, retries, proxy, certificates | [`Client`], [`ClientBuilder`], [`RetryPolicy`] |
//! | create a batch, and pay for it once | [`Client::create_batch_once`], [`BatchCreation`], [`guide::money`] |
//! | wait for a batch, poll it, cancel it | [`BatchHandle`], [`Watch`], [`WatchMany`] |
//! | fetch results | [`Download`], [`BatchHandle::download`] |
//! | read lists | [`Pages`], [`Items`] |
//! | handle errors | [`Error`], [`ErrorKind`], [`Reason`] |
//! | do without an async runtime | `Blocking`, with the feature `blocking` |
//!
//! Calls need a tokio runtime with IO and time enabled, as `#[tokio::main]` has it, or a browser.
//!
//! "Unconfirmed:" marks a statement about the API that only one public source supports, "Unknown:" what no public
//! source says. The API's terms (play, tool, release, segment, record, run, node) are explained in [`types`].
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    missing_debug_implementations
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use cargo_batch_types as types;

mod attempts;
mod auth;
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
mod blocking;
mod call;
mod cancellations;
mod catalog;
mod check;
mod client;
mod config;
mod cost;
mod creation;
mod detached;
mod download;
mod error;
#[cfg(feature = "rows")]
mod failed_rows;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
#[rustfmt::skip]
// progenitor's style, kept as it comes.
#[allow(clippy::redundant_field_names, clippy::uninlined_format_args, clippy::useless_format)]
mod generated;
pub mod guide;
mod handle;
mod hosts;
mod http;
mod identity;
#[cfg(not(feature = "rows"))]
mod no_rows;
pub mod operation;
mod pages;
mod pending;
mod permits;
mod platform;
mod polling;
mod preview;
mod redact;
mod response;
mod retry;
#[cfg(feature = "rows")]
mod rows;
mod run;
#[cfg(feature = "rows")]
mod run_outputs;
#[cfg(not(target_arch = "wasm32"))]
mod saved_file;
mod storage;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
#[cfg(not(target_arch = "wasm32"))]
mod tls;
mod trace;
mod upload;
mod wait;
mod watch;
mod watch_many;

pub use auth::{TokenFuture, TokenProvider};
#[cfg(all(feature = "blocking", not(target_arch = "wasm32")))]
pub use blocking::Blocking;
pub use catalog::Catalog;
pub use check::{CsvHeader, Problem, Report, Severity, Subject};
pub use client::Client;
pub use config::ClientBuilder;
pub use cost::Cost;
pub use creation::{
    BatchCreation, CreateBatchOnce, CreationId, CreationState, InvalidCreationId, SavedCreation,
};
pub use download::{ByteStream, Download, DownloadReader, Progress};
pub use error::{Error, ErrorKind};
#[cfg(feature = "rows")]
pub use failed_rows::{FailedRow, FailedRows, InputRows, RowMatch};
// A module for each tag, the table of operations, `Reason` and `BASE_URL`.
pub use generated::*;
pub use handle::{BatchHandle, FinishedBatch};
pub use pages::{HasId, Items, Page, Pages};
pub use pending::Pending;
pub use preview::Preview;
pub use response::Response;
pub use retry::RetryPolicy;
#[cfg(feature = "rows")]
pub use rows::{Encoding, RowError, Rows};
pub use run::RunHandle;
pub use secrecy;
#[cfg(not(target_arch = "wasm32"))]
pub use upload::Upload;
pub use upload::UploadFile;
pub use wait::Wait;
pub use watch::{SavedWatch, Watch};
pub use watch_many::{SavedWatchMany, WatchEvent, WatchMany};
