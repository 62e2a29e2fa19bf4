//! How often batches are polled, and which errors end that.

use std::time::Duration;

use crate::operation::Waiter;
use crate::time::Instant;
use crate::{Client, Error, ErrorKind, operations};

/// How long a server is polled that responds with nothing but errors.
const PATIENCE: Duration = Duration::from_secs(600);

/// So many polls in a row must say that there is no such batch: a server that has several databases may
/// not see it at once.
pub(crate) const ABSENT_POLLS: u32 = 3;

/// How long a poll may take that begins at a deadline, or shortly before it.
const LAST_POLL: Duration = Duration::from_millis(900);

/// Returns when a poll that begins after a delay is given up for a deadline.
pub(crate) fn poll_until(deadline: Instant, delay: Duration) -> Instant {
    deadline.max(Instant::now() + delay + LAST_POLL)
}

/// The interval the specification gives for a batch of so many runs, watched for so long.
pub(crate) fn pace(watched_for: Duration, runs: u64) -> Duration {
    const USUAL: Duration = Duration::from_secs(5);
    match &operations::GET_BATCH.waiter {
        Some(Waiter {
            slow: Some(slow), ..
        }) if watched_for >= slow.after && runs >= slow.from_runs => slow.interval,
        Some(waiter) => waiter.interval,
        None => USUAL,
    }
}

/// How long a server asks to be left alone, within reason.
pub(crate) fn asked(error: &Error) -> Duration {
    error.retry_after().unwrap_or_default().min(PATIENCE)
}

/// Returns whether the server says that there is no such batch.
pub(crate) fn is_absence(error: &Error) -> bool {
    let is_status = |status: reqwest::StatusCode| matches!(status.as_u16(), 404 | 410);
    let reason = error.reason().map(|reason| reason.as_str());
    error.kind() == ErrorKind::Refused
        && (error.status().is_some_and(is_status) || reason == Some("batchNotFound"))
}

/// Which errors are waited through: those that may pass. Each has been repeated by its call already.
#[derive(Default)]
pub(crate) struct Patience {
    failing_since: Option<Instant>,
    has_succeeded: bool,
}

impl Patience {
    /// Returns whether to go on after an error.
    pub fn bears(&mut self, client: &Client, error: &Error) -> bool {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        // Where nothing was ever heard, the address, the certificate or the proxy is wrong.
        let is_heard = error.status().is_some() || client.inner.http.has_connected();
        let has_no_token = error.kind() == ErrorKind::Unauthorized && error.status().is_none();
        let may_pass = error.is_retryable() && is_heard || has_no_token && self.has_succeeded;
        may_pass && since.elapsed() < PATIENCE
    }

    /// Notes that a poll has succeeded.
    pub fn restore(&mut self) {
        self.failing_since = None;
        self.has_succeeded = true;
    }
}
