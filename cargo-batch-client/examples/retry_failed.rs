//! Look at what failed, and run only that again: `cargo run --example retry_failed`

pub mod account;

use std::collections::BTreeMap;

use account::Account;
use cargo_batch_client::types::{CreateBatchErrorReason, CreateBatchRequest, Outcome};
use cargo_batch_client::{FinishedBatch, Reason};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    run(&Account::open().await?).await.map(|_| ())
}

/// How each try has ended.
pub async fn run(
    Account {
        client, workflow, ..
    }: &Account,
) -> anyhow::Result<Vec<Outcome>> {
    let file = client.upload(account::leads()).await?;
    let request = CreateBatchRequest::new(file).workflow(*workflow);
    let mut batch = client.create_batch_once(request).await?;
    let mut outcomes = Vec::new();
    loop {
        let finished = client.batch(batch.uuid).wait().await?;
        println!("batch {} {}", batch.uuid, finished.outcome());
        outcomes.push(finished.outcome());
        let again = matches!(finished.outcome(), Outcome::PartlyFailed { .. });
        if !again || outcomes.len() == 3 {
            return Ok(outcomes);
        }
        for (why, runs) in failures(&finished).await? {
            println!("{runs:>5} × {why}");
        }
        // It is paid for once, whatever happens to the connection.
        batch = match finished.retry_failed().await {
            Ok(batch) => batch,
            Err(error) if error.is_ambiguous() => {
                let candidates = error
                    .candidates()
                    .iter()
                    .map(|batch| batch.uuid.to_string());
                println!("see which it is: {:?}", candidates.collect::<Vec<_>>());
                return Err(error.into());
            }
            Err(error) if error.reason() == Some(&NO_CREDITS) => {
                println!("top up, then retry batch {}", batch.uuid);
                return Ok(outcomes);
            }
            Err(error) => return Err(error.into()),
        };
    }
}

const NO_CREDITS: Reason = Reason::CreateBatch(CreateBatchErrorReason::NotEnoughCredits);

/// How often each error occurred.
async fn failures(finished: &FinishedBatch) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut failures = BTreeMap::new();
    let mut runs = finished.failed_runs();
    while let Some(run) = runs.next().await {
        let why = run?
            .error_message
            .unwrap_or_else(|| "no message".to_owned());
        *failures.entry(why).or_default() += 1;
    }
    Ok(failures)
}
