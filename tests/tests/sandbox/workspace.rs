//! What there is before a batch, what a batch costs, and runs without a batch.

use cargo_batch_sandbox::{Fault, Rule, Sandbox};
use cargo_batch_tests::calls::{Calls, plain_client};
use serde_json::{Value, json};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";
const LONG: u64 = 3600;

async fn list(calls: &Calls, path: &str) -> Vec<Value> {
    let name = path.split('?').next().unwrap().split('/').nth(2).unwrap();
    let list = calls.get(path).await.ok()[name].take();
    serde_json::from_value(list).unwrap()
}

fn field<'a>(items: &'a [Value], name: &str) -> Vec<&'a Value> {
    items.iter().map(|item| &item[name]).collect()
}

/// What was used, added up by slug.
async fn used(calls: &Calls, query: &str) -> Vec<(String, f64)> {
    let path = format!("/billing/usage/metrics?from=2026-01-01&to=2026-12-31{query}");
    let metrics = calls.get(&path).await.ok()["metrics"].take();
    let days: Vec<Value> = serde_json::from_value(metrics).unwrap();
    let mut sums: Vec<(String, f64)> = Vec::new();
    for item in days.iter().flat_map(|day| day["items"].as_array().unwrap()) {
        let (slug, count) = (
            item["slug"].as_str().unwrap(),
            item["count"].as_f64().unwrap(),
        );
        match sums.iter_mut().find(|(known, _)| known == slug) {
            Some((_, sum)) => *sum += count,
            None => sums.push((slug.to_owned(), count)),
        }
    }
    sums
}

async fn left(calls: &Calls) -> f64 {
    let subscription = &calls.get("/billing/subscriptions").await.ok()["subscription"];
    let number = |name: &str| subscription[name].as_f64().unwrap();
    number("subscriptionAvailableCreditsCount") - number("subscriptionCreditsUsedCount")
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-6
}

#[tokio::test]
async fn tools_are_listed_and_read() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let tools = list(&calls, "/orchestration/tools/list").await;
    assert_eq!(
        field(&tools, "workflowUuid"),
        [
            &json!(fixtures.tool_workflow_uuid),
            &json!(fixtures.broken_workflow_uuid),
            &json!(fixtures.unstoppable_workflow_uuid)
        ]
    );
    // A name alone doesn't tell them apart.
    assert_eq!(
        field(&tools, "name"),
        ["Enrich lead", "Score lead", "Score lead"]
    );
    for tool in &tools {
        let path = format!("/orchestration/tools/{}", tool["uuid"].as_str().unwrap());
        assert_eq!(calls.get(&path).await.ok()["tool"], *tool);
    }
    assert_eq!(calls.get("/orchestration/tools/none").await.status, 400);
}

