//! The batches API of Cargo (getcargo.io) on loopback, for tests and for trying things out.
//!
//! Batches live: created, they query their records, run them one by one, fail some of them, cost
//! credits, and end. All of it follows from a seed and from the time, which can be made to run fast.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use cargo_batch_sandbox::Sandbox;
//!
//! let sandbox = Sandbox::builder().speed(60.0).start().await?;
//! println!("{} takes the token {}", sandbox.base_url(), sandbox.token());
//! # Ok(()) }
//! ```
//!
//! In a test with paused tokio time (`#[tokio::test(start_paused = true)]`) its time stands still
//! with that of the test. With a speed of 0 it stands still until [`Sandbox::advance`] moves it on:
//! the same seed and the same calls then give the same answers, byte for byte.
//!
//! Every reason for which the API refuses something can be had: [`reasons`] says how.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod api;
mod clock;
mod data;
mod filter;
mod graph;
mod plan;
pub mod reasons;
mod refusal;
mod runs;
mod sandbox;
mod state;
mod storage;
mod views;
mod world;

pub use sandbox::{Sandbox, SandboxBuilder};
pub use world::World;
