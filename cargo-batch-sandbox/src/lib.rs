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
//! with that of the test.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod api;
mod clock;
mod control;
mod created;
mod data;
mod faults;
mod filter;
mod front;
mod graph;
mod page;
mod plan;
mod received;
mod refusal;
mod rejection;
mod runs;
mod sandbox;
mod server;
mod spec;
mod state;
mod storage;
mod views;
mod world;

pub use created::Created;
pub use faults::{Fault, FaultPlan, InvalidPlan, Rule};
pub use received::Received;
pub use sandbox::{Sandbox, SandboxBuilder};
pub use server::Origin;
pub use world::World;
