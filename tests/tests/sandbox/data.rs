//! Each kind of data in the sandbox, from its creation to its end.

use cargo_batch_sandbox::Sandbox;
use cargo_batch_tests::calls::Calls;
use serde_json::{Value, json};

/// Longer than any of these batches takes, in seconds.
const LONG: u64 = 3600;

/// Follows a batch to its end; gives the statuses it had, and its last state.
async fn follow(calls: &Calls, batch: &Value) -> (Vec<String>, Value) {
    let mut statuses = Vec::new();
    for _ in 0..600 {
        let state = calls.batch(batch).await;
        statuses.push(state["status"].as_str().unwrap().to_owned());
        if !state["finishedAt"].is_null() {
            statuses.dedup();
            return (statuses, state);
        }
        calls.pass(1);
    }
    panic!("{batch} doesn't end");
}

fn play(calls: &Calls) -> Value {
    json!(calls.fixtures().play_workflow_uuid)
}

fn tool(calls: &Calls) -> Value {
    json!(calls.fixtures().tool_workflow_uuid)
}

fn records(count: usize) -> Value {
    let record = |n| json!({ "email": format!("{n}@example.com") });
    (0..count).map(record).collect()
}

#[tokio::test]
async fn records_of_a_model_go_through_a_play() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let condition = json!({
        "kind": "string", "columnSlug": "country", "operator": "is", "values": "Spain",
    });
    let filter = json!({
        "conjonction": "and",
        "groups": [{ "conjonction": "and", "conditions": [condition] }],
    });
    for (data, count) in [
        (
            json!({ "kind": "segment", "segmentUuid": fixtures.segment_uuid }),
            100,
        ),
        (
            json!({ "kind": "filter", "modelUuid": fixtures.model_uuid }),
            200,
        ),
        (
            json!({ "kind": "filter", "modelUuid": fixtures.model_uuid, "filter": filter, "limit": 7 }),
            7,
        ),
        (
            json!({
                "kind": "recordIds", "modelUuid": fixtures.model_uuid,
                "ids": ["contact-3", "nobody", "contact-1"],
            }),
            2,
        ),
    ] {
        let batch = calls.create(play(&calls), data.clone()).await;
        assert_eq!(batch["data"], data, "it comes back as it was sent");
        assert_eq!(batch["status"], "pending");
        let (statuses, ended) = follow(&calls, &batch).await;
        assert_eq!(statuses, ["pending", "querying", "running", "success"]);
        assert_eq!(ended["runsCount"], count);
        assert_eq!(ended["executedRunsCount"], count);
        assert!(ended["creditsUsedCount"].as_f64().unwrap() > 0.0);
    }
}

#[tokio::test]
async fn changes_and_schedules_sync_their_segment_first() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let change =
        |uuid, kinds| json!({ "kind": "change", "changeUuid": uuid, "changeKinds": kinds });
    let data = change(json!(fixtures.change_uuid), json!(["added", "removed"]));
    let batch = calls.create(play(&calls), data).await;
    assert_eq!(
        batch["data"]["segmentUuid"],
        json!(fixtures.play_segment_uuid)
    );
    let (statuses, ended) = follow(&calls, &batch).await;
    assert_eq!(statuses, ["pending", "syncing", "running", "success"]);
    assert_eq!(ended["runsCount"], 16, "ten came in, six left");

    // A change that holds none of the kinds asked for.
    let data = change(json!(fixtures.additions_change_uuid), json!(["removed"]));
    let batch = calls.create(play(&calls), data).await;
    let (statuses, ended) = follow(&calls, &batch).await;
    assert_eq!(statuses, ["pending", "syncing", "skipped"]);
    assert_eq!(ended["runsCount"], 0);

    let schedule = |kinds: Value, skip: bool| {
        json!({
            "kind": "schedule", "modelUuid": fixtures.model_uuid, "changeKinds": kinds,
            "segmentUuid": fixtures.play_segment_uuid, "skip": skip,
        })
    };
    let batch = calls
        .create(play(&calls), schedule(json!(["updated"]), false))
        .await;
    let data = &batch["data"];
    let counts = ["total", "added", "updated", "removed", "unchanged"]
        .map(|kind| data[format!("{kind}RecordsCount")].as_u64().unwrap());
    assert_eq!(counts, [28, 10, 8, 6, 4]);
    assert_eq!(data["changeUuid"], json!(fixtures.change_uuid));
    let (statuses, ended) = follow(&calls, &batch).await;
    assert_eq!(statuses, ["pending", "syncing", "running", "success"]);
    assert_eq!(ended["runsCount"], 8);

    let batch = calls
        .create(play(&calls), schedule(json!(["updated"]), true))
        .await;
    let (statuses, _) = follow(&calls, &batch).await;
    assert_eq!(statuses, ["pending", "syncing", "skipped"]);
}