#[tokio::test]
async fn plays_are_listed_by_what_they_are() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let (on, off) = (json!(fixtures.play_uuid), json!(fixtures.paused_play_uuid));
    for (query, wanted) in [
        (String::new(), vec![&on, &off]),
        ("isEnabled=true".to_owned(), vec![&on]),
        ("isEnabled=false".to_owned(), vec![&off]),
        ("scheduleType=cron".to_owned(), vec![&on]),
        ("scheduleType=watch".to_owned(), vec![]),
        (
            format!("modelUuid={}", fixtures.model_uuid),
            vec![&on, &off],
        ),
        (format!("modelUuid={}", fixtures.company_model_uuid), vec![]),
        (
            format!("segmentUuid={}", fixtures.paused_play_segment_uuid),
            vec![&off],
        ),
        (
            format!(
                "segmentUuid={}&isEnabled=true",
                fixtures.paused_play_segment_uuid
            ),
            vec![],
        ),
    ] {
        let plays = list(&calls, &format!("/orchestration/plays/list?{query}")).await;
        assert_eq!(field(&plays, "uuid"), wanted, "{query}");
    }
    let path = format!("/orchestration/plays/{}", fixtures.play_uuid);
    let play = calls.get(&path).await.ok()["play"].take();
    assert_eq!(play["workflowUuid"], json!(fixtures.play_workflow_uuid));
    assert_eq!(play["modelUuid"], json!(fixtures.model_uuid));
    for query in ["scheduleType=never", "isEnabled=2", "modelUuid=m", "name=x"] {
        let path = format!("/orchestration/plays/list?{query}");
        assert_eq!(calls.get(&path).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn every_workflow_has_its_own_deployed_release_but_the_paused_one() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    for (workflow, release, has_form) in [
        (fixtures.tool_workflow_uuid, fixtures.release_uuid, true),
        (
            fixtures.play_workflow_uuid,
            fixtures.play_release_uuid,
            false,
        ),
        (
            fixtures.broken_workflow_uuid,
            fixtures.broken_release_uuid,
            true,
        ),
        (
            fixtures.unstoppable_workflow_uuid,
            fixtures.unstoppable_release_uuid,
            true,
        ),
    ] {
        let path = format!("/orchestration/releases/deployed?workflowUuid={workflow}");
        let found = calls.get(&path).await.ok()["release"].take();
        assert_eq!(found["uuid"], json!(release));
        assert_eq!(found["workflowUuid"], json!(workflow));
        assert_eq!(found["status"], "deployed");
        assert_eq!(!found["formFields"].is_null(), has_form);
        let by_uuid = calls
            .get(&format!("/orchestration/releases/{release}"))
            .await;
        assert_eq!(by_uuid.ok()["release"], found);
    }
    let path = format!(
        "/orchestration/releases/deployed?workflowUuid={}",
        fixtures.tool_workflow_uuid
    );
    let release = calls.get(&path).await.ok()["release"].take();
    let fields = release["formFields"].as_array().unwrap();
    let required: Vec<&Value> = fields
        .iter()
        .filter(|field| field["isRequired"] == true)
        .map(|field| &field["slug"])
        .collect();
    assert_eq!(required, ["email"]);
    let kinds = [
        "string", "number", "boolean", "date", "enum", "array", "any",
    ];
    assert_eq!(field(fields, "kind"), kinds);
    // What was never deployed can't be started.
    let data =
        json!({ "kind": "recordIds", "modelUuid": fixtures.model_uuid, "ids": ["contact-1"] });
    let body = json!({ "workflowUuid": fixtures.paused_play_workflow_uuid, "data": data });
    let response = calls.post("/orchestration/batches", &body).await;
    assert_eq!(response.reason(), "nodesNotFound");
    let path = format!("/orchestration/releases/deployed?workflowUuid={UNKNOWN}");
    assert_eq!(calls.get(&path).await.reason(), "releaseNotFound");
    let path = "/orchestration/releases/deployed";
    assert_eq!(
        calls.get(path).await.status,
        400,
        "the workflow is required"
    );
}

#[tokio::test]
async fn a_segment_says_how_many_records_a_batch_of_it_enrols() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let segments = list(&calls, "/segmentation/segments/list").await;
    assert_eq!(segments.len(), 5);
    let kept = |uuid: Value| {
        let segment = segments.iter().find(|segment| segment["uuid"] == uuid);
        segment.unwrap()["fromPlay"].as_bool().unwrap()
    };
    assert!(kept(json!(fixtures.play_segment_uuid)));
    assert!(kept(json!(fixtures.paused_play_segment_uuid)));
    assert!(!kept(json!(fixtures.segment_uuid)));
    let path = format!("/segmentation/segments/{}", fixtures.segment_uuid);
    let segment = calls.get(&path).await.ok()["segment"].take();
    let batch = calls
        .create(
            json!(fixtures.play_workflow_uuid),
            json!({ "kind": "segment", "segmentUuid": fixtures.segment_uuid }),
        )
        .await;
    calls.pass(LONG);
    assert_eq!(
        calls.batch(&batch).await["runsCount"],
        segment["recordsCount"]
    );
    // Its filter selects the same records.
    let data =
        json!({ "kind": "filter", "modelUuid": segment["modelUuid"], "filter": segment["filter"] });
    let body = json!({ "workflowUuid": fixtures.play_workflow_uuid, "data": data });
    let preview = calls
        .post("/orchestration/batches/preview", &body)
        .await
        .ok();
    assert_eq!(preview["count"], segment["recordsCount"]);
    let path = format!("/segmentation/segments/{UNKNOWN}");
    assert_eq!(calls.get(&path).await.status, 404);
}

