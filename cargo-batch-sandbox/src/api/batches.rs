//! Batches: created, previewed, read, cancelled.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use cargo_batch_types::{
    BatchUuid, CreateBatchData, CreateBatchRequest, Node, PreviewBatchRequest, ReleaseUuid,
    WorkflowUuid,
};
use serde_json::json;

use super::{ApiResult, id, read};
use crate::data::{self, Target};
use crate::fixtures::Kind;
use crate::graph::Graph;
use crate::refusal::Refusal;
use crate::state::{self, App, NewBatch};
use crate::views;

pub async fn create(State(app): State<App>, body: Bytes) -> ApiResult {
    let request: CreateBatchRequest = read(&body)?;
    if let CreateBatchData::Unknown(_) = &request.data {
        let message = format!("data: there is no kind {:?}.", request.data.tag());
        return Err(Refusal::malformed(message));
    }
    let now = app.now();
    let workflow = match request.workflow_uuid {
        Some(uuid) => Some(app.catalog().workflow(uuid).ok_or_else(|| {
            Refusal::reason("workflowNotFound", format!("There is no workflow {uuid}."))
        })?),
        None => None,
    };
    let kind = workflow.map(|workflow| (workflow.uuid, workflow.kind));
    let (release, graph) = graph(&app, request.release_uuid, request.nodes.clone(), kind)?;
    let target = Target {
        workflow: kind,
        graph: &graph,
        now,
    };
    let mut state = app.state();
    let selected = data::select(&request.data, &target, &app, &mut state)?;
    if workflow.is_some_and(|workflow| !workflow.starts) {
        return Err(failed_to_start());
    }
    let workflow = request
        .workflow_uuid
        .unwrap_or_else(|| WorkflowUuid::from(state.id()));
    let new = NewBatch {
        workflow,
        release,
        graph,
        created: now,
        data: selected.returned,
        parent: selected.parent,
        way: selected.way,
        records: selected.records,
    };
    start(&app, &mut state, new)
}

/// Starts a batch that is fit to be started, as far as there are credits.
pub fn start(app: &App, state: &mut state::State, new: NewBatch) -> ApiResult {
    let now = new.created;
    match state.create(new, app.cents()) {
        Some(batch) => Ok(Json(
            json!({ "batch": views::batch(batch, app.fixtures(), now) }),
        )),
        None => {
            let message = "The batch would cost more than the credits of the workspace.";
            Err(Refusal::reason("notEnoughCredits", message))
        }
    }
}

pub fn failed_to_start() -> Refusal {
    let message = "The work could not be started in the background.";
    Refusal::reason("failedToStart", message)
}

/// The graph to execute: that of a release, or one for this batch or run only.
pub fn graph(
    app: &App,
    release: Option<ReleaseUuid>,
    nodes: Option<Vec<Node>>,
    workflow: Option<(WorkflowUuid, Kind)>,
) -> Result<(Option<ReleaseUuid>, Arc<Graph>), Refusal> {
    let invalid = |message: String| Refusal::reason("invalidReleaseOrCustomNodes", message);
    let release = match (release, nodes, workflow) {
        (Some(_), Some(_), _) => {
            return Err(invalid("Give releaseUuid or nodes, not both.".to_owned()));
        }
        (None, Some(nodes), _) => return Ok((None, Arc::new(Graph::new(nodes)?))),
        (Some(release), None, _) => release,
        (None, None, Some((workflow, _))) => {
            let deployed = app.catalog().deployed(workflow);
            let missing = || {
                let message = format!("The workflow {workflow} has no deployed release.");
                Refusal::reason("nodesNotFound", message)
            };
            deployed.ok_or_else(missing)?.uuid
        }
        (None, None, None) => {
            let message = "There is nothing to execute: give workflowUuid or nodes.";
            return Err(Refusal::reason("nodesNotFound", message));
        }
    };
    let found = app.catalog().release(release);
    let found = found.ok_or_else(|| invalid(format!("There is no release {release}.")))?;
    match workflow {
        Some((workflow, _)) if !found.usable.contains(&workflow) => Err(invalid(format!(
            "The release {release} is a {} of the workflow {}: it can't be executed here.",
            found.status, found.workflow
        ))),
        None if found.usable.is_empty() => {
            Err(invalid(format!("The release {release} is a draft.")))
        }
        _ => Ok((Some(release), found.graph.clone())),
    }
}

pub async fn preview(State(app): State<App>, body: Bytes) -> ApiResult {
    let request: PreviewBatchRequest = read(&body)?;
    let state = app.state();
    let preview = data::preview(request.workflow_uuid, &request.data, &app, &state)?;
    Ok(Json(preview))
}

pub async fn get(State(app): State<App>, Path(uuid): Path<String>) -> ApiResult {
    let uuid: BatchUuid = id(&uuid)?;
    let state = app.state();
    let batch = state.batch(uuid).ok_or_else(|| not_found(uuid))?;
    Ok(Json(
        json!({ "batch": views::batch(batch, app.fixtures(), app.now()) }),
    ))
}

pub async fn cancel(State(app): State<App>, Path(uuid): Path<String>) -> ApiResult {
    let uuid: BatchUuid = id(&uuid)?;
    let mut state = app.state();
    let now = app.now();
    let place = state.place(uuid).ok_or_else(|| not_found(uuid))?;
    let batch = state.batch(uuid).ok_or_else(|| not_found(uuid))?;
    if batch.plan.at(now).status.is_terminal() {
        let message = "The batch has finished.";
        return Err(Refusal::reason("batchAlreadyFinished", message));
    }
    stoppable(&app, batch.workflow)?;
    state.change(place, |plan| plan.cancel(now));
    Ok(Json(json!({})))
}

/// One workflow of the fixtures can't be stopped.
pub fn stoppable(app: &App, workflow: WorkflowUuid) -> Result<(), Refusal> {
    match app.catalog().workflow(workflow) {
        Some(workflow) if !workflow.stops => {
            let message = "The cancellation could not be started in the background.";
            Err(Refusal::reason("failedToStart", message))
        }
        _ => Ok(()),
    }
}

pub fn not_found(uuid: BatchUuid) -> Refusal {
    Refusal::reason("batchNotFound", format!("There is no batch {uuid}."))
}
