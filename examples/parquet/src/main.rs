//! `cargo-batch-parquet BATCH OUTPUT`: waits for a batch and writes its results as a Parquet file.

#![forbid(unsafe_code)]

use std::fs::File;

use anyhow::Context;
use cargo_batch_client::Client;
use cargo_batch_client::types::BatchUuid;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [batch, output] = arguments.as_slice() else {
        anyhow::bail!("usage: cargo-batch-parquet BATCH OUTPUT");
    };
    let batch: BatchUuid = batch.parse()?;
    let finished = Client::from_env()?.batch(batch).wait().await?;
    let file = File::create(output).with_context(|| output.clone())?;
    let rows = cargo_batch_parquet::convert(finished.download(), file).await?;
    println!("{rows} rows in {output}");
    Ok(())
}
