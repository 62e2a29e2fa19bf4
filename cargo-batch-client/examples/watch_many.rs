//! Start many batches and watch them all at once: `cargo run --example watch_many`

pub mod account;

use account::Account;
use cargo_batch_client::WatchEvent;
use cargo_batch_client::types::CreateBatchRequest;

const BATCHES: usize = 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let succeeded = run(&Account::open().await?).await?;
    println!("{succeeded} of {BATCHES} without a failure");
    Ok(())
}

pub async fn run(
    Account {
        client, workflow, ..
    }: &Account,
) -> anyhow::Result<usize> {
    let mut started = Vec::new();
    for region in 0..BATCHES {
        let name = format!("region-{region}.csv");
        let leads = format!("email\nada@{region}.example\ngrace@{region}.example\n");
        let file = client.upload_file(name, leads).await?;
        let request = CreateBatchRequest::new(file).workflow(*workflow);
        started.push(client.create_batch_once(request).await?.uuid);
    }

    // One list request a tick for all of them.
    let mut watch = client.watch_many(started);
    let mut succeeded = 0;
    while let Some(change) = watch.next().await {
        match change? {
            WatchEvent::Updated(batch) => match batch.outcome() {
                None => println!("{} {}", batch.uuid, batch.status),
                Some(outcome) => {
                    println!(
                        "{} {outcome}; {} go on",
                        batch.uuid,
                        watch.pending().count()
                    );
                    succeeded += usize::from(outcome.is_success());
                }
            },
            WatchEvent::NotFound(uuid) => println!("{uuid} is no longer there"),
            _ => {}
        }
    }
    Ok(succeeded)
}
