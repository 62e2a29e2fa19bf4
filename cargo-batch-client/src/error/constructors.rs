//! How errors are created, but for those of storage.

use std::sync::Arc;
use std::time::Duration;

use cargo_batch_types::{Batch, BatchUuid, DecodeError, from_json};
use reqwest::StatusCode;

use super::chain::{Message, chain, has_os_code};
use super::classify::{Effect, Failure, classify};
use super::refusal::Refusal;
use super::what::{TimeLimit, What, size};
use super::{Error, ErrorKind};
use crate::config::Timing;
use crate::creation::BoxError;
use crate::operation::Operation;
use crate::operations;
use crate::redact::{Redactor, without_secrets};
use crate::response::RawResponse;

/// Before a request is sent.
impl Error {
    pub(crate) fn configuration(what: impl Into<String>) -> Self {
        Self::text(ErrorKind::Configuration, None, what)
    }

    pub(crate) fn no_http_client(source: reqwest::Error) -> Self {
        Self::configuration("no HTTP client can be built").because(source)
    }

    pub(crate) fn invalid_request(operation: &'static Operation, what: impl Into<String>) -> Self {
        Self::text(ErrorKind::InvalidRequest, Some(operation), what)
    }

    pub(crate) fn unbuildable(operation: &'static Operation, source: reqwest::Error) -> Self {
        Self::invalid_request(operation, "the request can't be built").because(source.without_url())
    }

    /// A token provider that returned an error.
    pub(crate) fn no_token(source: Box<dyn std::error::Error + Send + Sync>) -> Self {
        // Whatever it repeats is not for a log.
        let message = without_secrets(&chain(&*source));
        let what = "the token provider returned no token";
        Self::text(ErrorKind::Unauthorized, None, what)
            .because(Message(Redactor::default().redact(&message)))
    }

    /// A token provider that returned nothing in time.
    pub(crate) fn slow_token(timing: Timing) -> Self {
        let what = format!(
            "the token provider returned no token within the `timeout` of {}",
            TimeLimit::overall(timing)
        );
        let mut error = Self::text(ErrorKind::Unauthorized, None, what);
        error.0.is_timeout = true;
        error
    }

    /// A request that was not sent, as the server has refused others with 429.
    pub(crate) fn held_back(operation: Option<&'static Operation>, timing: Timing) -> Self {
        let what = What::HeldBack(TimeLimit::overall(timing));
        let mut error =
            Self::new(ErrorKind::Interrupted, operation, what).with_effect(Effect::NotReceived);
        error.0.is_held_back = true;
        error.0.is_timeout = true;
        error
    }
}

/// Without a response.
impl Error {
    /// A request that failed before the head of a response; `has_body` says whether the request has one.
    pub(crate) fn transport(
        operation: Option<&'static Operation>,
        source: reqwest::Error,
        has_body: bool,
    ) -> Self {
        let effect = classify(Failure::Transport(&source, has_body));
        Self::connection(operation, source, effect)
    }

    /// A response whose connection was lost.
    pub(crate) fn connection_lost(
        operation: Option<&'static Operation>,
        source: reqwest::Error,
    ) -> Self {
        Self::connection(operation, source, classify(Failure::InvalidResponse))
    }

    fn connection(
        operation: Option<&'static Operation>,
        source: reqwest::Error,
        effect: Effect,
    ) -> Self {
        let is_timeout = source.is_timeout();
        let (kind, what) = match effect {
            Effect::NotReceived if !is_connect(&source) => (ErrorKind::Connect, What::NotSent),
            // The system has a limit of its own.
            Effect::NotReceived if is_timeout && !has_os_code(&source) => {
                (ErrorKind::Connect, What::ConnectTimeout)
            }
            Effect::NotReceived => (ErrorKind::Connect, What::NoConnection),
            _ if is_timeout => (ErrorKind::Interrupted, What::ConnectionTimedOut),
            _ => (ErrorKind::Interrupted, What::ConnectionLost),
        };
        let mut error = Self::new(kind, operation, what)
            .with_effect(effect)
            .with_cause(&source);
        error.0.is_timeout = is_timeout;
        error.because(source.without_url())
    }

