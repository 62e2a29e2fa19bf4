//! The sandbox's time, and that everything follows from it and the seed.

use std::time::Duration;

use cargo_batch_sandbox::Sandbox;
use cargo_batch_tests::calls::{Calls, plain_client};
use serde_json::{Value, json};

/// What a client sees of a story, as it stands on the wire.
async fn story(seed: u64) -> Vec<String> {
    let calls = Calls::with(Sandbox::builder().seed(seed)).await;
    let fixtures = calls.fixtures().clone();
    let mut seen = vec![serde_json::to_string(&fixtures).unwrap()];
    let s3_filename = calls.upload("leads.csv", "email\nada@example.com\n").await;
    let body = json!({
        "workflowUuid": fixtures.play_workflow_uuid, "releaseUuid": fixtures.branching_release_uuid,
        "data": { "kind": "filter", "modelUuid": fixtures.model_uuid, "limit": 30 },
    });
    let batch = calls.post("/orchestration/batches", &body).await.ok()["batch"].clone();
    let file = json!({ "kind": "file", "s3Filename": s3_filename });
    calls.create(json!(fixtures.tool_workflow_uuid), file).await;
    for step in 0..12 {
        calls.pass(5);
        let mut requests = vec![
            calls.http.get(calls.url("/orchestration/batches/list")),
            calls
                .http
                .post(calls.url("/orchestration/runs/list"))
                .json(&json!({ "limit": 100 })),
            calls
                .http
                .post(calls.url("/orchestration/runs/download"))
                .json(&json!({
                    "workflowUuid": fixtures.play_workflow_uuid,
                })),
        ];
        if step == 6 {
            let path = format!(
                "/orchestration/batches/{}/cancel",
                batch["uuid"].as_str().unwrap()
            );
            requests.push(calls.http.post(calls.url(&path)));
        }
        for request in requests {
            let response = request
                .bearer_auth(calls.sandbox.token())
                .send()
                .await
                .unwrap();
            let date = response.headers()["date"].to_str().unwrap().to_owned();
            let text = response.text().await.unwrap();
            // All but the port of storage, which is a free one.
            let port = text
                .split("127.0.0.1:")
                .nth(1)
                .and_then(|rest| rest.split('/').next());
            let text = port.map_or(text.clone(), |port| text.replace(port, "PORT"));
            seen.push(format!("{date} {text}"));
        }
    }
    seen
}

#[tokio::test]
async fn the_same_seed_and_calls_give_the_same_bytes() {
    let (one, again, other) = (story(5).await, story(5).await, story(6).await);
    assert_eq!(one.len(), 38);
    for (one, again) in one.iter().zip(&again) {
        assert_eq!(one, again);
    }
    // What says nothing of any batch is the same: lists of no runs, the response to a cancellation.
    let differing = one.iter().zip(&other).filter(|(one, other)| one != other);
    assert!(differing.count() > 34);
}

#[tokio::test]
async fn time_is_moved_by_hand() {
    let calls = Calls::start().await;
    let ids = json!({ "kind": "recordIds", "modelUuid": calls.fixtures().model_uuid, "ids": ["contact-1"] });
    let batch = calls
        .create(json!(calls.fixtures().play_workflow_uuid), ids)
        .await;
    assert_eq!(batch["createdAt"], "2026-01-15T10:00:00.000Z");
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(
        calls.batch(&batch).await,
        batch,
        "by itself it stands still"
    );
    calls.pass(3600);
    let ended = calls.batch(&batch).await;
    assert_eq!(ended["status"], "success");
    let later = calls.create(
        json!(calls.fixtures().tool_workflow_uuid),
        json!({
            "kind": "records", "records": [{}],
        }),
    );
    assert_eq!(later.await["createdAt"], "2026-01-15T11:00:00.000Z");
    // The end of time is no reason to fall over.
    for _ in 0..3 {
        calls.sandbox.advance(Duration::MAX);
    }
    assert_eq!(calls.batch(&batch).await, ended);
}

#[tokio::test(start_paused = true)]
async fn time_follows_that_of_tokio_at_its_speed() {
    for speed in [1.0, 60.0] {
        let sandbox = Sandbox::builder().speed(speed).start().await.unwrap();
        let http = plain_client();
        let request = || http.post(format!("{}/orchestration/batches", sandbox.base_url()));
        let created = async || {
            let body = json!({
                "workflowUuid": sandbox.fixtures().tool_workflow_uuid,
                "data": { "kind": "records", "records": [{ "email": "a" }] },
            });
            let request = request().bearer_auth(sandbox.token()).json(&body);
            let response: Value = request.send().await.unwrap().json().await.unwrap();
            let text = response["batch"]["createdAt"].as_str().unwrap().to_owned();
            chrono::DateTime::parse_from_rfc3339(&text).unwrap()
        };
        let first = created().await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        sandbox.advance(Duration::from_secs(7));
        let passed = (created().await - first).num_milliseconds() as f64 / 1000.0;
        assert!(
            (passed - 10.0 * speed - 7.0).abs() < speed,
            "{speed}: {passed}"
        );
    }
}