#[tokio::test]
async fn files_and_records_go_through_a_tool() {
    let calls = Calls::start().await;
    let csv = "E-mail,fail,skip\nada@example.com,false,\ngrace@example.com,true,\nalan@example.com,,yes\n";
    let s3_filename = calls.upload("leads.csv", csv).await;
    // Which side of a mapping is the column is not known: both are taken.
    for mappings in [json!({ "E-mail": "email" }), json!({ "email": "E-mail" })] {
        let data = json!({ "kind": "file", "s3Filename": s3_filename, "mappings": mappings });
        let batch = calls.create(tool(&calls), data.clone()).await;
        assert_eq!(batch["data"], data);
        let (statuses, ended) = follow(&calls, &batch).await;
        assert_eq!(statuses, ["pending", "querying", "running", "success"]);
        let counts = ["runsCount", "executedRunsCount", "failedRunsCount"].map(|name| &ended[name]);
        assert_eq!(counts, [3, 2, 1], "one failed, one was skipped");
        let runs = calls.runs(json!({ "batchUuid": batch["uuid"] })).await;
        let ends: Vec<_> = runs
            .iter()
            .map(|run| {
                (
                    run["recordTitle"].as_str().unwrap(),
                    run["status"].as_str().unwrap(),
                )
            })
            .collect();
        let wanted = [
            ("ada@example.com", "success"),
            ("grace@example.com", "error"),
            ("alan@example.com", "skipped"),
        ];
        assert_eq!(ends, wanted);
    }

    let batch = calls
        .create(
            tool(&calls),
            json!({ "kind": "records", "records": records(3) }),
        )
        .await;
    assert!(batch["data"]["s3Filename"].is_string() && batch["data"]["records"].is_null());
    assert_eq!(follow(&calls, &batch).await.1["runsCount"], 3);
    let wrong = json!({ "kind": "file", "s3Filename": s3_filename, "mappings": { "a": "b" } });
    let body = json!({ "workflowUuid": tool(&calls), "data": wrong });
    let response = calls.post("/orchestration/batches", &body).await;
    assert_eq!(response.reason(), "dataError: invalidData");
}

#[tokio::test]
async fn a_batch_as_a_whole_can_fail() {
    let calls = Calls::start().await;
    let s3_filename = calls
        .upload("ragged.csv", "email,name\nada@example.com\n")
        .await;
    let file = json!({ "kind": "file", "s3Filename": s3_filename });
    let far = calls.fixtures().unreachable_segment_uuid;
    for (workflow, data) in [
        (tool(&calls), file),
        (
            play(&calls),
            json!({ "kind": "segment", "segmentUuid": far }),
        ),
    ] {
        let batch = calls.create(workflow, data).await;
        assert_eq!(batch["errorMessage"], Value::Null);
        let (statuses, ended) = follow(&calls, &batch).await;
        assert_eq!(statuses, ["pending", "querying", "error"]);
        assert!(ended["errorMessage"].as_str().unwrap().len() > 10);
        assert_eq!(ended["runsCount"], 0);
    }
}

