//! What can go wrong, for a program to match on and a person to act on.

mod advice;
mod cause;
mod chain;
mod classify;
mod constructors;
mod context;
mod display;
mod kind;
mod questions;
mod refusal;
mod storage;
mod what;

use std::time::Duration;

use cargo_batch_types::Batch;

pub use self::kind::ErrorKind;

use self::cause::Cause;
use self::classify::Effect;
use self::context::{NotRetried, Target};
use self::refusal::Refusal;
use self::what::What;
use crate::operation::Operation;
use crate::redact::Redactor;
use crate::response::RawResponse;

/// The error of everything in this crate.
///
/// Match on [`kind`](Self::kind) and [`reason`](Self::reason). What to do next is a question of its own:
/// [`is_retryable`](Self::is_retryable), [`is_ambiguous`](Self::is_ambiguous),
/// [`may_have_spent`](Self::may_have_spent), [`is_final`](Self::is_final), and [`advice`](Self::advice) for a person.
/// Every call has been retried by its [`RetryPolicy`](crate::RetryPolicy) before it returns an error. The
/// [guide](crate::guide::errors) has a table of all kinds.
///
/// # Messages
///
/// `{}` is one line: the operation, what happened, the attempts, and the advice last. It doesn't repeat the
/// [sources](std::error::Error::source), so that a report of the chain (`anyhow`, `eyre`) says nothing twice. `{:#}`
/// includes them, and so does `{:?}`, which is what a `main` that returns this error prints. `{:#?}` shows the fields.
///
/// None of them shows a token or a signed URL, not even where a server repeats one. A message of the server is cut at
/// 500 characters, and control characters in it are escaped. Only [`body`](Self::body) and
/// [`headers`](Self::headers) are as they were received.
///
/// # Examples
///
/// A decision about retrying by hand, for a call that has to succeed in the end:
///
/// ```no_run
/// # use std::time::Duration;
/// # use cargo_batch_client::{Client, Error, ErrorKind, types::{Batch, CreateBatchRequest}};
/// # async fn alert(_: &Error) {}
/// async fn create(client: &Client, request: CreateBatchRequest) -> Result<Batch, Error> {
///     let mut delay = Duration::from_secs(30);
///     loop {
///         let error = match client.create_batch(request.clone()).await {
///             Ok(response) => return Ok(response.batch),
///             Err(error) => error,
///         };
///         match error.kind() {
///             // A batch may exist and spend credits: a retry could pay for a second one.
///             // `create_batch_once` searches for it, and retries only where there is none.
///             _ if error.is_ambiguous() => return Err(error),
///             // A person has to look after the token.
///             ErrorKind::Unauthorized => alert(&error).await,
///             // Known not to have been acted on: the server is down, or asks for fewer requests.
///             _ if error.is_retryable() => {}
///             _ => return Err(error),
///         }
///         tokio::time::sleep(error.retry_after().unwrap_or(delay)).await;
///         delay = (delay * 2).min(Duration::from_secs(600));
///     }
/// }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: Option<&'static Operation>,
    /// Where the request went to.
    target: Option<Target>,
    /// What the error is about, such as a batch or a download.
    subject: Option<String>,
    what: What,
    /// What kind of failure the system reported.
    io_kind: Option<String>,
    refusal: Option<Refusal>,
    response: Option<RawResponse>,
    /// The field that could not be read.
    field: Option<String>,
    attempts: u32,
    /// Those of them that failed, and count against the policy.
    failures: u32,
    elapsed: Duration,
    /// How many bytes of a transfer had arrived, and of how many.
    position: Option<(u64, Option<u64>)>,
    /// What the request can have done.
    effect: Effect,
    candidates: Vec<Batch>,
    /// A search has not shown what became of a creation.
    is_undecided: bool,
    /// The search failed in a way that may pass.
    is_search_repeatable: bool,
    /// How the search failed.
    search_failure: Option<String>,
    /// Why a request that may be retried was not.
    not_retried: Option<NotRetried>,
    /// What else there is to say.
    note: Option<String>,
    hide: Redactor,
    /// It is about storage, where no token is sent and no id known.
    is_of_storage: bool,
    /// It is about one item of a list.
    is_of_item: bool,
    /// It is about the length of a response.
    is_too_long: bool,
    /// A transfer can't be resumed.
    is_unresumable: bool,
    /// A signed URL may have expired, and was not issued for this very request.
    is_url_old: bool,
    /// A time limit was reached.
    is_timeout: bool,
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

impl Error {
    fn new(kind: ErrorKind, operation: Option<&'static Operation>, what: What) -> Self {
        Self(Box::new(Inner {
            kind,
            operation,
            target: None,
            subject: None,
            what,
            io_kind: None,
            refusal: None,
            response: None,
            field: None,
            attempts: 0,
            failures: 0,
            elapsed: Duration::ZERO,
            position: None,
            effect: Effect::Decided,
            candidates: Vec::new(),
            is_undecided: false,
            is_search_repeatable: false,
            search_failure: None,
            not_retried: None,
            note: None,
            hide: Redactor::default(),
            is_of_storage: false,
            is_of_item: false,
            is_too_long: false,
            is_unresumable: false,
            is_url_old: false,
            is_timeout: false,
            is_base_unusual: false,
            cause: None,
            is_of_unheard: false,
            is_held_back: false,
            source: None,
        }))
    }

    fn text(
        kind: ErrorKind,
        operation: Option<&'static Operation>,
        what: impl Into<String>,
    ) -> Self {
        Self::new(kind, operation, What::Text(what.into()))
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
