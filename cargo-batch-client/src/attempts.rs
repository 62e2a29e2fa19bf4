//! The attempts of one job: a call, a search, a part, a download, a watch.

use std::sync::Arc;
use std::time::Duration;

use crate::client::Inner;
use crate::retry::RetryPolicy;
use crate::time::{Instant, later};
use crate::{Client, Error};

/// How soon a call that was refused with 429 is sent again, at the earliest. How fast all calls are sent
/// together is up to the [gate](crate::gate::Gate); this keeps a single one from being always the next.
const REFUSED: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(400)];

/// What share of its interval a poll that was refused waits at first.
const POLL_SHARE: u32 = 16;

/// Counts attempts, and delays or refuses the next one as the client's [`RetryPolicy`] says.
pub(crate) struct Attempts {
    inner: Arc<Inner>,
    policy: RetryPolicy,
    /// How often a watch polls, where this is a poll.
    interval: Option<Duration>,
    /// How long the client permits a call to take.
    overall: Duration,
    /// All requests that were sent.
    sent: u32,
    /// The failures that count against the policy.
    failures: u32,
    /// The refusals with 429, and the connections that failed, since the last success.
    refusals: u32,
    lost: u32,
    /// The last one brought something that the next one builds on.
    has_progressed: bool,
    /// The last delay was taken from the budget.
    is_charged: bool,
    started: Instant,
    deadline: Instant,
    /// Since when there were only errors that don't count.
    failing_since: Option<Instant>,
    /// The last refusal with 429.
    refusal: Option<Error>,
}

/// What a failure says about the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// It works, and asks for fewer requests.
    Throttled,
    /// It has been heard from before, and can't be reached now.
    NoConnection,
    /// It is broken, or isn't there at all.
    Failure,
}

impl Attempts {
    /// Returns the attempts of a client that may take so long, with the delays between them.
    pub fn within(client: &Client, limit: Duration) -> Self {
        let started = Instant::now();
        Self {
            inner: client.inner.clone(),
            policy: client.retry.clone(),
            interval: client.polling,
            overall: client.timing.overall,
            sent: 0,
            failures: 0,
            refusals: 0,
            lost: 0,
            has_progressed: false,
            is_charged: false,
            started,
            deadline: later(started, limit),
            failing_since: None,
            refusal: None,
        }
    }

    /// Returns the attempts of a client whose work may take as long as it makes progress.
    pub fn unlimited(client: &Client) -> Self {
        Self::within(client, Duration::MAX)
    }

    /// Returns when the last attempt must have ended.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns how many requests were sent.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// Counts requests that are sent.
    pub fn count(&mut self, sent: u32) {
        self.sent = self.sent.saturating_add(sent);
    }

    /// Counts what was tried for an error that a call ended with.
    pub fn count_call(&mut self, error: &Error) {
        self.count(error.attempts().max(1));
        // One more is counted where it is repeated.
        let failures = error.failures().saturating_sub(1);
        self.failures = self.failures.saturating_add(failures);
        let now = Instant::now();
        let began = now.checked_sub(error.elapsed()).unwrap_or(now);
        self.failing_since.get_or_insert(began);
    }

    /// Notes that the last attempt brought something: the attempts before it no longer count, and the
    /// next one takes nothing from the budget for retries.
    pub fn progressed(&mut self) {
        (self.failures, self.refusals, self.lost) = (0, 0, 0);
        self.failing_since = None;
        self.has_progressed = true;
    }

    /// Notes a response that was as it should be.
    pub fn succeeded(&mut self) {
        (self.refusals, self.lost) = (0, 0);
        self.failing_since = None;
        let charged = std::mem::take(&mut self.is_charged);
        self.inner.retries.succeeded(charged);
    }

    /// Returns the error with what was tried.
    pub fn note(&self, error: Error) -> Error {
        error.after(self.sent, self.failures, self.started)
    }