#[tokio::test]
async fn runs_are_run_again_from_where_it_says() {
    let calls = Calls::start().await;
    let leads = json!([
        { "id": "a", "email": "ada@example.com", "fail": false },
        { "id": "b", "email": "grace@example.com", "fail": true },
    ]);
    let first = calls
        .create(tool(&calls), json!({ "kind": "records", "records": leads }))
        .await;
    calls.pass(LONG);
    let again = |reset: Value| {
        json!({
            "kind": "runs", "reset": reset,
            "filter": { "kind": "runs", "batchUuid": first["uuid"], "statuses": ["error"] },
        })
    };
    let enrich =
        calls.runs(json!({ "batchUuid": first["uuid"] })).await[0]["executions"][1]["nodeUuid"]
            .clone();
    for (reset, nodes) in [
        (json!({ "from": "firstNode" }), &["start", "enrich"][..]),
        (json!({ "from": "lastNode" }), &["enrich"]),
        // The node that failed is left behind; the record still says that its run fails.
        (json!({ "from": "nextNode" }), &["end"]),
        (json!({ "from": "node", "nodeUuid": enrich }), &["enrich"]),
    ] {
        let data = again(reset.clone());
        let batch = calls.create(tool(&calls), data.clone()).await;
        assert_eq!(batch["data"], data);
        assert_eq!(follow(&calls, &batch).await.1["failedRunsCount"], 1);
        let runs = calls.runs(json!({ "batchUuid": batch["uuid"] })).await;
        assert_eq!(runs[0]["recordId"], "b");
        let slugs: Vec<_> = runs[0]["executions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["nodeSlug"].as_str().unwrap())
            .collect();
        assert_eq!(slugs, nodes, "{reset}");
    }
    // What has come to its end has no next node: there is nothing to do.
    let done = json!({
        "kind": "runs", "reset": { "from": "nextNode" },
        "filter": { "kind": "records", "ids": ["a"], "statuses": ["success"] },
    });
    let batch = calls.create(tool(&calls), done).await;
    let ended = follow(&calls, &batch).await.1;
    assert_eq!(
        (&ended["runsCount"], &ended["executedRunsCount"]),
        (&json!(1), &json!(0))
    );
    let runs = calls.runs(json!({ "batchUuid": batch["uuid"] })).await;
    assert_eq!(runs[0]["status"], "skipped");

    // Of records, only the latest run counts: those of "b" all failed, the latest once.
    let latest = json!({
        "kind": "runs", "reset": { "from": "firstNode" },
        "filter": { "kind": "records", "statuses": ["error"] },
    });
    let batch = calls.create(tool(&calls), latest).await;
    assert_eq!(follow(&calls, &batch).await.1["runsCount"], 1);

    let nowhere = again(json!({ "from": "node", "nodeUuid": first["uuid"] }));
    let body = json!({ "workflowUuid": tool(&calls), "data": nowhere });
    let response = calls.post("/orchestration/batches", &body).await;
    assert_eq!(response.reason(), "nodesNotFound");
}

#[tokio::test]
async fn forms_and_actions_know_what_they_were_started_from() {
    let calls = Calls::start().await;
    let outer = calls
        .create(
            tool(&calls),
            json!({ "kind": "records", "records": records(1) }),
        )
        .await;
    calls.pass(20);
    let run = calls
        .runs(json!({ "batchUuid": outer["uuid"] }))
        .await
        .remove(0);
    let node = &run["executions"][1]["nodeUuid"];
    let form = json!({
        "kind": "form", "records": records(2),
        "parentRunUuid": run["uuid"], "parentNodeUuid": node,
    });
    let batch = calls.create(tool(&calls), form).await;
    assert_eq!(batch["data"]["kind"], "form");
    assert_eq!(batch["data"]["parentBatchUuid"], outer["uuid"]);
    assert!(batch["traceUuid"].is_string() && outer["traceUuid"].is_null());
    calls.pass(LONG);
    for (name, value) in [
        ("parentBatchUuid", &outer["uuid"]),
        ("parentRunUuid", &run["uuid"]),
        ("parentNodeUuid", node),
    ] {
        let query = format!("{name}={}", value.as_str().unwrap());
        let list = calls
            .get(&format!("/orchestration/batches/list?{query}"))
            .await;
        let list = list.ok();
        assert_eq!(list["batches"].as_array().unwrap().len(), 1, "{name}");
        assert_eq!(list["batches"][0]["uuid"], batch["uuid"], "{name}");
        let name = name.replace("Run", "");
        let runs = calls.runs(json!({ name: value })).await;
        assert_eq!(runs.len(), 2);
        assert_eq!(runs[0]["parentUuid"], run["uuid"]);
    }

    let body = json!({
        "action": { "kind": "connector", "integrationSlug": "crm", "actionSlug": "lookup" },
        "records": records(4),
        "webhookUrl": "http://127.0.0.1:9/done", "webhookSecret": "shh",
    });
    let response = calls
        .post("/orchestration/actions/execute-batch", &body)
        .await;
    let batch = response.ok()["batch"].clone();
    assert_eq!(batch["data"]["webhookSecret"], "shh");
    assert_eq!(batch["releaseUuid"], Value::Null);
    let (_, ended) = follow(&calls, &batch).await;
    assert_eq!(ended["executedRunsCount"], 4);
    let runs = calls
        .runs(json!({ "workflowUuid": batch["workflowUuid"] }))
        .await;
    let slugs: Vec<_> = runs[0]["executions"].as_array().unwrap().iter().collect();
    assert_eq!(slugs[1]["nodeSlug"], "action");
    assert_eq!(slugs[1]["nodeIntegrationSlug"], "crm");
}

#[tokio::test]
async fn executions_follow_the_graph_that_is_run() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let body = json!({
        "workflowUuid": fixtures.play_workflow_uuid, "releaseUuid": fixtures.branching_release_uuid,
        "data": { "kind": "filter", "modelUuid": fixtures.model_uuid },
    });
    let batch = calls.post("/orchestration/batches", &body).await.ok()["batch"].clone();
    assert_eq!(batch["releaseUuid"], json!(fixtures.branching_release_uuid));
    calls.pass(LONG);
    let path = format!(
        "/orchestration/releases/{}",
        fixtures.branching_release_uuid
    );
    let release = calls.get(&path).await.ok();
    let nodes = release["release"]["nodes"].as_array().unwrap().clone();
    let node = |uuid: &Value| nodes.iter().find(|node| node["uuid"] == *uuid).unwrap();
    let runs = calls.runs(json!({ "batchUuid": batch["uuid"] })).await;
    assert_eq!(runs.len(), 200);
    let mut ways = std::collections::BTreeSet::new();
    for run in &runs {
        let executions = run["executions"].as_array().unwrap();
        assert_eq!(executions[0]["nodeSlug"], "start");
        for two in executions.windows(2) {
            assert_eq!(two[0]["nextNodeUuid"], two[1]["nodeUuid"]);
            let from = node(&two[0]["nodeUuid"]);
            let to = &two[1]["nodeUuid"];
            let child = from["childrenUuids"].as_array().unwrap().contains(to);
            match two[0]["status"].as_str().unwrap() {
                "success" => assert!(child, "{two:?}"),
                _ => assert_eq!(from["fallbackChildUuid"], *to),
            }
        }
        let last = executions.last().unwrap();
        assert_eq!(last["nextNodeUuid"], Value::Null);
        assert_eq!(run["errorMessage"], last["errorMessage"]);
        let slugs = executions
            .iter()
            .map(|one| one["nodeSlug"].as_str().unwrap());
        let slugs: Vec<_> = slugs.collect();
        assert_eq!(run["isGroupParent"], slugs.contains(&"contacts"));
        ways.insert(slugs.join(" "));
    }
    for way in [
        "start in_europe",
        "start in_europe size research contacts write end",
        "start in_europe size lookup contacts write end",
        "start in_europe size lookup research contacts write end",
    ] {
        assert!(ways.contains(way), "{way}: {ways:#?}");
    }
    let groups = runs
        .iter()
        .filter(|run| run["isGroupParent"] == true)
        .count();
    let body = json!({ "batchUuid": batch["uuid"], "isGroupParent": true });
    let count = calls.post("/orchestration/runs/count", &body).await.ok();
    assert_eq!(count["count"], groups);

    // What each node put out, by slug.
    let run = runs
        .iter()
        .find(|run| run["status"] == "success" && run["isGroupParent"] == true);
    let uuid = run.unwrap()["uuid"].as_str().unwrap();
    let run = calls.get(&format!("/orchestration/runs/{uuid}")).await.ok();
    assert_eq!(run["runContext"]["start"]["id"], run["run"]["recordId"]);
    assert!(run["runContext"]["end"]["sandbox_score"].is_number());
    assert!(run["runComputedConfigs"]["contacts"]["_nodes"].is_array());
}

