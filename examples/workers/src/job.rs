//! One step of a job, from wherever it ended. It knows no queue.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use cargo_batch_client::types::{BatchUuid, CreateBatchRequest, WorkflowUuid};
use cargo_batch_client::{Client, CreationState};
use sqlx::PgPool;

use crate::chaos;
use crate::claim::{Claim, Row};

/// What every job needs.
#[derive(Clone, Debug)]
pub struct App {
    pub client: Client,
    pub database: PgPool,
    pub results: PathBuf,
}

/// How a step ended.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// The results are there, or an earlier step has ended the job.
    Done,
    /// Another worker has the job.
    Locked,
    /// The job waits for a person: its error is in the row.
    Parked,
}

/// Continues a job until its results are there.
///
/// It may run twice at once and be killed anywhere. On an error it can be run again.
pub async fn step(app: &App, id: &str) -> anyhow::Result<Outcome> {
    let Some(claim) = Claim::take(&app.database, id).await? else {
        return Ok(Outcome::Locked);
    };
    let claim = Arc::new(claim);
    let row = claim.row().await?;
    if row.result.is_some() || row.error.is_some() {
        return Ok(Outcome::Done);
    }
    match run(app, &claim, id, row).await {
        Ok(()) => Ok(Outcome::Done),
        Err(error) => match error.downcast_ref::<cargo_batch_client::Error>() {
            Some(cause) if cause.is_final() => {
                // Where it can't be known whether a batch was created, a person chooses between these.
                let candidates = cause
                    .candidates()
                    .iter()
                    .map(|batch| batch.uuid.to_string());
                let candidates = candidates.collect::<Vec<_>>().join(", ");
                claim.park(&format!("{error:#} [{candidates}]")).await?;
                Ok(Outcome::Parked)
            }
            _ => Err(error),
        },
    }
}

async fn run(app: &App, claim: &Arc<Claim>, id: &str, row: Row) -> anyhow::Result<()> {
    let batch = match &row.batch {
        Some(batch) => batch.parse()?,
        None => create(app, claim, &row).await?,
    };
    chaos::point("before waiting");
    let finished = app.client.batch(batch).wait().await?;
    let path = app.results.join(format!("{id}.csv"));
    finished.download().to_file(&path).await?;
    chaos::point("after download");
    claim.finish(&path.display().to_string()).await?;
    chaos::point("before acknowledging");
    Ok(())
}

/// Creates the batch of a job, or finds the one that an earlier step created.
async fn create(app: &App, claim: &Arc<Claim>, row: &Row) -> anyhow::Result<BatchUuid> {
    let creation = match &row.creation {
        Some(saved) => app.client.resume_creation(serde_json::from_str(saved)?),
        None => {
            let csv = Cursor::new(row.csv.clone().into_bytes());
            let file = app.client.upload_from("leads.csv", csv).await?;
            chaos::point("after upload");
            let workflow: WorkflowUuid = row.workflow.parse()?;
            let request = CreateBatchRequest::new(file).workflow(workflow);
            let creation = app.client.prepare_batch(request).await?;
            claim.store(None, &creation.save_prepared()).await?;
            creation
        }
    };
    chaos::point("before sending");
    let (swaps, checks) = (claim.clone(), claim.clone());
    let creation = creation
        // From here on whoever finds the row searches before it sends.
        .before_first_send(move |sending| {
            let claim = swaps.clone();
            async move { claim.store(Some(CreationState::Prepared), &sending).await }
        })
        .guard(move || {
            let claim = checks.clone();
            async move {
                let checked = claim.check().await;
                chaos::point("after the check");
                checked
            }
        });
    let batch = creation.create().await?.uuid;
    chaos::point("after creation");
    if !claim.store_batch(batch).await? {
        // Two were created after all, in spite of lock and fence: this is the later one.
        app.client.cancel_batch(batch).await?;
        bail!("a second batch was created, and is cancelled: {batch}");
    }
    Ok(batch)
}
