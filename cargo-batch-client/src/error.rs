//! What can go wrong, for a program to match on and a person to act on.

use std::fmt;
use std::time::Duration;

use cargo_batch_types::{
    ApiError, Batch, BatchDataErrorReason, CreateBatchError, DecodeError, from_json,
};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::time::Instant;

use crate::Reason;
use crate::operation::Operation;
use crate::response::Answer;
use crate::retry::retry_after;

/// Anything that went wrong.
///
/// Match on [`kind`](Self::kind) and [`reason`](Self::reason); print it for a person: it says what
/// was attempted, what came back and what to do. It holds no token and no signed link.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    operation: Option<&'static Operation>,
    /// What happened, in words.
    what: String,
    refusal: Option<Refusal>,
    answer: Option<Answer>,
    attempts: u32,
    elapsed: Duration,
    /// When the first attempt began.
    started: Option<Instant>,
    candidates: Vec<Batch>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client can't be built as configured; nothing was sent.
    Configuration,
    /// A parameter doesn't have the form it needs; nothing was sent.
    InvalidRequest,
    /// No token could be had, or the server accepted none.
    Unauthorized,
    /// No connection: the request provably did not arrive.
    Unreachable,
    /// The exchange broke off or took too long: the request may or may not have arrived.
    Interrupted,
    /// The server answered with an error.
    Refused,
    /// The server answered with success, but with a body that can't be read.
    Unreadable,
    /// Waiting took longer than the deadline; what was waited for goes on.
    DeadlineExceeded,
    /// A file or stream of the caller's could not be read or written.
    Io,
}

/// What an error answer said, as far as it said anything.
#[derive(Clone, Debug, Default)]
struct Refusal {
    reason: Option<Reason>,
    data_reason: Option<BatchDataErrorReason>,
    message: Option<String>,
}