#[tokio::test]
async fn a_preview_shows_what_would_be_taken() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let batch = calls
        .create(
            tool(&calls),
            json!({ "kind": "records", "records": records(2) }),
        )
        .await;
    calls.pass(LONG);
    let runs = calls.runs(json!({ "batchUuid": batch["uuid"] })).await;
    let uuids: Vec<&Value> = runs.iter().map(|run| &run["uuid"]).collect();
    let s3_filename = calls.upload("leads.csv", "email,n\na,1\nb,2\nc,3\n").await;
    let model = fixtures.model_uuid;
    for (workflow, data, count, column) in [
        (
            play(&calls),
            json!({ "kind": "segment", "segmentUuid": fixtures.segment_uuid }),
            100,
            "id",
        ),
        (
            play(&calls),
            json!({ "kind": "change", "changeUuid": fixtures.change_uuid, "changeKinds": ["updated"] }),
            8,
            "id",
        ),
        (
            play(&calls),
            json!({ "kind": "filter", "modelUuid": model, "limit": 3 }),
            3,
            "id",
        ),
        (
            play(&calls),
            json!({ "kind": "recordIds", "modelUuid": model, "ids": ["contact-9"] }),
            1,
            "id",
        ),
        (
            play(&calls),
            json!({
                "kind": "schedule", "modelUuid": model, "segmentUuid": fixtures.segment_uuid,
                "changeKinds": ["added"],
            }),
            5,
            "id",
        ),
        (
            tool(&calls),
            json!({ "kind": "file", "s3Filename": s3_filename }),
            3,
            "email",
        ),
        (
            tool(&calls),
            json!({ "kind": "records", "records": records(4) }),
            4,
            "email",
        ),
        (
            tool(&calls),
            json!({ "kind": "runs", "runUuids": uuids, "reset": { "from": "firstNode" } }),
            2,
            "email",
        ),
        (
            tool(&calls),
            json!({
                "kind": "group", "items": [{ "n": 1 }, "two"], "parentRunUuid": uuids[0],
                "parentNodeUuid": runs[0]["executions"][0]["nodeUuid"],
            }),
            2,
            "n",
        ),
    ] {
        let body = json!({ "workflowUuid": workflow, "data": data });
        let preview = calls
            .post("/orchestration/batches/preview", &body)
            .await
            .ok();
        assert_eq!(preview["count"], count, "{data}");
        assert_eq!(preview["records"].as_array().unwrap().len(), count);
        assert_eq!(preview["columns"][0]["slug"], column, "{data}");
    }
    let before = calls.get("/orchestration/batches/list").await.ok();
    assert_eq!(
        before["batches"].as_array().unwrap().len(),
        1,
        "nothing was started"
    );
}

