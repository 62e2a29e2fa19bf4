//! The life of a run.

use std::borrow::Cow;
use std::ops::Range;

use cargo_batch_types::{Record, RunStatus, RunUuid};
use chrono::{DateTime, Utc};

use super::CANCELLING;
use crate::clock::seconds;

/// The life of a run, from the birth of its batch's runs on.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// Its id.
    pub uuid: RunUuid,
    /// When it is its turn next.
    pub queued: DateTime<Utc>,
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// Its place among the steps of the plan.
    pub steps: Range<usize>,
    /// Why it fails, if it does; then its last step does.
    pub failure: Option<Cow<'static, str>>,
    /// What it puts out, where that was decided for this record.
    pub output: Option<Record>,
    /// It ends as it starts, with nothing done.
    pub skipped: bool,
    /// When it was cancelled.
    pub cut: Option<DateTime<Utc>>,
}

/// The time a run spends at a node.
#[derive(Clone, Debug)]
pub struct Step {
    /// The node's place in the graph.
    pub node: usize,
    /// Which child the run goes on with, counted from 0.
    pub child: Option<usize>,
    /// Where the run goes on.
    pub next: Option<usize>,
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// What it costs, in hundredths of a credit.
    pub cents: u32,
    /// Why the node fails, if it does.
    pub failure: Option<Cow<'static, str>>,
}

/// The state of a run at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct RunStanding {
    /// Its status.
    pub status: RunStatus,
    /// When it ended.
    pub finished: Option<DateTime<Utc>>,
}

impl RunPlan {
    /// Returns its state at a moment.
    pub fn at(&self, now: DateTime<Utc>) -> RunStanding {
        let under_way = |status| RunStanding {
            status,
            finished: None,
        };
        let ended = |status, time| RunStanding {
            status,
            finished: Some(time),
        };
        if let Some(cut) = self.cut.filter(|cut| now >= *cut) {
            let end = cut + seconds(CANCELLING);
            return match now >= end {
                true => ended(RunStatus::Cancelled, end),
                false => under_way(RunStatus::Cancelling),
            };
        }
        match now {
            now if now >= self.end && self.skipped => ended(RunStatus::Skipped, self.end),
            now if now >= self.end && self.failure.is_some() => ended(RunStatus::Error, self.end),
            now if now >= self.end => ended(RunStatus::Success, self.end),
            now if now >= self.start => under_way(RunStatus::Running),
            now if now >= self.queued => under_way(RunStatus::Pending),
            _ => under_way(RunStatus::Idle),
        }
    }

    /// The moment after which nothing more is done.
    pub fn seen(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.cut.map_or(now, |cut| now.min(cut))
    }
}
