//! Every documented reason can be provoked, as the table of the sandbox says.

use std::collections::BTreeSet;

use cargo_batch_sandbox::Sandbox;
use cargo_batch_tests::calls::{ApiResult, Calls, documented_reasons};
use cargo_batch_tests::{pinned, root};
use serde_json::{Value, json};

/// Operation, reason and status of every row of the table.
fn table() -> Vec<(String, String, u16)> {
    let path = root().join("cargo-batch-sandbox/REASONS.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(!cells[4].is_empty(), "{row}");
        let code = |cell: &str| cell.trim_matches('`').to_owned();
        (code(cells[1]), code(cells[2]), cells[3].parse().unwrap())
    })
    .collect()
}

#[test]
fn the_table_and_the_specification_agree() {
    let rows = table();
    let named: BTreeSet<(String, String)> = rows
        .iter()
        .map(|(operation, reason, _)| (operation.clone(), reason.clone()))
        .collect();
    assert_eq!(named.len(), rows.len(), "a row is there twice");
    let documented: BTreeSet<(String, String)> = documented_reasons().into_iter().collect();
    assert!(documented.len() > 35, "{documented:?}");
    let row = |(operation, reason): (String, String)| format!("{operation}: {reason}");
    pinned(
        "cargo-batch-sandbox/REASONS.md",
        documented.into_iter().map(row),
        named.into_iter().map(row),
    );
}

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";
const BATCHES: &str = "/orchestration/batches";

fn records() -> Value {
    json!({ "kind": "records", "records": [{ "email": "ada@example.com" }] })
}

/// A start, a step and an end, as a custom graph.
fn nodes() -> Value {
    let uuid = |n: u8| format!("00000000-0000-4000-8000-00000000000{n}");
    let node = |n: u8, slug: &str, children: &[String]| {
        json!({
            "uuid": uuid(n), "slug": slug, "kind": "native", "actionSlug": slug, "config": {},
            "childrenUuids": children, "fallbackOnFailure": false, "position": { "x": 0, "y": 0 },
        })
    };
    json!([
        node(1, "start", &[uuid(2)]),
        node(2, "enrich", &[uuid(3)]),
        node(3, "end", &[]),
    ])
}

async fn create(calls: &Calls, workflow: impl Into<Value>, data: Value) -> ApiResult {
    let body = json!({ "workflowUuid": workflow.into(), "data": data });
    calls.post(BATCHES, &body).await
}

async fn play(calls: &Calls, data: Value) -> ApiResult {
    create(calls, calls.fixtures().play_workflow_uuid.to_string(), data).await
}

async fn tool(calls: &Calls, data: Value) -> ApiResult {
    create(calls, calls.fixtures().tool_workflow_uuid.to_string(), data).await
}

async fn preview(calls: &Calls, workflow: impl Into<Value>, data: Value) -> ApiResult {
    let body = json!({ "workflowUuid": workflow.into(), "data": data });
    calls.post("/orchestration/batches/preview", &body).await
}

async fn action(calls: &Calls, action: Value) -> ApiResult {
    let body = json!({ "action": action, "records": [{ "email": "ada@example.com" }] });
    calls
        .post("/orchestration/actions/execute-batch", &body)
        .await
}

/// Asks something of a new batch after a while.
async fn after(calls: &Calls, seconds: u64, batch: ApiResult, what: &str) -> ApiResult {
    let uuid = batch.ok()["batch"]["uuid"].as_str().unwrap().to_owned();
    calls.pass(seconds);
    let body = match what {
        "cancel" => Value::Null,
        _ => json!({}),
    };
    calls.post(&format!("{BATCHES}/{uuid}/{what}"), &body).await
}

