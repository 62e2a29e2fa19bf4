//! The batches API of Cargo (getcargo.io) on loopback, for tests and for trying things out.
//!
//! Batches live: created, they query their records, run them one by one, fail some of them, cost
//! credits, and end. All of it follows from a seed and from the time, which can be made to run fast.
//!
//! # In a test
//!
//! ```
//! use cargo_batch_client::types::{CreateBatchData, CreateBatchRequest, Record};
//! use cargo_batch_sandbox::{Fault, Rule, Sandbox};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! // #[tokio::test(start_paused = true)]
//! # async fn main() {
//! # a_lost_response_costs_nothing().await }
//! async fn a_lost_response_costs_nothing() {
//!     let sandbox = Sandbox::start().await.unwrap();
//!     // The first batch is created, but the connection is reset before the response.
//!     let lost = Rule::new(Fault::ResetAfterActing).on("create_batch").count(1);
//!     sandbox.faults(lost).await.unwrap();
//!
//!     // In place of what follows, the code that is to be tested.
//!     let client = sandbox.client();
//!     let leads = CreateBatchData::records([Record::from_iter([("email", "ada@example.com")])]);
//!     let request = CreateBatchRequest::new(leads).workflow(sandbox.fixtures().tool_workflow_uuid);
//!     let batch = client.create_batch_once(request).await.unwrap();
//!     let batch = client.watch(batch.uuid).await.unwrap();
//!
//!     assert!(batch.outcome().is_some());
//!     assert_eq!(sandbox.hits(), [1]);
//!     // One request to create a batch was acted on, once.
//!     let created = sandbox.created();
//!     assert_eq!((created.len(), created[0].count), (1, 1));
//!     assert!(sandbox.requests().iter().any(|request| request.method == "GET"));
//! }
//! ```
//!
//! With paused tokio time (`start_paused`) the sandbox's time is paused with that of the test, and
//! an hour of waiting takes no time. Otherwise [`speed`](SandboxBuilder::speed) makes it run, and
//! [`advance`](Sandbox::advance) moves it on: with a speed of 0 nothing else does, and the same seed
//! and the same calls then give the same responses, byte for byte.
//!
//! A test in another language runs the program instead, and reads over HTTP what the library returns:
//! `GET /sandbox/world` (ids and the token), `/sandbox/requests`, `/sandbox/batches` and
//! `/sandbox/violations`; `POST /sandbox/faults` with a [`FaultPlan`], `GET` and `DELETE` of it;
//! `POST /sandbox/advance` with `{"seconds": 60}`; `GET` and `POST /sandbox/settings` with [`Settings`].
//!
//! What comes of each record can be decided by the test: [`outcomes`](SandboxBuilder::outcomes). In a browser a
//! page of any origin may use it: API and storage respond to CORS requests, also their preflights, and expose
//! `Date`, `Retry-After`, `ETag` and `Content-Range`.
//!
//! # What it refuses
//!
//! Whatever the specification doesn't allow: an unknown path is a 404, another method a 405, another
//! media type a 415, and a parameter or a body that isn't as it should be a 400, whose `errorMessage`
//! names the place, the value and what is wanted: `data.segmentUuid: "abc" is not a uuid`. Its own
//! responses are held against the specification too, see [`violations`](Sandbox::violations).
//!
//! And whatever the rules of the API don't allow: every documented reason can be had, [`reasons`]
//! says how.

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    missing_debug_implementations
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod api;
mod clock;
mod control;
mod creation_record;
mod data;
mod digest;
mod faults;
mod filter;
mod fixtures;
mod graph;
mod middleware;
mod outcome;
mod page;
pub mod reasons;
mod recorded_request;
mod refusal;
mod rejection;
mod runs;
mod sandbox;
mod schedule;
mod server;
mod settings;
mod spec;
mod state;
mod storage;
mod usage;
mod views;

pub use creation_record::CreationRecord;
pub use faults::{Fault, FaultPlan, InvalidPlan, LateResponse, Rule};
pub use fixtures::Fixtures;
pub use recorded_request::RecordedRequest;
pub use sandbox::{Sandbox, SandboxBuilder};
pub use server::Origin;
pub use settings::{ListOrder, Settings};
