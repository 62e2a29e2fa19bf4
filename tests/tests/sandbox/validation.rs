//! What the sandbox refuses because the specification doesn't allow it, and how it says so.

use cargo_batch_sandbox::Sandbox;
use cargo_batch_tests::raw::{Ask, Raw};
use cargo_batch_tests::sandbox::Checked;
use serde_json::json;

const ID: &str = "00000000-0000-4000-8000-000000000000";

async fn ask(sandbox: &Sandbox, method: &str, path: &str, body: Option<&str>) -> Raw {
    let url = format!("{}{path}", sandbox.base_url());
    let ask = Ask::new(method, &url).token(&sandbox.token());
    let ask = match body {
        Some(body) => ask.json(body),
        None => ask,
    };
    ask.send().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_body_is_refused_with_the_place_the_value_and_what_is_wanted() {
    let (sandbox, _) = Checked::start().await;
    let create = "/orchestration/batches";
    let runs = "/orchestration/runs/list";
    let part = "/workspaceManagement/files/multipart/sign";
    for (path, body, said) in [
        (create, json!({}), "data: is missing; wanted is an object"),
        (create, json!([]), "body: [] is not an object"),
        (create, json!({ "data": 5 }), "data: 5 is not an object"),
        (
            create,
            json!({ "data": {} }),
            "data.kind: is missing; wanted is one of segment, change, filter, \
            recordIds, file, records, runs, schedule, form…",
        ),
        (
            create,
            json!({ "data": { "kind": "sgment" } }),
            "data.kind: \"sgment\" is none of segment, change, \
            filter, recordIds, file, records, runs, schedule, form…",
        ),
        (
            create,
            json!({ "data": { "kind": "segment" } }),
            "data.segmentUuid: is missing; wanted is a uuid",
        ),
        (
            create,
            json!({ "data": { "kind": "segment", "segmentUuid": "abc" } }),
            "data.segmentUuid: \"abc\" is not a uuid",
        ),
        (
            create,
            json!({ "data": { "kind": "segment", "segmentUuid": 7 } }),
            "data.segmentUuid: 7 is not a uuid",
        ),
        (
            create,
            json!({ "data": { "kind": "segment", "segmentUuid": null } }),
            "data.segmentUuid: null is not a uuid",
        ),
        (
            create,
            json!({ "data": { "kind": "segment", "segmentUuid": ID, "limit": 3 } }),
            "data.limit: there is no such field, only kind, segmentUuid",
        ),
        (
            create,
            json!({ "data": { "kind": "segment", "segmentUuid": ID }, "workflow": ID }),
            "workflow: there is no such field, only data, workflowUuid, releaseUuid, nodes",
        ),
        (
            create,
            json!({ "data": { "kind": "recordIds", "modelUuid": ID, "ids": ["a", 1] } }),
            "data.ids[1]: 1 is not a string",
        ),
        (
            create,
            json!({ "data": { "kind": "records", "records": [{}, "x"] } }),
            "data.records[1]: \"x\" is not an object",
        ),
        (
            create,
            json!({ "data": { "kind": "filter", "modelUuid": ID, "filter": {
            "conjonction": "xor", "groups": [] } } }),
            "data.filter.conjonction: \"xor\" is none of and, or",
        ),
        (
            create,
            json!({ "data": { "kind": "filter", "modelUuid": ID, "filter": {
            "conjonction": "and", "groups": [{ "conjonction": "and", "conditions": [
                { "kind": "string", "columnSlug": "a", "operator": "is", "values": 5 }] }] } } }),
            "data.filter.groups[0].conditions[0].values: 5 is not a string or an array",
        ),
        (
            create,
            json!({ "data": { "kind": "segment", "segmentUuid": ID }, "nodes": [{ "kind": "native" }] }),
            "nodes[0].uuid: is missing; wanted is a uuid; nodes[0].slug: is missing; wanted is a string; \
            nodes[0].config: is missing; wanted is an object; and 4 more",
        ),
        (
            runs,
            json!({ "statuses": ["success", "done"] }),
            "statuses[1]: \"done\" is none of idle, pending, running, success, error, cancelling, cancelled, skipped",
        ),
        (
            runs,
            json!({ "isFinished": "yes" }),
            "isFinished: \"yes\" is not true or false",
        ),
        (runs, json!({ "limit": -1 }), "limit: -1 is less than 0"),
        (
            runs,
            json!({ "limit": 1.5 }),
            "limit: 1.5 is not a whole number",
        ),
        (
            runs,
            json!({ "createdAfter": "yesterday" }),
            "createdAfter: \"yesterday\" is not a date and time such as 2026-01-15T10:00:00.000Z",
        ),
        (
            part,
            json!({ "s3Filename": "a", "uploadId": "b", "partNumber": "1" }),
            "partNumber: \"1\" is not a whole number",
        ),
    ] {
        let response = ask(&sandbox, "POST", path, Some(&body.to_string())).await;
        assert_eq!(
            (
                response.status,
                up_to_what_may_grow(response.message().as_str(), said)
            ),
            (400, said),
            "{body}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_value_is_shortened_and_a_secret_hidden() {
    let (sandbox, _) = Checked::start().await;
    let body = json!({ "data": "x".repeat(10_000) }).to_string();
    let response = ask(&sandbox, "POST", "/orchestration/batches", Some(&body)).await;
    assert!(response.message().len() < 120, "{}", response.message());

    let body = json!({ "action": { "kind": "native", "actionSlug": "x" }, "records": [],
        "webhookSecret": ["very-secret"], "webhookUrl": { "at": "very-secret" } })
    .to_string();
    let path = "/orchestration/actions/execute-batch";
    let response = ask(&sandbox, "POST", path, Some(&body)).await;
    let message = response.message();
    assert!(
        message.contains("webhookSecret: the value is not a string"),
        "{message}"
    );
    assert!(
        message.contains("webhookUrl: the value is not a"),
        "{message}"
    );
    let body = json!({ "action": { "kind": "native", "actionSlug": "x" }, "records": [{ "a": 1 }],
        "webhookSecret": "very-secret", "webhookUrl": "https://very-secret.example/" })
    .to_string();
    let response = ask(&sandbox, "POST", path, Some(&body)).await;
    assert_eq!(
        response.status,
        200,
        "{}",
        String::from_utf8_lossy(&response.body)
    );
    let seen = format!("{:?} {:?}", sandbox.requests(), sandbox.created());
    assert!(
        seen.contains("webhookSecret")
            && seen.contains("webhookUrl")
            && !seen.contains("very-secret"),
        "{seen}"
    );
}

#[tokio::test(start_paused = true)]
async fn invalid_json_is_refused() {
    let (sandbox, _) = Checked::start().await;
    for (body, said) in [
        ("", "body: is missing"),
        ("{", "body: no JSON: EOF while parsing"),
        ("{\"data\": 1} x", "body: no JSON: trailing characters"),
        (
            &"[".repeat(100_000),
            "body: no JSON: recursion limit exceeded",
        ),
    ] {
        let response = ask(&sandbox, "POST", "/orchestration/batches", Some(body)).await;
        assert_eq!(response.status, 400);
        assert!(
            response.message().starts_with(said),
            "{}",
            response.message()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn parameters_are_checked() {
    let (sandbox, _) = Checked::start().await;
    let list = "/orchestration/batches/list";
    for (path, said) in [
        (
            format!("{list}?limit=ten"),
            "limit in the query: \"ten\" is not a whole number",
        ),
        (
            format!("{list}?limit=-1"),
            "limit in the query: -1 is less than 0",
        ),
        (
            format!("{list}?limit="),
            "limit in the query: \"\" is not a whole number",
        ),
        (
            format!("{list}?limit=1&limit=2"),
            "limit in the query: is given more than once",
        ),
        (
            format!("{list}?hasRuns=1"),
            "hasRuns in the query: \"1\" is not true or false",
        ),
        (
            format!("{list}?releaseUuid=x"),
            "releaseUuid in the query: \"x\" is not a uuid",
        ),
        (
            format!("{list}?uuids%5B%5D={ID}&uuids%5B%5D=x"),
            "uuids[] in the query: \"x\" is not a uuid",
        ),
        (
            format!("{list}?statuses[]=done"),
            "statuses[] in the query: \"done\" is none of pending, syncing, \
            skipped, querying, running, success, cancelling, error, cancelled…",
        ),
        (
            format!("{list}?statuses=running"),
            "statuses in the query: there is no such parameter; there are \
            uuids[], workflowUuids[], releaseUuid, parentBatchUuid, parentRunUuid, parentNodeUuid, statuses[], \
            hasRuns, isSkipped, isFinished, includedDataKinds[], excludedDataKinds[], limit, offset",
        ),
        (
            "/orchestration/batches/abc".to_owned(),
            "uuid in the path: \"abc\" is not a uuid",
        ),
        (
            format!("/orchestration/batches/{ID}?x=1"),
            "x in the query: there is no such parameter; this \
            operation takes none",
        ),
        (
            "/workspaceManagement/files/listColumns".to_owned(),
            "s3Filename in the query: is missing",
        ),
    ] {
        let response = ask(&sandbox, "GET", &path, None).await;
        assert_eq!(
            (
                response.status,
                up_to_what_may_grow(response.message().as_str(), said)
            ),
            (400, said),
            "{path}"
        );
    }
    let path = format!(
        "{list}?uuids%5B%5D={ID}&statuses[]=running&statuses[]=error&isFinished=false&limit=0&offset=18446744073709551615"
    );
    assert_eq!(ask(&sandbox, "GET", &path, None).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn paths_methods_and_media_types_are_checked() {
    let (sandbox, _) = Checked::start().await;
    let response = ask(&sandbox, "GET", "/orchestration/nothing", None).await;
    assert_eq!(response.status, 404);
    assert!(response.message().contains("/v1/orchestration/nothing"));

    // `list` is a path of its own, and no uuid.
    for (method, path, allowed) in [
        ("DELETE", "/orchestration/batches/list", "GET"),
        ("GET", "/orchestration/runs/list", "POST"),
        (
            "PATCH",
            "/orchestration/batches/00000000-0000-4000-8000-000000000000",
            "GET",
        ),
        ("GET", "/orchestration/batches", "POST"),
    ] {
        let response = ask(&sandbox, method, path, None).await;
        assert_eq!(
            (response.status, response.header("allow")),
            (405, Some(allowed)),
            "{path}"
        );
        assert!(
            response.message().contains(method),
            "{}",
            response.message()
        );
    }

    let url = format!("{}/orchestration/batches", sandbox.base_url());
    let ask_as = |content_type: Option<&str>| {
        let ask = Ask::new("POST", &url).token(&sandbox.token());
        let ask = content_type.map_or(ask.clone(), |value| ask.header("Content-Type", value));
        ask.body("{}").send()
    };
    for (content_type, said) in [
        (
            None,
            "Content-Type: wanted is application/json, not nothing",
        ),
        (
            Some("text/plain"),
            "Content-Type: wanted is application/json, not \"text/plain\"",
        ),
    ] {
        let response = ask_as(content_type).await.unwrap();
        assert_eq!((response.status, response.message().as_str()), (415, said));
    }
    let response = ask_as(Some("Application/JSON; charset=utf-8"))
        .await
        .unwrap();
    assert_eq!(response.message(), "data: is missing; wanted is an object");

    let cancel = format!("/orchestration/batches/{ID}/cancel");
    let response = ask(&sandbox, "POST", &cancel, Some("{}")).await;
    assert_eq!(
        (response.status, response.message().as_str()),
        (400, &*format!("body: POST /v1{cancel} takes none"))
    );
}

#[tokio::test(start_paused = true)]
async fn without_the_token_nothing_else_is_told() {
    let (sandbox, _) = Checked::start().await;
    let url = format!(
        "{}/orchestration/batches/list?limit=ten",
        sandbox.base_url()
    );
    for ask in [
        Ask::new("GET", &url),
        Ask::new("GET", &url).token("sandbox-token-2"),
    ] {
        assert_eq!(ask.send().await.unwrap().status, 401);
    }
    let carried: Vec<bool> = sandbox
        .requests()
        .iter()
        .map(|seen| seen.carried_token)
        .collect();
    assert_eq!(carried, [false, false]);
}

/// A list of values that ends in `…` may have more of them.
fn up_to_what_may_grow<'a>(message: &'a str, said: &'a str) -> &'a str {
    match said.strip_suffix('…') {
        Some(start) if message.starts_with(start) => said,
        _ => message,
    }
}
