//! The main job from end to end: upload a file, run a workflow over it, wait, fetch the results.
//!
//! `cargo demo` needs no account: it runs against the sandbox, an hour of whose time passes in a
//! minute. With `CARGO_API_TOKEN` set it runs against the real API, on the workflow you name, and
//! spends credits: `cargo demo -- --workflow UUID [--file leads.csv] [--results results.csv]`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use cargo_batch_client::Client;
use cargo_batch_client::types::{Batch, CreateBatchRequest, WorkflowUuid};
use cargo_batch_sandbox::Sandbox;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let options = Options::read(std::env::args().skip(1))?;
    if std::env::var_os("CARGO_API_TOKEN").is_some() {
        let workflow = options.workflow.ok_or(
            "CARGO_API_TOKEN is set, so this would run on the real API and spend credits: name the \
             workflow to run with `cargo demo -- --workflow UUID`",
        )?;
        return job(&Client::from_env()?, workflow, &options).await;
    }
    let sandbox = Sandbox::builder().speed(60.0).start().await?;
    println!(
        "No CARGO_API_TOKEN: this runs in the sandbox at {}, at 60 times the pace.",
        sandbox.base_url()
    );
    let client = Client::builder(sandbox.token())
        .base_url(sandbox.base_url())
        .build()?;
    job(&client, sandbox.world().tool_workflow_uuid, &options).await
}

async fn job(
    client: &Client,
    workflow: WorkflowUuid,
    options: &Options,
) -> Result<(), Box<dyn Error>> {
    let file = client.upload(&options.file).await?;
    println!(
        "uploaded   {} as {}",
        options.file.display(),
        file.s3_filename
    );

    let request = CreateBatchRequest::new(file).workflow(workflow);
    let batch = client.create_batch_once(request).await?;
    println!("created    batch {}", batch.uuid);

    let mut watch = client.watch(batch.uuid).interval(options.interval());
    let mut last = batch;
    while let Some(state) = watch.next().await {
        last = state?;
        println!("{}", line(&last));
    }
    if let Some(outcome) = last.outcome() {
        println!("outcome    the batch {outcome}");
    }

    let batch = client.batch(last.uuid);
    let failed = batch.failed_runs().await?.collect().await?;
    for run in failed.iter().take(3) {
        let why = run.error_message.as_deref().unwrap_or("no message");
        println!("failed     {}: {why}", run.record_title);
    }
    if failed.len() > 3 {
        println!("           and {} more", failed.len() - 3);
    }

    let bytes = batch.download().to_file(&options.results).await?;
    println!("results    {} ({bytes} bytes)", options.results.display());
    Ok(())
}

/// One line for a state: what it is, how far it is, and what it has cost so far.
fn line(batch: &Batch) -> String {
    format!(
        "{:<10} {:>4} of {} runs, {} failed, {:.2} credits",
        batch.status,
        batch.executed_runs_count,
        batch.runs_count,
        batch.failed_runs_count,
        batch.credits_used_count,
    )
}

struct Options {
    workflow: Option<WorkflowUuid>,
    file: PathBuf,
    results: PathBuf,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut options = Self {
            workflow: None,
            file: here.join("examples/leads.csv"),
            results: "results.csv".into(),
        };
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{flag} needs a value"));
            match flag.as_str() {
                "--workflow" => options.workflow = Some(value()?.parse()?),
                "--file" => options.file = value()?.into(),
                "--results" => options.results = value()?.into(),
                _ => {
                    return Err(format!(
                        "unknown option {flag}: there are --workflow, --file and --results"
                    )
                    .into());
                }
            }
        }
        Ok(options)
    }

    /// The sandbox's hours are short.
    fn interval(&self) -> std::time::Duration {
        match std::env::var_os("CARGO_API_TOKEN") {
            Some(_) => std::time::Duration::from_secs(5),
            None => std::time::Duration::from_millis(400),
        }
    }
}