#[tokio::test]
async fn changes_are_listed_page_by_page() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let changes = async |query: &str| {
        let changes = list(&calls, &format!("/segmentation/changes/list?{query}")).await;
        let uuids = changes.iter().map(|change| change["uuid"].clone());
        uuids.collect::<Vec<Value>>()
    };
    let every = changes("").await;
    let (of_play, additions, of_companies) = (
        json!(fixtures.change_uuid),
        json!(fixtures.additions_change_uuid),
        json!(fixtures.company_change_uuid),
    );
    assert_eq!(
        every,
        [&of_play, &additions, &of_companies].map(Value::clone)
    );
    let of_segment = format!("segmentUuid={}", fixtures.segment_uuid);
    assert_eq!(changes(&of_segment).await, std::slice::from_ref(&additions));
    assert_eq!(
        changes("hasRecords=removed").await,
        std::slice::from_ref(&of_play)
    );
    assert_eq!(changes("notEmpty=true").await, every);
    assert_eq!(changes("notEmpty=false").await, [] as [Value; 0]);
    assert_eq!(changes("limit=1&offset=1").await, [additions]);
    assert_eq!(changes("limit=0").await, [] as [Value; 0]);
    assert_eq!(changes("offset=3").await, [] as [Value; 0]);
    // A batch of a change takes what is listed.
    let data = json!({ "kind": "change", "changeUuid": of_play, "changeKinds": ["added"] });
    let batch = calls.create(json!(fixtures.play_workflow_uuid), data).await;
    calls.pass(LONG);
    let all = list(&calls, "/segmentation/changes/list").await;
    assert_eq!(
        calls.batch(&batch).await["runsCount"],
        all[0]["addedRecordsCount"]
    );
    let path = "/segmentation/changes/list?hasRecords=lost";
    assert_eq!(calls.get(path).await.status, 400);
}

#[tokio::test]
async fn models_name_the_columns_that_filters_take() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let models = list(&calls, "/storage/models/list").await;
    assert_eq!(field(&models, "slug"), ["contacts", "companies", "events"]);
    assert_eq!(models[0]["uuid"], json!(fixtures.model_uuid));
    assert_eq!(
        (&models[0]["playsCount"], &models[0]["segmentsCount"]),
        (&json!(2), &json!(4))
    );
    assert_eq!(models[0]["titleColumnSlug"], "email");
    let slugs = field(models[0]["columns"].as_array().unwrap(), "slug");
    let filter = |slug: &Value| {
        let condition = json!({ "kind": "any", "columnSlug": slug, "operator": "isNotNull" });
        let groups = json!([{ "conjonction": "and", "conditions": [condition] }]);
        json!({ "conjonction": "and", "groups": groups })
    };
    assert!(slugs.contains(&&json!("notes")));
    let data = json!({ "kind": "filter", "modelUuid": fixtures.model_uuid, "filter": filter(&json!("notes")) });
    let body = json!({ "workflowUuid": fixtures.play_workflow_uuid, "data": data });
    let preview = calls
        .post("/orchestration/batches/preview", &body)
        .await
        .ok();
    assert_eq!(preview["count"], 40);
}

