//! The attempts of one piece of work: a call, a part, a download.

use std::sync::Arc;
use std::time::Duration;

use crate::client::Inner;
use crate::retry::RetryPolicy;
use crate::time::{Instant, later};
use crate::{Client, Error};

/// Counts attempts, and delays or refuses the next one as the client's [`RetryPolicy`] says.
pub(crate) struct Attempts {
    inner: Arc<Inner>,
    policy: RetryPolicy,
    /// All of them.
    made: u32,
    /// Those that count against the policy.
    counted: u32,
    /// The last one brought something that the next one builds on.
    has_progressed: bool,
    started: Instant,
    deadline: Instant,
}

impl Attempts {
    /// Returns the attempts of a client that may take so long, with the delays between them.
    pub fn within(client: &Client, limit: Duration) -> Self {
        let started = Instant::now();
        Self {
            inner: client.inner.clone(),
            policy: client.retry.clone(),
            made: 0,
            counted: 0,
            has_progressed: false,
            started,
            deadline: later(started, limit),
        }
    }

    /// Returns the attempts of a client whose work may take as long as it makes progress.
    pub fn unlimited(client: &Client) -> Self {
        Self::within(client, Duration::MAX)
    }

    /// Counts attempts that were made.
    pub fn count(&mut self, made: u32) {
        self.made = self.made.saturating_add(made);
        self.counted = self.counted.saturating_add(made);
    }

    /// Notes that the last attempt brought something: the attempts before it no longer count, and the
    /// next one takes nothing from the budget for repeats.
    pub fn progressed(&mut self) {
        self.counted = 1;
        self.has_progressed = true;
    }

    /// Notes a response that was as it should be.
    pub fn succeeded(&self) {
        self.inner.retries.succeeded(&self.policy);
    }

    /// Returns the error with what was tried.
    pub fn note(&self, error: Error) -> Error {
        error.after(self.made, self.started)
    }

    /// Waits until another attempt may be made after an error that one may mend.
    ///
    /// # Errors
    /// The error that was given, where it is [not to be retried](Error::is_retryable), or as
    /// [`pause`](Self::pause).
    pub async fn again(&mut self, error: Error) -> Result<(), Error> {
        if !error.is_retryable() {
            return Err(self.note(error));
        }
        self.pause(error).await
    }

    /// Waits until another attempt may be made, whatever the error was; at least as long as a
    /// `Retry-After` in it asks for.
    ///
    /// # Errors
    /// The error that was given, with what was tried, where the policy, the budget or the deadline
    /// permits no other attempt.
    pub async fn pause(&mut self, error: Error) -> Result<(), Error> {
        let asked = error.retry_after();
        let retries = &self.inner.retries;
        let delay = match std::mem::take(&mut self.has_progressed) {
            true => retries.delay(&self.policy, self.counted, asked),
            false => retries.pause(&self.policy, self.counted, asked),
        };
        match delay {
            Some(delay) if later(Instant::now(), delay) < self.deadline => {
                crate::trace::retrying(delay, &error);
                crate::time::sleep(delay).await;
                Ok(())
            }
            _ => Err(self.note(error)),
        }
    }
}
