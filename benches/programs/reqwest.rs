//! The main job with reqwest and serde_json, and no more than it needs.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt;

const BASE_URL: &str = "https://api.getcargo.io/v1";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    s3_filename: String,
}

#[derive(Deserialize)]
struct Answer {
    batch: Batch,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    uuid: String,
    status: String,
    runs_count: u64,
    executed_runs_count: u64,
    finished_at: Option<String>,
}

#[derive(Deserialize)]
struct Link {
    url: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    install_provider();
    let workflow = std::env::var("WORKFLOW")?;
    let token = std::env::var("CARGO_API_TOKEN")?;
    let http = reqwest::Client::new();
    let batches = format!("{BASE_URL}/orchestration/batches");

    let part = Part::bytes(tokio::fs::read("leads.csv").await?).file_name("leads.csv");
    let upload = http.post(format!("{BASE_URL}/workspaceManagement/files/upload"));
    let upload = upload.bearer_auth(&token).multipart(Form::new().part("file", part));
    let file: File = upload.send().await?.error_for_status()?.json().await?;

    let data = json!({ "kind": "file", "s3Filename": file.s3_filename });
    let create = http.post(&batches).bearer_auth(&token);
    let create = create.json(&json!({ "workflowUuid": workflow, "data": data }));
    let Answer { mut batch } = create.send().await?.error_for_status()?.json().await?;

    while batch.finished_at.is_none() {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let get = http.get(format!("{batches}/{}", batch.uuid)).bearer_auth(&token);
        Answer { batch } = get.send().await?.error_for_status()?.json().await?;
    }
    println!("{}: {} of {}", batch.status, batch.executed_runs_count, batch.runs_count);

    let link = http.post(format!("{batches}/{}/download", batch.uuid));
    let link = link.bearer_auth(&token).json(&json!({}));
    let link: Link = link.send().await?.error_for_status()?.json().await?;
    let mut results = http.get(link.url).send().await?.error_for_status()?;
    let mut file = tokio::fs::File::create("results.csv").await?;
    while let Some(piece) = results.chunk().await? {
        file.write_all(&piece).await?;
    }
    file.sync_all().await?;
    Ok(())
}

