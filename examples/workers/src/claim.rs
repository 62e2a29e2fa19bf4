//! One row a job, and the right to continue it.
//!
//! The row is the truth: the queue only wakes workers. Two things keep a second worker out: a lock that
//! belongs to a database session, and so ends with the process, and a fence that every write compares.

use anyhow::{Context, ensure};
use cargo_batch_client::types::{BatchUuid, WorkflowUuid};
use cargo_batch_client::{CreationState, SavedCreation};
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Connection, FromRow, Row as _};
use tokio::sync::Mutex;

pub async fn create_table(database: &PgPool) -> sqlx::Result<()> {
    let table = "CREATE TABLE IF NOT EXISTS batch_jobs (
        id TEXT PRIMARY KEY,
        csv TEXT NOT NULL,
        workflow TEXT NOT NULL,
        fence BIGINT NOT NULL DEFAULT 0,
        state TEXT,
        creation TEXT,
        creation_key TEXT UNIQUE,
        batch TEXT,
        result TEXT,
        error TEXT)";
    sqlx::query(table).execute(database).await.map(drop)
}

/// Adds a job; one that is there already stays as it is.
pub async fn add(
    database: &PgPool,
    id: &str,
    csv: &str,
    workflow: WorkflowUuid,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO batch_jobs (id, csv, workflow) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(csv)
    .bind(workflow.to_string())
    .execute(database)
    .await
    .map(drop)
}

/// Returns the jobs that have neither a result nor an error.
pub async fn unfinished(database: &PgPool) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(
        "SELECT id FROM batch_jobs WHERE result IS NULL AND error IS NULL ORDER BY id",
    )
    .fetch_all(database)
    .await
}

/// What is known of a job.
#[derive(FromRow)]
pub struct Row {
    pub csv: String,
    pub workflow: String,
    pub creation: Option<String>,
    pub batch: Option<String>,
    pub result: Option<String>,
    pub error: Option<String>,
}

/// The right to continue a job, as long as no other worker has claimed it.
pub struct Claim {
    database: PgPool,
    /// The session that holds the lock. The server frees it when the process ends, however it ends, and
    /// keeps it while the process is only frozen.
    session: Mutex<PgConnection>,
    id: String,
    /// Counts up with every claim: writes of an earlier one no longer match.
    fence: i64,
}

impl Claim {
    /// Claims a job; `None` while another worker holds its lock.
    pub async fn take(database: &PgPool, id: &str) -> anyhow::Result<Option<Self>> {
        // A session of its own: a pool would keep the lock when the job has ended.
        let mut session = PgConnection::connect_with(&database.connect_options()).await?;
        let locked: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended($1, 0))")
                .bind(id)
                .fetch_one(&mut session)
                .await?;
        if !locked {
            session.close().await?;
            return Ok(None);
        }
        let fence = sqlx::query_scalar(
            "UPDATE batch_jobs SET fence = fence + 1 WHERE id = $1 RETURNING fence",
        )
        .bind(id)
        .fetch_optional(&mut session)
        .await?
        .with_context(|| format!("there is no job {id}"))?;
        Ok(Some(Self {
            database: database.clone(),
            session: Mutex::new(session),
            id: id.to_owned(),
            fence,
        }))
    }

    pub async fn row(&self) -> sqlx::Result<Row> {
        sqlx::query_as(
            "SELECT csv, workflow, creation, batch, result, error FROM batch_jobs WHERE id = $1",
        )
        .bind(&self.id)
        .fetch_one(&self.database)
        .await
    }

    /// Checks that the lock is held and the row is this worker's, in the session of the lock: where that
    /// is gone, so is the lock.
    pub async fn check(&self) -> anyhow::Result<()> {
        let mut session = self.session.lock().await;
        let row = sqlx::query("SELECT fence FROM batch_jobs WHERE id = $1")
            .bind(&self.id)
            .fetch_one(&mut *session)
            .await
            .context("the lock is lost")?;
        ensure!(
            row.get::<i64, _>(0) == self.fence,
            "another worker has the job"
        );
        Ok(())
    }

    /// Stores a creation in place of one in another state (`None`: of none), by compare and swap.
    pub async fn store(
        &self,
        before: Option<CreationState>,
        saved: &SavedCreation,
    ) -> anyhow::Result<()> {
        let state = |state: CreationState| format!("{state:?}");
        let stored = sqlx::query(
            "UPDATE batch_jobs SET creation = $3, state = $4, creation_key = $5
             WHERE id = $1 AND fence = $2 AND state IS NOT DISTINCT FROM $6",
        )
        .bind(&self.id)
        .bind(self.fence)
        .bind(serde_json::to_string(saved)?)
        .bind(state(saved.state))
        .bind(saved.key())
        .bind(before.map(state))
        .execute(&self.database)
        .await?;
        ensure!(stored.rows_affected() == 1, "another worker has the job");
        Ok(())
    }

    /// Stores the batch of the job. Returns false if the row has another one: then this one is a second.
    pub async fn store_batch(&self, batch: BatchUuid) -> sqlx::Result<bool> {
        sqlx::query(
            "UPDATE batch_jobs SET batch = $2 WHERE id = $1 AND (batch IS NULL OR batch = $2)",
        )
        .bind(&self.id)
        .bind(batch.to_string())
        .execute(&self.database)
        .await
        .map(|stored| stored.rows_affected() == 1)
    }

    /// Stores where the results are: the job is done.
    pub async fn finish(&self, result: &str) -> anyhow::Result<()> {
        self.end(
            "UPDATE batch_jobs SET result = $3 WHERE id = $1 AND fence = $2",
            result,
        )
        .await
    }

    /// Stores an error that no worker can do anything about: the job waits for a person.
    pub async fn park(&self, error: &str) -> anyhow::Result<()> {
        self.end(
            "UPDATE batch_jobs SET error = $3 WHERE id = $1 AND fence = $2",
            error,
        )
        .await
    }

    async fn end(&self, update: &'static str, text: &str) -> anyhow::Result<()> {
        let stored = sqlx::query(update)
            .bind(&self.id)
            .bind(self.fence)
            .bind(text)
            .execute(&self.database)
            .await?;
        ensure!(stored.rows_affected() == 1, "another worker has the job");
        Ok(())
    }
}
