//! What a program can ask of an error.

use std::time::Duration;

use bytes::Bytes;
use cargo_batch_types::{Batch, BatchDataErrorReason, BatchUuid, RunUuid};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::cause::Cause;
use super::classify::Effect;
use super::{Error, ErrorKind};
use crate::Reason;
use crate::creation::created_id;
use crate::operation::Operation;
use crate::retry::retry_after;

/// What failed.
impl Error {
    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the operation that failed.
    ///
    /// `None` for errors of the configuration, of files, and of transfers to and from storage.
    pub fn operation(&self) -> Option<&'static Operation> {
        self.0.operation
    }

    /// Returns why the server refused the request, typed by operation.
    ///
    /// Reasons that are newer than this crate are kept as text. Of storage it is the `Code` of its XML. `None` where
    /// the response names no reason, and without a response.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Reason, types};
    /// # async fn run(client: Client, request: types::CreateBatchRequest) -> Result<(), cargo_batch_client::Error> {
    /// use cargo_batch_client::types::CreateBatchErrorReason::NotEnoughCredits;
    ///
    /// match client.create_batch(request).await {
    ///     Err(error) if error.reason() == Some(&Reason::CreateBatch(NotEnoughCredits)) => {
    ///         println!("top up first");
    ///     }
    ///     other => println!("{}", other?.batch.uuid),
    /// }
    /// # Ok(()) }
    /// ```
    pub fn reason(&self) -> Option<&Reason> {
        self.0.refusal.as_ref()?.reason.as_ref()
    }

    /// Returns what is wrong with the data of a batch that could not be created.
    ///
    /// `None` unless [`reason`](Self::reason) is
    /// [`DataError`](crate::types::CreateBatchErrorReason::DataError).
    pub fn data_reason(&self) -> Option<&BatchDataErrorReason> {
        self.0.refusal.as_ref()?.data_reason.as_ref()
    }

    /// Returns the message of the server, such as "You have 3 credits left."
    ///
    /// The token and signed URLs in it are redacted, control characters are escaped, and it is cut at 500 characters.
    pub fn message(&self) -> Option<&str> {
        self.0.refusal.as_ref()?.message.as_deref()
    }

    /// Returns the status of the response.
    ///
    /// `None` where there was no complete response: for all kinds but [`Unauthorized`](ErrorKind::Unauthorized),
    /// [`Status`](ErrorKind::Status) and [`InvalidResponse`](ErrorKind::InvalidResponse), and for some of these.
    pub fn status(&self) -> Option<StatusCode> {
        Some(self.0.response.as_ref()?.status)
    }

    /// Returns the headers of the response, as they were received; `None` as for [`status`](Self::status).
    pub fn headers(&self) -> Option<&HeaderMap> {
        Some(&self.0.response.as_ref()?.headers)
    }

    /// Returns the request ID, by which the server's support can find the request.
    ///
    /// It is the first of the response headers `x-request-id`, `x-amzn-requestid` and `cf-ray`.
    pub fn request_id(&self) -> Option<&str> {
        self.0.response.as_ref()?.request_id()
    }

    /// Returns the body of the response, whatever it was: JSON, a proxy's page, nothing. Of an item of a list that
    /// can't be read it is the JSON of that item.
    ///
    /// It can hold what you sent, so think before logging it; neither `Debug` nor `Display` show it. `None` as for
    /// [`status`](Self::status).
    pub fn body(&self) -> Option<&[u8]> {
        Some(&self.0.response.as_ref()?.body)
    }

    /// Returns the path of the field that could not be read, such as `batch.nodes[3].config`.
    ///
    /// `None` for all kinds but [`InvalidResponse`](ErrorKind::InvalidResponse), and for bodies that aren't JSON.
    pub fn field_path(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// Returns how many times the request was sent, with the requests that were refused with 429 and those with a
    /// renewed token.
    ///
    /// Of a transfer or a creation it counts the requests of all its steps, of a watch the failed polls since the last
    /// success. 0 where nothing was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns the time that all attempts took together, with the delays between them.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Returns true if a time limit was reached: [`attempt_timeout`](crate::ClientBuilder::attempt_timeout),
    /// [`timeout`](crate::ClientBuilder::timeout), [`connect_timeout`](crate::ClientBuilder::connect_timeout), the
    /// [`deadline`](crate::Watch::deadline) of a watch, or one of the HTTP client or the system.
    ///
    /// The message names the limit. Whether the request has taken effect is another question:
    /// [`is_ambiguous`](Self::is_ambiguous). The statuses 408 and 504 are of a server, and no timeouts in this sense.
    #[doc(alias = "timeout")]
    pub fn is_timeout(&self) -> bool {
        self.0.is_timeout
    }

    /// Returns true if there was no connection to send the request on, so that it is known not to have reached the
    /// server.
    ///
    /// The same as [`kind`](Self::kind) being [`Connect`](ErrorKind::Connect).
    pub fn is_connect(&self) -> bool {
        self.0.kind == ErrorKind::Connect
    }
}

/// What to do about it.
impl Error {
    /// Returns whether the request may be sent again, as that can do no harm and may succeed.
    ///
    /// True for a request that is known not to have reached the server, for 429, and, where the operation is
    /// idempotent, for lost connections, time limits, the statuses of a [`RetryPolicy`](crate::RetryPolicy), and
    /// successes that aren't JSON. The client has retried those already. Never true for a creation that may have
    /// taken effect: see [`is_ambiguous`](Self::is_ambiguous).
    #[doc(alias = "retry")]
    pub fn is_retryable(&self) -> bool {
        if self.0.effect == Effect::NotReceived {
            return true;
        }
        if !self.is_idempotent() {
            return false;
        }
        match self.0.kind {
            ErrorKind::Interrupted => true,
            ErrorKind::InvalidResponse => self.is_no_json(),
            _ => self.status().is_some_and(is_transient),
        }
    }

