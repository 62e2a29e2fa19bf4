//! The state and the outcome of a batch.

use std::fmt;

use crate::{Batch, BatchStatus, Run};

/// How a batch ended; returned by [`Batch::outcome`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Every run succeeded.
    Succeeded,
    /// The batch has finished, but some of its runs failed.
    PartlyFailed {
        /// The number of runs that failed.
        failed: u64,
        /// The number of all runs.
        runs: u64,
    },
    /// The batch itself failed; the message is the server's.
    Failed(Option<String>),
    /// The batch was cancelled; runs that had finished before keep their results.
    Cancelled,
    /// There was nothing to do.
    Skipped,
    /// The batch has finished with a status that is newer than this crate.
    Other(BatchStatus),
}

impl Outcome {
    /// Returns whether nothing failed: [`Succeeded`](Self::Succeeded) or [`Skipped`](Self::Skipped).
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Skipped)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded => f.write_str("succeeded"),
            Self::PartlyFailed { failed, runs } => {
                write!(f, "finished, but {failed} of {runs} runs failed")
            }
            Self::Failed(Some(message)) => write!(f, "failed: {message}"),
            Self::Failed(None) => f.write_str("failed"),
            Self::Cancelled => f.write_str("was cancelled"),
            Self::Skipped => f.write_str("was skipped: there was nothing to do"),
            Self::Other(status) => write!(f, "finished with the status {status}"),
        }
    }
}

impl Batch {
    /// Returns whether the batch has finished and won't change any more.
    ///
    /// That is so when its status is terminal, or [`finished_at`](Self::finished_at) is set, which also ends a status that
    /// is newer than this crate.
    pub fn is_finished(&self) -> bool {
        self.status.is_terminal() || self.finished_at.is_some()
    }

    /// Returns how the batch ended; `None` while it is running.
    ///
    /// A batch with the status [`Success`](BatchStatus::Success) can have failed runs: the outcome distinguishes the two.
    ///
    /// ```
    /// use cargo_batch_types::{Batch, Outcome};
    ///
    /// fn has_failed_runs(batch: &Batch) -> bool {
    ///     matches!(batch.outcome(), Some(Outcome::PartlyFailed { .. }))
    /// }
    /// ```
    pub fn outcome(&self) -> Option<Outcome> {
        if !self.is_finished() {
            return None;
        }
        Some(match &self.status {
            BatchStatus::Success if self.failed_runs_count == 0 => Outcome::Succeeded,
            BatchStatus::Success => Outcome::PartlyFailed {
                failed: self.failed_runs_count,
                runs: self.runs_count,
            },
            BatchStatus::Error => Outcome::Failed(self.error_message.clone()),
            BatchStatus::Cancelled => Outcome::Cancelled,
            BatchStatus::Skipped => Outcome::Skipped,
            other => Outcome::Other(other.clone()),
        })
    }
}

impl Run {
    /// Returns whether the run has finished and won't change any more.
    pub fn is_finished(&self) -> bool {
        self.status.is_terminal() || self.finished_at.is_some()
    }
}
