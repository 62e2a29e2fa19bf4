//! Batches and runs as the API writes them: `null` for what there is not.

use cargo_batch_types::{NodeKind, RunStatus};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::fixtures::Fixtures;
use crate::runs::{ExecutionView, RunView};
use crate::state::Batch;

/// A batch at a moment.
pub fn batch(batch: &Batch, fixtures: &Fixtures, now: DateTime<Utc>) -> Value {
    let (standing, clock) = (batch.plan.at(now), batch.clock);
    json!({
        "uuid": batch.uuid,
        "workspaceUuid": fixtures.workspace_uuid,
        "workflowUuid": batch.workflow,
        "userUuid": fixtures.user_uuid,
        "releaseUuid": batch.release,
        "nodes": nodes(batch),
        "temporalWorkflowId": format!("batch-{}", batch.uuid),
        "traceUuid": batch.parent.run.map(|_| batch.trace),
        "data": batch.data,
        "errorMessage": batch.plan.error(now),
        "status": standing.status,
        "runsStatus": (standing.executed > 0).then_some(health(standing.failed, standing.executed)),
        "runsCount": standing.runs,
        "executedRunsCount": standing.executed,
        "failedRunsCount": standing.failed,
        "creditsUsedCount": credits(standing.cents),
        "createdAt": clock.written(batch.created),
        "updatedAt": clock.written(standing.updated),
        "finishedAt": standing.finished.map(|time| clock.written(time)),
    })
}

/// The graph that was given for this batch only.
fn nodes(batch: &Batch) -> Option<Value> {
    match batch.release {
        Some(_) => None,
        None => serde_json::to_value(batch.graph.nodes()).ok(),
    }
}

/// Which share of failures is unhealthy is not documented: a fifth is the sandbox's choice.
fn health(failed: u64, executed: u64) -> &'static str {
    match failed.saturating_mul(5) > executed {
        true => "unhealthy",
        false => "healthy",
    }
}

/// A run at a moment.
pub fn run(run: &RunView, fixtures: &Fixtures) -> Value {
    let (batch, plan, standing) = (run.batch, run.plan(), run.standing());
    let clock = batch.clock;
    json!({
        "uuid": plan.uuid,
        "workspaceUuid": fixtures.workspace_uuid,
        "workflowUuid": batch.workflow,
        "userUuid": fixtures.user_uuid,
        "releaseUuid": batch.release,
        "nodes": nodes(batch),
        "batchUuid": (!batch.is_alone).then_some(batch.uuid),
        "traceUuid": batch.trace,
        "temporalWorkflowId": format!("run-{}", plan.uuid),
        "recordId": run.record_id(),
        "recordTitle": run.record_title(),
        "contextS3Filename": format!("contexts/{}.json", plan.uuid),
        "computedConfigsS3Filename": format!("configs/{}.json", plan.uuid),
        "parentUuid": batch.parent.run,
        "parentNodeUuid": batch.parent.node,
        "parentBatchUuid": batch.parent.batch,
        "parentAgentUuid": null,
        "parentChatUuid": null,
        "parentMessageUuid": null,
        "isGroupParent": run.is_group_parent(),
        "status": standing.status,
        "errorMessage": run.failure(),
        "executions": run.executions().map(|one| execution(&one, run, fixtures)).collect::<Vec<_>>(),
        "createdAt": clock.written(run.created()),
        "updatedAt": clock.written(run.updated()),
        "finishedAt": standing.finished.map(|time| clock.written(time)),
        "deletedAt": null,
    })
}

/// What happened at a node.
fn execution(execution: &ExecutionView, run: &RunView, fixtures: &Fixtures) -> Value {
    let (node, step, clock) = (execution.node, execution.step, run.batch.clock);
    let ended = execution.ended();
    let next = step.next.filter(|_| ended.is_some());
    let next = next.and_then(|next| run.batch.graph.nodes().get(next));
    let mut response = json!({
        "nodeUuid": node.uuid,
        "nodeSlug": node.slug,
        "nodeBatchUuid": null,
        "nodeRunUuid": null,
        "nodeMessageUuid": null,
        "nodeChildIndex": step.child.filter(|_| ended.is_some()),
        "nextNodeUuid": next.map(|next| next.uuid),
        "status": execution.status(),
        "errorMessage": execution.failure(),
        "title": execution.title(),
        "iconUrl": null,
        "creditsUsedCount": credits(execution.cents()),
        "startedAt": clock.written(step.start),
        "updatedAt": clock.written(execution.last_changed()),
        "finishedAt": ended.map(|time| clock.written(time)),
        "nodeWaitUntilFinished": waits(&node.kind),
    });
    for (name, value) in kind(&node.kind, fixtures) {
        response[name] = value;
    }
    response
}