#[tokio::test]
async fn the_bill_counts_every_execution_besides_the_providers() {
    let calls = Calls::with(Sandbox::builder().credits(500.0)).await;
    let fixtures = calls.fixtures().clone();
    assert!(near(left(&calls).await, 500.0));
    assert_eq!(used(&calls, "").await, []);
    let records: Vec<Value> = (0..40).map(|n| json!({ "email": n.to_string() })).collect();
    let data = json!({ "kind": "records", "records": records });
    let batch = calls.create(json!(fixtures.tool_workflow_uuid), data).await;
    let mut before = 500.0;
    for _ in 0..6 {
        calls.pass(10);
        let now = left(&calls).await;
        assert!(now <= before, "{now} {before}");
        before = now;
    }
    calls.pass(LONG);
    let batch = calls.batch(&batch).await;
    let providers = batch["creditsUsedCount"].as_f64().unwrap();
    let runs = calls.runs(json!({ "batchUuid": batch["uuid"] })).await;
    let executions: Vec<Value> = runs
        .iter()
        .flat_map(|run| run["executions"].as_array().unwrap().clone())
        .collect();
    let failed = executions.iter().filter(|one| one["status"] == "error");
    let failed = failed.count() as f64;
    assert!(failed > 0.0, "some fail");
    let executed = used(&calls, "&unit=orchestration.executions").await;
    let wanted = [
        ("error".to_owned(), failed),
        ("success".to_owned(), executions.len() as f64 - failed),
    ];
    assert_eq!(executed, wanted);
    let credits = used(&calls, "&unit=billing.credits").await;
    assert_eq!(credits.len(), 1);
    assert_eq!(credits[0].0, "native.enrich");
    assert!(near(credits[0].1, providers), "{credits:?} {providers}");
    // Without a unit they share a list; stored records there are none.
    assert_eq!(used(&calls, "").await.len(), 3);
    assert_eq!(used(&calls, "&unit=storage.records").await, []);
    let bill = providers + executions.len() as f64 / 100.0;
    assert!(near(left(&calls).await, 500.0 - bill), "{bill}");
    assert!(near(calls.sandbox.credits_left(), 500.0 - bill));
}

#[tokio::test]
async fn usage_is_narrowed_and_grouped() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let records = json!({ "kind": "records", "records": [{ "email": "a", "fail": false }] });
    calls
        .create(json!(fixtures.tool_workflow_uuid), records)
        .await;
    let action = json!({ "kind": "connector", "integrationSlug": "crm", "actionSlug": "find" });
    let body = json!({ "action": action, "records": [{ "email": "b", "fail": false }] });
    let path = "/orchestration/actions/execute-batch";
    calls.post(path, &body).await.ok();
    calls.pass(LONG);
    let executed = async |query: &str| {
        let query = format!("&unit=orchestration.executions{query}");
        used(&calls, &query)
            .await
            .iter()
            .map(|(_, count)| count)
            .sum::<f64>()
    };
    assert_eq!(executed("").await, 6.0);
    let of_tool = format!("&workflowUuid={}", fixtures.tool_workflow_uuid);
    assert_eq!(executed(&of_tool).await, 3.0);
    assert_eq!(executed("&integrationSlug=crm").await, 1.0);
    let of_connector = format!("&connectorUuid={}", fixtures.connector_uuid);
    assert_eq!(executed(&of_connector).await, 1.0);
    assert_eq!(
        executed(&format!("&agentUuid={}", fixtures.agent_uuid)).await,
        0.0
    );
    assert_eq!(
        executed(&format!("&modelUuid={}", fixtures.model_uuid)).await,
        0.0
    );
    assert_eq!(executed("&slug=error").await, 0.0);
    let credits = used(&calls, "&slug=integration.crm.action.find").await;
    assert_eq!(credits.len(), 1);
    for (group, wanted) in [
        ("workflow_uuid", 2),
        ("integration_slug", 2),
        ("connector_uuid", 2),
        ("agent_uuid", 1),
        ("model_uuid", 1),
    ] {
        let path = format!(
            "/billing/usage/metrics?from=2026-01-15&to=2026-01-15&unit=orchestration.executions&groupBy={group}"
        );
        let metrics = calls.get(&path).await.ok();
        assert_eq!(
            metrics["metrics"][0]["items"].as_array().unwrap().len(),
            wanted,
            "{group}"
        );
        assert_eq!(metrics["metrics"][0]["date"], "2026-01-15T00:00:00.000Z");
    }
    // The last day counts; a moment stands for its day.
    for (from, to, days) in [
        ("2026-01-15", "2026-01-15", 1),
        ("2026-01-14", "2026-01-14", 0),
        ("2026-01-16", "2026-01-20", 0),
        ("2026-01-16", "2026-01-14", 0),
        ("2026-01-15T23:00:00Z", "2026-01-15T23:30:00.000Z", 1),
    ] {
        let path = format!("/billing/usage/metrics?from={from}&to={to}");
        let metrics = calls.get(&path).await.ok();
        assert_eq!(
            metrics["metrics"].as_array().unwrap().len(),
            days,
            "{from} {to}"
        );
    }
    for query in [
        "from=2026-01-15",
        "from=2026-01-15&to=2026-01-15&unit=credits",
        "from=2026-01-15&to=2026-01-15&groupBy=workflowUuid",
    ] {
        let path = format!("/billing/usage/metrics?{query}");
        assert_eq!(calls.get(&path).await.status, 400, "{query}");
    }
    let path = "/billing/usage/metrics?from=today&to=2026-01-15";
    assert_eq!(calls.get(path).await.status, 422);
}

