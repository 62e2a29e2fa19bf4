//! The lists of the sandbox: filters, pages, counts, metrics, exports of runs.

use std::io::Read;

use cargo_batch_tests::calls::Calls;
use serde_json::{Value, json};

async fn batches(calls: &Calls, query: &str) -> Vec<Value> {
    let mut list = calls
        .get(&format!("/orchestration/batches/list?{query}"))
        .await
        .ok();
    match list["batches"].take() {
        Value::Array(batches) => batches,
        other => panic!("{other}"),
    }
}

async fn uuids(calls: &Calls, query: &str) -> Vec<Value> {
    let batches = batches(calls, query).await.into_iter();
    batches.map(|batch| batch["uuid"].clone()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn batches_by_what_they_are_and_how_they_stand() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let (play, tool) = (
        json!(fixtures.play_workflow_uuid),
        json!(fixtures.tool_workflow_uuid),
    );
    let record = json!([{ "email": "ada@example.com" }]);
    let change = json!({
        "kind": "change", "changeUuid": fixtures.additions_change_uuid, "changeKinds": ["removed"],
    });
    let skipped = calls.create(play.clone(), change).await["uuid"].clone();
    let ids =
        json!({ "kind": "recordIds", "modelUuid": fixtures.model_uuid, "ids": ["contact-1"] });
    let done = calls.create(play.clone(), ids).await["uuid"].clone();
    calls.pass(600);
    let records = json!({ "kind": "records", "records": record });
    let stopped = calls.create(tool.clone(), records.clone()).await["uuid"].clone();
    let path = format!("/orchestration/batches/{}/cancel", text(&stopped));
    assert_eq!(calls.post(&path, &Value::Null).await.ok(), json!({}));
    // Cancelling again is no mistake as long as it is running.
    assert_eq!(calls.post(&path, &Value::Null).await.ok(), json!({}));
    let ragged = calls.upload("ragged.csv", "a,b\n1\n").await;
    let file = json!({ "kind": "file", "s3Filename": ragged });
    let failed = calls.create(tool.clone(), file).await["uuid"].clone();
    calls.pass(600);
    let body = json!({
        "workflowUuid": play, "releaseUuid": fixtures.branching_release_uuid,
        "data": { "kind": "segment", "segmentUuid": fixtures.segment_uuid },
    });
    let running = calls.post("/orchestration/batches", &body).await.ok();
    let running = running["batch"]["uuid"].clone();
    calls.pass(15);
    let fresh = calls.create(tool.clone(), records).await["uuid"].clone();

    let newest_first = [&fresh, &running, &failed, &stopped, &done, &skipped];
    for (query, wanted) in [
        (String::new(), newest_first.to_vec()),
        ("statuses[]=pending".into(), vec![&fresh]),
        (
            "statuses%5B%5D=success&statuses%5B%5D=error".into(),
            vec![&failed, &done],
        ),
        ("statuses[]=cancelled".into(), vec![&stopped]),
        ("statuses[]=cancelling".into(), vec![]),
        ("isFinished=false".into(), vec![&fresh, &running]),
        (
            "isFinished=true".into(),
            vec![&failed, &stopped, &done, &skipped],
        ),
        ("isSkipped=true".into(), vec![&skipped]),
        (
            "isSkipped=false&isFinished=true".into(),
            vec![&failed, &stopped, &done],
        ),
        ("hasRuns=true".into(), vec![&running, &done]),
        (
            "hasRuns=false".into(),
            vec![&fresh, &failed, &stopped, &skipped],
        ),
        (
            format!("workflowUuids[]={}", text(&tool)),
            vec![&fresh, &failed, &stopped],
        ),
        (
            format!(
                "workflowUuids[]={}&workflowUuids[]={}",
                text(&tool),
                text(&play)
            ),
            newest_first.to_vec(),
        ),
        (
            format!("releaseUuid={}", fixtures.branching_release_uuid),
            vec![&running],
        ),
        (
            format!("uuids[]={}&uuids[]={}", text(&done), text(&fresh)),
            vec![&fresh, &done],
        ),
        (
            "includedDataKinds[]=file&includedDataKinds[]=change".into(),
            vec![&failed, &skipped],
        ),
        (
            "excludedDataKinds[]=records&excludedDataKinds[]=change".into(),
            vec![&running, &failed, &done],
        ),
        ("includedDataKinds[]=group".into(), vec![]),
        (format!("parentBatchUuid={}", text(&done)), vec![]),
        ("limit=2".into(), vec![&fresh, &running]),
        ("limit=2&offset=1".into(), vec![&running, &failed]),
        ("limit=0".into(), vec![]),
        ("offset=18446744073709551615".into(), vec![]),
        ("limit=18446744073709551615&offset=5".into(), vec![&skipped]),
    ] {
        let wanted: Vec<Value> = wanted.into_iter().cloned().collect();
        assert_eq!(uuids(&calls, &query).await, wanted, "{query}");
    }
    assert_eq!(
        calls
            .get("/orchestration/batches/list?limit=-1")
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_page_holds_a_hundred_at_most() {
    let calls = Calls::start().await;
    let tool = json!(calls.fixtures().tool_workflow_uuid);
    for n in 0..101 {
        let records = json!([{ "email": format!("{n}@example.com") }]);
        calls
            .create(
                tool.clone(),
                json!({ "kind": "records", "records": records }),
            )
            .await;
    }
    assert_eq!(batches(&calls, "").await.len(), 100);
    assert_eq!(batches(&calls, "limit=1000").await.len(), 100);
    assert_eq!(batches(&calls, "limit=1000&offset=100").await.len(), 1);
}

/// A batch of 60 leads in a tool, of which every fourth fails.
async fn leads(calls: &Calls) -> Value {
    let records: Vec<Value> = (0..60)
        .map(|n| {
            json!({
                "id": format!("lead-{n}"), "email": format!("Lead{n}@example.com"),
                "fail": n % 4 == 0,
            })
        })
        .collect();
    let data = json!({ "kind": "records", "records": records });
    calls
        .create(json!(calls.fixtures().tool_workflow_uuid), data)
        .await
}

async fn count(calls: &Calls, filters: &Value) -> u64 {
    let response = calls.post("/orchestration/runs/count", filters).await.ok();
    response["count"].as_u64().unwrap()
}

#[tokio::test]
async fn runs_by_what_they_are_and_how_they_stand() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let other = leads(&calls).await;
    calls.pass(600);
    let batch = leads(&calls).await;
    calls.pass(30);
    let all = calls.runs(json!({ "batchUuid": batch["uuid"] })).await;
    assert_eq!(all.len(), 60);
    let by = |fits: &dyn Fn(&Value) -> bool| all.iter().filter(|run| fits(run)).count() as u64;
    let reached = |run: &Value, slug: &str, status: &str| {
        let mut executions = run["executions"].as_array().unwrap().iter();
        executions.any(|one| one["nodeSlug"] == slug && one["status"] == status)
    };
    let executed = |conditions: Value| {
        let group = json!({ "conjonction": "and", "conditions": conditions });
        json!({ "executionsFilter": { "conjonction": "or", "groups": [group] } })
    };
    let node =
        |slug: &str, status: &str| json!({ "kind": "node", "nodeSlug": slug, "status": status });
    let said = |status: &str, value: &str| {
        let mut condition = node("enrich", status);
        condition["value"] = value.into();
        condition
    };
    let middle = text(&all[30]["updatedAt"]).to_owned();
    let created = text(&all[0]["createdAt"]).to_owned();
    let cases = [
        (json!({}), 60),
        (json!({ "workflowUuid": fixtures.tool_workflow_uuid }), 60),
        (json!({ "workflowUuid": fixtures.play_workflow_uuid }), 0),
        (json!({ "userUuid": fixtures.user_uuid }), 60),
        (json!({ "userUuid": fixtures.model_uuid }), 0),
        (json!({ "releaseUuid": fixtures.release_uuid }), 60),
        (json!({ "releaseUuid": fixtures.branching_release_uuid }), 0),
        (json!({ "isGroupParent": true }), 0),
        (json!({ "isGroupParent": false }), 60),
        (json!({ "parentUuid": all[0]["uuid"] }), 0),
        (
            json!({ "statuses": ["running"] }),
            by(&|run| run["status"] == "running"),
        ),
        (
            json!({ "statuses": ["pending", "idle"] }),
            by(&|run| run["status"] == "pending" || run["status"] == "idle"),
        ),
        (
            json!({ "statuses": ["error"] }),
            by(&|run| run["status"] == "error"),
        ),
        (
            json!({ "isFinished": true }),
            by(&|run| !run["finishedAt"].is_null()),
        ),
        (
            json!({ "isFinished": false }),
            by(&|run| run["finishedAt"].is_null()),
        ),
        (json!({ "recordId": "lead-7" }), 1),
        (json!({ "recordId": "lead" }), 0),
        (json!({ "recordTitle": "lead7@" }), 1),
        (json!({ "recordTitleOrId": "lead-7" }), 1),
        (json!({ "recordTitleOrId": "LEAD7@example.com" }), 1),
        (
            executed(json!([node("end", "success")])),
            by(&|run| reached(run, "end", "success")),
        ),
        (
            executed(json!([node("enrich", "pending")])),
            by(&|run| reached(run, "enrich", "pending")),
        ),
        (
            executed(json!([node("enrich", "error"), node("end", "absent")])),
            by(&|run| reached(run, "enrich", "error")),
        ),
        (
            executed(json!([node("start", "absent")])),
            by(&|run| run["executions"] == json!([])),
        ),
        (
            executed(json!([said("success", "Enrich Done")])),
            by(&|run| reached(run, "enrich", "success")),
        ),
        (executed(json!([said("success", "failed")])), 0),
        (
            executed(json!([said("error", "found")])),
            by(&|run| {
                run["errorMessage"]
                    .as_str()
                    .is_some_and(|why| why.contains("found"))
            }),
        ),
        (json!({ "createdAfter": created }), 0),
        (json!({ "createdBefore": created }), 0),
        (
            json!({ "createdAfter": "2026-01-15T10:00:00Z", "createdBefore": "2027-01-01T00:00:00Z" }),
            60,
        ),
        (
            json!({ "updatedAfter": middle }),
            by(&|run| text(&run["updatedAt"]) > middle.as_str()),
        ),
        (
            json!({ "updatedBefore": middle }),
            by(&|run| text(&run["updatedAt"]) < middle.as_str()),
        ),
    ];
    let mut trivial = 0;
    for (mut filters, wanted) in cases {
        filters["batchUuid"] = batch["uuid"].clone();
        assert_eq!(count(&calls, &filters).await, wanted, "{filters}");
        let list = calls.post("/orchestration/runs/list", &filters).await.ok();
        assert_eq!(list["count"], wanted, "{filters}");
        assert_eq!(
            list["runs"].as_array().unwrap().len() as u64,
            wanted,
            "{filters}"
        );
        trivial += usize::from(wanted == 0 || wanted == 60);
    }
    assert!(trivial < 18, "the moment was chosen badly: {trivial}");
    assert_eq!(count(&calls, &json!({})).await, 120);
    let runs = json!({ "workflowUuid": fixtures.tool_workflow_uuid, "limit": 3, "offset": 59 });
    let page = calls.post("/orchestration/runs/list", &runs).await.ok();
    assert_eq!(page["count"], 120);
    let from = |n: usize| page["runs"][n]["batchUuid"].clone();
    assert_eq!(
        [from(0), from(1)],
        [other["uuid"].clone(), batch["uuid"].clone()]
    );
    let far = json!({ "limit": 0, "offset": 9_007_199_254_740_991_u64 });
    assert_eq!(
        calls.post("/orchestration/runs/list", &far).await.ok()["runs"],
        json!([])
    );
}

#[tokio::test]
async fn single_runs_are_cancelled() {
    let calls = Calls::start().await;
    let workflow = json!(calls.fixtures().tool_workflow_uuid);
    let batch = leads(&calls).await;
    calls.pass(12);
    let all = calls.runs(json!({ "batchUuid": batch["uuid"] })).await;
    let before = calls.batch(&batch).await;
    let cancel = async |body: &Value| calls.post("/orchestration/runs/cancel", body).await;
    let none = json!({ "workflowUuid": workflow, "uuids": [] });
    assert_eq!(cancel(&none).await.ok(), json!({}));
    let cancelling = json!({ "statuses": ["cancelling"] });
    assert_eq!(
        count(&calls, &cancelling).await,
        0,
        "a list of no runs is no filter"
    );

    let uuids = [&all[58]["uuid"], &all[59]["uuid"]];
    let body = json!({ "workflowUuid": workflow, "uuids": uuids });
    assert_eq!(cancel(&body).await.ok(), json!({}));
    assert_eq!(count(&calls, &cancelling).await, 2);
    let body = json!({ "workflowUuid": workflow, "recordId": "lead-57" });
    cancel(&body).await.ok();
    assert_eq!(count(&calls, &cancelling).await, 3);
    calls.pass(3);
    assert_eq!(
        count(&calls, &json!({ "statuses": ["cancelled"] })).await,
        3
    );
    assert_eq!(calls.batch(&batch).await["status"], "running");
    calls.pass(3600);
    let ended = calls.batch(&batch).await;
    assert_eq!(ended["status"], "success");
    assert_eq!(
        (&ended["runsCount"], &ended["executedRunsCount"]),
        (&json!(60), &json!(57))
    );
    assert!(before["executedRunsCount"].as_u64() < ended["executedRunsCount"].as_u64());

    // Of another workflow, nothing is cancelled.
    let batch = leads(&calls).await;
    calls.pass(12);
    let body =
        json!({ "workflowUuid": calls.fixtures().play_workflow_uuid, "batchUuid": batch["uuid"] });
    cancel(&body).await.ok();
    assert_eq!(count(&calls, &cancelling).await, 0);
    let ended = json!({ "batchUuid": batch["uuid"], "isFinished": true });
    let ended = count(&calls, &ended).await;
    let body = json!({ "workflowUuid": workflow, "batchUuid": batch["uuid"] });
    cancel(&body).await.ok();
    assert_eq!(
        count(&calls, &cancelling).await,
        60 - ended,
        "all that had not ended"
    );
    calls.pass(5);
    assert_eq!(calls.batch(&batch).await["status"], "success");
}

#[tokio::test]
async fn metrics_add_up_to_the_batch() {
    let calls = Calls::start().await;
    let batch = leads(&calls).await;
    for _ in 0..20 {
        calls.pass(7);
        let body = json!({
            "workflowUuid": calls.fixtures().tool_workflow_uuid, "batchUuid": batch["uuid"],
        });
        let metrics = calls.post("/orchestration/runs/metrics", &body).await.ok();
        let metrics = metrics["runMetrics"].as_array().unwrap().clone();
        assert_eq!(metrics.len(), 3, "one for each node");
        let mut credits = 0.0;
        for node in &metrics {
            let kinds = [
                "idle",
                "pending",
                "running",
                "success",
                "error",
                "cancelling",
                "cancelled",
                "skipped",
            ];
            let counts = kinds.map(|kind| node[format!("{kind}ExecutionsCount")].as_u64().unwrap());
            assert_eq!(node["totalExecutionsCount"], counts.iter().sum::<u64>());
            credits += node["creditsUsedCount"].as_f64().unwrap();
        }
        let state = calls.batch(&batch).await;
        assert!((credits - state["creditsUsedCount"].as_f64().unwrap()).abs() < 1e-9);
        let born = state["runsCount"].as_u64().unwrap() > 0;
        assert_eq!(
            metrics[0]["totalExecutionsCount"],
            if born { 60 } else { 0 }
        );
        assert_eq!(metrics[1]["errorExecutionsCount"], state["failedRunsCount"]);
    }
    assert_eq!(calls.batch(&batch).await["failedRunsCount"], 15);
}

#[tokio::test]
async fn runs_are_exported() {
    let calls = Calls::start().await;
    let batch = leads(&calls).await;
    calls.pass(3600);
    let workflow = json!(calls.fixtures().tool_workflow_uuid);
    let filters = json!({ "workflowUuid": workflow, "batchUuid": batch["uuid"] });

    let link = calls.post("/orchestration/runs/download", &filters).await;
    let (media, zipped) = calls.fetch(link).await;
    assert_eq!(media, "application/gzip");
    let mut table = String::new();
    flate2::read::GzDecoder::new(&*zipped)
        .read_to_string(&mut table)
        .unwrap();
    let mut lines = table.lines();
    let own = "_uuid,_workspace_uuid,_workflow_uuid,_record_id,_record_title,_created_at,_finished_at,_status,_error_message";
    assert_eq!(lines.next().unwrap(), format!("{own},start,enrich,end"));
    assert_eq!(table.lines().count(), 61);
    assert_eq!(
        table
            .matches(",success,,start done,enrich done,end done")
            .count(),
        45
    );
    assert_eq!(table.matches(",error,").count(), 15);

    let output = async |more: Value| {
        let mut body = filters.clone();
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let link = calls
            .post("/orchestration/runs/download-outputs", &body)
            .await;
        calls.fetch(link).await
    };
    let (media, csv) = output(json!({})).await;
    let csv = String::from_utf8(csv).unwrap();
    assert_eq!(media, "text/csv");
    assert!(csv.starts_with(&format!("{own},input,output\n")), "{csv}");
    assert_eq!(csv.lines().count(), 61);
    let (media, text) = output(json!({ "format": "json", "limit": 2, "offset": 4 })).await;
    assert_eq!(media, "application/json");
    let rows: Vec<Value> = serde_json::from_slice(&text).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["input"]["id"], "lead-4");
    assert_eq!(rows[0]["output"], Value::Null, "the run failed");
    assert!(rows[1]["output"]["sandbox_score"].is_number());
    assert_eq!(rows[1]["_status"], "success");
    let (_, text) =
        output(json!({ "format": "json", "outputNodeSlug": "start", "limit": 1 })).await;
    let rows: Vec<Value> = serde_json::from_slice(&text).unwrap();
    assert_eq!(
        rows[0]["output"], rows[0]["input"],
        "the start puts out what it is given"
    );
    let mut body = filters.clone();
    body["outputNodeSlug"] = "nowhere".into();
    let response = calls
        .post("/orchestration/runs/download-outputs", &body)
        .await;
    assert_eq!(response.status, 404);
    assert!(response.message().contains("nowhere"));

    let path = format!("/orchestration/batches/{}/download", text_of(&batch));
    let (_, csv) = calls.fetch(calls.post(&path, &json!({})).await).await;
    let csv = String::from_utf8(csv).unwrap();
    assert!(
        csv.starts_with(
            "id,email,fail,sandbox_score,sandbox_checked_at,sandbox_status,sandbox_error_message\n"
        ),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 61);
    let first = calls
        .post(&path, &json!({ "outputNodeSlug": "start" }))
        .await;
    let (_, csv) = calls.fetch(first).await;
    assert!(csv.starts_with(b"id,email,fail,sandbox_status,sandbox_error_message\n"));
    let response = calls
        .post(&path, &json!({ "outputNodeSlug": "nowhere" }))
        .await;
    assert_eq!(response.status, 404);
}

fn text_of(batch: &Value) -> &str {
    text(&batch["uuid"])
}
