//! Many machines that share batches: each batch is paid for once, whichever worker is killed.
//!
//! `workers init` creates the tables; `workers add ID CSV WORKFLOW` adds a job; `workers work` runs jobs until
//! SIGINT or SIGTERM. Settings are environment variables, see the README.

mod chaos;
mod claim;
mod job;
mod queue;
mod settings;

use anyhow::{Context, bail};
use sqlx::postgres::PgPoolOptions;

use crate::settings::Settings;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::from_env()?;
    let database = PgPoolOptions::new()
        .max_connections(8)
        .connect(&settings.database_url)
        .await
        .context("cannot connect to DATABASE_URL")?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["init"] => {
            claim::create_table(&database).await?;
            queue::options(&settings).init().await?;
        }
        ["add", id, csv, workflow] => {
            let csv = std::fs::read_to_string(csv).with_context(|| format!("cannot read {csv}"))?;
            claim::add(&database, id, &csv, workflow.parse()?).await?;
            queue::add(&queue::options(&settings).init().await?.create_utils(), id).await?;
        }
        ["work"] => queue::work(settings, database).await?,
        _ => bail!("usage: workers init | add ID CSV WORKFLOW | work"),
    }
    Ok(())
}
