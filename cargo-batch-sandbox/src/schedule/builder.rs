//! Builds a schedule from the seed, the graph and the records.

use std::borrow::Cow;

use cargo_batch_types::{BatchStatus, Record};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Plan, RunPlan, Step};
use crate::clock::seconds;
use crate::fixtures::random_uuid;
use crate::graph::Graph;
use crate::outcome::Outcomes;

/// What a batch goes through.
#[derive(Clone, Debug)]
pub enum Way {
    /// It finds its records, and runs them.
    Query,
    /// It brings a segment up to date first, then runs what has changed.
    Sync,
    /// It brings a segment up to date, and finds nothing to do.
    Skip,
    /// It is a run that belongs to no batch: it starts at once.
    Alone,
    /// It brings a segment up to date or searches for its records, and can't.
    Fail(BatchStatus, Cow<'static, str>),
}

/// Where a run starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this node of the graph.
    At(usize),
    /// Nowhere: there is nothing left to do for it.
    Nowhere,
}

const FAILURES: [&str; 4] = [
    "Email not found",
    "Rate limited by the provider, retries exhausted",
    "The company has no website",
    "The provider timed out after 30 s",
];

/// Runs under way at once.
const LANES: usize = 10;

/// Which share of the runs fails by chance.
const FAILING: f64 = 0.06;

/// Which share of the records a filter node lets through.
const PASSING: f64 = 0.85;

impl Plan {
    /// Decides everything.
    pub fn new<'a>(
        random: &mut fastrand::Rng,
        created: DateTime<Utc>,
        way: Way,
        graph: &Graph,
        records: impl Iterator<Item = (&'a Record, Start)>,
        outcomes: Option<&Outcomes>,
    ) -> Self {
        let mut begin = created + seconds(2.0 + random.f64());
        let mut then = begin + seconds(3.0 + 2.0 * random.f64());
        let mut free = then;
        if matches!(way, Way::Alone) {
            (begin, then, free) = (created, created, begin);
        }
        let (first, last, error) = match way {
            Way::Query | Way::Alone => (BatchStatus::Querying, BatchStatus::Running, None),
            Way::Sync => (BatchStatus::Syncing, BatchStatus::Running, None),
            Way::Skip => (BatchStatus::Syncing, BatchStatus::Skipped, None),
            Way::Fail(first, why) => (first, BatchStatus::Error, Some(why)),
        };
        let phases = vec![
            (created, BatchStatus::Pending),
            (begin, first),
            (then, last.clone()),
        ];
        let mut plan = Self {
            phases,
            error,
            runs: Vec::new(),
            steps: Vec::new(),
            sums: Vec::new(),
            end: then,
            cancelled: None,
        };
        if last == BatchStatus::Running {
            let mut lanes = [(then, free); LANES];
            for (n, (record, start)) in records.enumerate() {
                let (queued, free) = &mut lanes[n % LANES];
                let outcome = outcomes.map(|outcomes| outcomes.of(record));
                let run = plan.run(random, graph, (record, outcome), start, (*queued, *free));
                (*queued, *free) = (run.start, run.end);
                plan.runs.push(run);
            }
            plan.add_up();
        }
        plan
    }

    fn run(
        &mut self,
        random: &mut fastrand::Rng,
        graph: &Graph,
        (record, outcome): (&Record, Option<Result<Record, String>>),
        start: Start,
        (queued, free): (DateTime<Utc>, DateTime<Utc>),
    ) -> RunPlan {
        let first = self.steps.len();
        let uuid = random_uuid(random).into();
        let chance = random.f64() < FAILING;
        let (decided, output, why) = match outcome {
            None => (flag(record, "fail"), None, None),
            Some(Ok(output)) => (Some(false), Some(output), None),
            Some(Err(why)) => (Some(true), None, Some(why)),
        };
        let fails = decided.unwrap_or(chance);
        let skipped = start == Start::Nowhere || flag(record, "skip") == Some(true);
        let (end, mut failure) = match start {
            Start::At(node) if !skipped => {
                let always = decided == Some(true);
                self.walk(random, graph, node, (fails, always), free)
            }
            _ => (free, None),
        };
        if let Some(why) = why
            && failure.is_some()
        {
            failure = Some(why.into());
            if let Some(last) = self.steps.last_mut() {
                last.failure.clone_from(&failure);
            }
        }
        RunPlan {
            uuid,
            queued,
            start: free,
            end,
            steps: first..self.steps.len(),
            failure,
            output,
            skipped,
            cut: None,
        }
    }