    /// An attempt that reached a time limit; `has_connected` says whether a connection of the client has
    /// ever come up.
    pub(crate) fn timed_out(
        operation: Option<&'static Operation>,
        limit: Duration,
        timing: Timing,
        has_connected: bool,
    ) -> Self {
        let what = What::TimedOut(TimeLimit::of(limit, timing));
        let mut error = Self::new(ErrorKind::Interrupted, operation, what)
            .with_effect(classify(Failure::TimeLimit(has_connected)));
        error.0.is_timeout = true;
        error
    }

    /// A call that reached no server.
    #[cfg(feature = "testing")]
    pub(crate) fn unreachable(operation: &'static Operation) -> Self {
        Self::new(ErrorKind::Connect, Some(operation), What::NoConnection)
            .with_effect(Effect::NotReceived)
    }
}

/// Of a response.
impl Error {
    /// A status that is not a success.
    pub(crate) fn status_of(
        operation: Option<&'static Operation>,
        response: RawResponse,
        hide: Redactor,
    ) -> Self {
        let kind = match response.status {
            StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
            _ => ErrorKind::Status,
        };
        let what = format!("server returned {}", response.status);
        let mut error = Self::text(kind, operation, what);
        let refusal = Refusal::read(operation, &response, &hide);
        error.0.effect = classify(Failure::Status(
            response.status.as_u16(),
            refusal.reason.as_ref(),
        ));
        error.0.refusal = Some(refusal);
        error.0.response = Some(response);
        error.0.hide = hide;
        error
    }

    /// A success whose body can't be read.
    pub(crate) fn invalid_body(
        operation: &'static Operation,
        response: RawResponse,
        source: &DecodeError,
        hide: Redactor,
    ) -> Self {
        let body = response.body.trim_ascii();
        let is_json = source.is_json() && !response.body.is_empty();
        let trouble = match (is_json, response.encoding()) {
            (true, _) => format!("an invalid field `{}`", hide.redact(source.field_path())),
            (false, Some(encoding)) => format!(
                "the encoding `{}`, which was not requested",
                hide.redact(encoding)
            ),
            (false, None) if body.is_empty() => "an empty body".to_owned(),
            (false, None) if body.starts_with(b"{") || body.starts_with(b"[") => {
                "incomplete or invalid JSON".to_owned()
            }
            (false, None) => "a body that is not JSON".to_owned(),
        };
        let what = format!("server returned {} with {trouble}", response.status);
        // The reader's own message quotes the value, which may be a secret in the wrong place.
        let mut error = Self::text(ErrorKind::InvalidResponse, Some(operation), what)
            .with_effect(classify(Failure::InvalidResponse))
            .because(Message(hide.redact(&source.reason())));
        error.0.field = is_json.then(|| source.field_path().to_owned());
        error.0.response = Some(response);
        error.0.hide = hide;
        error
    }

    /// An item of a list that can't be read, whose own error this is of the complete response.
    pub(crate) fn of_item(&self, place: &str, json: String, source: &DecodeError) -> Self {
        let hide = self.0.hide.clone();
        let status = self.status().unwrap_or_default();
        let headers = self.headers().cloned().unwrap_or_default();
        let field = match source.field_path() {
            "." => place.to_owned(),
            path => format!("{place}.{path}"),
        };
        let uuid = from_json::<Identity>(json.as_bytes()).map(|item| item.uuid);
        let name = uuid.map_or_else(|_| String::new(), |uuid| format!(" of {uuid}"));
        let what = format!(
            "server returned {status} with an invalid field `{}`{name}",
            hide.redact(&field)
        );
        let mut error = Self::text(ErrorKind::InvalidResponse, self.0.operation, what)
            .with_effect(self.0.effect)
            .because(Message(hide.redact(&source.reason())));
        error.0.field = Some(field);
        error.0.response = Some(RawResponse::new(status, headers, json.into()));
        error.0.hide = hide;
        error.0.is_of_item = true;
        error
    }

    pub(crate) fn response_too_long(operation: Option<&'static Operation>, cap: usize) -> Self {
        let mut error = Self::too_long("the response", cap);
        error.0.operation = operation;
        error
    }

    pub(crate) fn too_long(what: &str, cap: usize) -> Self {
        let what = format!("{what} is longer than {}", size(cap));
        let mut error =
            Self::text(ErrorKind::InvalidResponse, None, what).with_effect(Effect::Unknown);
        error.0.is_too_long = true;
        error
    }

