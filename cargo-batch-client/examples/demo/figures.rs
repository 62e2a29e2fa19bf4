//! Figures, as a person reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use cargo_batch_client::types::{Batch, BatchStatus};
use indicatif::HumanDuration;
use tokio::time::Instant;

/// How far a batch is, what providers have charged so far, and how long it may take.
pub fn progress(batch: &Batch, left: Option<Duration>) -> String {
    let (done, runs) = (batch.executed_runs_count, batch.runs_count);
    if runs == 0 {
        return "no runs yet".to_owned();
    }
    let (percent, failed) = (percent(done, runs), batch.failed_runs_count);
    let credits = batch.credits_used_count;
    let mut text = format!(
        "{done:>4} of {runs} runs ({percent:>3} %), {failed} failed, {credits:.2} provider credits"
    );
    if let Some(left) = left {
        text.push_str(&format!(", about {:#} left", HumanDuration(left)));
    }
    text
}

/// Rounded down: 100 is all of it.
pub fn percent(done: u64, all: u64) -> u64 {
    u64::try_from(u128::from(done) * 100 / u128::from(all.max(1))).unwrap_or(u64::MAX)
}

/// Failures by their reason, the most frequent first.
pub fn grouped(reasons: impl IntoIterator<Item = Option<String>>) -> Vec<(String, usize)> {
    let mut counts = BTreeMap::new();
    for reason in reasons {
        let reason = reason.unwrap_or_else(|| "no reason given".to_owned());
        *counts.entry(reason).or_insert(0) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    // A stable sort: reasons that are as frequent stay in the order of the alphabet.
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// How fast runs end, from the first look at the batch on that showed it running.
#[derive(Default)]
pub struct Pace {
    first: Option<(Instant, u64)>,
}

impl Pace {
    /// How long the rest takes if it goes on like this; nothing while there is nothing to go by.
    pub fn left(&mut self, batch: &Batch, now: Instant) -> Option<Duration> {
        if batch.status != BatchStatus::Running {
            return None;
        }
        let done = batch.executed_runs_count;
        let (since, before) = *self.first.get_or_insert((now, done));
        let ended = done.checked_sub(before).filter(|ended| *ended > 0)?;
        let open = batch
            .runs_count
            .checked_sub(done)
            .filter(|open| *open > 0)?;
        let took = now.saturating_duration_since(since).as_secs_f64();
        Duration::try_from_secs_f64(took / ended as f64 * open as f64).ok()
    }
}
