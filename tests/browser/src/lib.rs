//! The main job as a page would run it: what JavaScript's `fetch`, timers and tasks make of it.

#![cfg(target_arch = "wasm32")]

use std::fmt::Display;
use std::time::Duration;

use cargo_batch_client::types::{CreateBatchRequest, WorkflowUuid};
use cargo_batch_client::{Client, ErrorKind, RetryPolicy};
use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// How many records the batch has.
const RECORDS: usize = 30;

fn shown(error: impl Display) -> JsError {
    JsError::new(&format!("{error:#}"))
}

fn check(holds: bool, what: impl Display) -> Result<(), JsError> {
    holds.then_some(()).ok_or_else(|| shown(what))
}

fn client(base_url: &str, token: String) -> Result<Client, JsError> {
    let client = Client::builder(token).base_url(base_url).build();
    client.map_err(shown)
}

async fn creation(client: &Client, workflow: &str) -> Result<CreateBatchRequest, JsError> {
    let workflow: WorkflowUuid = workflow.parse().map_err(shown)?;
    let rows: String = (0..RECORDS)
        .map(|n| format!("person-{n}@example.com\n"))
        .collect();
    let file = client.upload_file("leads.csv", format!("email\n{rows}"));
    Ok(CreateBatchRequest::new(file.await.map_err(shown)?).workflow(workflow))
}

/// Uploads, creates, waits and reads the results.
#[wasm_bindgen]
pub async fn job(base_url: String, token: String, workflow: String) -> Result<(), JsError> {
    let client = client(&base_url, token)?;
    let request = creation(&client, &workflow).await?;
    let batch = client.create_batch_once(request).await.map_err(shown)?;
    let mut watch = client
        .watch(batch.uuid)
        .interval(Duration::from_millis(100));
    while let Some(state) = watch.next().await {
        state.map_err(shown)?;
    }
    // Each of them gives up a timer, and all of those must be let go.
    for _ in 0..100 {
        client.get_batch(batch.uuid).await.map_err(shown)?;
    }
    let mut rows = client.batch(batch.uuid).download().rows();
    let mut read = 0;
    while let Some(row) = rows.next().await {
        let _: serde_json::Value = row.map_err(shown)?;
        read += 1;
    }
    check(read == RECORDS, format!("{read} rows"))
}

/// A batch is cancelled by dropping its watch.
#[wasm_bindgen]
pub async fn dropped(base_url: String, token: String, workflow: String) -> Result<(), JsError> {
    let client = client(&base_url, token)?;
    let request = creation(&client, &workflow).await?;
    let batch = client.create_batch_once(request).await.map_err(shown)?;
    let mut watch = client.watch(batch.uuid).cancel_on_drop(true);
    if let Some(state) = watch.next().await {
        state.map_err(shown)?;
    }
    drop(watch);
    let done = client.watch(batch.uuid).await.map_err(shown)?;
    check(done.status.as_str() == "cancelled", done.status)
}

/// A server that isn't there receives as many requests as the policy says, with delays.
#[wasm_bindgen]
pub async fn nobody(token: String, workflow: String) -> Result<(), JsError> {
    let mut retry = RetryPolicy::default();
    retry.base_delay = Duration::from_millis(10);
    let client = client("http://127.0.0.1:1/v1", token)?.with_retry(retry);
    let Err(error) = client.list_batches().await else {
        return Err(JsError::new("a response came"));
    };
    // A browser doesn't say whether anything was sent.
    check(error.kind() == ErrorKind::Interrupted, &error)?;
    check(error.attempts() == 4, &error)?;
    check(!error.to_string().contains(&workflow), &error)
}