    /// From node to node, until the end or a failure.
    fn walk(
        &mut self,
        random: &mut fastrand::Rng,
        graph: &Graph,
        first: usize,
        (mut fails, always): (bool, bool),
        mut time: DateTime<Utc>,
    ) -> (DateTime<Utc>, Option<Cow<'static, str>>) {
        let mut node = Some(first);
        while let Some(here) = node {
            let start = time;
            let works = graph.works(here);
            let takes = match works {
                true => 2.0 + 10.0 * random.f64(),
                false => 0.1 + 0.4 * random.f64(),
            };
            time = start + seconds(takes);
            let why = FAILURES[random.usize(..FAILURES.len())];
            let price = random.u32(2..=62);
            let (mut child, mut next) = next(random, graph, here);
            // A way without a node that works fails where it ends.
            let failure: Option<Cow<'static, str>> =
                (fails && (works || next.is_none())).then_some(why.into());
            if failure.is_some() {
                (child, next) = (None, graph.fallback(here));
                fails = always;
            }
            self.steps.push(Step {
                node: here,
                child,
                next,
                start,
                end: time,
                cents: match (works, &failure) {
                    (false, _) => 0,
                    (true, None) => price,
                    (true, Some(_)) => 1,
                },
                failure: failure.clone(),
            });
            if failure.is_some() && next.is_none() {
                return (time, failure);
            }
            node = next;
        }
        (time, None)
    }
}

/// Where a run goes on, and as which child.
fn next(random: &mut fastrand::Rng, graph: &Graph, node: usize) -> (Option<usize>, Option<usize>) {
    let children = graph.children(node);
    let is = |slug| {
        graph
            .nodes()
            .get(node)
            .is_some_and(|node| crate::graph::is_native(node, slug))
    };
    if children.is_empty() || is("filter") && random.f64() >= PASSING {
        return (None, None);
    }
    let child = random.usize(..children.len());
    (Some(child), children[child])
}

/// A record can say itself whether its run fails, or is skipped.
fn flag(record: &Record, field: &str) -> Option<bool> {
    match record.get(field)? {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => Some(matches!(text.as_str(), "true" | "yes" | "1")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::at;
    use crate::fixtures::{Catalog, Fixtures};

    fn records(count: usize) -> Vec<Record> {
        vec![Record::default(); count]
    }

    fn plan(seed: u64, way: Way) -> Plan {
        let fixtures = Fixtures::new(seed);
        let catalog = Catalog::new(&fixtures);
        let graph = &catalog
            .release(fixtures.branching_release_uuid)
            .unwrap()
            .graph;
        let mut random = fastrand::Rng::with_seed(seed);
        let records = records(80);
        let starts = records
            .iter()
            .map(|record| (record, Start::At(graph.start())));
        Plan::new(&mut random, at(0), way, graph, starts, None)
    }

    #[test]
    fn counters_only_grow_and_add_up_at_every_moment() {
        for seed in 0..60 {
            let way = match seed % 4 {
                0 => Way::Sync,
                1 => Way::Skip,
                2 => Way::Fail(BatchStatus::Querying, "no".into()),
                _ => Way::Query,
            };
            let mut plan = plan(seed, way);
            let mut random = fastrand::Rng::with_seed(seed);
            let stop = random.i64(0..90_000);
            let some = random.i64(0..90_000);
            let mut before = plan.at(at(0));
            for moment in (0..400_000).step_by(700) {
                if seed % 3 == 0 && (stop..stop + 700).contains(&moment) {
                    plan.cancel(at(moment));
                }
                if seed % 2 == 0 && (some..some + 700).contains(&moment) {
                    plan.cancel_runs(&[3, 4, 40, 79, 500], at(moment));
                }
                let now = plan.at(at(moment));
                assert!(now.failed <= now.executed && now.executed <= now.runs);
                assert!(now.executed >= before.executed && now.cents >= before.cents);
                assert!(now.updated >= before.updated, "{before:?} {now:?}");
                assert_eq!(now.finished.is_some(), now.status.is_terminal());
                assert!(!before.status.is_terminal() || now == before);
                let runs = plan.runs(at(moment));
                let ended = runs
                    .iter()
                    .filter(|run| {
                        let status = run.at(at(moment)).status;
                        matches!(status.as_str(), "success" | "error")
                    })
                    .count();
                assert_eq!(now.executed, ended as u64);
                let open = runs
                    .iter()
                    .filter(|run| run.at(at(moment)).finished.is_none());
                assert!(!now.status.is_terminal() || open.count() == 0);
                before = now;
            }
            assert!(before.status.is_terminal(), "{before:?}");
        }
    }
}
