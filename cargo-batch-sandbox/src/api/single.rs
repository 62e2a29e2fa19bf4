//! Runs that are created by themselves, without a batch.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use cargo_batch_types::{CreateRunRequest, Record, ReleaseUuid, WorkflowUuid};
use serde_json::{Value, json};

use super::batches::{failed_to_start, graph};
use super::{ApiResult, read};
use crate::fixtures::Kind;
use crate::graph::Graph;
use crate::refusal::Refusal;
use crate::runs::RunView;
use crate::schedule::{Start, Way};
use crate::state::{self, App, NewBatch, Parent};
use crate::views;

/// How many runs that were created by themselves are under way at most. The API names a reason for it and
/// `maxConcurrentRuns` of a workspace, but not what is counted: runs of batches aren't, here.
pub const MOST_UNDER_WAY: usize = 20;

pub async fn create(State(app): State<App>, body: Bytes) -> ApiResult {
    let request: CreateRunRequest = read(&body)?;
    let workflow = match request.workflow_uuid {
        Some(uuid) => Some(app.catalog().workflow(uuid).ok_or_else(|| {
            Refusal::reason("workflowNotFound", format!("There is no workflow {uuid}."))
        })?),
        None => None,
    };
    if workflow.is_some_and(|workflow| workflow.kind == Kind::Play) {
        let message = "The workflow is that of a play, which only batches start.";
        return Err(Refusal::reason("playNotCompatible", message));
    }
    let kind = workflow.map(|workflow| (workflow.uuid, workflow.kind));
    let (release, graph) = graph(&app, request.release_uuid, request.nodes, kind)?;
    let form = release.and_then(|uuid| app.catalog().release(uuid));
    let required = form
        .into_iter()
        .flat_map(|release| release.required_fields());
    filled(&request.data, required)?;
    if workflow.is_some_and(|workflow| !workflow.starts) {
        return Err(failed_to_start());
    }
    let mut state = app.state();
    let workflow = request
        .workflow_uuid
        .unwrap_or_else(|| WorkflowUuid::from(state.id()));
    start_alone(&app, &mut state, workflow, (release, graph), request.data)
}

/// A record must hold something, and the fields that a form requires: the API only names the reason.
pub fn filled<'a>(
    data: &Record,
    required: impl IntoIterator<Item = &'a str>,
) -> Result<(), Refusal> {
    let invalid = |message: String| Err(Refusal::reason("invalidData", message));
    if data.is_empty() {
        return invalid("data holds nothing.".to_owned());
    }
    let missing = |slug: &&str| data.get(*slug).is_none_or(Value::is_null);
    match required.into_iter().find(missing) {
        Some(slug) => invalid(format!("data.{slug}: the form requires it.")),
        None => Ok(()),
    }
}

/// Starts a run that is fit to be started, as far as there are credits.
pub fn start_alone(
    app: &App,
    state: &mut state::State,
    workflow: WorkflowUuid,
    (release, graph): (Option<ReleaseUuid>, Arc<Graph>),
    data: Record,
) -> ApiResult {
    let now = app.now();
    if state.under_way(now) >= MOST_UNDER_WAY {
        let message = format!("{MOST_UNDER_WAY} runs are under way, which is the most.");
        return Err(Refusal::reason("concurrencyLimitReached", message));
    }
    let start = Start::At(graph.start());
    let new = NewBatch {
        workflow,
        release,
        graph,
        created: now,
        data: Value::Null,
        parent: Parent::default(),
        way: Way::Alone,
        records: vec![(Arc::new(data), start)],
    };
    let run = state
        .create(new, app.cents())
        .and_then(|batch| RunView::all(batch, now).next());
    match run {
        Some(run) => Ok(Json(json!({ "run": views::run(&run, app.fixtures()) }))),
        None => {
            let message = "The run would cost more than the credits of the workspace.";
            Err(Refusal::reason("notEnoughCredits", message))
        }
    }
}