    /// Returns whether the policy permits that anything is repeated.
    pub fn may_repeat(&self) -> bool {
        self.policy.max_attempts > 1
    }

    /// Waits until another attempt may be made after an error that one may mend.
    ///
    /// # Errors
    /// The error that was given, where it is [not to be retried](Error::is_retryable), or as
    /// [`pause`](Self::pause).
    pub async fn again(&mut self, error: Error) -> Result<(), Error> {
        if !error.is_retryable() {
            self.failures = self.failures.saturating_add(1);
            return Err(self.note(error));
        }
        self.pause(error).await
    }

    /// Waits until another attempt may be made, whatever the error was; at least as long as a
    /// `Retry-After` in it asks for.
    ///
    /// A 429, and a connection that fails although the server has responded before, is repeated as long as
    /// there is time, and takes nothing from the budget.
    ///
    /// # Errors
    /// The error that was given, with what was tried, where the policy, the budget or the deadline
    /// permits no other attempt.
    pub async fn pause(&mut self, error: Error) -> Result<(), Error> {
        if error.is_held_back() {
            // It was counted before; and what it is held back for says more.
            self.sent = self.sent.saturating_sub(1);
            let refusal = self.refusal.take();
            let refusal = refusal.map(|refusal| refusal.out_of_time(None, self.overall));
            return Err(self.note(refusal.unwrap_or(error)));
        }
        let asked = error.retry_after();
        let has_progressed = std::mem::take(&mut self.has_progressed);
        let cause = Cause::of(&error);
        let inner = self.inner.clone();
        let retries = &inner.retries;
        let delay = match cause {
            Cause::Throttled => {
                self.refusals = self.refusals.saturating_add(1);
                let [first, most] = match self.interval {
                    Some(interval) => [interval / POLL_SHARE, interval.saturating_mul(2)],
                    None => REFUSED,
                };
                retries.delay(first, most, self.refusals)
            }
            Cause::NoConnection => {
                self.lost = self.lost.saturating_add(1);
                retries.backoff(&self.policy, self.lost)
            }
            Cause::Failure => {
                self.failures = self.failures.saturating_add(1);
                retries.backoff(&self.policy, self.failures)
            }
        };
        let delay = match asked {
            Some(asked) => delay.max(retries.jittered(asked)),
            None => delay,
        };
        let is_over = match cause {
            Cause::Failure => self.failures >= self.policy.max_attempts || error.is_permanent(),
            Cause::Throttled | Cause::NoConnection => !self.may_repeat(),
        };
        let is_too_long = asked.is_some_and(|asked| asked > self.policy.max_retry_after);
        let is_late = later(Instant::now(), delay) >= self.give_up_at(cause);
        if is_over || is_too_long || is_late {
            let error = match asked {
                _ if is_over => error,
                Some(asked) if is_too_long => {
                    error.asked_too_long(asked, self.policy.max_retry_after)
                }
                asked => error.out_of_time(asked, self.overall),
            };
            return Err(self.note(error));
        }
        if cause == Cause::Failure && !has_progressed {
            if !retries.take() {
                return Err(self.note(error.out_of_budget()));
            }
            self.is_charged = true;
        }
        crate::trace::retrying(delay, &error);
        self.refusal = (cause == Cause::Throttled).then_some(error);
        crate::time::sleep(delay).await;
        Ok(())
    }

    /// Returns when nothing is repeated any more: what doesn't count is repeated no longer than one call may
    /// take, also where the work has no end.
    fn give_up_at(&mut self, cause: Cause) -> Instant {
        if cause == Cause::Failure {
            return self.deadline;
        }
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        self.deadline.min(later(since, self.overall))
    }
}

impl Cause {
    fn of(error: &Error) -> Self {
        match () {
            () if error.is_throttled() => Self::Throttled,
            () if error.has_lost_connection() => Self::NoConnection,
            () => Self::Failure,
        }
    }
}
