//! Runs at a moment, without writing them down.

mod filter;

use std::borrow::Cow;

use cargo_batch_types::{ExecutionStatus, Node, Record, RunStatus};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::graph::is_native;
use crate::schedule::{RunPlan, RunStanding, Step};
use crate::state::{Batch, State};
pub use filter::RunFilter;

/// A run at a moment.
#[derive(Clone, Copy)]
pub struct RunView<'a> {
    pub batch: &'a Batch,
    plan: &'a RunPlan,
    record: &'a Record,
    pub now: DateTime<Utc>,
}

/// The passage of a run through a node.
#[derive(Clone, Copy)]
pub struct ExecutionView<'a> {
    pub node: &'a Node,
    pub step: &'a Step,
    /// The moment after which nothing happens any more in the run.
    seen: DateTime<Utc>,
}

impl<'a> RunView<'a> {
    /// All runs of a batch that have been born.
    pub fn all(batch: &'a Batch, now: DateTime<Utc>) -> impl Iterator<Item = Self> {
        let runs = batch.plan.runs(now).iter().zip(&batch.records);
        runs.map(move |(plan, record)| Self {
            batch,
            plan,
            record,
            now,
        })
    }

    /// The run of this place in its batch, once it has been born.
    pub fn at(state: &'a State, (batch, run): (usize, usize), now: DateTime<Utc>) -> Option<Self> {
        let batch = state.batches.get(batch)?;
        Some(Self {
            batch,
            plan: batch.plan.runs(now).get(run)?,
            record: batch.records.get(run)?,
            now,
        })
    }

    pub fn plan(&self) -> &'a RunPlan {
        self.plan
    }

    pub fn record(&self) -> &'a Record {
        self.record
    }

    pub fn standing(&self) -> RunStanding {
        self.plan.at(self.now)
    }

    /// When it was born, with all the runs of its batch.
    pub fn created(&self) -> DateTime<Utc> {
        self.batch.plan.born().unwrap_or(self.batch.created)
    }

    /// When it last changed.
    pub fn updated(&self) -> DateTime<Utc> {
        let standing = self.standing();
        let steps = self
            .executions()
            .map(|one| one.ended().unwrap_or(one.step.start));
        let queued = (self.plan.queued <= self.now).then_some(self.plan.queued);
        let cut = self.plan.cut.filter(|cut| *cut <= self.now);
        let known = [standing.finished, queued, cut];
        let times = steps.chain(known.into_iter().flatten());
        times
            .max()
            .unwrap_or_else(|| self.created())
            .max(self.created())
    }

    /// The record's own id, or that of the run.
    pub fn record_id(&self) -> Cow<'a, str> {
        named(self.record, "id").unwrap_or_else(|| self.plan.uuid.to_string().into())
    }

    /// What the record is called: its email, its name, or its first text.
    pub fn record_title(&self) -> Cow<'a, str> {
        let text = || {
            self.record
                .values()
                .find_map(Value::as_str)
                .map(Cow::Borrowed)
        };
        named(self.record, "email")
            .or_else(|| named(self.record, "name"))
            .or_else(text)
            .unwrap_or_else(|| self.record_id())
    }

    /// The nodes it has come to, in order.
    pub fn executions(&self) -> impl Iterator<Item = ExecutionView<'a>> + use<'a> {
        let seen = self.plan.seen(self.now);
        let nodes = self.batch.graph.nodes();
        let steps = self.batch.plan.steps(self.plan).iter();
        steps
            .take_while(move |step| step.start <= seen)
            .filter_map(move |step| {
                let node = nodes.get(step.node)?;
                Some(ExecutionView { node, step, seen })
            })
    }

    /// Whether it has spread items through a group node.
    pub fn is_group_parent(&self) -> bool {
        self.executions().any(|one| is_native(one.node, "group"))
    }

    /// Why it failed, once it has.
    pub fn failure(&self) -> Option<&'a str> {
        let failed = self.standing().status == RunStatus::Error;
        self.plan.failure.as_deref().filter(|_| failed)
    }

    /// What a node put out: what the last node that works, up to it, made of the record.
    ///
    /// Without a slug that of the node executed last; nothing where the run failed or did not come.
    pub fn output(&self, slug: Option<&str>) -> Option<Record> {
        if slug.is_none() && self.standing().status != RunStatus::Success {
            return None;
        }
        let mut made = None;
        for execution in self.executions() {
            let works = self.batch.graph.works(execution.step.node);
            if execution.status() != ExecutionStatus::Success {
                made = made.filter(|_| slug.is_none());
            } else if works || made.is_none() {
                made = Some(match works {
                    true => self.made(execution.step),
                    false => self.record.clone(),
                });
            }
            if slug == Some(&execution.node.slug) {
                return made.filter(|_| execution.status() == ExecutionStatus::Success);
            }
        }
        made.filter(|_| slug.is_none())
    }

    /// What a working node makes of a record.
    fn made(&self, step: &Step) -> Record {
        if let Some(output) = &self.plan.output {
            return output.clone();
        }
        let score = f64::from(step.cents * 37 % 100) / 100.0;
        let checked = crate::clock::written(step.end);
        Record::from_iter([
            ("sandbox_score", Value::from(score)),
            ("sandbox_checked_at", Value::from(checked)),
        ])
    }
}

impl ExecutionView<'_> {
    /// When it ended.
    pub fn ended(&self) -> Option<DateTime<Utc>> {
        (self.step.end <= self.seen).then_some(self.step.end)
    }

    pub fn status(&self) -> ExecutionStatus {
        match (self.ended(), &self.step.failure) {
            (None, _) => ExecutionStatus::Pending,
            (Some(_), Some(_)) => ExecutionStatus::Error,
            (Some(_), None) => ExecutionStatus::Success,
        }
    }

    /// What it has cost, in hundredths of a credit.
    pub fn cents(&self) -> u64 {
        self.ended().map_or(0, |_| u64::from(self.step.cents))
    }

    /// Why it failed, once it has.
    pub fn failure(&self) -> Option<&str> {
        let failure = self.step.failure.as_deref();
        failure.filter(|_| self.ended().is_some())
    }

    /// A short title of its result, once it has succeeded.
    pub fn title(&self) -> Option<String> {
        if self.status() != ExecutionStatus::Success {
            return None;
        }
        let route = self
            .step
            .child
            .filter(|_| self.node.children_uuids.len() > 1);
        Some(match route {
            Some(child) => format!("Route {}", child + 1),
            None => format!("{} done", self.node.slug),
        })
    }

    pub fn last_changed(&self) -> DateTime<Utc> {
        self.ended().unwrap_or(self.step.start)
    }
}

fn named<'a>(record: &'a Record, field: &str) -> Option<Cow<'a, str>> {
    match record.get(field)? {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Null => None,
        other => Some(Cow::Owned(other.to_string())),
    }
}
