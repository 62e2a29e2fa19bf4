//! The results beside the rows of the input, in its order: `cargo run --example join_results --features rows`
//!
//! Results don't come in the order of the input, and a value that identifies a row must be in both: here the email.

pub mod account;

use std::collections::HashMap;

use account::Account;
use cargo_batch_client::types::CreateBatchRequest;

/// A row of the results: what was looked up, and the columns that the workflow added.
#[derive(serde::Deserialize)]
struct Enriched {
    email: String,
    // Columns of the sandbox; your workflow has its own.
    sandbox_score: Option<f64>,
    #[serde(default)]
    sandbox_error_message: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let input = std::fs::read_to_string(account::leads())?;
    let joined = run(&Account::open().await?, &input).await?;
    std::fs::write("joined.csv", joined)?;
    println!("joined.csv");
    Ok(())
}

/// Returns the input with two columns more.
pub async fn run(
    Account {
        client, workflow, ..
    }: &Account,
    input: &str,
) -> anyhow::Result<String> {
    let file = client.upload_file("leads.csv", input.to_owned()).await?;
    let request = CreateBatchRequest::new(file).workflow(*workflow);
    let batch = client.create_batch_once(request).await?;
    let finished = client.batch(batch.uuid).wait().await?;

    let mut results = HashMap::new();
    let mut rows = finished.download().rows::<Enriched>();
    while let Some(row) = rows.next().await {
        let row = row?;
        results.insert(row.email.clone(), row);
    }

    // The rows of this file have no quoted cells; use the crate `csv` for those that may.
    let mut lines = input.lines();
    let header = lines.next().unwrap_or_default();
    let mut joined = format!("{header},score,error\n");
    for line in lines {
        let email = line.split(',').next().unwrap_or_default();
        // A row without a result was not run.
        let (score, error) = match results.get(email) {
            Some(row) => (
                row.sandbox_score,
                row.sandbox_error_message.replace(',', ";"),
            ),
            None => (None, "no result".to_owned()),
        };
        let score = score.map(|score| score.to_string()).unwrap_or_default();
        joined += &format!("{line},{score},{error}\n");
    }
    Ok(joined)
}
