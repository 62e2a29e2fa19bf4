//! What a batch has cost.

use std::fmt;

use cargo_batch_types::{Batch, GetRunMetricsRequest, RunMetric};

use crate::{Client, Error, ErrorKind};

/// The price of an execution of a node, in credits.
const EXECUTION: f64 = 0.01;

/// What a batch has cost, as far as it can be known of one batch; returned by
/// [`BatchHandle::cost`](crate::BatchHandle::cost).
///
/// Printed, it says what is counted and what isn't.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Cost {
    /// Credits that providers charge: `creditsUsedCount` of the batch.
    pub provider_credits: f64,
    /// Executions of nodes that ended in success or in an error, at 0.01 credit each. `None` where their number is
    /// unknown: the server gives no metrics, or metrics that are behind the batch.
    pub executions: Option<u64>,
    /// Executions of nodes that were cancelled or skipped. Unknown: whether they are charged, too; they aren't
    /// counted here.
    pub unclear_executions: u64,
    /// Whether the batch had finished. Before that it goes on spending.
    pub is_final: bool,
}

impl Cost {
    /// Returns the credits for executions of nodes, at 0.01 each; `None` where their number is unknown.
    pub fn execution_credits(&self) -> Option<f64> {
        self.executions.map(credits)
    }

    /// Returns all credits that are counted, those of providers and those for executions; `None` where the number of
    /// executions is unknown.
    pub fn total(&self) -> Option<f64> {
        self.execution_credits()
            .map(|executions| self.provider_credits + executions)
    }

    /// Asks for the metrics of a batch.
    pub(crate) async fn of(client: &Client, batch: &Batch) -> Result<Self, Error> {
        let request = GetRunMetricsRequest::new(batch.workflow_uuid).batch(batch.uuid);
        let metrics = match client.get_run_metrics(request).await {
            Ok(response) => response.run_metrics,
            // A server that gives none takes nothing from what the batch itself says.
            Err(error) if error.kind() == ErrorKind::Status && !error.is_retryable() => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Self::new(batch, &metrics))
    }

    fn new(batch: &Batch, metrics: &[RunMetric]) -> Self {
        let sum = |count: fn(&RunMetric) -> [u64; 2]| {
            let counts = metrics.iter().flat_map(count);
            counts.fold(0, u64::saturating_add)
        };
        let ended = sum(|of| [of.success_executions_count, of.error_executions_count]);
        Self {
            provider_credits: batch.credits_used_count,
            // Every run that was executed has executed a node.
            executions: Some(ended).filter(|ended| *ended >= batch.executed_runs_count),
            unclear_executions: sum(|of| {
                [of.cancelled_executions_count, of.skipped_executions_count]
            }),
            is_final: batch.is_finished(),
        }
    }
}

fn credits(executions: u64) -> f64 {
    executions as f64 * EXECUTION
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let so_far = if self.is_final { "" } else { " so far" };
        let providers = self.provider_credits;
        match (self.executions, self.execution_credits(), self.total()) {
            (Some(count), Some(executions), Some(total)) => write!(
                f,
                "{total:.2} credits{so_far}: {providers:.2} provider credits and {executions:.2} for {count} executions \
                 of nodes"
            )?,
            _ => write!(
                f,
                "{providers:.2} provider credits{so_far}; not counted are executions of nodes, at 0.01 credit each: \
                 their number is unknown"
            )?,
        }
        if self.unclear_executions > 0 {
            let count = self.unclear_executions;
            write!(
                f,
                "; not counted are {count} cancelled or skipped executions, {:.2} credits if they are charged",
                credits(count)
            )?;
        }
        Ok(())
    }
}
