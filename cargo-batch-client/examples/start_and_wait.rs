//! Start a batch, wait for it, read its results: `cargo run --example start_and_wait --features rows`

pub mod account;

use account::Account;
use cargo_batch_client::types::CreateBatchRequest;

#[derive(serde::Deserialize)]
struct Lead {
    email: String,
    // A column of the sandbox; your workflow has its own.
    #[serde(rename = "sandbox_score")]
    score: Option<f64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    run(&Account::open().await?).await
}

pub async fn run(
    Account {
        client, workflow, ..
    }: &Account,
) -> anyhow::Result<()> {
    let file = client.upload(account::leads()).await?;
    let request = CreateBatchRequest::new(file).workflow(*workflow);
    let batch = client.create_batch_once(request).await?;
    println!("batch {} is {}", batch.uuid, batch.status);

    let finished = client.batch(batch.uuid).wait().await?;
    println!("it {}", finished.outcome());

    let mut best: Option<(f64, String)> = None;
    let mut rows = finished.download().rows::<Lead>();
    while let Some(row) = rows.next().await {
        let Lead { email, score } = row?;
        // Runs that failed have no score.
        let Some(score) = score else { continue };
        if best.as_ref().is_none_or(|(most, _)| score > *most) {
            best = Some((score, email));
        }
    }
    let (score, email) = best.ok_or(anyhow::anyhow!("nobody has a score"))?;
    println!("the best lead is {email}, with {score}");
    Ok(())
}
