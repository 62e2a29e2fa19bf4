//! What can go wrong, for a program to match on and a person to act on.

mod advice;
mod cause;
mod classify;
mod display;
mod refusal;

use std::sync::Arc;
use std::time::Duration;

use crate::time::Instant;
use bytes::Bytes;
use cargo_batch_types::{Batch, BatchDataErrorReason, BatchUuid, DecodeError, RunUuid, from_json};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use self::cause::Cause;
use self::classify::{Effect, Failure, classify};
use self::refusal::Refusal;
use crate::creation::{BoxError, created_id};
use crate::operation::Operation;
use crate::redact::{Redactor, without_secrets};
use crate::response::RawResponse;
use crate::retry::retry_after;
use crate::{Reason, operations};

/// Anything that went wrong.
///
/// Match on [`kind`](Self::kind) and [`reason`](Self::reason); print it for a person: it says what
/// was attempted, what came back and what to do. Its sources say more, and are printed along with
/// `{:#}` (or by whatever reports chains of errors). It shows no token and no signed link, not even
/// when a server repeats them, and of a server's words no more than a log can bear; only
/// [`body`](Self::body) and [`headers`](Self::headers) are as they came.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: Option<&'static Operation>,
    /// What happened, in words.
    what: String,
    refusal: Option<Refusal>,
    answer: Option<RawResponse>,
    /// The field that could not be read.
    field: Option<String>,
    attempts: u32,
    /// Those of them that failed, and count against the policy.
    failures: u32,
    elapsed: Duration,
    /// What the request can have done.
    effect: Effect,
    candidates: Vec<Batch>,
    /// The search for a batch failed in a way that may pass.
    is_search_repeatable: bool,
    /// What else there is to say.
    note: Option<String>,
    hide: Redactor,
    /// It is about storage, where no token is sent and no id known.
    is_of_storage: bool,
    /// It is about one item of a list.
    is_of_item: bool,
    /// The base URL has no `/v1` in its path, where the API is.
    is_base_unusual: bool,
    /// What is at the bottom of it.
    cause: Option<Cause>,
    /// No response of the server has ever come.
    is_of_unheard: bool,
    /// It was not sent, as the server asks for fewer requests.
    is_held_back: bool,
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
    Connect,
    /// The exchange broke off or took too long: the request may or may not have arrived.
    Interrupted,
    /// The server answered with an error.
    Status,
    /// The server answered with success, but with a body that can't be read.
    InvalidResponse,
    /// Waiting took longer than the deadline; what was waited for goes on.
    DeadlineExceeded,
    /// A file or stream of the caller's could not be read or written.
    Io,
    /// A [guard](crate::BatchCreation::guard) did not permit the request: it was not sent.
    Superseded,
    /// A batch would have more records than [`max_records`](crate::BatchCreation::max_records) permits: nothing was
    /// sent.
    TooManyRecords,
    /// A creation ended with two batches, which both run: the [candidates](Error::candidates).
    CreatedTwice,
    /// Nothing has the name that was [searched for](crate::Catalog::find).
    NotFound,
    /// Several have the name that was [searched for](crate::Catalog::find).
    NotUnique,
    /// A batch spent more than its [watch](crate::Watch::max_credits) permits, and is cancelled.
    CreditsExceeded,
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
            field: None,
            attempts: 0,
            failures: 0,
            elapsed: Duration::ZERO,
            effect: Effect::Decided,
            candidates: Vec::new(),
            is_search_repeatable: false,
            note: None,
            hide: Redactor::default(),
            is_of_storage: false,
            is_of_item: false,
            is_base_unusual: false,
            cause: None,
            is_of_unheard: false,
            is_held_back: false,
            source: None,
        }))
    }

    pub(crate) fn configuration(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, None, what)
    }

    pub(crate) fn no_http_client(source: reqwest::Error) -> Self {
        Self::configuration("no HTTP client can be built").because(source)
    }

    pub(crate) fn invalid_request(operation: &'static Operation, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, Some(operation), what)
    }

    pub(crate) fn unbuildable(operation: &'static Operation, source: reqwest::Error) -> Self {
        Self::invalid_request(operation, "the request can't be written")
            .because(source.without_url())
    }

    pub(crate) fn no_token(source: Box<dyn std::error::Error + Send + Sync>) -> Self {
        // Whatever it repeats is for nobody's log.
        let words = without_secrets(&chain(&*source));
        Self::new(
            ErrorKind::Unauthorized,
            None,
            "the token provider gave no token",
        )
        .because(Words(Redactor::default().redact(&words)))
    }

    /// An exchange that failed before the head of a response; `has_body` says whether the request has one.
    pub(crate) fn transport(
        operation: Option<&'static Operation>,
        source: reqwest::Error,
        has_body: bool,
    ) -> Self {
        let effect = classify(Failure::Transport(&source, has_body));
        Self::interrupted(operation, source, effect)
    }

    /// A response that broke off.
    pub(crate) fn cut_off(operation: Option<&'static Operation>, source: reqwest::Error) -> Self {
        Self::interrupted(operation, source, classify(Failure::InvalidResponse))
    }

    fn interrupted(
        operation: Option<&'static Operation>,
        source: reqwest::Error,
        effect: Effect,
    ) -> Self {
        let (kind, what) = match effect {
            Effect::NotReceived => (ErrorKind::Connect, "no connection to the server"),
            _ if source.is_timeout() => {
                (ErrorKind::Interrupted, "the server took too long to answer")
            }
            _ => (
                ErrorKind::Interrupted,
                "the exchange with the server broke off",
            ),
        };
        Self::new(kind, operation, what)
            .with_effect(effect)
            .with_cause(&source)
            .because(source.without_url())
    }

    /// An attempt that reached a time limit; `has_connected` says whether a connection of the client has
    /// ever come up.
    pub(crate) fn timed_out(
        operation: Option<&'static Operation>,
        after: Duration,
        has_connected: bool,
    ) -> Self {
        let what = format!("no complete answer within {}", seconds(after));
        Self::new(ErrorKind::Interrupted, operation, what)
            .with_effect(classify(Failure::TimeLimit(has_connected)))
    }

    /// A call that reached no server.
    #[cfg(feature = "testing")]
    pub(crate) fn unreachable(operation: &'static Operation) -> Self {
        let what = "no connection to the server";
        Self::new(ErrorKind::Connect, Some(operation), what).with_effect(Effect::NotReceived)
    }

    /// A request that was not sent, as the server has refused others with 429.
    pub(crate) fn held_back(operation: Option<&'static Operation>) -> Self {
        let what = "not sent in the time given, as the server asks for fewer requests (429)";
        let mut error =
            Self::new(ErrorKind::Interrupted, operation, what).with_effect(Effect::NotReceived);
        error.0.is_held_back = true;
        error
    }

    /// A guard that did not permit the request.
    pub(crate) fn superseded(source: BoxError) -> Self {
        let what = "the guard of the creation did not permit it";
        let mut error = Self::new(ErrorKind::Superseded, Some(&operations::CREATE_BATCH), what);
        error.0.source = Some(source);
        error
    }

    /// A batch that would have more records than the caller permits.
    pub(crate) fn too_many_records(operation: &'static Operation, count: u64, most: u64) -> Self {
        let what =
            format!("the batch would have {count} records, and `max_records` permits {most}");
        Self::new(ErrorKind::TooManyRecords, Some(operation), what)
    }

    /// A creation of which an earlier request, maybe of another process, has an unknown outcome.
    pub(crate) fn interrupted_creation() -> Self {
        let what = "what became of an earlier request of this creation is unknown";
        Self::new(
            ErrorKind::Interrupted,
            Some(&operations::CREATE_BATCH),
            what,
        )
        .with_effect(Effect::Unknown)
    }

    /// A file that a batch has run already.
    pub(crate) fn file_has_run(operation: &'static Operation, batch: Batch) -> Self {
        let what = format!("the file was run by batch {} already", batch.uuid);
        let mut error = Self::invalid_request(operation, what);
        error.0.candidates = vec![batch];
        error
    }

    /// A creation with more than one batch.
    pub(crate) fn created_twice(batches: Vec<Batch>) -> Self {
        let what = "a second request was sent, and the first one's batch appeared later";
        let mut error = Self::new(
            ErrorKind::CreatedTwice,
            Some(&operations::CREATE_BATCH),
            what,
        )
        .with_effect(Effect::Unknown);
        error.0.candidates = batches;
        error
    }

    pub(crate) fn too_large(operation: Option<&'static Operation>, cap: usize) -> Self {
        let mut error = Self::too_long("the answer", cap);
        error.0.operation = operation;
        error
    }

    pub(crate) fn too_long(what: &str, cap: usize) -> Self {
        let what = format!(
            "{what} is longer than {cap} bytes; raise `max_response_bytes` if that is expected"
        );
        Self::new(ErrorKind::InvalidResponse, None, what).with_effect(Effect::Unknown)
    }

    pub(crate) fn unreadable(
        operation: &'static Operation,
        answer: RawResponse,
        source: &DecodeError,
        hide: Redactor,
    ) -> Self {
        let is_json = source.is_json() && !answer.body.is_empty();
        let trouble = match (is_json, answer.encoding()) {
            (true, _) => format!(
                "field `{}` is not as it should be",
                hide.redact(source.field_path())
            ),
            (false, Some(encoding)) => format!(
                "with the encoding `{}`, which was not asked for",
                hide.redact(encoding)
            ),
            (false, None) => "not with JSON".to_owned(),
        };
        let what = format!("the server answered {}, but {trouble}", answer.status);
        // The reader's own words quote the value, which may be a secret in the wrong place.
        let mut error = Self::new(ErrorKind::InvalidResponse, Some(operation), what)
            .with_effect(classify(Failure::InvalidResponse))
            .because(Words(hide.redact(&source.reason())));
        error.0.field = is_json.then(|| source.field_path().to_owned());
        error.0.answer = Some(answer);
        error.0.hide = hide;
        error
    }

    /// An item of a list that can't be read, whose own error this is of the whole response.
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
            "the server answered {status}, but field `{}`{name} is not as it should be",
            hide.redact(&field)
        );
        let mut error = Self::new(ErrorKind::InvalidResponse, self.0.operation, what)
            .with_effect(self.0.effect)
            .because(Words(hide.redact(&source.reason())));
        error.0.field = Some(field);
        error.0.answer = Some(RawResponse::new(status, headers, json.into()));
        error.0.hide = hide;
        error.0.is_of_item = true;
        error
    }

    /// The body, to keep.
    pub(crate) fn json(&self) -> Option<&Bytes> {
        Some(&self.0.answer.as_ref()?.body)
    }

    /// Returns whether it is about one item of a list.
    pub(crate) fn is_of_item(&self) -> bool {
        self.0.is_of_item
    }

    /// Returns whether a response came whole, as JSON, and a field of it can't be read.
    pub(crate) fn is_of_value(&self) -> bool {
        self.0.kind == ErrorKind::InvalidResponse && self.field_path().is_some()
    }

    pub(crate) fn refused(
        operation: Option<&'static Operation>,
        answer: RawResponse,
        hide: Redactor,
    ) -> Self {
        let kind = match answer.status {
            StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
            _ => ErrorKind::Status,
        };
        let what = format!("the server answered {}", answer.status);
        let mut error = Self::new(kind, operation, what);
        let refusal = Refusal::read(operation, &answer, &hide);
        error.0.effect = classify(Failure::Status(
            answer.status.as_u16(),
            refusal.reason.as_ref(),
        ));
        error.0.refusal = Some(refusal);
        error.0.answer = Some(answer);
        error.0.hide = hide;
        error
    }

    pub(crate) fn deadline(operation: &'static Operation, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::DeadlineExceeded, Some(operation), what)
    }

    /// A search by a name that nothing has.
    pub(crate) fn not_found(operation: &'static Operation, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, Some(operation), what)
    }

    /// A search by a name that several have.
    pub(crate) fn not_unique(operation: &'static Operation, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotUnique, Some(operation), what)
    }

    /// A batch that spent more than its limit, and what went wrong in cancelling it.
    pub(crate) fn credits_exceeded(what: impl Into<String>, failure: Option<Self>) -> Self {
        let error = Self::new(
            ErrorKind::CreditsExceeded,
            Some(&operations::GET_BATCH),
            what,
        );
        match failure {
            Some(failure) => error.because(failure),
            None => error,
        }
    }

    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, None, what)
            .with_cause(&source)
            .because(source)
    }

    pub(crate) fn endless(operation: &'static Operation, what: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidResponse, Some(operation), what)
    }

    /// A link to storage that nothing should be sent to.
    pub(crate) fn bad_link(why: &str) -> Self {
        Self::new(
            ErrorKind::InvalidResponse,
            None,
            format!("the API gave a link to storage that {why}"),
        )
    }

    /// A file that holds no rows, or none that can be read as it is.
    #[cfg(feature = "rows")]
    pub(crate) fn not_rows(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidResponse, None, what)
    }

    /// A transfer to or from storage that ended short of its whole.
    pub(crate) fn incomplete(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Interrupted, None, what).of_storage()
    }

    /// A success of storage that is not what was asked for.
    pub(crate) fn not_the_file(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidResponse, None, what).of_storage()
    }

    /// A refusal of storage, which says why in a code and a message.
    pub(crate) fn refused_by_storage(
        what: String,
        answer: RawResponse,
        code: Option<&str>,
        message: Option<&str>,
    ) -> Self {
        let hide = Redactor::default();
        let mut error = Self::new(ErrorKind::Status, None, what).of_storage();
        error.0.effect = classify(Failure::Status(answer.status.as_u16(), None));
        error.0.refusal = Some(Refusal {
            reason: code.map(|code| Reason::Other(hide.redact(code))),
            data_reason: None,
            message: message.map(|message| hide.redact(message)),
        });
        error.0.answer = Some(answer);
        error
    }

    /// Notes that it is about storage.
    pub(crate) fn of_storage(mut self) -> Self {
        self.0.is_of_storage = true;
        self
    }

    pub(crate) fn because(
        mut self,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        let cause = self.0.cause.map(|cause| cause.to_string());
        if let Some(cause) = cause.or_else(|| io_kind(&source)) {
            self.0.what = format!("{} ({cause})", self.0.what);
        }
        self.0.source = Some(Box::new(source));
        self
    }

    /// Notes which base URL the request went to.
    pub(crate) fn at(mut self, base_url: &str) -> Self {
        self.0.is_base_unusual = !base_url.split('/').any(|part| part == "v1");
        self
    }

    /// Names what it is about.
    pub(crate) fn of(mut self, name: &str) -> Self {
        self.0.what = format!("{name}: {}", self.0.what);
        self
    }

    /// Notes how much was tried before giving up.
    pub(crate) fn after(mut self, attempts: u32, failures: u32, started: Instant) -> Self {
        self.0.attempts = attempts;
        self.0.failures = failures;
        self.0.elapsed = started.elapsed();
        self
    }

    fn with_cause(mut self, source: &(dyn std::error::Error + 'static)) -> Self {
        self.0.cause = Cause::of(source);
        self
    }

    /// Notes that no response of the server has ever come.
    pub(crate) fn of_unheard(mut self) -> Self {
        self.0.is_of_unheard = true;
        self
    }

    /// Notes that it isn't repeated because too many others were.
    pub(crate) fn out_of_budget(mut self) -> Self {
        let note = "not repeated: the budget for retries (`RetryPolicy::budget`) is spent";
        self.0.note.get_or_insert_with(|| note.to_owned());
        self
    }

    fn with_effect(mut self, effect: Effect) -> Self {
        self.0.effect = effect;
        self
    }

    /// Notes the batches that may be what was asked for, and what went wrong in looking for them.
    pub(crate) fn undecided(mut self, candidates: Vec<Batch>, why: Option<Arc<Error>>) -> Self {
        self.0.candidates = candidates;
        self.0.effect = Effect::Unknown;
        self.0.note = why
            .as_ref()
            .map(|why| format!("the search for the batch failed: {why:#}"));
        self.0.is_search_repeatable = why.is_some_and(|why| crate::creation::may_pass(&why));
        self
    }

    /// Notes that it has turned out to have no effect that costs anything, whatever the operation.
    pub(crate) fn without_effect(mut self, note: &str) -> Self {
        if self.0.effect == Effect::Unknown {
            self.0.effect = Effect::NotReceived;
        }
        self.0.note = Some(note.to_owned());
        self
    }

    /// The batch that was made, when the server said so in an answer that can't be read otherwise.
    pub fn created(&self) -> Option<BatchUuid> {
        if self.0.kind != ErrorKind::InvalidResponse {
            return None;
        }
        created_id(self.0.operation?.path_of_batch()?, self.body()?)
    }

    /// Returns the run that was created, when the server said so in a response that can't be read otherwise.
    pub fn created_run(&self) -> Option<RunUuid> {
        if self.0.kind != ErrorKind::InvalidResponse {
            return None;
        }
        created_id(self.0.operation?.path_of_run()?, self.body()?)
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

    /// The body of the answer, whatever it was: JSON, a proxy's page, nothing. Of an item of a list that
    /// can't be read it is the JSON of that item.
    ///
    /// It can hold what you sent, so think before logging it; neither `Debug` nor `Display` show it.
    pub fn body(&self) -> Option<&[u8]> {
        Some(&self.0.answer.as_ref()?.body)
    }

    /// The field that could not be read, such as `batch.nodes[3].config`.
    pub fn field_path(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// Returns how many times the request was sent, refusals with 429 and renewed tokens included.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The time that all attempts took together.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
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

    /// Returns whether the server was never heard of, and for a reason that won't pass.
    pub(crate) fn is_permanent(&self) -> bool {
        self.0.is_of_unheard && self.0.cause.is_some_and(Cause::is_permanent)
    }

    /// The operation may succeed when it is tried again, and trying can do no harm.
    ///
    /// Never true for a creation that may have been acted on: see
    /// [`is_ambiguous`](Self::is_ambiguous).
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

    /// Returns whether trying again, by a machine, can't help: the configuration or the request is wrong, the
    /// server decided, or a person has to choose between the [candidates](Self::candidates).
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

    /// Sending the request again does no harm, whatever became of it.
    fn is_idempotent(&self) -> bool {
        self.0
            .operation
            .is_none_or(|operation| operation.idempotent)
    }

    /// A success without JSON is no answer of the API: something on the way cut it off, or answered
    /// in its place.
    fn is_no_json(&self) -> bool {
        self.is_without_json() && !self.is_encoded()
    }

    /// A success that something on the way has encoded, as it will the next one.
    fn is_encoded(&self) -> bool {
        let answer = self.0.answer.as_ref();
        self.is_without_json() && answer.is_some_and(|answer| answer.encoding().is_some())
    }

    fn is_without_json(&self) -> bool {
        self.0.kind == ErrorKind::InvalidResponse
            && self.body().is_some()
            && self.field_path().is_none()
    }

    /// Returns whether the call may have taken effect although it failed.
    ///
    /// Only operations that are not idempotent can be ambiguous. Don't repeat a creation: a batch may run
    /// and spend credits; [`create_batch_once`](crate::Client::create_batch_once) searches for it. Whether
    /// money is at stake says [`may_have_spent`](Self::may_have_spent).
    pub fn is_ambiguous(&self) -> bool {
        !self.is_idempotent() && self.0.effect == Effect::Unknown
    }

    /// Returns whether something may exist, or exists, that spends credits although the call failed.
    ///
    /// A lost upload is [ambiguous](Self::is_ambiguous) and costs nothing.
    pub fn may_have_spent(&self) -> bool {
        let creates = self
            .0
            .operation
            .is_some_and(|operation| operation.creates.is_some());
        creates && self.is_ambiguous()
    }

    /// When the server asks to be called again: after this long.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(self.headers()?)
    }
}

/// What an item is known by.
#[derive(serde::Deserialize)]
struct Identity {
    uuid: BatchUuid,
}

/// Somebody else's words, fit to be shown.
#[derive(Debug)]
struct Words(String);

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Words {}

/// What kind of trouble the system had, in two or three words, where that says something.
fn io_kind(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    use std::io::ErrorKind::{InvalidData, InvalidInput, Other};
    let kinds =
        sources(error).filter_map(|error| Some(error.downcast_ref::<std::io::Error>()?.kind()));
    let mut named = kinds.filter(|kind| !matches!(kind, InvalidData | InvalidInput | Other));
    // What std has no name for, it calls uncategorized.
    let kind = named.next().map(|kind| kind.to_string());
    kind.filter(|kind| !kind.starts_with("uncategorized"))
}

/// An error and all it comes from; also what is wrapped in an [`std::io::Error`], which is none of its sources.
fn sources<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let wrapped = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    })
}

/// An error with all it comes from, in words.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let first = error.to_string();
    std::iter::successors(error.source(), |error| error.source())
        .fold(first, |text, error| format!("{text}: {error}"))
}

/// Returns whether an idempotent request is sent again after a status.
pub(crate) fn is_transient(status: StatusCode) -> bool {
    // What is not implemented, and another version of HTTP, will be no other the next time.
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502..=504 | 506..=599)
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.0.source.as_deref()?)
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
