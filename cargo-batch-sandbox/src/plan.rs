//! What will happen to a batch, decided when it is created.
//!
//! Nothing moves a batch: how it stands at a moment follows from its plan and the moment.

use cargo_batch_types::{BatchStatus, RunUuid};
use chrono::{DateTime, Utc};

use crate::clock::seconds;
use crate::world::random_uuid;

/// The life of a batch.
#[derive(Clone, Debug)]
pub struct Plan {
    created: DateTime<Utc>,
    querying: DateTime<Utc>,
    running: DateTime<Utc>,
    /// One for each record, in the order of the records.
    pub runs: Vec<RunPlan>,
    /// When runs end, in order, with what they add up to by then.
    sums: Vec<Sum>,
    cancelled: Option<DateTime<Utc>>,
}

/// The life of a run.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// Its id.
    pub uuid: RunUuid,
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// Why it fails, if it does.
    pub failure: Option<&'static str>,
    /// What it costs, in hundredths of a credit.
    pub cents: u64,
}

#[derive(Clone, Debug)]
struct Sum {
    end: DateTime<Utc>,
    failed: u64,
    cents: u64,
}

/// How a batch stands at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Its status.
    pub status: BatchStatus,
    /// Runs that have been born.
    pub runs: u64,
    /// Runs that have ended.
    pub executed: u64,
    /// Runs that have failed.
    pub failed: u64,
    /// Hundredths of credits used.
    pub cents: u64,
    /// When it ended.
    pub finished: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated: DateTime<Utc>,
}

const FAILURES: [&str; 4] = [
    "Email not found",
    "Rate limited by the provider, retries exhausted",
    "The company has no website",
    "The provider timed out after 30 s",
];

/// How long a cancellation takes.
const CANCELLING: f64 = 3.0;

/// Runs under way at once.
const LANES: usize = 10;

impl Plan {
    pub fn new(random: &mut fastrand::Rng, created: DateTime<Utc>, fails: &[Option<bool>]) -> Self {
        let querying = created + seconds(2.0 + random.f64());
        let running = querying + seconds(3.0 + 2.0 * random.f64());
        let mut lanes = [running; LANES];
        let mut runs = Vec::with_capacity(fails.len());
        for (n, fails) in fails.iter().enumerate() {
            let lane = &mut lanes[n % LANES];
            let start = *lane;
            let end = start + seconds(2.0 + 12.0 * random.f64());
            *lane = end;
            let chance = random.f64() < 0.06;
            let why = FAILURES[random.usize(..FAILURES.len())];
            let failure = fails.unwrap_or(chance).then_some(why);
            let cents = if failure.is_some() {
                1
            } else {
                random.u64(2..=62)
            };
            runs.push(RunPlan {
                uuid: random_uuid(random).into(),
                start,
                end,
                failure,
                cents,
            });
        }
        let sums = sums(&runs);
        Self {
            created,
            querying,
            running,
            runs,
            sums,
            cancelled: None,
        }
    }

    /// When the last run ends, and the batch with it.
    fn end(&self) -> DateTime<Utc> {
        self.sums.last().map_or(self.running, |sum| sum.end) + seconds(1.0)
    }

    /// Stops it, unless it has ended.
    pub fn cancel(&mut self, now: DateTime<Utc>) {
        self.cancelled.get_or_insert(now);
    }

    /// How it stands.
    pub fn at(&self, now: DateTime<Utc>) -> Standing {
        // Runs that have not ended when it is cancelled never do.
        let seen = self.cancelled.map_or(now, |cancelled| now.min(cancelled));
        let ended = self.sums.partition_point(|sum| sum.end <= seen);
        let (failed, cents, last) = match ended.checked_sub(1) {
            Some(last) => (
                self.sums[last].failed,
                self.sums[last].cents,
                self.sums[last].end,
            ),
            None => (0, 0, self.created),
        };
        let (status, since) = self.status(now);
        Standing {
            runs: if seen >= self.running {
                self.runs.len() as u64
            } else {
                0
            },
            executed: ended as u64,
            failed,
            cents,
            finished: status.is_terminal().then_some(since),
            updated: since.max(last),
            status,
        }
    }

    /// Its status, and since when.
    fn status(&self, now: DateTime<Utc>) -> (BatchStatus, DateTime<Utc>) {
        if let Some(cancelled) = self.cancelled {
            let end = cancelled + seconds(CANCELLING);
            return match now >= end {
                true => (BatchStatus::Cancelled, end),
                false => (BatchStatus::Cancelling, cancelled),
            };
        }
        match now {
            now if now >= self.end() => (BatchStatus::Success, self.end()),
            now if now >= self.running => (BatchStatus::Running, self.running),
            now if now >= self.querying => (BatchStatus::Querying, self.querying),
            _ => (BatchStatus::Pending, self.created),
        }
    }

    /// When a run was stopped by the cancellation of its batch.
    pub fn cut(&self, run: &RunPlan) -> Option<DateTime<Utc>> {
        self.cancelled.filter(|cancelled| run.end > *cancelled)
    }
}

fn sums(runs: &[RunPlan]) -> Vec<Sum> {
    let mut ends: Vec<&RunPlan> = runs.iter().collect();
    ends.sort_by_key(|run| run.end);
    let mut total = (0, 0);
    ends.into_iter()
        .map(|run| {
            total.0 += u64::from(run.failure.is_some());
            total.1 += run.cents;
            Sum {
                end: run.end,
                failed: total.0,
                cents: total.1,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::at;

    #[test]
    fn counters_only_grow_and_add_up_at_every_moment() {
        for seed in 0..50 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut plan = Plan::new(&mut random, at(0), &[None; 80]);
            if seed % 2 == 1 {
                plan.cancel(at(random.i64(0..90_000)));
            }
            let mut before = plan.at(at(0));
            for moment in (0..200_000).step_by(700) {
                let now = plan.at(at(moment));
                assert!(
                    now.failed <= now.executed && now.executed <= now.runs,
                    "{now:?}"
                );
                assert!(now.executed >= before.executed && now.cents >= before.cents);
                assert!(now.updated >= before.updated);
                assert_eq!(now.finished.is_some(), now.status.is_terminal());
                assert!(!before.status.is_terminal() || now == before);
                before = now;
            }
            assert!(before.status.is_terminal());
        }
    }
}
