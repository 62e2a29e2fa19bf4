//! Inputs, which are the same in every run.

use bytes::Bytes;
use cargo_batch_client::types::{BatchUuid, CreateBatchData, CreateBatchRequest};
use serde_json::{Value, json};
use uuid::Uuid;

/// The batch of single requests.
pub const BATCH: BatchUuid = BatchUuid(uuid(1, 0));

/// Returns a uuid for a kind of thing and a number.
pub const fn uuid(kind: u16, number: u64) -> Uuid {
    Uuid::from_u64_pair(
        ((kind as u64) << 48) | 0x1d4f_0000_4a11,
        0x8000_0000_0000_0000 | number,
    )
}

/// Returns a request for a batch of a segment.
pub fn creation() -> CreateBatchRequest {
    CreateBatchRequest::new(CreateBatchData::segment(uuid(6, 0))).workflow(uuid(3, 0))
}

/// Returns a batch that executes a release, as the API writes it.
pub fn batch(id: Uuid, status: &str) -> Value {
    let ended = matches!(status, "success" | "error");
    json!({
        "uuid": id,
        "workspaceUuid": uuid(2, 0),
        "workflowUuid": uuid(3, 0),
        "userUuid": uuid(4, 0),
        "releaseUuid": uuid(5, 0),
        "nodes": null,
        "temporalWorkflowId": format!("batch-{id}"),
        "traceUuid": null,
        "data": { "kind": "segment", "segmentUuid": uuid(6, 0) },
        "errorMessage": null,
        "status": status,
        "runsStatus": "healthy",
        "runsCount": 1200,
        "executedRunsCount": if ended { 1200 } else { 700 },
        "failedRunsCount": 3,
        "creditsUsedCount": 1805.5,
        "createdAt": "2026-03-02T09:15:00.000Z",
        "updatedAt": "2026-03-02T09:25:00.123Z",
        "finishedAt": if ended { json!("2026-03-02T09:45:00.456Z") } else { Value::Null },
    })
}

/// Returns a batch with a graph of its own.
pub fn batch_with_nodes(number: u64, nodes: u64) -> Value {
    let mut batch = batch(uuid(1, number), "running");
    batch["nodes"] = (0..nodes).map(|node| self::node(number, node)).collect();
    batch
}

fn node(batch: u64, number: u64) -> Value {
    let id = |number| uuid(7, batch * 1000 + number);
    let mut node = json!({
        "uuid": id(number),
        "slug": format!("step_{number}"),
        "name": format!("Step {number}"),
        "description": null,
        "config": {
            "input": { "kind": "templateExpression", "expression": "{{nodes.start.email}}" },
            "threshold": 0.75,
            "attempts": 3,
            "tags": ["outbound", "enriched"],
        },
        "childrenUuids": [id(number + 1)],
        "fallbackOnFailure": number.is_multiple_of(3),
        "position": { "x": 120.5, "y": 80 * number },
        "retry": { "maximumAttempts": 3, "initialInterval": 1000, "backoffCoefficient": 2 },
    });
    let kind = match number % 4 {
        0 => json!({ "kind": "native", "actionSlug": "variables" }),
        1 => json!({
            "kind": "connector",
            "integrationSlug": "hubspot",
            "actionSlug": "upsertContact",
            "connectorUuid": uuid(8, number),
        }),
        2 => json!({ "kind": "tool", "toolUuid": uuid(9, number), "waitUntilFinished": true }),
        _ => json!({ "kind": "agent", "agentUuid": uuid(10, number), "releaseUuid": null }),
    };
    if let (Value::Object(node), Value::Object(kind)) = (&mut node, kind) {
        node.extend(kind);
    }
    node
}

/// Returns the response of `get_batch`, which is also that of a creation.
pub fn one() -> Bytes {
    let mut batch = batch(BATCH.0, "running");
    // The API writes the id first; a `Value` is written in alphabetical order.
    let uuid = batch["uuid"].take();
    batch.as_object_mut().map(|batch| batch.remove("uuid"));
    let rest = batch.to_string();
    let rest = rest.trim_start_matches('{');
    format!(r#"{{"batch":{{"uuid":{uuid},{rest}}}"#).into()
}

/// Returns a list of batches with a number of nodes each.
pub fn list(batches: u64, nodes: u64) -> Bytes {
    let batches: Vec<Value> = (0..batches)
        .map(|number| batch_with_nodes(number, nodes))
        .collect();
    text(&json!({ "batches": batches }))
}

/// Returns a file of results with eight columns, of which a `Lead` reads six.
pub fn csv(rows: u64) -> Bytes {
    let mut text =
        "email,first_name,last_name,company,employees,score,qualified,summary\n".to_owned();
    for row in 0..rows {
        let (employees, score) = (row * 7919 % 100_000, row * 31 % 1000);
        text.push_str(&format!(
            "lead{row}@example.com,Ada,Lovelace {row},\"Analytical Engines, Ltd\",{employees},0.{score:03},{},\
             \"Said \"\"call me\"\" in March; has budget\"\n",
            row.is_multiple_of(2),
        ));
    }
    text.into()
}

fn text(value: &Value) -> Bytes {
    value.to_string().into()
}
