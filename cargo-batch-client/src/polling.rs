//! How often batches are polled, and which errors end that.

use std::time::Duration;

use crate::attempts::Attempts;
use crate::operation::Waiter;
use crate::time::{Instant, bounded};
use crate::{Client, Error, ErrorKind, operations};

/// How long a server is polled that responds with nothing but errors.
const MAX_OUTAGE: Duration = Duration::from_secs(600);

/// So many polls in a row must report that there is no such batch: a server that has several databases may
/// not see it at once.
pub(crate) const ABSENT_POLLS: u32 = 3;

/// How long a poll may take that begins at a deadline, or shortly before it.
const LAST_POLL: Duration = Duration::from_millis(900);

/// Returns when a poll that begins after a delay is abandoned for a deadline.
pub(crate) fn poll_until(deadline: Instant, delay: Duration) -> Instant {
    deadline.max(Instant::now() + delay + LAST_POLL)
}

/// Returns the interval of the specification for a batch of so many runs, watched for so long.
pub(crate) fn poll_interval(watched_for: Duration, runs: u64) -> Duration {
    const USUAL: Duration = Duration::from_secs(5);
    match &operations::GET_BATCH.waiter {
        Some(Waiter {
            slow: Some(slow), ..
        }) if watched_for >= slow.after && runs >= slow.from_runs => slow.interval,
        Some(waiter) => waiter.interval,
        None => USUAL,
    }
}

/// Returns whether the server reports that there is no such batch.
pub(crate) fn is_absence(error: &Error) -> bool {
    let is_status = |status: reqwest::StatusCode| matches!(status.as_u16(), 404 | 410);
    let reason = error.reason().map(|reason| reason.as_str());
    error.kind() == ErrorKind::Status
        && (error.status().is_some_and(is_status) || reason == Some("batchNotFound"))
}

/// By how much the interval grows while polls fail, jitter not included: no poll is later than twice it.
const SLOWER: f64 = 1.8;

/// Decides which errors of polls are tolerated: those that may pass. Each has been retried by its call already.
pub(crate) struct ErrorTolerance {
    attempts: Attempts,
    failing_since: Option<Instant>,
    has_succeeded: bool,
}

impl ErrorTolerance {
    pub fn new(client: &Client) -> Self {
        Self {
            attempts: Attempts::unlimited(client),
            failing_since: None,
            has_succeeded: false,
        }
    }

    /// Returns how long to wait at least before the next poll.
    ///
    /// # Errors
    /// The error that was given, with what was attempted since the last success, where it isn't tolerated.
    pub fn tolerates(&mut self, client: &Client, error: Error) -> Result<Duration, Error> {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        self.attempts.count_call(&error);
        // Where the server has never responded, the address, the certificate or the proxy is wrong.
        let is_heard = !error.is_of_unheard();
        let has_no_token = error.kind() == ErrorKind::Unauthorized && error.status().is_none();
        let may_pass = error.is_retryable() && is_heard || has_no_token && self.has_succeeded;
        if !may_pass || !self.attempts.may_repeat() || since.elapsed() >= MAX_OUTAGE {
            return Err(self.attempts.note(error));
        }
        let asked = error.retry_after().unwrap_or_default();
        Ok(client.inner.retries.jittered(asked.min(MAX_OUTAGE)))
    }

    /// Returns the delay between two polls.
    pub fn delay(&self, client: &Client, interval: Duration) -> Duration {
        let interval = match self.failing_since {
            Some(_) => bounded(interval).mul_f64(SLOWER),
            None => interval,
        };
        client.inner.retries.jitter(interval)
    }

    /// Notes that a poll of a client has succeeded.
    pub fn reset(&mut self, client: &Client) {
        if self.failing_since.take().is_some() {
            self.attempts = Attempts::unlimited(client);
        }
        self.has_succeeded = true;
    }
}
