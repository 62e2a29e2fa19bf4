//! After a batch: failed runs and their rows, what a run put out, what a workflow used.

use std::path::PathBuf;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::{
    BatchUuid, CreateBatchData, CreateBatchRequest, Outcome, Record, RunStatus, RunUuid, UsageUnit,
};
use cargo_batch_client::{Client, ErrorKind, FailedRow, FinishedBatch, InputRows, RowMatch};
use cargo_batch_sandbox::Sandbox;
use cargo_batch_tests::sandbox::Checked;
use cargo_batch_tests::script::{Script, batch, json, status, uuid};
use serde_json::{Value, json as value};

const OUTPUTS: &str = "POST /v1/orchestration/runs/download-outputs";
const RUNS: &str = "POST /v1/orchestration/runs/list";

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

fn run(n: usize, record: &str, status: &str) -> Value {
    value!({
        "uuid": uuid(n), "workspaceUuid": uuid(90), "workflowUuid": uuid(91), "batchUuid": uuid(1),
        "temporalWorkflowId": "t", "recordId": record, "recordTitle": "Ada", "contextS3Filename": "c",
        "computedConfigsS3Filename": "f", "status": status, "errorMessage": format!("broken {n}"),
        "executions": [], "createdAt": "2026-01-15T10:00:00Z", "updatedAt": "2026-01-15T10:00:00Z",
    })
}

/// A server with failed runs, of which it returns these inputs, by their number.
async fn failed(inputs: Vec<Value>) -> (Script, Client) {
    let storage = Script::start({
        let inputs = inputs.clone();
        move |_| {
            let rows = inputs
                .iter()
                .enumerate()
                .filter(|(_, input)| **input != "none");
            let rows = rows.map(|(n, input)| match input {
                Value::String(text) if text == "absent" => value!({ "_uuid": uuid(100 + n) }),
                Value::String(text) if text == "unreadable" => value!({ "_uuid": 7, "input": {} }),
                input => value!({ "_uuid": uuid(100 + n), "input": input, "output": null }),
            });
            let rows: Vec<Value> = rows.collect();
            Response::new(Body::from(serde_json::to_vec(&rows).unwrap()))
        }
    })
    .await;
    let script = Script::start(move |seen| match seen.line.as_str() {
        RUNS => {
            assert_eq!(seen.json()["statuses"], value!(["error"]));
            assert_eq!(seen.json()["batchUuid"], uuid(1));
            let offset = seen.json()["offset"].as_u64().unwrap_or_default();
            let runs = inputs.iter().enumerate().filter(|_| offset == 0);
            let runs = runs.map(|(n, _)| run(100 + n, &format!("r{n}"), "error"));
            json(value!({ "runs": runs.collect::<Vec<_>>() }))
        }
        OUTPUTS if inputs.is_empty() => refusal("noRunsFound"),
        OUTPUTS => {
            let body = seen.json();
            assert_eq!(
                (&body["statuses"], &body["format"]),
                (&value!(["error"]), &value!("json"))
            );
            json(value!({ "url": format!("{}/outputs.json", storage.base_url()) }))
        }
        _ => json(
            value!({ "batch": batch(value!({ "uuid": uuid(1), "status": "success", "workflowUuid": uuid(91) })) }),
        ),
    })
    .await;
    let client = script.client();
    (script, client)
}

fn refusal(reason: &str) -> Response<Body> {
    let (mut parts, body) = json(value!({ "reason": reason })).into_parts();
    parts.status = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    Response::from_parts(parts, body)
}

fn records(rows: Value) -> Vec<Record> {
    serde_json::from_value(rows).unwrap()
}

fn matches(rows: &[FailedRow]) -> Vec<String> {
    let shown = rows.iter().map(|row| match &row.row {
        RowMatch::One { index, .. } => format!("{index}"),
        RowMatch::Ambiguous { indexes } => format!("{indexes:?}"),
        RowMatch::Missing => "missing".to_owned(),
        RowMatch::NoValue => "no value".to_owned(),
        other => panic!("{other:?}"),
    });
    shown.collect()
}