#[tokio::test]
async fn the_workspace_is_that_of_the_token() {
    let calls = Calls::start().await;
    let path = "/workspaceManagement/workspaces/current";
    let workspace = calls.get(path).await.ok()["workspace"].take();
    assert_eq!(workspace["uuid"], json!(calls.fixtures().workspace_uuid));
    let other = plain_client().get(calls.url(path)).bearer_auth("other");
    assert_eq!(other.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_run_of_its_own_belongs_to_no_batch() {
    let calls = Calls::start().await;
    let fixtures = calls.fixtures().clone();
    let lead = json!({ "email": "ada@example.com", "fail": false });
    let body = json!({ "workflowUuid": fixtures.tool_workflow_uuid, "data": lead });
    let run = calls.post("/orchestration/runs", &body).await.ok()["run"].take();
    assert_eq!(run["status"], "pending");
    assert_eq!(run["batchUuid"], Value::Null);
    assert_eq!(run["releaseUuid"], json!(fixtures.release_uuid));
    assert_eq!(run["nodes"], Value::Null);
    calls.pass(LONG);
    let path = format!("/orchestration/runs/{}", run["uuid"].as_str().unwrap());
    let ended = calls.get(&path).await.ok();
    assert_eq!(ended["run"]["status"], "success");
    assert_eq!(ended["runContext"]["start"]["email"], "ada@example.com");
    let batches = calls.get("/orchestration/batches/list").await.ok();
    assert_eq!(batches["batches"], json!([]));
    assert_eq!(calls.sandbox.created_batches(), []);
    assert_eq!(calls.runs(json!({})).await, [ended["run"].clone()]);
    // An action has its graph with it, and no release.
    let action = json!({ "kind": "tool", "toolUuid": fixtures.tool_uuid });
    let body = json!({ "action": action, "data": lead });
    let path = "/orchestration/actions/execute";
    let run = calls.post(path, &body).await.ok()["run"].take();
    assert_eq!(run["releaseUuid"], Value::Null);
    assert_eq!(run["nodes"][1]["slug"], "action");
    assert!(left(&calls).await < 1_000_000.0);
}

#[tokio::test]
async fn a_run_of_its_own_can_be_cancelled_and_makes_way_for_another() {
    let calls = Calls::start().await;
    let workflow = json!(calls.fixtures().tool_workflow_uuid);
    let body = json!({ "workflowUuid": workflow, "data": { "email": "ada@example.com" } });
    let create = async || calls.post("/orchestration/runs", &body).await;
    let first = create().await.ok()["run"].take();
    for _ in 1..20 {
        create().await.ok();
    }
    assert_eq!(create().await.reason(), "concurrencyLimitReached");
    let cancel = json!({ "workflowUuid": workflow, "uuids": [first["uuid"]] });
    calls.post("/orchestration/runs/cancel", &cancel).await.ok();
    calls.pass(4);
    let path = format!("/orchestration/runs/{}", first["uuid"].as_str().unwrap());
    assert_eq!(calls.get(&path).await.ok()["run"]["status"], "cancelled");
    create().await.ok();
    let workspace = calls
        .get("/workspaceManagement/workspaces/current")
        .await
        .ok();
    assert_eq!(workspace["workspace"]["maxConcurrentRuns"], 20);
}

#[tokio::test]
async fn metrics_count_the_created_runs() {
    let calls = Calls::start().await;
    let lost = Rule::new(Fault::ResetAfterActing).on("create_run").count(1);
    calls.sandbox.faults(lost).await.unwrap();
    let workflow = json!(calls.fixtures().tool_workflow_uuid);
    let body = json!({ "workflowUuid": workflow, "data": { "email": "ada@example.com" } });
    let url = calls.url("/orchestration/runs");
    let request = calls.http.post(url).bearer_auth(calls.sandbox.token());
    request.json(&body).send().await.unwrap_err();
    calls.post("/orchestration/runs", &body).await.ok();
    let created = calls.sandbox.created();
    assert_eq!((created.len(), created[0].count), (1, 2));
    assert_eq!(created[0].operation, "create_run");
    assert_eq!(
        (created[0].run_uuids.len(), created[0].batch_uuids.len()),
        (2, 0)
    );
}

#[tokio::test]
async fn several_nodes_can_have_the_same_slug() {
    let calls = Calls::start().await;
    let uuid = |n: u8| format!("00000000-0000-4000-8000-00000000000{n}");
    let node = |n: u8, slug: &str, action: &str, children: &[String]| {
        json!({
            "uuid": uuid(n), "slug": slug, "kind": "native", "actionSlug": action, "config": {},
            "childrenUuids": children, "fallbackOnFailure": false, "position": { "x": 0.0, "y": 0.0 },
        })
    };
    let nodes = json!([
        node(1, "start", "start", &[uuid(2)]),
        node(2, "variables", "variables", &[uuid(3)]),
        node(3, "variables", "enrich", &[uuid(4)]),
        node(4, "end", "end", &[]),
    ]);
    let records = json!({ "kind": "records", "records": [{ "email": "a", "fail": false }] });
    let body = json!({ "nodes": nodes, "data": records });
    let batch = calls.post("/orchestration/batches", &body).await.ok()["batch"].take();
    assert_eq!(
        (&batch["releaseUuid"], &batch["nodes"]),
        (&Value::Null, &nodes)
    );
    calls.pass(LONG);
    let runs = calls.runs(json!({ "batchUuid": batch["uuid"] })).await;
    let executions = runs[0]["executions"].as_array().unwrap();
    assert_eq!(
        field(executions, "nodeSlug"),
        ["start", "variables", "variables", "end"]
    );
    let path = format!("/orchestration/runs/{}", runs[0]["uuid"].as_str().unwrap());
    let context = calls.get(&path).await.ok()["runContext"].take();
    assert_eq!(context.as_object().unwrap().len(), 3, "{context}");
    // The table has one column for both.
    let body = json!({ "workflowUuid": batch["workflowUuid"] });
    let download = calls.post("/orchestration/runs/download", &body).await;
    assert_eq!(download.status, 200);
}

#[tokio::test]
async fn a_release_names_a_tool_as_well() {
    let calls = Calls::start().await;
    let release = calls.fixtures().release_uuid;
    let action = json!({ "kind": "tool", "releaseUuid": release });
    let body = json!({ "action": action, "data": { "email": "ada@example.com" } });
    calls
        .post("/orchestration/actions/execute", &body)
        .await
        .ok();
    let body = json!({ "action": { "kind": "tool" }, "data": { "email": "ada@example.com" } });
    let response = calls.post("/orchestration/actions/execute", &body).await;
    assert_eq!((response.status, response.reason()), (422, String::new()));
}
