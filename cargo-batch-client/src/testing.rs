//! Batches and errors that no server has returned, for the tests of programs that hide the client behind a trait of
//! their own. Only with the feature `testing`.
//!
//! For tests against a server there is the crate `cargo-batch-sandbox`.
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

use crate::config::Timing;
use crate::operation::Operation;
use crate::redact::Redactor;
use crate::response::RawResponse;
use crate::{Client, Error, FinishedBatch, Reason, operations};

/// Returns a batch of an uploaded file that was just created:
/// [`Pending`](crate::types::BatchStatus::Pending), with no runs. Its fields can be set.
///
/// ```
/// use cargo_batch_client::{testing, types::BatchStatus};
///
/// let mut batch = testing::batch();
/// batch.status = BatchStatus::Running;
/// batch.runs_count = 100;
/// ```
#[expect(
    clippy::missing_panics_doc,
    reason = "the JSON is fixed, and its example reads it"
)]
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

/// Returns a finished batch, as [`BatchHandle::wait`](crate::BatchHandle::wait) does; `None` where the batch hasn't
/// finished.
///
/// Its client has no server: methods that send a request fail with [`Connect`](crate::ErrorKind::Connect).
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

/// Returns the error of a request that the server refused with status 422 and a reason.
///
/// Its [operation](Error::operation) is that of the reason; `get_batch` for a reason that is of none.
pub fn refused(reason: impl Into<Reason>) -> Error {
    let reason = reason.into();
    let operation = reason.operation().unwrap_or(&operations::GET_BATCH);
    response(operation, 422, &json!({ "reason": reason.as_str() }))
}

/// Returns the error of a call whose response has this status, such as 404, and this body.
///
/// A number that isn't a status of HTTP is taken for 500.
pub fn response(operation: &'static Operation, status: u16, body: &Value) -> Error {
    let response = RawResponse {
        status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers: HeaderMap::new(),
        body: body.to_string().into(),
    };
    Error::status_of(Some(operation), response, Redactor::default())
}

/// Returns the error of a call without a connection, of kind [`Connect`](crate::ErrorKind::Connect): the request has
/// not reached the server.
pub fn unreachable(operation: &'static Operation) -> Error {
    Error::unreachable(operation)
}

/// Returns the error of a call that was sent and got no response within
/// [`attempt_timeout`](crate::ClientBuilder::attempt_timeout): a creation may have taken effect.
pub fn interrupted(operation: &'static Operation) -> Error {
    let timing = Timing {
        attempt: Duration::from_secs(60),
        overall: Duration::from_secs(180),
    };
    Error::timed_out(Some(operation), timing.attempt, timing, true)
}

/// Returns the error that [`create_batch_once`](Client::create_batch_once) fails with where it is unknown whether
/// its batch is one of the [candidates](Error::candidates), or doesn't exist.
pub fn ambiguous(candidates: impl IntoIterator<Item = Batch>) -> Error {
    let candidates = candidates.into_iter().collect();
    interrupted(&operations::CREATE_BATCH).undecided(candidates, None)
}

/// Returns the error of a watch that reached its deadline; the batch continues on the server.
pub fn deadline_exceeded() -> Error {
    let what = "the batch is still running (13 polls in 60.0 s)";
    Error::deadline_exceeded(&operations::GET_BATCH, what)
}