fn waits(kind: &NodeKind) -> bool {
    match kind {
        NodeKind::Tool(tool) => tool.wait_until_finished.unwrap_or(true),
        NodeKind::Agent(agent) => agent.wait_until_finished.unwrap_or(true),
        _ => false,
    }
}

/// What sets executions of this kind apart.
fn kind(kind: &NodeKind, fixtures: &Fixtures) -> Vec<(&'static str, Value)> {
    match kind {
        NodeKind::Native(node) => vec![
            ("nodeKind", json!("native")),
            ("nodeActionSlug", json!(node.action_slug)),
        ],
        NodeKind::Connector(node) => {
            let connector = node.connector_uuid.unwrap_or(fixtures.connector_uuid);
            vec![
                ("nodeKind", json!("connector")),
                ("nodeActionSlug", json!(node.action_slug)),
                ("nodeConnectorUuid", json!(connector)),
                ("nodeIntegrationSlug", json!(node.integration_slug)),
            ]
        }
        NodeKind::Tool(node) => vec![
            ("nodeKind", json!("tool")),
            (
                "nodeToolUuid",
                json!(node.tool_uuid.unwrap_or(fixtures.tool_uuid)),
            ),
            ("nodeReleaseUuid", json!(node.release_uuid)),
        ],
        NodeKind::Agent(node) => vec![
            ("nodeKind", json!("agent")),
            (
                "nodeAgentUuid",
                json!(node.agent_uuid.unwrap_or(fixtures.agent_uuid)),
            ),
            ("nodeReleaseUuid", json!(node.release_uuid)),
        ],
        _ => Vec::new(),
    }
}

/// By slug, what each node put out, and what it was configured with.
pub fn context(run: &RunView) -> (Map<String, Value>, Map<String, Value>) {
    let slugs: Vec<&str> = run.executions().map(|one| one.node.slug.as_str()).collect();
    let outputs = slugs.iter().filter_map(|slug| {
        let output = run.output(Some(slug))?;
        Some(((*slug).to_owned(), Value::Object(output.0)))
    });
    let configs = run.executions().map(|one| {
        let config = Value::Object(one.node.config.clone());
        (one.node.slug.clone(), config)
    });
    (outputs.collect(), configs.collect())
}

/// How often each node was executed, by outcome.
///
/// Runs that have not come to a node yet, and those that were skipped, count at the first one.
#[derive(Default)]
pub struct Metric {
    idle: u64,
    pending: u64,
    running: u64,
    success: u64,
    error: u64,
    cancelling: u64,
    cancelled: u64,
    skipped: u64,
    cents: u64,
}

impl Metric {
    pub fn waits(&mut self, status: &RunStatus) {
        match status {
            RunStatus::Idle => self.idle += 1,
            RunStatus::Pending => self.pending += 1,
            RunStatus::Skipped => self.skipped += 1,
            RunStatus::Cancelling => self.cancelling += 1,
            RunStatus::Cancelled => self.cancelled += 1,
            _ => self.running += 1,
        }
    }

    pub fn add(&mut self, execution: &ExecutionView, run: &RunStatus) {
        use cargo_batch_types::ExecutionStatus as Is;
        self.cents += execution.cents();
        match execution.status() {
            Is::Success => self.success += 1,
            Is::Error => self.error += 1,
            _ => self.waits(run),
        }
    }

    pub fn written(&self, node: cargo_batch_types::NodeUuid) -> Value {
        let ended = self.success + self.error + self.cancelled + self.skipped;
        let open = self.idle + self.pending + self.running + self.cancelling;
        json!({
            "nodeUuid": node,
            "totalExecutionsCount": ended + open,
            "idleExecutionsCount": self.idle,
            "pendingExecutionsCount": self.pending,
            "runningExecutionsCount": self.running,
            "successExecutionsCount": self.success,
            "errorExecutionsCount": self.error,
            "cancellingExecutionsCount": self.cancelling,
            "cancelledExecutionsCount": self.cancelled,
            "skippedExecutionsCount": self.skipped,
            "creditsUsedCount": credits(self.cents),
        })
    }
}

pub fn credits(cents: u64) -> f64 {
    cents as f64 / 100.0
}