#[tokio::test]
async fn credits_are_kept_for_what_will_be_spent() {
    let calls = Calls::with(Sandbox::builder().credits(75.0)).await;
    let data = json!({ "kind": "filter", "modelUuid": calls.fixtures().model_uuid, "limit": 100 });
    let body = json!({ "workflowUuid": play(&calls), "data": data });
    // A hundred records cost about 30 credits.
    let first = calls.post("/orchestration/batches", &body).await.ok()["batch"].clone();
    assert_eq!(
        calls.sandbox.credits_left(),
        75.0,
        "nothing has been spent yet"
    );
    let mut more = 0;
    let refused = loop {
        let response = calls.post("/orchestration/batches", &body).await;
        if response.status != 200 {
            break response;
        }
        more += 1;
    };
    assert_eq!(refused.reason(), "notEnoughCredits");
    assert!(more <= 1, "{more}");
    // What is cancelled frees what it would have spent.
    let path = format!(
        "/orchestration/batches/{}/cancel",
        first["uuid"].as_str().unwrap()
    );
    calls.post(&path, &Value::Null).await.ok();
    let again = calls.post("/orchestration/batches", &body).await.ok()["batch"].clone();
    calls.pass(LONG);
    let spent = calls.batch(&again).await["creditsUsedCount"]
        .as_f64()
        .unwrap();
    assert!(spent > 15.0, "{spent}");
    assert_eq!(calls.batch(&first).await["creditsUsedCount"], 0.0);
    assert!(calls.sandbox.credits_left() <= 75.0 - spent);
}
