//! What will happen to a batch, decided when it is created.
//!
//! Nothing moves a batch: its state at a moment follows from its schedule and the moment. A
//! cancellation changes the plan from that moment on.

mod builder;
mod run;

use std::borrow::Cow;

use cargo_batch_types::BatchStatus;
use chrono::{DateTime, Utc};

use crate::clock::seconds;
pub use builder::{Start, Way};
pub use run::{RunPlan, RunStanding, Step};

/// The life of a batch.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it goes through before its runs, or instead of them, and since when.
    phases: Vec<(DateTime<Utc>, BatchStatus)>,
    /// Why it ends in an error, if it does.
    error: Option<Cow<'static, str>>,
    /// One for each record, in the order of the records; none if it doesn't come to its records.
    runs: Vec<RunPlan>,
    /// The steps of all runs, each run's together.
    steps: Vec<Step>,
    /// When something is counted, in order, with what it adds up to by then.
    sums: Vec<Sum>,
    /// When the last run ends, and the batch with it.
    end: DateTime<Utc>,
    cancelled: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug)]
struct Sum {
    time: DateTime<Utc>,
    executed: u64,
    failed: u64,
    cents: u64,
    nodes: u64,
}

/// The state of a batch at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Its status.
    pub status: BatchStatus,
    /// Runs that have been born.
    pub runs: u64,
    /// Runs that have ended, well or badly.
    pub executed: u64,
    /// Runs that have failed.
    pub failed: u64,
    /// What providers have charged, in hundredths of a credit.
    pub cents: u64,
    /// Executions of nodes that have ended, which cost a hundredth each besides.
    pub nodes: u64,
    /// When it ended.
    pub finished: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated: DateTime<Utc>,
}

/// How long a cancellation takes, in seconds.
const CANCELLING: f64 = 3.0;

impl Plan {
    /// When it comes to its records, if it does.
    pub fn born(&self) -> Option<DateTime<Utc>> {
        let (since, status) = self.phases.last()?;
        let stopped = self.cancelled.is_some_and(|cancelled| cancelled < *since);
        (*status == BatchStatus::Running && !stopped).then_some(*since)
    }

    /// The runs that there are at a moment.
    pub fn runs(&self, now: DateTime<Utc>) -> &[RunPlan] {
        match self.born() {
            Some(born) if now >= born => &self.runs,
            _ => &[],
        }
    }

    /// The runs that there will be.
    pub fn planned(&self) -> impl Iterator<Item = &RunPlan> {
        self.runs.iter()
    }

    /// The steps of a run.
    pub fn steps(&self, run: &RunPlan) -> &[Step] {
        self.steps.get(run.steps.clone()).unwrap_or_default()
    }

    /// What it will have cost at its end, in hundredths of a credit, executions of nodes included.
    pub fn total(&self) -> u64 {
        match self.born() {
            Some(_) => self.sums.last().map_or(0, |sum| sum.cents + sum.nodes),
            None => 0,
        }
    }

    /// Why it ended in an error.
    pub fn error(&self, now: DateTime<Utc>) -> Option<&str> {
        let failed = self.status(now).0 == BatchStatus::Error;
        self.error.as_deref().filter(|_| failed)
    }

    /// Stops it and the runs that have not ended, unless it has been before.
    pub fn cancel(&mut self, now: DateTime<Utc>) {
        if self.cancelled.is_none() && !self.at(now).status.is_terminal() {
            self.cancelled = Some(now);
            for run in 0..self.runs.len() {
                self.cut(run, now);
            }
            self.add_up();
        }
    }

    /// Stops single runs, those that have not ended; says whether there were any.
    pub fn cancel_runs(&mut self, runs: &[usize], now: DateTime<Utc>) -> bool {
        let mut any = false;
        for run in runs {
            any |= self.cut(*run, now);
        }
        if any {
            self.add_up();
        }
        any
    }

    fn cut(&mut self, run: usize, now: DateTime<Utc>) -> bool {
        let Some(run) = self.runs.get_mut(run) else {
            return false;
        };
        let under_way = run.cut.is_none() && now < run.end;
        if under_way {
            run.cut = Some(now);
        }
        under_way
    }

    /// Returns its state at a moment.
    pub fn at(&self, now: DateTime<Utc>) -> Standing {
        let runs = self.runs(now).len();
        let (status, since) = self.status(now);
        let counted = self.sums.partition_point(|sum| sum.time <= now);
        let sum = counted
            .checked_sub(1)
            .and_then(|last| self.sums.get(last))
            .filter(|_| runs > 0);
        Standing {
            runs: runs as u64,
            executed: sum.map_or(0, |sum| sum.executed),
            failed: sum.map_or(0, |sum| sum.failed),
            cents: sum.map_or(0, |sum| sum.cents),
            nodes: sum.map_or(0, |sum| sum.nodes),
            finished: status.is_terminal().then_some(since),
            updated: sum.map_or(since, |sum| sum.time.max(since)),
            status,
        }
    }

    /// Its status, and since when.
    fn status(&self, now: DateTime<Utc>) -> (BatchStatus, DateTime<Utc>) {
        if let Some(cancelled) = self.cancelled.filter(|cancelled| now >= *cancelled) {
            let end = cancelled + seconds(CANCELLING);
            return match now >= end {
                true => (BatchStatus::Cancelled, end),
                false => (BatchStatus::Cancelling, cancelled),
            };
        }
        let come_to = self.phases.iter().rev().find(|(since, _)| now >= *since);
        match come_to.or_else(|| self.phases.first()) {
            Some((_, BatchStatus::Running)) if now >= self.end => (BatchStatus::Success, self.end),
            Some((since, status)) => (status.clone(), *since),
            None => (BatchStatus::Pending, now),
        }
    }

    /// Counts again after the runs have changed.
    fn add_up(&mut self) {
        let mut events: Vec<Sum> = Vec::with_capacity(self.steps.len() + self.runs.len());
        let mut end = self.phases.last().map_or(self.end, |(since, _)| *since);
        for run in &self.runs {
            let counted = |time, executed, failed| Sum {
                time,
                executed: u64::from(executed),
                failed: u64::from(failed),
                cents: 0,
                nodes: 0,
            };
            let ended = |step: &&Step| run.cut.is_none_or(|cut| step.end <= cut);
            let steps = self.steps.get(run.steps.clone()).unwrap_or_default();
            events.extend(steps.iter().filter(ended).map(|step| Sum {
                cents: u64::from(step.cents),
                nodes: 1,
                ..counted(step.end, false, false)
            }));
            let ended = match run.cut {
                Some(cut) => {
                    events.push(counted(cut, false, false));
                    cut + seconds(CANCELLING)
                }
                None => run.end,
            };
            let executed = run.cut.is_none() && !run.skipped;
            events.push(counted(ended, executed, executed && run.failure.is_some()));
            end = end.max(ended);
        }
        events.sort_by_key(|event| event.time);
        let mut total = (0, 0, 0, 0);
        for event in &mut events {
            total.0 += event.executed;
            total.1 += event.failed;
            total.2 += event.cents;
            total.3 += event.nodes;
            (event.executed, event.failed, event.cents, event.nodes) = total;
        }
        self.sums = events;
        self.end = end + seconds(1.0);
    }
}