impl Error {
    fn new(
        kind: ErrorKind,
        operation: Option<&'static Operation>,
        what: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            operation,
            what: what.into(),
            refusal: None,
            answer: None,
            attempts: 0,
            elapsed: Duration::ZERO,
            started: None,
            candidates: Vec::new(),
            source: None,
        }))
    }

    pub(crate) fn configuration(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, None, what)
    }

    pub(crate) fn invalid_request(operation: &'static Operation, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, Some(operation), what)
    }

    pub(crate) fn unbuildable(operation: &'static Operation, source: reqwest::Error) -> Self {
        Self::invalid_request(operation, "the request can't be written")
            .because(source.without_url())
    }

    pub(crate) fn no_token(source: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let mut error = Self::new(
            ErrorKind::Unauthorized,
            None,
            "the token provider gave no token",
        );
        error.0.source = Some(source);
        error
    }

    pub(crate) fn transport(operation: Option<&'static Operation>, source: reqwest::Error) -> Self {
        let source = source.without_url();
        let error = if is_unsent(&source) {
            Self::new(
                ErrorKind::Unreachable,
                operation,
                "no connection to the server",
            )
        } else if source.is_timeout() {
            Self::new(
                ErrorKind::Interrupted,
                operation,
                "the server took too long to answer",
            )
        } else {
            Self::new(
                ErrorKind::Interrupted,
                operation,
                "the exchange with the server broke off",
            )
        };
        error.because(source)
    }

    pub(crate) fn timed_out(operation: Option<&'static Operation>, after: Duration) -> Self {
        let what = format!("no complete answer within {}", seconds(after));
        Self::new(ErrorKind::Interrupted, operation, what)
    }

    pub(crate) fn too_large(operation: Option<&'static Operation>, cap: usize) -> Self {
        let what = format!(
            "the answer is longer than {cap} bytes; raise `max_answer_bytes` if that is expected"
        );
        Self::new(ErrorKind::Unreadable, operation, what)
    }

    pub(crate) fn unreadable(
        operation: &'static Operation,
        answer: Answer,
        source: DecodeError,
    ) -> Self {
        let what = format!(
            "the server answered {}, but not with the form it should",
            answer.status
        );
        let mut error = Self::new(ErrorKind::Unreadable, Some(operation), what).because(source);
        error.0.answer = Some(answer);
        error
    }

    pub(crate) fn refused(operation: Option<&'static Operation>, answer: Answer) -> Self {
        let kind = match answer.status {
            StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
            _ => ErrorKind::Refused,
        };
        let what = format!("the server answered {}", answer.status);
        let mut error = Self::new(kind, operation, what);
        error.0.refusal = Some(Refusal::read(operation, &answer));
        error.0.answer = Some(answer);
        error
    }

    pub(crate) fn deadline(operation: &'static Operation, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::DeadlineExceeded, Some(operation), what)
    }

    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, None, what).because(source)
    }

    pub(crate) fn endless(operation: &'static Operation, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unreadable, Some(operation), what)
    }

    /// A transfer to or from storage that ended short of its whole.
    pub(crate) fn incomplete(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Interrupted, None, what)
    }

    fn because(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Notes how much was tried before giving up.
    pub(crate) fn after(mut self, attempts: u32, started: Instant) -> Self {
        self.0.attempts = attempts;
        self.0.elapsed = started.elapsed();
        self.0.started = Some(started);
        self
    }

    /// Notes the batches that may be what was asked for.
    pub(crate) fn with_candidates(mut self, candidates: Vec<Batch>) -> Self {
        self.0.candidates = candidates;
        self
    }

    /// When the first attempt began.
    pub(crate) fn started(&self) -> Option<Instant> {
        self.0.started
    }

    /// The batches that may be the one that was asked for, where that can't be decided: see
    /// [`Client::create_batch_once`](crate::Client::create_batch_once).
    pub fn candidates(&self) -> &[Batch] {
        &self.0.candidates
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation that was attempted.
    pub fn operation(&self) -> Option<&'static Operation> {
        self.0.operation
    }

    /// Why the server refused, typed by operation.
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

    /// What is wrong with the data of a batch that could not be created.
    pub fn data_reason(&self) -> Option<&BatchDataErrorReason> {
        self.0.refusal.as_ref()?.data_reason.as_ref()
    }

    /// The server's own words.
    pub fn message(&self) -> Option<&str> {
        self.0.refusal.as_ref()?.message.as_deref()
    }

    /// The status of the answer, when there was one.
    pub fn status(&self) -> Option<StatusCode> {
        Some(self.0.answer.as_ref()?.status)
    }

    /// The headers of the answer, when there was one.
    pub fn headers(&self) -> Option<&HeaderMap> {
        Some(&self.0.answer.as_ref()?.headers)
    }

    /// The name the server gave to this exchange, for its support.
    pub fn request_id(&self) -> Option<&str> {
        self.0.answer.as_ref()?.request_id()
    }

    /// The body of the answer, whatever it was: JSON, a proxy's page, nothing.
    ///
    /// It can hold what you sent, so think before logging it; neither `Debug` nor `Display` show it.
    pub fn body(&self) -> Option<&[u8]> {
        Some(&self.0.answer.as_ref()?.body)
    }

    /// The field that could not be read, such as `batch.nodes[3].config`.
    pub fn field(&self) -> Option<&str> {
        let source = self.0.source.as_ref()?;
        Some(source.downcast_ref::<DecodeError>()?.path())
    }

    /// How many times the request was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The time that all attempts took together.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// The operation may succeed when it is tried again, and trying can do no harm.
    ///
    /// Never true for a creation that may have been acted on: see
    /// [`is_ambiguous`](Self::is_ambiguous).
    pub fn is_retryable(&self) -> bool {
        if self.is_unsent() {
            return true;
        }
        if !self
            .0
            .operation
            .is_none_or(|operation| operation.idempotent)
        {
            return false;
        }
        match self.0.kind {
            ErrorKind::Interrupted => true,
            _ => self.status().is_some_and(is_transient),
        }
    }

    /// The server may have acted, and nobody knows: a batch may run and spend credits.
    ///
    /// Only operations that are not idempotent can be ambiguous. Don't repeat one: look for what it
    /// may have made first.
    pub fn is_ambiguous(&self) -> bool {
        if self
            .0
            .operation
            .is_none_or(|operation| operation.idempotent)
            || self.is_unsent()
        {
            return false;
        }
        match self.0.kind {
            ErrorKind::Interrupted | ErrorKind::Unreadable => true,
            // A refusal that gives its reason was decided on; a bare 5XX may come from anywhere
            // on the way, also after the server acted.
            ErrorKind::Refused => {
                self.status().is_some_and(|status| status.is_server_error())
                    && self
                        .reason()
                        .is_none_or(|reason| reason.as_str() == "failedToStart")
            }
            _ => false,
        }
    }

    /// Provably not acted on: it never arrived, or was turned away at the door.
    pub(crate) fn is_unsent(&self) -> bool {
        match self.0.kind {
            ErrorKind::Unreachable => true,
            ErrorKind::Refused => match self.status() {
                Some(StatusCode::TOO_MANY_REQUESTS) => true,
                // Who says when to come back has not started to work on it.
                Some(StatusCode::SERVICE_UNAVAILABLE) => self.retry_after().is_some(),
                _ => false,
            },
            _ => false,
        }
    }

    /// When the server asks to be called again.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(self.headers()?)
    }

    /// What to do about it, in a sentence.
    pub fn advice(&self) -> Option<&'static str> {
        if self.is_ambiguous() {
            return Some(
                "It may have been acted on: look for the batch before creating another one, which \
                 would spend credits again.",
            );
        }
        if let Some(advice) = self.data_reason().and_then(BatchDataErrorReason::advice) {
            return Some(advice);
        }
        if let Some(advice) = self.reason().and_then(Reason::advice) {
            return Some(advice);
        }
        Some(match (self.0.kind, self.status()) {
            (ErrorKind::Unauthorized, Some(_)) => {
                "Check that the API token is right, not expired, and of the workspace you mean."
            }
            (ErrorKind::Refused, Some(StatusCode::FORBIDDEN)) => {
                "Give the API token the permission for this operation."
            }
            (ErrorKind::Refused, Some(StatusCode::NOT_FOUND)) => {
                "Check the id, and that it belongs to the token's workspace."
            }
            (ErrorKind::Refused, Some(StatusCode::TOO_MANY_REQUESTS)) => "Call less often.",
            (ErrorKind::Unreachable, _) => "Check the base URL, the network and the proxy.",
            (ErrorKind::DeadlineExceeded, _) => "The batch goes on: wait for it again by its id.",
            (ErrorKind::Unreadable, _) => {
                "The raw body is in the error; a newer version may read it."
            }
            _ => return None,
        })
    }
}

