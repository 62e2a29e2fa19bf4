//! The list of batches.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::{self, RawQuery};
use cargo_batch_types::{
    BatchDataKind, BatchStatus, BatchUuid, NodeUuid, ReleaseUuid, RunUuid, WorkflowUuid,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ApiResult, page};
use crate::faults::mix;
use crate::refusal::Refusal;
use crate::settings::ListOrder;
use crate::state::{App, Batch, State};
use crate::views;

/// The order is not documented: see [`ListOrder`].
pub async fn list(
    extract::State(app): extract::State<App>,
    RawQuery(query): RawQuery,
) -> ApiResult {
    let wanted = RunFilter::read(query.as_deref().unwrap_or_default())?;
    let mut state = app.state();
    state.lists += 1;
    let now = app.now();
    let all = ordered(&state, now);
    let matching = all.into_iter().filter(|batch| wanted.is_met_by(batch, now));
    let batches: Vec<Value> = page(matching, wanted.limit, wanted.offset)
        .into_iter()
        .map(|batch| views::batch(batch, app.fixtures(), now))
        .collect();
    Ok(Json(json!({ "batches": batches })))
}

/// All batches, in the order of the list. Those that are alike in it come newest first.
fn ordered(state: &State, now: DateTime<Utc>) -> Vec<&Batch> {
    let created = |batch: &&Batch| batch.clock.at(batch.created);
    let batches = state.batches.iter().rev();
    let mut all: Vec<&Batch> = batches.filter(|batch| !batch.is_alone).collect();
    match state.settings.order {
        ListOrder::NewestFirst => all.sort_by_key(|batch| Reverse(created(batch))),
        ListOrder::OldestFirst => {
            all.reverse();
            all.sort_by_key(created);
        }
        ListOrder::UpdatedFirst => all.sort_by_cached_key(|batch| {
            let updated = batch.plan.at(now).updated;
            Reverse(batch.clock.at(updated))
        }),
        ListOrder::Shuffled => all.sort_by_cached_key(|batch| place(batch, 0)),
        ListOrder::ShuffledEachTime => {
            all.sort_by_cached_key(|batch| place(batch, state.lists));
        }
    }
    all
}

/// Where a batch is in an order by chance.
fn place(batch: &Batch, order: u64) -> u64 {
    let (one, other) = Uuid::from(batch.uuid).as_u64_pair();
    mix(one ^ other, order)
}

/// The filters of the list.
#[derive(Default)]
struct RunFilter {
    uuids: Vec<BatchUuid>,
    workflows: Vec<WorkflowUuid>,
    release: Option<ReleaseUuid>,
    parent_batch: Option<BatchUuid>,
    parent_run: Option<RunUuid>,
    parent_node: Option<NodeUuid>,
    statuses: Vec<BatchStatus>,
    has_runs: Option<bool>,
    skipped: Option<bool>,
    finished: Option<bool>,
    kinds: Vec<String>,
    not_kinds: Vec<String>,
    limit: Option<u64>,
    offset: Option<u64>,
}

impl RunFilter {
    fn read(query: &str) -> Result<Self, Refusal> {
        let mut wanted = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = Parameter {
                name: &name,
                value: &value,
            };
            match &*name {
                "uuids[]" => wanted.uuids.push(value.read("a uuid")?),
                "workflowUuids[]" => wanted.workflows.push(value.read("a uuid")?),
                "releaseUuid" => wanted.release = Some(value.read("a uuid")?),
                "parentBatchUuid" => wanted.parent_batch = Some(value.read("a uuid")?),
                "parentRunUuid" => wanted.parent_run = Some(value.read("a uuid")?),
                "parentNodeUuid" => wanted.parent_node = Some(value.read("a uuid")?),
                "statuses[]" => match value.value.into() {
                    BatchStatus::Unknown(_) => return Err(value.is_not("a status of batches")),
                    status => wanted.statuses.push(status),
                },
                "hasRuns" => wanted.has_runs = Some(value.read("true or false")?),
                "isSkipped" => wanted.skipped = Some(value.read("true or false")?),
                "isFinished" => wanted.finished = Some(value.read("true or false")?),
                "includedDataKinds[]" => wanted.kinds.push(value.data_kind()?),
                "excludedDataKinds[]" => wanted.not_kinds.push(value.data_kind()?),
                "limit" => wanted.limit = Some(value.whole()?),
                "offset" => wanted.offset = Some(value.whole()?),
                _ => return Err(Refusal::malformed(format!("There is no parameter {name}."))),
            }
        }
        Ok(wanted)
    }

    fn is_met_by(&self, batch: &Batch, now: DateTime<Utc>) -> bool {
        fn any<T: PartialEq>(wanted: &[T], is: &T) -> bool {
            wanted.is_empty() || wanted.contains(is)
        }
        fn is<T: PartialEq>(wanted: Option<T>, is: Option<T>) -> bool {
            wanted.is_none() || wanted == is
        }
        let kind = batch.kind();
        let of_kind = |kinds: &[String]| kinds.iter().any(|wanted| wanted == kind);
        let itself = any(&self.uuids, &batch.uuid)
            && any(&self.workflows, &batch.workflow)
            && is(self.release, batch.release)
            && is(self.parent_batch, batch.parent.batch)
            && is(self.parent_run, batch.parent.run)
            && is(self.parent_node, batch.parent.node)
            && (self.kinds.is_empty() || of_kind(&self.kinds))
            && !of_kind(&self.not_kinds);
        if !itself {
            return false;
        }
        let standing = batch.plan.at(now);
        let skipped = standing.status == BatchStatus::Skipped;
        any(&self.statuses, &standing.status)
            && is(self.finished, Some(standing.finished.is_some()))
            && is(self.has_runs, Some(standing.runs > 0))
            && is(self.skipped, Some(skipped))
    }
}

/// A parameter of the query.
struct Parameter<'a> {
    name: &'a str,
    value: &'a str,
}

impl Parameter<'_> {
    fn read<T: std::str::FromStr>(&self, what: &str) -> Result<T, Refusal> {
        self.value.parse().map_err(|_| self.is_not(what))
    }

    /// A whole number; one that is too large for us is as large as can be.
    fn whole(&self) -> Result<u64, Refusal> {
        let digits = !self.value.is_empty() && self.value.bytes().all(|byte| byte.is_ascii_digit());
        match self.value.parse() {
            Err(_) if digits => Ok(u64::MAX),
            read => read.map_err(|_| self.is_not("a whole number")),
        }
    }

    fn data_kind(&self) -> Result<String, Refusal> {
        match self.value.into() {
            BatchDataKind::Unknown(_) => Err(self.is_not("a kind of data")),
            kind => Ok(kind.as_str().to_owned()),
        }
    }

    fn is_not(&self, what: &str) -> Refusal {
        let Self { name, value } = self;
        Refusal::malformed(format!("{name}: {value:?} is not {what}."))
    }
}
