//! Batches.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use cargo_batch_types::{
    BatchStatus, BatchUuid, CreateBatchRequest, DownloadBatchRequest, Record, WorkflowUuid,
};
use serde_json::{Value, json};

use super::{Answer, page, read};
use crate::data::select;
use crate::refusal::Refusal;
use crate::state::{App, Batch};
use crate::storage::sign;
use crate::views;
use crate::world::World;

pub async fn create(State(app): State<App>, body: Bytes) -> Answer {
    let request: CreateBatchRequest = read(&body)?;
    let world = app.world();
    let workflow = request.workflow_uuid;
    if request.release_uuid.is_some() && request.nodes.is_some() {
        let message = "Give a release or nodes, not both.";
        return Err(Refusal::reason("invalidReleaseOrCustomNodes", message));
    }
    let known = [world.play_workflow_uuid, world.tool_workflow_uuid];
    if workflow.is_some_and(|workflow| !known.contains(&workflow)) {
        return Err(Refusal::reason(
            "workflowNotFound",
            "There is no such workflow.",
        ));
    }
    let now = app.now();
    let mut state = app.state();
    let selected = select(&request.data, workflow, world, &mut state)?;
    let workflow = workflow.unwrap_or_else(|| WorkflowUuid::from(state.id()));
    let release = request.release_uuid.unwrap_or(world.release_uuid);
    let batch = state.create(workflow, release, now, selected.returned, selected.records);
    Ok(Json(json!({ "batch": views::batch(batch, world, now) })))
}

pub async fn get(State(app): State<App>, Path(uuid): Path<String>) -> Answer {
    let now = app.now();
    with(&app, &uuid, |batch| {
        Ok(Json(
            json!({ "batch": views::batch(batch, app.world(), now) }),
        ))
    })
}

pub async fn cancel(State(app): State<App>, Path(uuid): Path<String>) -> Answer {
    let now = app.now();
    with(&app, &uuid, |batch| {
        if batch.plan.at(now).status.is_terminal() {
            return Err(Refusal::reason(
                "batchAlreadyFinished",
                "The batch has finished.",
            ));
        }
        batch.plan.cancel(now);
        Ok(Json(json!({})))
    })
}

pub async fn download(State(app): State<App>, Path(uuid): Path<String>, body: Bytes) -> Answer {
    let request: DownloadBatchRequest = read(&body)?;
    if let Some(slug) = &request.output_node_slug
        && !World::slugs().contains(&slug.as_str())
    {
        return Err(Refusal::missing(format!("Node {slug} not found.")));
    }
    let now = app.now();
    let csv = with(&app, &uuid, |batch| {
        if !batch.plan.at(now).status.is_terminal() {
            return Err(Refusal::reason(
                "batchNotFinished",
                "The batch has not finished.",
            ));
        }
        results(batch)
    })?;
    let s3_filename = app.state().store("results.csv", "text/csv", csv.into());
    Ok(Json(json!({ "url": sign(&app, "file", &s3_filename, 0) })))
}