/// The statuses after which an idempotent request is sent again.
fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

#[cfg(not(target_arch = "wasm32"))]
fn is_unsent(error: &reqwest::Error) -> bool {
    error.is_connect()
}

#[cfg(target_arch = "wasm32")]
fn is_unsent(_: &reqwest::Error) -> bool {
    false // A browser doesn't say.
}

impl Refusal {
    /// Reads an error body as far as it can be read; a page of HTML says nothing here.
    fn read(operation: Option<&'static Operation>, answer: &Answer) -> Self {
        let plain: ApiError = from_json(&answer.body).unwrap_or_default();
        // Only creations carry `dataError`; the member is looked for wherever it may be.
        let data = from_json::<CreateBatchError>(&answer.body)
            .ok()
            .and_then(|error| error.data_error);
        let reason = plain.reason.filter(|reason| !reason.is_empty());
        Self {
            reason: reason.map(|text| match operation {
                Some(operation) => Reason::read(operation, &text),
                None => Reason::Other(text),
            }),
            data_reason: data.and_then(|data| data.reason),
            message: plain.error_message.filter(|message| !message.is_empty()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(operation) = inner.operation {
            write!(f, "{operation}: ")?;
        }
        f.write_str(&inner.what)?;
        if let Some(refusal) = &inner.refusal {
            if let Some(reason) = &refusal.reason {
                write!(f, ", {}", reason.as_str())?;
            }
            if let Some(reason) = &refusal.data_reason {
                write!(f, " ({})", reason.as_str())?;
            }
            if let Some(message) = &refusal.message {
                write!(f, ": {}", crate::secret::without_links(message))?;
            }
        }
        if let Some(source) = &inner.source {
            write!(f, ": {source}")?;
        }
        let mut details = Vec::new();
        if !inner.candidates.is_empty() {
            let uuids: Vec<String> = inner
                .candidates
                .iter()
                .map(|batch| batch.uuid.to_string())
                .collect();
            details.push(format!("it may be {}", uuids.join(" or ")));
        }
        if inner.attempts > 1 {
            details.push(format!(
                "{} attempts in {}",
                inner.attempts,
                seconds(inner.elapsed)
            ));
        }
        if let Some(id) = self.request_id() {
            details.push(format!("request {id}"));
        }
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        if let Some(advice) = self.advice() {
            write!(f, ". {advice}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.0.source.as_deref()?)
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
