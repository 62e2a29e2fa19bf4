//! How fast a list of batches is read, beside the same structs with closed enums written by hand.
//!
//! `cargo bench -p cargo-batch-types` prints both and their ratio; higher is better, 1 is as fast.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cargo_batch_types::{ListBatchesResponse, from_json};
use serde_json::json;

/// What somebody would write who needs none of what the crate promises.
#[allow(dead_code)] // Its fields are read from JSON and then by nobody.
mod closed {
    use chrono::{DateTime, Utc};
    use serde::Deserialize;
    use uuid::Uuid;

    #[derive(Deserialize)]
    pub struct ListBatchesResponse {
        pub batches: Vec<Batch>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Batch {
        uuid: Uuid,
        workspace_uuid: Uuid,
        workflow_uuid: Uuid,
        user_uuid: Option<Uuid>,
        release_uuid: Option<Uuid>,
        pub nodes: Option<Vec<Node>>,
        temporal_workflow_id: String,
        trace_uuid: Option<Uuid>,
        data: BatchData,
        error_message: Option<String>,
        status: BatchStatus,
        runs_status: Option<RunsStatus>,
        runs_count: u64,
        executed_runs_count: u64,
        failed_runs_count: u64,
        credits_used_count: f64,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        finished_at: Option<DateTime<Utc>>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    enum BatchStatus {
        Pending,
        Syncing,
        Skipped,
        Querying,
        Running,
        Success,
        Cancelling,
        Error,
        Cancelled,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    enum RunsStatus {
        Healthy,
        Unhealthy,
    }

    #[derive(Deserialize)]
    #[serde(
        tag = "kind",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )]
    enum BatchData {
        Segment {
            segment_uuid: Uuid,
        },
        RecordIds {
            model_uuid: Uuid,
            ids: Vec<String>,
        },
        File {
            s3_filename: String,
            mappings: Option<std::collections::BTreeMap<String, String>>,
        },
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Node {
        uuid: Uuid,
        slug: String,
        config: serde_json::Map<String, serde_json::Value>,
        children_uuids: Vec<Option<Uuid>>,
        fallback_on_failure: bool,
        position: Position,
        name: Option<String>,
        description: Option<String>,
        retry: Option<Retry>,
        fallback_child_uuid: Option<Uuid>,
        #[serde(flatten)]
        kind: NodeKind,
    }

    #[derive(Deserialize)]
    struct Position {
        x: f64,
        y: f64,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Retry {
        maximum_attempts: Option<u64>,
        initial_interval: Option<u64>,
        backoff_coefficient: Option<f64>,
    }

    #[derive(Deserialize)]
    #[serde(
        tag = "kind",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )]
    enum NodeKind {
        Native {
            action_slug: String,
        },
        Connector {
            integration_slug: String,
            action_slug: String,
            connector_uuid: Option<Uuid>,
        },
        Tool {
            tool_uuid: Option<Uuid>,
            template_slug: Option<String>,
            release_uuid: Option<Uuid>,
            wait_until_finished: Option<bool>,
        },
        Agent {
            agent_uuid: Option<Uuid>,
            template_slug: Option<String>,
            release_uuid: Option<Uuid>,
            wait_until_finished: Option<bool>,
        },
    }
}

const BATCHES: usize = 1_000;
const NODES: usize = 20;
const PAIRS: usize = 15;

fn main() {
    let text = list();
    assert_eq!(
        from_json::<ListBatchesResponse>(&text)
            .unwrap()
            .batches
            .len(),
        BATCHES
    );
    let mut ratios = Vec::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let closed =
            time(|| serde_json::from_slice::<closed::ListBatchesResponse>(black_box(&text)));
        let open = time(|| from_json::<ListBatchesResponse>(black_box(&text)));
        ratios.push(closed.as_secs_f64() / open.as_secs_f64());
        theirs.push(closed.as_secs_f64());
        ours.push(open.as_secs_f64());
    }
    let megabytes = text.len() as f64 / 1e6;
    println!("{BATCHES} batches with {NODES} nodes each, {megabytes:.1} MB");
    println!(
        "closed, by hand: {:.0} MB/s",
        megabytes / median(&mut theirs)
    );
    println!(
        "cargo-batch-types: {:.0} MB/s",
        megabytes / median(&mut ours)
    );
    let middle = median(&mut ratios);
    println!(
        "ratio {middle:.2} ({:.2} to {:.2})",
        ratios[0],
        ratios[PAIRS - 1]
    );
}

fn time<T, E: std::fmt::Debug>(read: impl Fn() -> Result<T, E>) -> Duration {
    let start = Instant::now();
    let value = read().expect("the list fits");
    let took = start.elapsed();
    drop(black_box(value));
    took
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A list as the server writes it: nulls where there is nothing, kinds in turn.
fn list() -> Vec<u8> {
    let uuid =
        |n: usize| uuid::Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8 ^ n as u128);
    let batches: Vec<_> = (0..BATCHES)
        .map(|i| {
            let nodes: Vec<_> = (0..NODES).map(|n| node(&uuid, n)).collect();
            let data = match i % 3 {
                0 => json!({ "kind": "segment", "segmentUuid": uuid(i) }),
                1 => json!({ "kind": "recordIds", "modelUuid": uuid(i), "ids": ["a1", "b2", "c3"] }),
                _ => json!({ "kind": "file", "s3Filename": "uploads/leads.csv", "mappings": { "Mail": "email" } }),
            };
            json!({
                "uuid": uuid(i), "workspaceUuid": uuid(1), "workflowUuid": uuid(2), "userUuid": null,
                "releaseUuid": uuid(3), "nodes": nodes, "temporalWorkflowId": "batch-workflow-17",
                "traceUuid": null, "data": data, "errorMessage": null, "status": "running",
                "runsStatus": "healthy", "runsCount": 1000, "executedRunsCount": 500,
                "failedRunsCount": 3, "creditsUsedCount": 12.25,
                "createdAt": "2025-01-15T10:00:00.000Z", "updatedAt": "2025-01-15T10:05:00.000Z",
                "finishedAt": null,
            })
        })
        .collect();
    json!({ "batches": batches }).to_string().into_bytes()
}

fn node(uuid: &impl Fn(usize) -> uuid::Uuid, n: usize) -> serde_json::Value {
    let mut node = json!({
        "uuid": uuid(n), "slug": format!("node_{n}"),
        "config": { "field": "{{ nodes.start.email }}", "limit": n, "nested": { "on": true } },
        "childrenUuids": [uuid(n + 1), null], "fallbackOnFailure": n.is_multiple_of(2),
        "position": { "x": 12.5, "y": 100 }, "name": "Enrich", "description": "Finds the company",
        "retry": { "maximumAttempts": 3, "initialInterval": 1000, "backoffCoefficient": 2 },
    });
    let kind = match n % 4 {
        0 => json!({ "kind": "native", "actionSlug": "filter" }),
        1 => {
            json!({ "kind": "connector", "integrationSlug": "hubspot", "actionSlug": "upsert", "connectorUuid": uuid(n) })
        }
        2 => {
            json!({ "kind": "tool", "toolUuid": uuid(n), "releaseUuid": uuid(4), "waitUntilFinished": true })
        }
        _ => json!({ "kind": "agent", "agentUuid": uuid(n), "waitUntilFinished": false }),
    };
    for (name, value) in kind.as_object().into_iter().flatten() {
        node[name] = value.clone();
    }
    node
}
