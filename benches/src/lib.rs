//! Benchmarks of cargo-batch; each figure is measured against a hand-written baseline in the same run.
//!
//! `cargo xtask bench` runs all of it; a single measurement is a command of the binary.

#![forbid(unsafe_code)]

pub mod builds;
pub mod by_hand;
pub mod closed;
pub mod creates;
pub mod decode;
pub mod download;
pub mod get_batch;
pub mod instructions;
pub mod memory;
pub mod pairs;
pub mod programs;
pub mod row;
pub mod rows;
pub mod samples;
pub mod server;
pub mod setup;
pub mod upload;
pub mod watch;

/// The error of a measurement.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// The result of a measurement, or of a part of one.
pub type Result<T> = std::result::Result<T, Failure>;
