//! The sandbox seen from outside.

use std::time::Duration;

use cargo_batch_client::types::{CreateBatchData, CreateBatchRequest, Record};
use cargo_batch_sandbox::{Fault, Origin, Rule, Sandbox};
use cargo_batch_tests::raw::{Ask, Raw};
use cargo_batch_tests::sandbox::Checked;
use serde_json::{Value, json};

async fn control(sandbox: &Sandbox, method: &str, path: &str, body: &str) -> Raw {
    let url = format!("http://{}/sandbox/{path}", sandbox.address());
    Ask::new(method, &url).body(body).send().await.unwrap()
}

fn request(sandbox: &Sandbox, email: &str) -> CreateBatchRequest {
    let data = CreateBatchData::records([Record::from_iter([("email", email)])]);
    CreateBatchRequest::new(data).workflow(sandbox.fixtures().tool_workflow_uuid)
}

#[tokio::test(start_paused = true)]
async fn the_world_has_the_ids_and_the_token() {
    let (sandbox, client) = Checked::start().await;
    let fixtures = control(&sandbox, "GET", "world", "").await.json();
    assert_eq!(fixtures["token"], sandbox.token());
    assert_eq!(fixtures["baseUrl"], sandbox.base_url());
    for name in [
        "workspaceUuid",
        "playWorkflowUuid",
        "toolWorkflowUuid",
        "playSegmentUuid",
        "segmentUuid",
        "modelUuid",
        "changeUuid",
        "releaseUuid",
    ] {
        assert_eq!(fixtures[name].as_str().unwrap().len(), 36, "{name}");
    }
    assert_eq!(fixtures["recordIds"], json!(sandbox.fixtures().record_ids));
    let release = fixtures["releaseUuid"]
        .as_str()
        .unwrap()
        .parse::<cargo_batch_client::types::ReleaseUuid>();
    client.get_release(release.unwrap()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn requests_are_told_with_their_bodies_but_no_secret() {
    let (sandbox, client) = Checked::start().await;
    let file = client
        .upload_file("a.csv", "email\na@example.com\n")
        .await
        .unwrap();
    let create = CreateBatchRequest::new(file).workflow(sandbox.fixtures().tool_workflow_uuid);
    let batch = client.create_batch(create).await.unwrap().batch;
    client.watch(batch.uuid).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    client
        .batch(batch.uuid)
        .download()
        .to_file(folder.path().join("r.csv"))
        .await
        .unwrap();
    let _ = client.get_batch(batch.uuid).await.unwrap();

    let seen = sandbox.requests();
    assert!(
        seen.iter()
            .enumerate()
            .all(|(n, one)| one.number == n as u64)
    );
    let of = |operation: &str| {
        let found = seen
            .iter()
            .find(|one| one.operation.as_deref() == Some(operation));
        found.unwrap_or_else(|| panic!("{operation} in {seen:#?}"))
    };
    let create = of("create_batch");
    assert_eq!(
        (create.method.as_str(), create.path.as_str()),
        ("POST", "/v1/orchestration/batches")
    );
    assert_eq!(
        (create.origin, create.status, create.carried_token),
        (Origin::Api, Some(200), true)
    );
    assert_eq!(create.json().unwrap()["data"]["kind"], "file");
    let upload = of("upload_file");
    assert_eq!(upload.body, None);
    assert!(upload.body_length.unwrap() > 20);
    let link = of("storage_get");
    assert_eq!(
        (link.origin, link.status, link.carried_token),
        (Origin::Storage, Some(200), false)
    );
    assert_eq!(link.values("signature"), ["hidden"]);

    let reported = control(&sandbox, "GET", "requests", "").await;
    let text = String::from_utf8(reported.body.clone()).unwrap();
    assert!(!text.contains(&sandbox.token()), "{text}");
    let reported = reported.json();
    assert_eq!(reported["total"], seen.len());
    assert_eq!(reported["requests"], serde_json::to_value(&seen).unwrap());
    // What is asked here isn't received by the API.
    assert_eq!(sandbox.requests().len(), seen.len());

    let last = control(
        &sandbox,
        "GET",
        &format!("requests?since={}", seen.len() - 1),
        "",
    )
    .await
    .json();
    assert_eq!(last["requests"].as_array().unwrap().len(), 1);
    control(&sandbox, "DELETE", "requests", "").await;
    assert!(sandbox.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_token_where_it_does_not_belong_is_not_told() {
    let (sandbox, _) = Checked::start().await;
    let token = sandbox.token();
    let url = format!(
        "{}/orchestration/batches/list?x={token}",
        sandbox.base_url()
    );
    assert_eq!(
        Ask::new("GET", &url)
            .token(&token)
            .send()
            .await
            .unwrap()
            .status,
        400
    );
    let storage = control(&sandbox, "GET", "world", "").await.json();
    let url = format!("{}/file?key=a", storage["storageUrl"].as_str().unwrap());
    Ask::new("GET", &url).token(&token).send().await.unwrap();
    let seen = sandbox.requests();
    assert_eq!(seen[0].values("x"), ["hidden"]);
    // A client that sends it to storage is caught.
    assert!(seen[1].origin == Origin::Storage && seen[1].carried_token);
}

#[tokio::test(start_paused = true)]
async fn creations_are_counted_by_what_they_were_made_from() {
    let (sandbox, client) = Checked::start().await;
    let one = client
        .create_batch(request(&sandbox, "a@example.com"))
        .await
        .unwrap()
        .batch;
    let two = client
        .create_batch(request(&sandbox, "a@example.com"))
        .await
        .unwrap()
        .batch;
    sandbox
        .faults(
            Rule::new(Fault::ResetAfterActing)
                .on("create_batch")
                .count(1),
        )
        .await
        .unwrap();
    let lost = client
        .create_batch(request(&sandbox, "b@example.com"))
        .await
        .unwrap_err();
    assert!(lost.is_ambiguous(), "{lost}");
    let refused =
        CreateBatchRequest::new(CreateBatchData::segment(sandbox.fixtures().segment_uuid))
            .workflow(sandbox.fixtures().tool_workflow_uuid);
    client.create_batch(refused).await.unwrap_err();

    let created = sandbox.created();
    assert_eq!(
        created.iter().map(|one| one.count).collect::<Vec<_>>(),
        [2, 1]
    );
    assert_eq!(created[0].batch_uuids, [one.uuid, two.uuid]);
    assert_eq!(
        created[1].body["data"]["records"][0]["email"],
        "b@example.com"
    );
    // No client has a response about it, but it is there.
    client.get_batch(created[1].batch_uuids[0]).await.unwrap();

    let reported = control(&sandbox, "GET", "batches", "").await.json();
    assert_eq!(
        (
            &reported["total"],
            &reported["distinct"],
            &reported["repeated"]
        ),
        (&json!(3), &json!(2), &json!(1))
    );
    assert_eq!(reported["created"], serde_json::to_value(&created).unwrap());
}

#[tokio::test(start_paused = true)]
async fn members_in_another_order_are_the_same_creation() {
    let (sandbox, _) = Checked::start().await;
    let url = format!("{}/orchestration/batches", sandbox.base_url());
    let workflow = sandbox.fixtures().tool_workflow_uuid;
    for body in [
        format!(
            r#"{{"workflowUuid":"{workflow}","data":{{"kind":"records","records":[{{"a":1}}]}}}}"#
        ),
        format!(
            r#"{{"data":{{"records":[{{"a":1}}],"kind":"records"}},"workflowUuid":"{workflow}"}}"#
        ),
    ] {
        let response = Ask::new("POST", &url)
            .token(&sandbox.token())
            .json(body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status, 200);
    }
    assert_eq!(sandbox.created().len(), 1);
    assert_eq!(sandbox.created()[0].count, 2);
}

#[tokio::test(start_paused = true)]
async fn time_is_moved_on() {
    let (sandbox, client) = Checked::start().await;
    let batch = client
        .create_batch(request(&sandbox, "a@example.com"))
        .await
        .unwrap()
        .batch;
    let moved = control(&sandbox, "POST", "advance", r#"{"seconds": 3600}"#)
        .await
        .json();
    assert_eq!(moved["now"], "2026-01-15T11:00:00.000Z");
    assert!(
        client
            .get_batch(batch.uuid)
            .await
            .unwrap()
            .batch
            .finished_at
            .is_some()
    );
    sandbox.advance(Duration::from_millis(1500));
    let fixtures: Value = control(&sandbox, "GET", "world", "").await.json();
    assert_eq!(fixtures["now"], "2026-01-15T11:00:01.500Z");
    for (body, said) in [
        (r#"{"seconds": -1}"#, "seconds: -1 "),
        (r#"{"seconds": "1"}"#, "field `seconds`: "),
        (r#"{"minutes": 1}"#, "minutes"),
        ("", "EOF"),
    ] {
        let response = control(&sandbox, "POST", "advance", body).await;
        assert_eq!(response.status, 400);
        assert!(response.message().contains(said), "{}", response.message());
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_control_paths_are_rejected() {
    let (sandbox, _) = Checked::start().await;
    assert_eq!(control(&sandbox, "GET", "nothing", "").await.status, 404);
    let response = control(&sandbox, "PUT", "world", "").await;
    assert_eq!(response.status, 405);
    assert!(response.header("allow").unwrap().contains("GET"));
    assert_eq!(
        control(&sandbox, "GET", "requests?from=1", "").await.status,
        400
    );
}

#[tokio::test(start_paused = true)]
async fn the_sandbox_ends_on_drop_and_on_shutdown() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = format!("http://{}/sandbox/world", sandbox.address());
    assert_eq!(Ask::new("GET", &url).send().await.unwrap().status, 200);
    let address = sandbox.address();
    sandbox.shutdown().await;
    // The port is free for the next one.
    let again = Sandbox::builder().listen(address).start().await.unwrap();
    assert_eq!(Ask::new("GET", &url).send().await.unwrap().status, 200);
    drop(again);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let error = Ask::new("GET", &url).send().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn only_loopback_is_listened_on_unless_it_is_allowed() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let address: std::net::SocketAddr = address.parse().unwrap();
        let error = Sandbox::builder()
            .listen(address)
            .start()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    }
}

#[tokio::test]
async fn links_lead_to_where_the_sandbox_was_asked() {
    let any: std::net::SocketAddr = "0.0.0.0:0".parse().unwrap();
    let sandbox = Sandbox::builder()
        .listen(any)
        .allow_remote(true)
        .start()
        .await
        .unwrap();
    let root = format!("http://127.0.0.1:{}", sandbox.address().port());
    let fixtures = Ask::new("GET", &format!("{root}/sandbox/world"))
        .send()
        .await
        .unwrap()
        .json();
    assert_eq!(fixtures["baseUrl"], format!("{root}/v1"));
    let client = cargo_batch_client::Client::builder(sandbox.token())
        .base_url(fixtures["baseUrl"].as_str().unwrap())
        .build()
        .unwrap();
    let batch = client
        .create_batch(request(&sandbox, "a@example.com"))
        .await
        .unwrap()
        .batch;
    sandbox.advance(Duration::from_secs(3600));
    let url = format!("{root}/v1/orchestration/batches/{}/download", batch.uuid);
    let response = Ask::new("POST", &url)
        .token(&sandbox.token())
        .json("{}")
        .send()
        .await
        .unwrap();
    let link = response.json()["url"].as_str().unwrap().to_owned();
    assert!(
        link.starts_with(&format!("{}/", fixtures["storageUrl"].as_str().unwrap())),
        "{link}"
    );
    assert!(link.starts_with("http://127.0.0.1:"), "{link}");
    assert_eq!(Ask::new("GET", &link).send().await.unwrap().status, 200);
}
