//! How long a page of a hundred takes when 10,000 batches are held: `cargo bench -p
//! cargo-batch-sandbox`. Prints the figures, over loopback and with the JSON read.

use std::time::{Duration, Instant};

use cargo_batch_sandbox::Sandbox;
use reqwest::Client;
use serde_json::{Value, json};

const BATCHES: usize = 10_000;
const RECORDS: usize = 20;
const TIMES: usize = 200;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let sandbox = Sandbox::builder().speed(0.0).start().await?;
    let http = Client::new();
    let url = |path: &str| format!("{}/orchestration{path}", sandbox.base_url());
    let data = json!({
        "kind": "recordIds", "modelUuid": sandbox.fixtures().model_uuid,
        "ids": sandbox.fixtures().record_ids.get(..RECORDS),
    });
    let body = json!({ "workflowUuid": sandbox.fixtures().play_workflow_uuid, "data": data });
    let started = Instant::now();
    for _ in 0..BATCHES {
        let request = http.post(url("/batches")).bearer_auth(sandbox.token());
        request.json(&body).send().await?.error_for_status()?;
        // A moment apart, so that batches of every status are held.
        sandbox.advance(Duration::from_millis(10));
    }
    let taken = started.elapsed();
    println!("{BATCHES} batches of {RECORDS} records created in {taken:.1?}");
    for query in [
        "limit=100",
        "limit=100&offset=9900",
        "limit=100&statuses[]=running",
        "limit=100&isFinished=true&offset=2000",
    ] {
        let mut times = Vec::with_capacity(TIMES);
        let mut found = 0;
        for _ in 0..TIMES {
            let started = Instant::now();
            let request = http.get(url(&format!("/batches/list?{query}")));
            let answer = request.bearer_auth(sandbox.token()).send().await?;
            let page: Value = answer.error_for_status()?.json().await?;
            times.push(started.elapsed());
            found = page["batches"].as_array().map_or(0, Vec::len);
        }
        times.sort_unstable();
        let [median, slowest] = [times[TIMES / 2], times[TIMES - 1]];
        println!("{query}: {found} batches, median {median:.2?}, slowest {slowest:.2?}");
    }
    Ok(())
}
