//! Values for the tests of programs that hide the client behind a trait of their own: batches and errors that
//! no server has sent. Only with the feature `testing`.
//!
//! A test that wants a server has the crate `cargo-batch-sandbox`.
//!
//! ```
//! use cargo_batch_client::types::CreateBatchErrorReason::NotEnoughCredits;
//! use cargo_batch_client::{Error, Reason, testing, types::Batch};
//!
//! trait Batches {
//!     fn start(&self) -> Result<Batch, Error>;
//! }
//!
//! struct NoCredits;
//!
//! impl Batches for NoCredits {
//!     fn start(&self) -> Result<Batch, Error> {
//!         Err(testing::refused(NotEnoughCredits))
//!     }
//! }
//!
//! let error = NoCredits.start().unwrap_err();
//! assert_eq!(error.reason(), Some(&Reason::CreateBatch(NotEnoughCredits)));
//! assert!(!error.may_have_spent() && error.is_final());
//! ```

use std::time::Duration;

use cargo_batch_types::{Batch, from_json};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::operation::Operation;
use crate::redact::Redactor;
use crate::response::RawResponse;
use crate::{Client, Error, FinishedBatch, Reason, operations};

/// Returns a batch of an uploaded file that was just created: `pending`, with no runs. Its fields can be set.
///
/// ```
/// use cargo_batch_client::{testing, types::BatchStatus};
///
/// let mut batch = testing::batch();
/// batch.status = BatchStatus::Running;
/// batch.runs_count = 100;
/// ```
#[expect(clippy::missing_panics_doc, reason = "the JSON is fixed, and its example reads it")]
pub fn batch() -> Batch {
    const ID: &str = "00000000-0000-4000-8000-000000000001";
    let batch = json!({
        "uuid": ID, "workspaceUuid": ID, "workflowUuid": ID, "temporalWorkflowId": "batch-1",
        "data": { "kind": "file", "s3Filename": "uploads/leads.csv" }, "status": "pending",
        "runsCount": 0, "executedRunsCount": 0, "failedRunsCount": 0, "creditsUsedCount": 0,
        "createdAt": "2026-01-15T10:00:00Z", "updatedAt": "2026-01-15T10:00:00Z",
    });
    from_json(batch.to_string().as_bytes()).expect("a batch of the specification")
}

/// Returns a batch that has finished, as [`BatchHandle::wait`](crate::BatchHandle::wait) does. Its methods that send
/// something end with [`Connect`](crate::ErrorKind::Connect): it has a client without a server.
///
/// `None` where the batch hasn't finished.
///
/// ```
/// use cargo_batch_client::{testing, types::{BatchStatus, Outcome}};
///
/// let mut batch = testing::batch();
/// (batch.status, batch.runs_count, batch.failed_runs_count) = (BatchStatus::Success, 10, 2);
/// let finished = testing::finished(batch).unwrap();
/// assert_eq!(finished.outcome(), Outcome::PartlyFailed { failed: 2, runs: 10 });
/// ```
pub fn finished(batch: Batch) -> Option<FinishedBatch> {
    // Nothing listens on port 0.
    let client = Client::builder("testing").base_url("http://127.0.0.1:0/v1");
    client.build().ok()?.finished(batch)
}

/// Returns the error of a request that the server refused for a reason, with status 422.
pub fn refused(reason: impl Into<Reason>) -> Error {
    let reason = reason.into();
    let operation = reason.operation().unwrap_or(&operations::GET_BATCH);
    response(operation, 422, &json!({ "reason": reason.as_str() }))
}

/// Returns the error that a response with a status such as 404 and a body is to the client.
///
/// A status that isn't one of HTTP is taken for 500.
pub fn response(operation: &'static Operation, status: u16, body: &Value) -> Error {
    let answer = RawResponse {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers: HeaderMap::new(),
        body: body.to_string().into(),
    };
    Error::refused(Some(operation), answer, Redactor::default())
}

/// Returns the error of a call that reached no server: nothing was sent.
pub fn unreachable(operation: &'static Operation) -> Error {
    Error::unreachable(operation)
}

/// Returns the error of a call that was sent and got no response: a creation may have been made.
pub fn interrupted(operation: &'static Operation) -> Error {
    Error::timed_out(Some(operation), Duration::from_secs(60), true)
}

/// Returns the error that [`create_batch_once`](Client::create_batch_once) ends with where it is unknown whether
/// its batch is one of the candidates, or there is none.
pub fn ambiguous(candidates: impl IntoIterator<Item = Batch>) -> Error {
    let candidates = candidates.into_iter().collect();
    interrupted(&operations::CREATE_BATCH).undecided(candidates, None)
}

/// Returns the error of a wait that reached its deadline; the batch goes on.
pub fn deadline_exceeded() -> Error {
    let what = "the batch has not finished within 60.0 s";
    Error::deadline(&operations::GET_BATCH, what)
}
