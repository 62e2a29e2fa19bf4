//! The main job, with the client.

use cargo_batch_client::{Client, types::*};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let workflow: WorkflowUuid = std::env::var("WORKFLOW")?.parse()?;
    let client = Client::from_env()?;
    let file = client.upload("leads.csv").await?;
    let request = CreateBatchRequest::new(file).workflow(workflow);
    let batch = client.create_batch_once(request).await?;
    let batch = client.watch(batch.uuid).await?;
    println!("{}: {} of {}", batch.status, batch.executed_runs_count, batch.runs_count);
    client.batch(batch.uuid).download().to_file("results.csv").await?;
    Ok(())
}