    /// Returns whether a retry by a program can't help: the configuration or the request is wrong, the server decided,
    /// or a person has to choose between the [candidates](Self::candidates).
    ///
    /// An engine that runs jobs should park a job with such an error. For all others the job may be run again:
    /// a [saved creation](crate::SavedCreation) searches before it sends.
    pub fn is_final(&self) -> bool {
        match self.0.kind {
            ErrorKind::DeadlineExceeded | ErrorKind::Superseded => false,
            _ if self.is_ambiguous() => !self.0.is_search_repeatable,
            _ => !self.is_retryable(),
        }
    }

    /// Returns whether the call may have taken effect although it failed.
    ///
    /// Only operations that are not idempotent can be ambiguous. Don't repeat a creation: a batch may run
    /// and spend credits; [`create_batch_once`](crate::Client::create_batch_once) searches for it. Whether
    /// credits are at stake says [`may_have_spent`](Self::may_have_spent).
    #[doc(alias = "idempotent")]
    pub fn is_ambiguous(&self) -> bool {
        !self.is_idempotent() && self.0.effect == Effect::Unknown
    }

    /// Returns whether something may exist, or exists, that spends credits although the call failed.
    ///
    /// An upload that fails can be [ambiguous](Self::is_ambiguous), and costs nothing.
    pub fn may_have_spent(&self) -> bool {
        let creates = self
            .0
            .operation
            .is_some_and(|operation| operation.creates.is_some());
        creates && self.is_ambiguous()
    }

    /// Returns how long the server asks to wait before the next request, from `Retry-After`.
    ///
    /// Both forms of the header are read; a date is compared with the server's own `Date`. `None` without the header,
    /// and where it is neither.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(self.headers()?)
    }

    /// Returns the batch that was created, where a response says so that can't be read otherwise. It runs and spends
    /// credits: continue with [`client.batch(id)`](crate::Client::batch).
    pub fn created(&self) -> Option<BatchUuid> {
        if self.0.kind != ErrorKind::InvalidResponse {
            return None;
        }
        created_id(self.0.operation?.path_of_batch()?, self.body()?)
    }

    /// Returns the run that was created, where a response says so that can't be read otherwise. It spends credits:
    /// continue with [`get_run`](crate::Client::get_run).
    pub fn created_run(&self) -> Option<RunUuid> {
        if self.0.kind != ErrorKind::InvalidResponse {
            return None;
        }
        created_id(self.0.operation?.path_of_run()?, self.body()?)
    }

    /// Returns the batches that may be the one that was asked for, where that can't be decided: see
    /// [`Client::create_batch_once`](crate::Client::create_batch_once). Empty for most errors.
    ///
    /// With [`CreatedTwice`](ErrorKind::CreatedTwice) they are the two batches that run, with
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) the batch that has already run the file.
    pub fn candidates(&self) -> &[Batch] {
        &self.0.candidates
    }
}

impl Error {
    /// Returns the body, to keep.
    pub(crate) fn json(&self) -> Option<&Bytes> {
        Some(&self.0.response.as_ref()?.body)
    }

    /// Returns whether it is about one item of a list.
    pub(crate) fn is_of_item(&self) -> bool {
        self.0.is_of_item
    }

    /// Returns whether a response is complete JSON, of which a field can't be read.
    pub(crate) fn is_of_value(&self) -> bool {
        self.0.kind == ErrorKind::InvalidResponse && self.field_path().is_some()
    }

    pub(crate) fn failures(&self) -> u32 {
        self.0.failures
    }

    pub(crate) fn is_held_back(&self) -> bool {
        self.0.is_held_back
    }

    pub(crate) fn is_of_unheard(&self) -> bool {
        self.0.is_of_unheard
    }

    /// Returns whether the server works, and asks for fewer requests. S3 says so with 503.
    pub(crate) fn is_throttled(&self) -> bool {
        let reason = self.reason().map(Reason::as_str);
        self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
            || (self.0.is_of_storage && reason == Some("SlowDown"))
    }

    /// Returns whether the server, which has responded before, did not get the request.
    pub(crate) fn has_lost_connection(&self) -> bool {
        self.0.effect == Effect::NotReceived && self.status().is_none() && !self.0.is_of_unheard
    }

    /// Returns whether no response of the server has ever come, for a cause that won't pass.
    pub(crate) fn is_permanent(&self) -> bool {
        self.0.is_of_unheard && self.0.cause.is_some_and(Cause::is_permanent)
    }

    /// Returns whether sending the request again does no harm, whatever became of it.
    fn is_idempotent(&self) -> bool {
        self.0
            .operation
            .is_none_or(|operation| operation.idempotent)
    }

    /// Returns whether a success can't be a response of the API, as it isn't JSON: it was cut on its way, or something
    /// else responded.
    pub(super) fn is_no_json(&self) -> bool {
        self.is_without_json() && !self.is_encoded()
    }

    /// Returns whether something on the way has encoded a success, as it will the next one.
    pub(super) fn is_encoded(&self) -> bool {
        let response = self.0.response.as_ref();
        self.is_without_json() && response.is_some_and(|response| response.encoding().is_some())
    }

    fn is_without_json(&self) -> bool {
        self.0.kind == ErrorKind::InvalidResponse
            && self.body().is_some()
            && self.field_path().is_none()
    }
}

/// Returns whether an idempotent request is sent again after a status.
fn is_transient(status: StatusCode) -> bool {
    // What is not implemented, and another version of HTTP, will be no other the next time.
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502..=504 | 506..=599)
}