    pub(crate) fn endless_list(operation: &'static Operation, what: impl Into<String>) -> Self {
        Self::text(ErrorKind::InvalidResponse, Some(operation), what)
    }

    /// A search by a name that nothing has.
    pub(crate) fn not_found(operation: &'static Operation, what: impl Into<String>) -> Self {
        Self::text(ErrorKind::NotFound, Some(operation), what)
    }

    /// A search by a name that several have.
    pub(crate) fn not_unique(operation: &'static Operation, what: impl Into<String>) -> Self {
        Self::text(ErrorKind::NotUnique, Some(operation), what)
    }
}

/// Of a creation, a watch, or a file.
impl Error {
    /// A guard that did not permit the request.
    pub(crate) fn superseded(source: BoxError) -> Self {
        let what = "the guard of the creation did not permit the request";
        let mut error = Self::text(ErrorKind::Superseded, Some(&operations::CREATE_BATCH), what);
        error.0.source = Some(source);
        error
    }

    /// A batch that would have more records than the caller permits.
    pub(crate) fn too_many_records(operation: &'static Operation, count: u64, most: u64) -> Self {
        let what =
            format!("the batch would have {count} records, more than {most} (`max_records`)");
        Self::text(ErrorKind::TooManyRecords, Some(operation), what)
    }

    /// A creation of which an earlier request, maybe of another process, has an unknown outcome.
    pub(crate) fn interrupted_creation() -> Self {
        let what = "the outcome of an earlier request of this creation is unknown";
        let operation = Some(&operations::CREATE_BATCH);
        Self::text(ErrorKind::Interrupted, operation, what).with_effect(Effect::Unknown)
    }

    /// A file that a batch has run already.
    pub(crate) fn file_has_run(operation: &'static Operation, batch: Batch) -> Self {
        let what = format!("the file was already run by batch {}", batch.uuid);
        let mut error = Self::invalid_request(operation, what);
        error.0.candidates = vec![batch];
        error
    }

    /// A creation with more than one batch.
    pub(crate) fn created_twice(batches: Vec<Batch>) -> Self {
        let what = "two batches were created: the batch of the first request was not listed until a second \
                    request had been sent";
        let operation = Some(&operations::CREATE_BATCH);
        let mut error =
            Self::text(ErrorKind::CreatedTwice, operation, what).with_effect(Effect::Unknown);
        error.0.candidates = batches;
        error
    }

    /// Notes the batches that may be what was asked for, and what went wrong in searching for them.
    pub(crate) fn undecided(mut self, candidates: Vec<Batch>, why: Option<Arc<Error>>) -> Self {
        self.0.candidates = candidates;
        self.0.effect = Effect::Unknown;
        self.0.is_undecided = true;
        self.0.search_failure = why.as_ref().map(|why| why.report());
        self.0.is_search_repeatable = why.is_some_and(|why| crate::creation::may_pass(&why));
        self
    }

    pub(crate) fn deadline_exceeded(
        operation: &'static Operation,
        what: impl Into<String>,
    ) -> Self {
        let mut error = Self::text(ErrorKind::DeadlineExceeded, Some(operation), what);
        error.0.is_timeout = true;
        error
    }

    /// A batch that spent more than its limit, and what went wrong in cancelling it.
    pub(crate) fn credits_exceeded(what: impl Into<String>, failure: Option<Self>) -> Self {
        let operation = Some(&operations::GET_BATCH);
        let error = Self::text(ErrorKind::CreditsExceeded, operation, what);
        match failure {
            Some(failure) => error.because(failure),
            None => error,
        }
    }

    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::text(ErrorKind::Io, None, what)
            .with_cause(&source)
            .because(source)
    }
}

/// What an item is known by.
#[derive(serde::Deserialize)]
struct Identity {
    uuid: BatchUuid,
}

#[cfg(not(target_arch = "wasm32"))]
fn is_connect(error: &reqwest::Error) -> bool {
    error.is_connect()
}

/// A browser doesn't say.
#[cfg(target_arch = "wasm32")]
fn is_connect(_: &reqwest::Error) -> bool {
    false
}
