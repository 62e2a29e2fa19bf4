//! Batches and runs as the API writes them: `null` for what there is not.

use cargo_batch_types::Record;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::clock::{seconds, written};
use crate::plan::RunPlan;
use crate::state::Batch;
use crate::world::World;

/// A batch at a moment.
pub fn batch(batch: &Batch, world: &World, now: DateTime<Utc>) -> Value {
    let standing = batch.plan.at(now);
    json!({
        "uuid": batch.uuid,
        "workspaceUuid": world.workspace_uuid,
        "workflowUuid": batch.workflow,
        "userUuid": world.user_uuid,
        "releaseUuid": batch.release,
        "nodes": null,
        "temporalWorkflowId": format!("batch-{}", batch.uuid),
        "traceUuid": null,
        "data": batch.data,
        "errorMessage": null,
        "status": standing.status,
        "runsStatus": (standing.executed > 0).then_some(health(standing.failed, standing.executed)),
        "runsCount": standing.runs,
        "executedRunsCount": standing.executed,
        "failedRunsCount": standing.failed,
        "creditsUsedCount": credits(standing.cents),
        "createdAt": written(batch.created),
        "updatedAt": written(standing.updated),
        "finishedAt": standing.finished.map(written),
    })
}

/// Which share of failures is unhealthy is not documented: a fifth is the sandbox's choice.
fn health(failed: u64, executed: u64) -> &'static str {
    if failed * 5 > executed {
        "unhealthy"
    } else {
        "healthy"
    }
}

/// A run at a moment; nothing before its batch has got to its records.
pub fn run(
    batch: &Batch,
    run: &RunPlan,
    record: &Record,
    world: &World,
    now: DateTime<Utc>,
) -> Option<Value> {
    let standing = batch.plan.at(now);
    if standing.runs == 0 {
        return None;
    }
    let cut = batch.plan.cut(run);
    let (status, finished) = match cut {
        Some(cut) if now >= cut => ("cancelled", Some(cut)),
        _ if now >= run.end && run.failure.is_some() => ("error", Some(run.end)),
        _ if now >= run.end => ("success", Some(run.end)),
        _ if now >= run.start => ("running", None),
        _ => ("pending", None),
    };
    let failed = status == "error";
    Some(json!({
        "uuid": run.uuid,
        "workspaceUuid": world.workspace_uuid,
        "workflowUuid": batch.workflow,
        "userUuid": world.user_uuid,
        "releaseUuid": batch.release,
        "nodes": null,
        "batchUuid": batch.uuid,
        "traceUuid": null,
        "temporalWorkflowId": format!("run-{}", run.uuid),
        "recordId": title(record, "id").unwrap_or_else(|| run.uuid.to_string()),
        "recordTitle": title(record, "email").or_else(|| title(record, "name")).unwrap_or_default(),
        "contextS3Filename": format!("contexts/{}.json", run.uuid),
        "computedConfigsS3Filename": format!("configs/{}.json", run.uuid),
        "parentUuid": null,
        "parentNodeUuid": null,
        "parentBatchUuid": null,
        "parentAgentUuid": null,
        "parentChatUuid": null,
        "parentMessageUuid": null,
        "isGroupParent": null,
        "status": status,
        "errorMessage": run.failure.filter(|_| failed),
        "executions": executions(run, world, cut.map_or(now, |cut| now.min(cut))),
        "createdAt": written(run.start.min(now)),
        "updatedAt": written(finished.unwrap_or(now)),
        "finishedAt": finished.map(written),
        "deletedAt": null,
    }))
}

/// The nodes a run has come to: a third of its time each, and it fails at the second.
fn executions(run: &RunPlan, world: &World, now: DateTime<Utc>) -> Vec<Value> {
    let third = (run.end - run.start) / 3;
    let mut executions = Vec::new();
    for (n, slug) in World::slugs().into_iter().enumerate() {
        let start = run.start + third * n as i32;
        let fails = run.failure.filter(|_| n == 1);
        let end = match fails.is_some() || n == 2 {
            true => run.end,
            false => start + third,
        };
        if now < start {
            break;
        }
        let status = match (now >= end, fails) {
            (false, _) => "pending",
            (true, Some(_)) => "error",
            (true, None) => "success",
        };
        executions.push(json!({
            "nodeUuid": world.node(n),
            "nodeSlug": slug,
            "nodeKind": "native",
            "nodeActionSlug": slug,
            "nodeBatchUuid": null,
            "nodeRunUuid": null,
            "nodeMessageUuid": null,
            "nodeChildIndex": null,
            "nextNodeUuid": (n < 2 && status == "success").then(|| world.node(n + 1)),
            "status": status,
            "errorMessage": fails.filter(|_| status == "error"),
            "title": null,
            "iconUrl": null,
            "creditsUsedCount": if n == 1 && status != "pending" { credits(run.cents) } else { 0.0 },
            "startedAt": written(start),
            "updatedAt": written(now.min(end)),
            "finishedAt": (now >= end).then(|| written(end)),
            "nodeWaitUntilFinished": false,
        }));
        if fails.is_some() {
            break;
        }
    }
    executions
}

/// What the workflow makes of a record.
pub fn output(run: &RunPlan) -> Record {
    let score = (run.cents * 37 % 100) as f64 / 100.0;
    let checked = written(run.end - seconds(0.0));
    [("score", score.to_string()), ("checked_at", checked)]
        .into_iter()
        .collect()
}

pub fn credits(cents: u64) -> f64 {
    cents as f64 / 100.0
}

fn title(record: &Record, member: &str) -> Option<String> {
    match record.get(member)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}