/// Each record with what came of it. The names of the columns are the sandbox's choice: the real
/// ones are not documented.
fn results(batch: &Batch) -> Result<Vec<u8>, Refusal> {
    let wrong = |error: csv::Error| Refusal::missing(error.to_string());
    let mut columns: Vec<&String> = Vec::new();
    for (_, record) in batch.runs() {
        let new: Vec<_> = record
            .keys()
            .filter(|column| !columns.contains(column))
            .collect();
        columns.extend(new);
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    let own = ["score", "checked_at", "_status", "_error_message"];
    writer
        .write_record(columns.iter().map(|column| column.as_str()).chain(own))
        .map_err(wrong)?;
    for (run, record) in batch.runs() {
        let ended = batch.plan.cut(run).is_none();
        let failure = run.failure.filter(|_| ended);
        let output = match ended && failure.is_none() {
            true => views::output(run),
            false => Record::default(),
        };
        let status = match (ended, failure) {
            (false, _) => "cancelled",
            (true, Some(_)) => "error",
            (true, None) => "success",
        };
        let mut row: Vec<String> = columns
            .iter()
            .map(|column| cell(record.get(*column)))
            .collect();
        row.extend([cell(output.get("score")), cell(output.get("checked_at"))]);
        row.extend([status.to_owned(), failure.unwrap_or_default().to_owned()]);
        writer.write_record(&row).map_err(wrong)?;
    }
    writer
        .into_inner()
        .map_err(|error| Refusal::missing(error.to_string()))
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Answer {
    let wanted = Wanted::read(query.as_deref().unwrap_or_default())?;
    let now = app.now();
    let state = app.state();
    let matching = state
        .batches
        .iter()
        .rev()
        .filter(|batch| wanted.is_met_by(batch, now));
    let batches: Vec<Value> = page(matching, wanted.limit, wanted.offset)
        .into_iter()
        .map(|batch| views::batch(batch, app.world(), now))
        .collect();
    Ok(Json(json!({ "batches": batches })))
}

/// The filters of a list.
#[derive(Default)]
struct Wanted {
    uuids: Vec<BatchUuid>,
    workflows: Vec<WorkflowUuid>,
    statuses: Vec<BatchStatus>,
    kinds: Vec<String>,
    not_kinds: Vec<String>,
    finished: Option<bool>,
    has_runs: Option<bool>,
    skipped: Option<bool>,
    release: Option<String>,
    /// The sandbox has no batches within batches.
    has_parent: bool,
    limit: Option<u64>,
    offset: Option<u64>,
}

impl Wanted {
    fn read(query: &str) -> Result<Self, Refusal> {
        let mut wanted = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let wrong = |what: &str| Refusal::malformed(format!("{name}: {value:?} is not {what}"));
            let flag = || value.parse::<bool>().map_err(|_| wrong("true or false"));
            let number = || value.parse::<u64>().map_err(|_| wrong("a whole number"));
            match &*name {
                "uuids[]" => wanted
                    .uuids
                    .push(value.parse().map_err(|_| wrong("a uuid"))?),
                "workflowUuids[]" => wanted
                    .workflows
                    .push(value.parse().map_err(|_| wrong("a uuid"))?),
                "statuses[]" => wanted.statuses.push(value.as_ref().into()),
                "includedDataKinds[]" => wanted.kinds.push(value.into_owned()),
                "excludedDataKinds[]" => wanted.not_kinds.push(value.into_owned()),
                "isFinished" => wanted.finished = Some(flag()?),
                "hasRuns" => wanted.has_runs = Some(flag()?),
                "isSkipped" => wanted.skipped = Some(flag()?),
                "releaseUuid" => wanted.release = Some(value.into_owned()),
                "parentBatchUuid" | "parentRunUuid" | "parentNodeUuid" => wanted.has_parent = true,
                "limit" => wanted.limit = Some(number()?),
                "offset" => wanted.offset = Some(number()?),
                _ => return Err(Refusal::malformed(format!("There is no parameter {name}."))),
            }
        }
        Ok(wanted)
    }

    fn is_met_by(&self, batch: &Batch, now: chrono::DateTime<chrono::Utc>) -> bool {
        fn any<T: PartialEq>(wanted: &[T], is: &T) -> bool {
            wanted.is_empty() || wanted.contains(is)
        }
        let standing = batch.plan.at(now);
        let kind = batch.data["kind"].as_str().unwrap_or_default().to_owned();
        any(&self.uuids, &batch.uuid)
            && any(&self.workflows, &batch.workflow)
            && any(&self.statuses, &standing.status)
            && any(&self.kinds, &kind)
            && !self.not_kinds.contains(&kind)
            && self
                .finished
                .is_none_or(|finished| finished == standing.finished.is_some())
            && self.has_runs.is_none_or(|has| has == (standing.runs > 0))
            && self
                .skipped
                .is_none_or(|skipped| skipped == (standing.status == BatchStatus::Skipped))
            && self
                .release
                .as_ref()
                .is_none_or(|release| *release == batch.release.to_string())
            && !self.has_parent
    }
}

/// Does something with a batch, if there is one of this id.
fn with<T>(
    app: &App,
    uuid: &str,
    act: impl FnOnce(&mut Batch) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let uuid: BatchUuid = uuid
        .parse()
        .map_err(|error: cargo_batch_types::InvalidId| Refusal::malformed(error.to_string()))?;
    let mut state = app.state();
    let missing = || Refusal::reason("batchNotFound", format!("There is no batch {uuid}."));
    act(state.batch(uuid).ok_or_else(missing)?)
}