/// Provokes a reason not to create a run.
async fn run_reason(calls: &Calls, reason: &str) -> ApiResult {
    let fixtures = calls.fixtures();
    let lead = json!({ "email": "ada@example.com" });
    let run = |workflow: Value| json!({ "workflowUuid": workflow, "data": lead });
    let tool = run(json!(fixtures.tool_workflow_uuid));
    let with = |name: &str, value: Value| {
        let mut body = tool.clone();
        body[name] = value;
        body
    };
    let body = match reason {
        "workflowNotFound" => run(json!(UNKNOWN)),
        "invalidReleaseOrCustomNodes" => {
            let mut body = with("nodes", nodes());
            body["releaseUuid"] = json!(fixtures.release_uuid);
            body
        }
        "playNotCompatible" => run(json!(fixtures.play_workflow_uuid)),
        "nodesNotFound" => json!({ "nodes": [], "data": lead }),
        "invalidData" => with("data", json!({ "employees": 5 })),
        "rootNodeNotFound" => {
            let mut nodes = nodes();
            nodes[2]["actionSlug"] = "enrich".into();
            json!({ "nodes": nodes, "data": lead })
        }
        "failedToStart" => run(json!(fixtures.broken_workflow_uuid)),
        "concurrencyLimitReached" => {
            for _ in 0..20 {
                calls.post("/orchestration/runs", &tool).await.ok();
            }
            tool
        }
        _ => tool,
    };
    calls.post("/orchestration/runs", &body).await
}

/// Provokes a reason not to execute an action.
async fn action_reason(calls: &Calls, reason: &str) -> ApiResult {
    let fixtures = calls.fixtures();
    let of_tool = |name: &str, value: Value| json!({ "kind": "tool", name: value });
    let with_release = |release: Value| json!({ "kind": "tool", "toolUuid": fixtures.tool_uuid, "releaseUuid": release });
    let native = |slug: &str| json!({ "kind": "native", "actionSlug": slug });
    let mut data = json!({ "email": "ada@example.com" });
    let action = match reason {
        "workflowNotFound" => of_tool("toolUuid", UNKNOWN.into()),
        "invalidReleaseOrCustomNodes" => with_release(json!(fixtures.draft_release_uuid)),
        "playNotCompatible" => with_release(json!(fixtures.play_release_uuid)),
        "nodesNotFound" => of_tool("templateSlug", "no_such_template".into()),
        "invalidData" => {
            data = json!({});
            native("enrich")
        }
        "rootNodeNotFound" => native("end"),
        "failedToStart" => of_tool("toolUuid", json!(fixtures.broken_tool_uuid)),
        _ => native("enrich"),
    };
    let body = json!({ "action": action, "data": data });
    let path = "/orchestration/actions/execute";
    if reason == "concurrencyLimitReached" {
        for _ in 0..20 {
            calls.post(path, &body).await.ok();
        }
    }
    calls.post(path, &body).await
}