async fn finished(client: &Client) -> FinishedBatch {
    client.batch(id()).wait().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_failed_run_has_the_row_that_it_was_a_run_of() {
    for as_file in [false, true] {
        let (sandbox, client) = Checked::set_up(Sandbox::builder().seed(3)).await;
        let rows: Vec<Record> = (0..60)
            .map(|n| {
                Record::from_iter([
                    ("email", format!("{n}@example.com")),
                    ("name", format!("N{n}")),
                ])
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leads.csv");
        let csv = (0..60).map(|n| format!("{n}@example.com,N{n}\n"));
        let csv = ["\u{feff}email,name\n".to_owned()].into_iter().chain(csv);
        std::fs::write(&path, csv.collect::<String>()).unwrap();
        let (data, input): (CreateBatchData, InputRows) = match as_file {
            true => (
                client.upload(&path).await.unwrap().into(),
                path.as_path().into(),
            ),
            false => (
                CreateBatchData::records(rows.clone()),
                rows.as_slice().into(),
            ),
        };
        let request = CreateBatchRequest::new(data).workflow(sandbox.fixtures().tool_workflow_uuid);
        let batch = client.create_batch_once(request).await.unwrap();
        let finished = client.batch(batch.uuid).wait().await.unwrap();
        assert!(matches!(finished.outcome(), Outcome::PartlyFailed { .. }));
        for by_email in [false, true] {
            let joined = finished.failed_rows(input.clone());
            let joined = if by_email { joined.by("email") } else { joined };
            let joined = joined.await.unwrap();
            assert_eq!(joined.len() as u64, finished.batch().failed_runs_count);
            for failed in joined {
                assert_eq!(failed.run.status, RunStatus::Error);
                assert!(failed.run.error_message.is_some());
                let RowMatch::One { index, row } = &failed.row else {
                    panic!("{failed:?}");
                };
                assert_eq!(row, &rows[usize::try_from(*index).unwrap()]);
                assert_eq!(row["email"], failed.run.record_title);
                assert_eq!(failed.row.one(), Some(row));
                assert_eq!(failed.input.unwrap()["email"], row["email"]);
            }
        }
        // A handle knows no workflow, and asks for it.
        let from_handle = client.batch(batch.uuid).failed_rows(input).await.unwrap();
        assert_eq!(from_handle.len() as u64, finished.batch().failed_runs_count);
    }
}

#[tokio::test(start_paused = true)]
async fn what_fits_several_rows_or_none_is_named_and_not_guessed() {
    let (_script, client) = failed(vec![
        value!({ "email": "a", "n": 1 }),
        value!({ "email": "b", "n": 1 }),
        value!({ "email": "c", "n": 1 }),
        value!({ "email": "", "n": 1 }),
        value!({ "n": 1 }),
        value!(null),
        value!("absent"),
        value!("none"),
        value!("unreadable"),
        // Unconfirmed: an object, or the text of one.
        value!("{\"email\":\"d\",\"n\":\"1\"}"),
    ])
    .await;
    let rows = records(value!([
        { "email": "b", "n": "1" }, { "email": "a", "n": "1" }, { "email": "b", "n": "2" }, { "email": "d", "n": 1 },
        { "email": "", "n": "1" }, { "n": "9" }, { "email": "b", "n": "3" },
    ]));
    let finished = finished(&client).await;
    let by_email = finished
        .failed_rows(rows.clone())
        .by("email")
        .await
        .unwrap();
    assert_eq!(
        matches(&by_email),
        [
            "1",
            "[0, 2, 6]",
            "missing",
            "no value",
            "no value",
            "no value",
            "no value",
            "no value",
            "no value",
            "3",
        ]
    );
    assert!(by_email[1].row.one().is_none());
    // All columns tell the rows of b apart, and a row without an email is found by what it has.
    let by_all = finished.failed_rows(rows.clone()).await.unwrap();
    assert_eq!(
        matches(&by_all),
        [
            "1", "0", "missing", "4", "4", "no value", "no value", "no value", "no value", "3"
        ]
    );
    let by_both = finished
        .failed_rows(rows)
        .by("email")
        .by("n")
        .await
        .unwrap();
    assert_eq!(matches(&by_both), matches(&by_all));
    assert_eq!(by_all[0].input.as_ref().unwrap()["email"], "a");
    assert!(by_all[5].input.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_column_that_the_api_leaves_out_is_in_nobodys_way() {
    let (_script, client) = failed(vec![
        value!({ "email": "b" }),
        value!({ "email": "a", "x": 1 }),
    ])
    .await;
    let rows = records(value!([{ "email": "a", "note": "n" }, { "email": "b", "note": "m" }]));
    let joined = finished(&client).await.failed_rows(rows).await.unwrap();
    assert_eq!(matches(&joined), ["1", "0"]);
    // Nothing in common is nothing to join by.
    let others = records(value!([{ "note": "n" }]));
    let joined = finished(&client).await.failed_rows(others).await.unwrap();
    assert_eq!(matches(&joined), ["no value", "no value"]);
}

#[tokio::test(start_paused = true)]
async fn the_id_of_a_record_joins_without_its_input() {
    let (script, client) = failed(vec![value!({}), value!({}), value!({})]).await;
    let rows = records(value!([{ "id": "r2" }, { "id": "r0" }, { "id": "r0" }]));
    let joined = finished(&client)
        .await
        .failed_rows(rows)
        .by("email")
        .by_record_id("id");
    let joined = joined.await.unwrap();
    assert_eq!(matches(&joined), ["[1, 2]", "missing", "0"]);
    assert!(joined.iter().all(|row| row.input.is_none()));
    assert_eq!(script.seen_at(OUTPUTS).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn rows_that_cannot_be_compared_are_an_error() {
    let (_script, client) = failed(vec![value!({ "email": "a" })]).await;
    let finished = finished(&client).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let invalid = [
        (
            InputRows::from(records(value!([{ "mail": "a" }, { "n": 1 }]))),
            "no column \"email\"; they have mail, n",
        ),
        (
            file("other.csv", "mail,n\na,1\n").into(),
            "no column \"email\"; they have mail, n",
        ),
        (
            file("short.csv", "email,n\nb,1\na\n").into(),
            "short.csv: row at line 3",
        ),
    ];
    for (rows, text) in invalid {
        let error = finished.failed_rows(rows).by("email").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(!error.may_have_spent());
    }
    let absent = folder.path().join("absent.csv");
    let error = finished.failed_rows(absent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("absent.csv"), "{error}");
    // No rows at all are no mistake in the name of a column.
    let joined = finished.failed_rows(Vec::new()).by("email").await.unwrap();
    assert_eq!(matches(&joined), ["missing"]);
}

#[tokio::test(start_paused = true)]
async fn no_failed_runs_cost_one_request_and_outputs_that_are_refused_are_an_error() {
    let (script, client) = failed(Vec::new()).await;
    let finished_batch = finished(&client).await;
    let before = script.seen().len();
    assert_eq!(
        finished_batch.failed_rows("never read.csv").await.unwrap(),
        []
    );
    assert_eq!(script.seen().len(), before + 1);

    let script = Script::start(|seen| match seen.line.as_str() {
        RUNS if seen.json()["offset"].as_u64().unwrap_or_default() == 0 => {
            json(value!({ "runs": [run(100, "r", "error")] }))
        }
        RUNS => json(value!({ "runs": [] })),
        OUTPUTS => status(403),
        _ => json(value!({ "batch": batch(value!({ "uuid": uuid(1), "status": "success" })) })),
    })
    .await;
    let finished = finished(&script.client()).await;
    let error = finished.failed_rows(Vec::new()).await.unwrap_err();
    assert_eq!(error.operation().unwrap().id, "download_run_outputs");
}

#[tokio::test(start_paused = true)]
async fn a_run_by_its_id() {
    let (sandbox, client) = Checked::start().await;
    let records = [Record::from_iter([("email", "ada@example.com")])];
    let request = CreateBatchRequest::new(CreateBatchData::records(records))
        .workflow(sandbox.fixtures().tool_workflow_uuid);
    let batch = client.create_batch_once(request).await.unwrap();
    let finished = client.batch(batch.uuid).wait().await.unwrap();
    let runs = finished.runs().try_collect().await.unwrap();
    let handle = client.run(&runs[0]);
    assert_eq!(handle.uuid(), runs[0].uuid);
    assert_eq!(handle.get().await.unwrap(), runs[0]);
    let outputs = handle.outputs().await.unwrap();
    assert!(!outputs.is_empty());
    let slug = outputs.keys().next().unwrap();
    assert_eq!(handle.output(slug).await.unwrap(), outputs[slug]);
    let error = handle.output("nowhere").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(slug), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_slug_of_several_nodes_has_no_output_of_its_own() {
    let execution = |n: usize, slug: &str| {
        value!({
            "nodeUuid": uuid(n), "nodeSlug": slug, "status": "success", "creditsUsedCount": 0,
            "createdAt": "2026-01-15T10:00:00Z", "updatedAt": "2026-01-15T10:00:00Z",
            "finishedAt": "2026-01-15T10:00:00Z",
        })
    };
    let script = Script::start(move |seen| {
        if seen.line.starts_with("POST") {
            return json(value!({}));
        }
        let mut run = run(5, "r", "success");
        run["executions"] = value!([
            execution(1, "variables"),
            execution(2, "variables"),
            execution(3, "twice"),
            execution(3, "twice"),
        ]);
        json(value!({ "run": run, "runContext": { "variables": 1, "twice": 2 } }))
    })
    .await;
    let uuid: RunUuid = uuid(5).parse().unwrap();
    let handle = script.client().run(uuid);
    let error = handle.output("variables").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotUnique);
    assert!(
        error.to_string().contains("2 nodes with this slug"),
        "{error}"
    );
    // A node that was executed more than once is one node.
    assert_eq!(handle.output("twice").await.unwrap(), 2);
    handle.cancel().await.unwrap();
    let cancelled = script.seen_at("POST /v1/orchestration/runs/cancel")[0].json();
    assert_eq!(
        cancelled,
        value!({ "workflowUuid": cargo_batch_tests::script::uuid(91), "uuids": [uuid] })
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_workflow_used_is_counted_by_days() {
    for (finished, to) in [
        (value!("2026-01-17T23:59:59Z"), "2026-01-17"),
        (value!(null), "2026-01-16"),
    ] {
        let script = Script::start(move |seen| match seen.line.ends_with("/usage/metrics") {
            true => json(value!({ "metrics": [{ "date": "2026-01-15T00:00:00Z", "items": [] }] })),
            false => json(value!({ "batch": batch(value!({
                "workflowUuid": uuid(91), "createdAt": "2026-01-15T00:00:01Z",
                "updatedAt": "2026-01-16T10:00:00Z", "finishedAt": finished,
            })) })),
        })
        .await;
        let unit = UsageUnit::OrchestrationExecutions;
        let usage = script
            .client()
            .batch(id())
            .workflow_usage(unit)
            .await
            .unwrap();
        assert_eq!(usage.len(), 1);
        let seen = &script.seen()[1];
        assert_eq!(
            (seen.values("from"), seen.values("to")),
            (vec!["2026-01-15"], vec![to])
        );
        assert_eq!(seen.values("workflowUuid"), [uuid(91)]);
        assert_eq!(seen.values("unit"), ["orchestration.executions"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_workspace_that_a_client_talks_to() {
    let (sandbox, client) = Checked::start().await;
    let wanted = sandbox.fixtures().workspace_uuid;
    assert_eq!(client.workspace().await.unwrap().uuid, wanted);
    let script = Script::start(move |_| {
        json(value!({ "workspace": { "uuid": wanted.to_string(), "name": "Acme" } }))
    })
    .await;
    let client = script.builder().workspace(wanted).build().unwrap();
    assert_eq!(client.workspace().await.unwrap().name, "Acme");
    let other: cargo_batch_client::types::WorkspaceUuid = uuid(4).parse().unwrap();
    let client = script.builder().workspace(other).build().unwrap();
    let error = client.workspace().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    for part in [wanted.to_string(), other.to_string(), "\"Acme\"".to_owned()] {
        assert!(error.to_string().contains(&part), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_one_action_keeps_the_rules_of_graphs() {
    use cargo_batch_client::types::{Action, ConnectorUuid, NodeKind, ToolNode, ToolUuid};

    let (sandbox, client) = Checked::start().await;
    let connector: ConnectorUuid = uuid(7).parse().unwrap();
    let tool: ToolUuid = sandbox.fixtures().tool_uuid;
    let connector =
        cargo_batch_client::types::ConnectorNode::new("hunter", "find").connector(connector);
    for action in [
        Action::native("enrich"),
        Action::new(NodeKind::from(connector)),
        Action::new(NodeKind::from(ToolNode::new().tool(tool))),
    ] {
        let records = [Record::from_iter([("email", "ada@example.com")])];
        let request = CreateBatchRequest::of_action(action, CreateBatchData::records(records));
        let batch = client.create_batch_once(request).await.unwrap();
        let finished = client.batch(batch.uuid).wait().await.unwrap();
        let runs = finished.runs().try_collect().await.unwrap();
        let slugs: Vec<&str> = runs[0]
            .executions
            .iter()
            .map(|it| it.node_slug.as_str())
            .collect();
        assert_eq!(slugs, ["start", "action", "end"]);
    }
}
