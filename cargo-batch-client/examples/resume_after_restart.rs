//! A job that survives `kill -9`: `cargo run --example resume_after_restart`
//!
//! End it wherever you like while it works on a batch of your workspace, and start it again: it finds the
//! batch that was created, or creates it, and never a second one. (A sandbox ends with its program, so there
//! this restarts itself.)

pub mod account;

use std::path::Path;

use account::Account;
use cargo_batch_client::types::{CreateBatchRequest, Outcome};
use cargo_batch_client::{BatchCreation, SavedCreation};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let account = Account::open().await?;
    let file = Path::new("job.json");
    if std::env::var_os("CARGO_API_TOKEN").is_none() {
        // As far as the batch, of which nothing is written down; and then the power goes.
        creation(&account, file).await?.create().await?;
        println!("restarted");
    }
    println!("it {}", run(&account, file).await?);
    Ok(())
}

/// Continues the job that was begun, or begins one, and waits for its end.
pub async fn run(account: &Account, file: &Path) -> anyhow::Result<Outcome> {
    let creation = creation(account, file).await?;
    let batch = creation.create().await?;
    println!(
        "batch {}, {}",
        batch.uuid,
        if creation.adopted() {
            "found"
        } else {
            "created"
        }
    );
    // From here on its batch is known, and nothing needs to be searched for.
    creation.save().save_to(file).await?;
    let finished = account.client.batch(batch.uuid).wait().await?;
    tokio::fs::remove_file(file).await?;
    Ok(finished.outcome())
}

/// Returns the creation of the job. It is written down before anything is spent: whoever resumes it searches for
/// the batch before it sends.
pub async fn creation(account: &Account, file: &Path) -> anyhow::Result<BatchCreation> {
    let Account {
        client, workflow, ..
    } = account;
    if let Some(saved) = SavedCreation::load_from(file).await? {
        return Ok(client.resume_creation(saved));
    }
    let leads = client.upload(account::leads()).await?;
    let request = CreateBatchRequest::new(leads).workflow(*workflow);
    let creation = client.prepare_batch(request).await?;
    creation.save().save_to(file).await?;
    Ok(creation)
}