/// Provokes a row in a new sandbox.
async fn provoke(operation: &str, reason: &str) -> ApiResult {
    let calls = match reason {
        "notEnoughCredits" => Calls::with(Sandbox::builder().credits(0.0)).await,
        _ => Calls::start().await,
    };
    let calls = &calls;
    let fixtures = calls.fixtures().clone();
    let segment = |uuid: Value| json!({ "kind": "segment", "segmentUuid": uuid });
    let change = |uuid: Value, kinds: Value| json!({ "kind": "change", "changeUuid": uuid, "changeKinds": kinds });
    match (operation, reason) {
        ("create_batch", "workflowNotFound") => create(calls, UNKNOWN, records()).await,
        ("create_batch", "invalidReleaseOrCustomNodes") => {
            let body = json!({
                "workflowUuid": fixtures.tool_workflow_uuid, "releaseUuid": fixtures.release_uuid,
                "nodes": nodes(), "data": records(),
            });
            calls.post(BATCHES, &body).await
        }
        ("create_batch", "invalidDataKind") => play(calls, records()).await,
        ("create_batch", "nodesNotFound") => {
            calls
                .post(BATCHES, &json!({ "nodes": [], "data": records() }))
                .await
        }
        ("create_batch", "rootNodeNotFound") => {
            let mut nodes = nodes();
            nodes[0]["actionSlug"] = "filter".into();
            nodes[0]["slug"] = "first".into();
            calls
                .post(BATCHES, &json!({ "nodes": nodes, "data": records() }))
                .await
        }
        ("create_batch", "dataError" | "dataError: noRecords") => {
            tool(calls, json!({ "kind": "records", "records": [] })).await
        }
        ("create_batch", "failedToStart") => {
            create(calls, fixtures.broken_workflow_uuid.to_string(), records()).await
        }
        ("create_batch", "notEnoughCredits") => tool(calls, records()).await,
        ("create_batch", "dataError: failedToGetSegment") => {
            play(calls, segment(UNKNOWN.into())).await
        }
        ("create_batch", "dataError: segmentLinkedToPlay") => {
            play(calls, segment(json!(fixtures.play_segment_uuid))).await
        }
        ("create_batch", "dataError: failedToGetSegmentChange") => {
            play(calls, change(UNKNOWN.into(), json!(["added"]))).await
        }
        ("create_batch", "dataError: invalidChange") => {
            play(
                calls,
                change(json!(fixtures.company_change_uuid), json!(["added"])),
            )
            .await
        }
        ("create_batch", "dataError: invalidChangeKinds") => {
            play(calls, change(json!(fixtures.change_uuid), json!([]))).await
        }
        ("create_batch", "dataError: invalidData") => {
            tool(
                calls,
                json!({ "kind": "file", "s3Filename": "nowhere.csv" }),
            )
            .await
        }
        ("preview_batch", "workflowNotFound") => preview(calls, UNKNOWN, records()).await,
        ("preview_batch", "segmentNotFound") => {
            preview(
                calls,
                json!(fixtures.play_workflow_uuid),
                segment(UNKNOWN.into()),
            )
            .await
        }
        ("preview_batch", "modelLinkedToWorkflow") => {
            preview(calls, json!(fixtures.play_workflow_uuid), records()).await
        }
        ("preview_batch", "noModelLinkedToWorkflow") => {
            let data = segment(json!(fixtures.segment_uuid));
            preview(calls, json!(fixtures.tool_workflow_uuid), data).await
        }
        ("preview_batch", "failedToFetchFromClient") => {
            let data = segment(json!(fixtures.unreachable_segment_uuid));
            preview(calls, json!(fixtures.play_workflow_uuid), data).await
        }
        ("cancel_batch", "batchNotFound") => {
            calls
                .post(&format!("{BATCHES}/{UNKNOWN}/cancel"), &Value::Null)
                .await
        }
        ("cancel_batch", "batchAlreadyFinished") => {
            after(calls, 3600, tool(calls, records()).await, "cancel").await
        }
        ("cancel_batch", "failedToStart") => {
            let batch = create(calls, json!(fixtures.unstoppable_workflow_uuid), records()).await;
            after(calls, 8, batch, "cancel").await
        }
        ("download_batch", "batchNotFound") => {
            calls
                .post(&format!("{BATCHES}/{UNKNOWN}/download"), &json!({}))
                .await
        }
        ("download_batch", "batchNotFinished") => {
            after(calls, 8, tool(calls, records()).await, "download").await
        }
        ("download_batch", "batchNotSupported") => {
            let none = change(json!(fixtures.additions_change_uuid), json!(["removed"]));
            after(calls, 60, play(calls, none).await, "download").await
        }
        ("execute_action_batch", "workflowNotFound") => {
            action(calls, json!({ "kind": "tool", "toolUuid": UNKNOWN })).await
        }
        ("execute_action_batch", "invalidReleaseOrCustomNodes") => {
            let release = fixtures.draft_release_uuid;
            let tool =
                json!({ "kind": "tool", "toolUuid": fixtures.tool_uuid, "releaseUuid": release });
            action(calls, tool).await
        }
        ("execute_action_batch", "nodesNotFound") => {
            action(
                calls,
                json!({ "kind": "tool", "templateSlug": "no_such_template" }),
            )
            .await
        }
        ("execute_action_batch", "dataError") => {
            let action = json!({ "kind": "native", "actionSlug": "enrich" });
            let body = json!({ "action": action, "records": [] });
            calls
                .post("/orchestration/actions/execute-batch", &body)
                .await
        }
        ("execute_action_batch", "invalidDataKind") => {
            action(calls, json!({ "kind": "native", "actionSlug": "branch" })).await
        }
        ("execute_action_batch", "rootNodeNotFound") => {
            action(calls, json!({ "kind": "native", "actionSlug": "end" })).await
        }
        ("execute_action_batch", "failedToStart") => {
            let tool = json!({ "kind": "tool", "toolUuid": fixtures.broken_tool_uuid });
            action(calls, tool).await
        }
        ("execute_action_batch", "notEnoughCredits") => {
            action(calls, json!({ "kind": "native", "actionSlug": "enrich" })).await
        }
        ("create_run", reason) => run_reason(calls, reason).await,
        ("execute_action", reason) => action_reason(calls, reason).await,
        ("get_deployed_release", "releaseNotFound") => {
            let workflow = fixtures.paused_play_workflow_uuid;
            let path = format!("/orchestration/releases/deployed?workflowUuid={workflow}");
            calls.get(&path).await
        }
        ("get_tool", "toolNotFound") => calls.get(&format!("/orchestration/tools/{UNKNOWN}")).await,
        ("get_play", "playNotFound") => calls.get(&format!("/orchestration/plays/{UNKNOWN}")).await,
        ("cancel_runs", "failedToStart") => {
            let body = json!({ "workflowUuid": fixtures.unstoppable_workflow_uuid });
            calls.post("/orchestration/runs/cancel", &body).await
        }
        ("download_run_outputs", "noRunsFound") => {
            let body = json!({ "workflowUuid": fixtures.tool_workflow_uuid });
            calls
                .post("/orchestration/runs/download-outputs", &body)
                .await
        }
        ("download_run_outputs", "tooManyRuns") => {
            let file = format!("email\n{}", "ada@example.com\n".repeat(10_001));
            let s3_filename = calls.upload("many.csv", file).await;
            let data = json!({ "kind": "file", "s3Filename": s3_filename });
            tool(calls, data).await.ok();
            calls.pass(60);
            let body = json!({ "workflowUuid": fixtures.tool_workflow_uuid });
            calls
                .post("/orchestration/runs/download-outputs", &body)
                .await
        }
        ("upload_file", "noFile") => {
            let path = "/workspaceManagement/files/upload";
            let form = reqwest::multipart::Form::new().text("file", "email\n");
            let request = calls.http.post(calls.url(path)).multipart(form);
            calls.send(request).await
        }
        ("list_file_columns", "noColumnsFound") => {
            let path = "/workspaceManagement/files/listColumns?s3Filename=nowhere.csv";
            calls.get(path).await
        }
        other => panic!("nothing provokes {other:?}"),
    }
}

