//! Runs: listed, counted, read, cancelled, added up.

use std::collections::HashMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use cargo_batch_types::{
    CancelRunsRequest, CountRunsRequest, GetRunMetricsRequest, ListRunsRequest, NodeUuid, RunUuid,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::batches::stoppable;
use super::{ApiResult, id, page, read};
use crate::refusal::Refusal;
use crate::runs::{RunFilter, RunView};
use crate::state::App;
use crate::views::{self, Metric};

/// The filters in a request of this form.
pub fn run_filter<T: DeserializeOwned>(body: &Bytes) -> Result<RunFilter, Refusal> {
    // The form of the request says which fields there are, the filters what they mean.
    read::<T>(body)?;
    let wanted: RunFilter = read(body)?;
    wanted.check()?;
    Ok(wanted)
}

pub async fn list(State(app): State<App>, body: Bytes) -> ApiResult {
    let wanted = run_filter::<ListRunsRequest>(&body)?;
    let state = app.state();
    let mut count = 0_u64;
    let found = wanted.find(&state, app.fixtures(), app.now());
    // All are counted, those of the page are kept.
    let mut found = found.inspect(|_| count += 1);
    let runs = page(found.by_ref(), wanted.limit, wanted.offset);
    found.for_each(drop);
    let runs: Vec<Value> = runs
        .iter()
        .map(|run| views::run(run, app.fixtures()))
        .collect();
    Ok(Json(json!({ "runs": runs, "count": count })))
}

pub async fn count(State(app): State<App>, body: Bytes) -> ApiResult {
    let wanted = run_filter::<CountRunsRequest>(&body)?;
    let state = app.state();
    let count = wanted.find(&state, app.fixtures(), app.now()).count();
    Ok(Json(json!({ "count": count })))
}

pub async fn get(State(app): State<App>, Path(uuid): Path<String>) -> ApiResult {
    let uuid: RunUuid = id(&uuid)?;
    let state = app.state();
    let place = state.place_of(uuid);
    let run = place.and_then(|place| RunView::at(&state, place, app.now()));
    let run = run.ok_or_else(|| Refusal::missing(format!("There is no run {uuid}.")))?;
    let (context, configs) = views::context(&run);
    Ok(Json(json!({
        "run": views::run(&run, app.fixtures()),
        "runContext": context,
        "runComputedConfigs": configs,
    })))
}

pub async fn cancel(State(app): State<App>, body: Bytes) -> ApiResult {
    let request: CancelRunsRequest = read(&body)?;
    let wanted = run_filter::<CancelRunsRequest>(&body)?;
    if wanted.uuids.is_some() && wanted.narrows() {
        let message = "Give uuids or filters besides workflowUuid, not both.";
        return Err(Refusal::unfit(message));
    }
    stoppable(&app, request.workflow_uuid)?;
    let mut state = app.state();
    let now = app.now();
    let mut runs: Vec<(usize, usize)> = wanted
        .find(&state, app.fixtures(), now)
        .filter_map(|run| state.place_of(run.plan().uuid))
        .collect();
    runs.sort_unstable();
    for runs in runs.chunk_by(|one, other| one.0 == other.0) {
        let places: Vec<usize> = runs.iter().map(|(_, run)| *run).collect();
        if let [(batch, _), ..] = runs {
            state.change(*batch, |plan| plan.cancel_runs(&places, now));
        }
    }
    Ok(Json(json!({})))
}

pub async fn metrics(State(app): State<App>, body: Bytes) -> ApiResult {
    let request: GetRunMetricsRequest = read(&body)?;
    let wanted = run_filter::<GetRunMetricsRequest>(&body)?;
    let state = app.state();
    let mut order: Vec<NodeUuid> = Vec::new();
    let mut metrics: HashMap<NodeUuid, Metric> = HashMap::new();
    let mut metric = |node: NodeUuid, add: &dyn Fn(&mut Metric)| {
        let metric = metrics.entry(node).or_insert_with(|| {
            order.push(node);
            Metric::default()
        });
        add(metric);
    };
    // Every node of the graph has its numbers, those that no run has come to, too.
    let batch = request.batch_uuid.and_then(|uuid| state.batch(uuid));
    let deployed = app.catalog().deployed(request.workflow_uuid);
    let release = request
        .release_uuid
        .or(deployed.map(|release| release.uuid));
    let graph = match batch.filter(|batch| batch.workflow == request.workflow_uuid) {
        Some(batch) => Some(&batch.graph),
        None => release
            .and_then(|uuid| app.catalog().release(uuid))
            .map(|release| &release.graph),
    };
    for node in graph.iter().flat_map(|graph| graph.nodes()) {
        metric(node.uuid, &|_| ());
    }
    for run in wanted.find(&state, app.fixtures(), app.now()) {
        let status = run.standing().status;
        for execution in run.executions() {
            metric(execution.node.uuid, &|metric| {
                metric.add(&execution, &status)
            });
        }
        let first = run.batch.graph.nodes().get(run.batch.graph.start());
        if let Some(first) = first.filter(|_| run.executions().next().is_none()) {
            metric(first.uuid, &|metric| metric.waits(&status));
        }
    }
    let written = order
        .iter()
        .filter_map(|node| Some(metrics.get(node)?.written(*node)));
    Ok(Json(json!({ "runMetrics": written.collect::<Vec<_>>() })))
}
