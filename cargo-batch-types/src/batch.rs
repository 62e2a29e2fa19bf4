//! How a batch stands, in the words of the person who waits for it.

use std::fmt;

use crate::{Batch, BatchStatus, Run};

/// How a batch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Every run went well.
    Succeeded,
    /// The batch came to its end, but some of its runs failed.
    PartlyFailed {
        /// Runs that failed.
        failed: u64,
        /// Runs in all.
        runs: u64,
    },
    /// The batch itself failed; the message is the server's.
    Failed(Option<String>),
    /// It was cancelled; runs that had ended before keep their results.
    Cancelled,
    /// There was nothing to do.
    Skipped,
    /// It has finished in a way this crate has no word for.
    Other(BatchStatus),
}

impl Outcome {
    /// Nothing failed: [`Succeeded`](Self::Succeeded) or [`Skipped`](Self::Skipped).
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
    /// Nothing will change any more: its status is terminal, or it has a time of finishing (which
    /// also ends a status newer than this crate).
    pub fn is_finished(&self) -> bool {
        self.status.is_terminal() || self.finished_at.is_some()
    }

    /// How it ended; nothing while it goes on.
    ///
    /// A batch with the status `success` can have failed runs: this tells the two apart.
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
    /// Nothing will change any more.
    pub fn is_finished(&self) -> bool {
        self.status.is_terminal() || self.finished_at.is_some()
    }
}