#[tokio::test]
async fn every_row_is_provoked() {
    for (operation, reason, status) in table() {
        let response = provoke(&operation, &reason).await;
        let given = response.reason();
        // The row of `dataError` stands for all of its reasons.
        let fits = given == reason || reason == "dataError" && given.starts_with("dataError: ");
        assert!(fits, "{operation} {reason}: {response:?}");
        assert_eq!(response.status, status, "{operation} {reason}");
        assert!(
            response.message().len() > 8,
            "{operation} {reason}: {response:?}"
        );
    }
}

#[tokio::test]
async fn invalid_requests_have_no_reason() {
    let calls = Calls::start().await;
    for (path, body) in [
        (BATCHES, json!({})),
        (BATCHES, json!({ "data": { "kind": "telepathy" } })),
        (
            BATCHES,
            json!({ "data": { "kind": "segment", "segmentUuid": 3 } }),
        ),
        (
            "/orchestration/runs/list",
            json!({ "statuses": ["asleep"] }),
        ),
        ("/orchestration/runs/cancel", json!({})),
    ] {
        let response = calls.post(path, &body).await;
        assert_eq!(
            (response.status, response.reason()),
            (400, String::new()),
            "{body}"
        );
        assert!(!response.message().is_empty(), "{body}");
    }
    for path in [
        "/orchestration/batches/not-a-uuid",
        "/orchestration/batches/list?limit=many",
        "/orchestration/batches/list?statuses[]=asleep",
        "/orchestration/batches/list?workflowUuid=one",
        "/workspaceManagement/files/listColumns",
    ] {
        assert_eq!(calls.get(path).await.status, 400, "{path}");
    }
    for path in ["batches", "runs", "releases"] {
        let response = calls.get(&format!("/orchestration/{path}/{UNKNOWN}")).await;
        assert_eq!(response.status, 404, "{path}");
    }
    let url = calls.url("/orchestration/batches/list");
    for token in [None, Some("other")] {
        let request = calls.http.get(&url);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
}

#[tokio::test]
async fn the_rules_of_graphs_name_the_node() {
    let calls = Calls::start().await;
    type Change = fn(&mut Value);
    let rules: [(&str, &str, Change); 12] = [
        ("nodesNotFound", "\"enrich\"", |nodes| {
            nodes[1]["childrenUuids"][0] = UNKNOWN.into();
        }),
        ("nodesNotFound", "\"enrich\"", |nodes| {
            nodes[1]["fallbackChildUuid"] = UNKNOWN.into();
        }),
        ("rootNodeNotFound", "end", |nodes| {
            nodes[2]["actionSlug"] = "enrich".into();
        }),
        ("rootNodeNotFound", "start node, not 2", |nodes| {
            nodes[1]["actionSlug"] = "start".into();
        }),
        (
            "invalidReleaseOrCustomNodes",
            "1 children, its action asks for 2",
            |nodes| {
                nodes[1]["actionSlug"] = "branch".into();
            },
        ),
        (
            "invalidReleaseOrCustomNodes",
            "1 children, its action asks for 3",
            |nodes| {
                nodes[1]["actionSlug"] = "switch".into();
                nodes[1]["config"] = json!({ "routes": [1, 2, 3] });
            },
        ),
        ("invalidReleaseOrCustomNodes", "asks for 0", |nodes| {
            nodes[2]["childrenUuids"] = json!([nodes[1]["uuid"]]);
        }),
        ("invalidReleaseOrCustomNodes", "loop", |nodes| {
            nodes[1]["childrenUuids"] = json!([nodes[1]["uuid"]]);
        }),
        ("invalidReleaseOrCustomNodes", "word characters", |nodes| {
            nodes[1]["slug"] = "a b".into();
        }),
        ("invalidReleaseOrCustomNodes", "slug is kept", |nodes| {
            nodes[1]["slug"] = "end".into();
            nodes[2]["slug"] = "last".into();
        }),
        ("invalidReleaseOrCustomNodes", "another node", |nodes| {
            nodes[1]["uuid"] = nodes[0]["uuid"].clone();
        }),
        ("invalidReleaseOrCustomNodes", "config._nodes", |nodes| {
            nodes[1]["actionSlug"] = "group".into();
        }),
    ];
    for (reason, says, change) in rules {
        let mut nodes = nodes();
        change(&mut nodes);
        let response = calls
            .post(BATCHES, &json!({ "nodes": nodes, "data": records() }))
            .await;
        assert_eq!(response.reason(), reason, "{response:?}");
        assert!(response.message().contains(says), "{response:?}");
    }
    // A group holds a graph that keeps the same rules.
    let mut group = nodes();
    group[1]["actionSlug"] = "group".into();
    group[1]["config"] = json!({ "_nodes": nodes() });
    let body = json!({ "nodes": group, "data": records() });
    calls.post(BATCHES, &body).await.ok();
    group[1]["config"]["_nodes"][2]["actionSlug"] = "enrich".into();
    let body = json!({ "nodes": group, "data": records() });
    assert_eq!(
        calls.post(BATCHES, &body).await.reason(),
        "rootNodeNotFound"
    );
}
