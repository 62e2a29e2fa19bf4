//! Enrich a CSV file, with progress bars: `cargo run --example enrich_csv`

pub mod account;

use std::path::Path;
use std::time::Duration;

use account::Account;
use cargo_batch_client::types::CreateBatchRequest;
use indicatif::{ProgressBar, ProgressStyle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let account = Account::open().await?;
    run(&account, account::leads().as_ref(), "enriched.csv".as_ref()).await
}

pub async fn run(
    Account {
        client, workflow, ..
    }: &Account,
    input: &Path,
    output: &Path,
) -> anyhow::Result<()> {
    let upload = bar("uploading", "{bytes} of {total_bytes}")?;
    let shown = upload.clone();
    let file = client.upload(input).on_progress(move |progress| {
        shown.set_length(progress.total.unwrap_or(progress.bytes));
        shown.set_position(progress.bytes);
    });
    let file = file.await?;
    upload.finish();

    let request = CreateBatchRequest::new(file).workflow(*workflow);
    let batch = client.create_batch_once(request).await?;
    let runs = bar("running", "{pos} of {len} {msg}")?;
    let mut watch = client.watch(batch.uuid).interval(Duration::from_secs(1));
    while let Some(state) = watch.next().await {
        let state = state?;
        runs.set_length(state.runs_count);
        runs.set_position(state.executed_runs_count);
        let (failed, credits) = (state.failed_runs_count, state.credits_used_count);
        runs.set_message(format!("({failed} failed, {credits:.2} provider credits)"));
    }
    runs.finish();

    let fetch = bar("fetching", "{bytes}")?;
    let shown = fetch.clone();
    let download = client.batch(batch.uuid).download();
    let download = download.on_progress(move |progress| shown.set_position(progress.bytes));
    download.to_file(output).await?;
    fetch.finish();
    println!("{}", output.display());
    Ok(())
}

fn bar(what: &str, end: &str) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template(&format!("{what:<10} {{bar:30}} {end}"))?;
    Ok(ProgressBar::new(0).with_style(style))
}
