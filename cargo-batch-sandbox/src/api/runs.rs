//! Runs, and the release they run.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use cargo_batch_types::{
    BatchUuid, CountRunsRequest, GetRunMetricsRequest, ListRunsRequest, RunStatus, WorkflowUuid,
};
use serde_json::{Value, json};

use super::{Answer, page, read};
use crate::refusal::Refusal;
use crate::state::App;
use crate::views::{self, credits};
use crate::world::World;

pub async fn list(State(app): State<App>, body: Bytes) -> Answer {
    let request: ListRunsRequest = read(&body)?;
    let wanted = Wanted {
        workflow: request.workflow_uuid,
        batch: request.batch_uuid,
        statuses: request.statuses.unwrap_or_default(),
        finished: request.is_finished,
        record_id: request.record_id,
    };
    let all = wanted.runs(&app);
    let count = all.len();
    let runs = page(all.into_iter(), request.limit, request.offset);
    Ok(Json(json!({ "runs": runs, "count": count })))
}

pub async fn count(State(app): State<App>, body: Bytes) -> Answer {
    let request: CountRunsRequest = read(&body)?;
    let wanted = Wanted {
        workflow: request.workflow_uuid,
        batch: request.batch_uuid,
        statuses: request.statuses.unwrap_or_default(),
        finished: request.is_finished,
        record_id: request.record_id,
    };
    Ok(Json(json!({ "count": wanted.runs(&app).len() })))
}

pub async fn get(State(app): State<App>, Path(uuid): Path<String>) -> Answer {
    let everything = Wanted {
        workflow: None,
        batch: None,
        statuses: Vec::new(),
        finished: None,
        record_id: None,
    };
    let run = everything
        .runs(&app)
        .into_iter()
        .find(|run| run["uuid"] == uuid.as_str());
    let run = run.ok_or_else(|| Refusal::missing(format!("There is no run {uuid}.")))?;
    Ok(Json(
        json!({ "run": run, "runContext": {}, "runComputedConfigs": {} }),
    ))
}

pub async fn metrics(State(app): State<App>, body: Bytes) -> Answer {
    let request: GetRunMetricsRequest = read(&body)?;
    let wanted = Wanted {
        workflow: Some(request.workflow_uuid),
        batch: request.batch_uuid,
        statuses: Vec::new(),
        finished: None,
        record_id: None,
    };
    let runs = wanted.runs(&app);
    let metrics: Vec<Value> = (0..World::slugs().len())
        .map(|n| {
            let executions: Vec<&Value> = runs
                .iter()
                .filter_map(|run| run["executions"].get(n))
                .collect();
            let count = |status: &str| {
                executions
                    .iter()
                    .filter(|one| one["status"] == status)
                    .count()
            };
            let used: f64 = executions
                .iter()
                .filter_map(|one| one["creditsUsedCount"].as_f64())
                .sum();
            json!({
                "nodeUuid": app.world().node(n),
                "totalExecutionsCount": executions.len(),
                "idleExecutionsCount": 0,
                "pendingExecutionsCount": 0,
                "runningExecutionsCount": count("pending"),
                "successExecutionsCount": count("success"),
                "errorExecutionsCount": count("error"),
                "cancellingExecutionsCount": 0,
                "cancelledExecutionsCount": 0,
                "skippedExecutionsCount": 0,
                "creditsUsedCount": credits((used * 100.0).round() as u64),
            })
        })
        .collect();
    Ok(Json(json!({ "runMetrics": metrics })))
}

pub async fn release(State(app): State<App>, Path(uuid): Path<String>) -> Answer {
    let world = app.world();
    if uuid != world.release_uuid.to_string() {
        return Err(Refusal::missing(format!("There is no release {uuid}.")));
    }
    Ok(Json(json!({ "release": {
        "uuid": world.release_uuid,
        "workflowUuid": world.tool_workflow_uuid,
        "nodes": world.nodes(),
        "version": "1",
        "status": "deployed",
    } })))
}

/// The filters that the sandbox knows.
struct Wanted {
    workflow: Option<WorkflowUuid>,
    batch: Option<BatchUuid>,
    statuses: Vec<RunStatus>,
    finished: Option<bool>,
    record_id: Option<String>,
}

impl Wanted {
    fn runs(&self, app: &App) -> Vec<Value> {
        let now = app.now();
        let state = app.state();
        let batches = state.batches.iter().filter(|batch| {
            self.workflow
                .is_none_or(|workflow| workflow == batch.workflow)
                && self.batch.is_none_or(|uuid| uuid == batch.uuid)
        });
        let runs = batches.flat_map(|batch| {
            batch
                .runs()
                .filter_map(|(run, record)| views::run(batch, run, record, app.world(), now))
        });
        runs.filter(|run| {
            let status = run["status"].as_str().unwrap_or_default();
            (self.statuses.is_empty()
                || self.statuses.iter().any(|wanted| wanted.as_str() == status))
                && self
                    .finished
                    .is_none_or(|finished| finished != run["finishedAt"].is_null())
                && self
                    .record_id
                    .as_ref()
                    .is_none_or(|id| run["recordId"] == id.as_str())
        })
        .collect()
    }
}
