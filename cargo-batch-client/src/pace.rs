//! How often batches are looked at, and for how long errors are put up with.

use std::time::Duration;

use crate::operation::Waiter;
use crate::time::Instant;
use crate::{Error, operations};

/// How long a server is asked on that answers nothing but errors.
const PATIENCE: Duration = Duration::from_secs(600);

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

/// Patience with errors that may pass. Each has been repeated by its call already.
#[derive(Default)]
pub(crate) struct Patience {
    failing_since: Option<Instant>,
}

impl Patience {
    /// Whether to go on after an error.
    pub fn bears(&mut self, error: &Error) -> bool {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        error.is_retryable() && since.elapsed() < PATIENCE
    }

    /// Begins anew: there was an answer.
    pub fn restore(&mut self) {
        self.failing_since = None;
    }
}
