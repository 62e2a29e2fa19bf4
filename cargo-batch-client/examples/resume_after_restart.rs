//! Go on waiting after a restart: `cargo run --example resume_after_restart`
//!
//! Stop it with Ctrl-C while it waits for a batch of your workspace, and start it again: it creates
//! no second batch, but goes on with the first. (A sandbox ends with its program, so there this
//! restarts itself.)

pub mod account;

use std::path::Path;
use std::{fs, io};

use account::Account;
use cargo_batch_client::types::{CreateBatchRequest, Outcome};
use cargo_batch_client::{SavedWatch, Watch};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let account = Account::open().await?;
    let file = Path::new("watch.json");
    if std::env::var_os("CARGO_API_TOKEN").is_none() {
        // As far as the first state, and then the power goes.
        begin(&account, file).await?.next().await;
        println!("restarted");
    }
    println!("it {}", run(&account, file).await?);
    Ok(())
}

/// Waits for the batch that was begun, or begins one.
pub async fn run(account: &Account, file: &Path) -> anyhow::Result<Outcome> {
    let watch = match fs::read_to_string(file) {
        Ok(text) => {
            let saved: SavedWatch = serde_json::from_str(&text)?;
            println!("batch {} again, after {:?}", saved.batch, saved.watched_for);
            account.client.resume(saved)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => begin(account, file).await?,
        Err(error) => return Err(error.into()),
    };
    let batch = watch.await?;
    fs::remove_file(file)?;
    Ok(batch.outcome().unwrap_or(Outcome::Other(batch.status)))
}

/// Creates a batch, and writes down what is needed to go on with it before anything else.
pub async fn begin(
    Account {
        client, workflow, ..
    }: &Account,
    file: &Path,
) -> anyhow::Result<Watch> {
    let leads = client.upload(account::leads()).await?;
    let request = CreateBatchRequest::new(leads).workflow(*workflow);
    let batch = client.create_batch_once(request).await?;
    let watch = client.watch(batch.uuid);
    fs::write(file, serde_json::to_string(&watch.save())?)?;
    println!("batch {}", batch.uuid);
    Ok(watch)
}
