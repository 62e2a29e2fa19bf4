//! A nightly job that is paid for once, also where cron starts it twice or something kills it.
//!
//! `nightly DATABASE NAME DATE CSV WORKFLOW RESULT`, with `CARGO_API_TOKEN` set. The job's name and date are
//! its row in the database; started again, it continues where it ended, and does nothing once it is done.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use cargo_batch_client::types::{CreateBatchRequest, WorkflowUuid};
use cargo_batch_client::{BatchCreation, Client, CreationState, SavedCreation};
use rusqlite::{Connection, OptionalExtension, params};

/// For how long a claim holds. It outlives the settling time (60 s), so that a process that was frozen for
/// longer sends nothing more, and who comes after has searched by then.
const LEASE: Duration = Duration::from_secs(150);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, name, date, csv, workflow, result] = arguments.as_slice() else {
        bail!("usage: nightly DATABASE NAME DATE CSV WORKFLOW RESULT");
    };
    let Some(_lock) = lock(&format!("{database}.{name}.{date}.lock"))? else {
        println!("another process is at it");
        return Ok(());
    };
    let mut client = Client::builder(std::env::var("CARGO_API_TOKEN").context("CARGO_API_TOKEN")?);
    if let Ok(url) = std::env::var("CARGO_BASE_URL") {
        client = client.base_url(url);
    }
    // A wager on how late a server acts: 60 seconds unless a test knows better.
    if let Ok(seconds) = std::env::var("NIGHTLY_SETTLING_SECONDS") {
        client = client.settling_time(Duration::from_secs_f64(seconds.parse()?));
    }
    let client = client.build()?;
    let job = Arc::new(Job::claim(database, name, date)?);
    if Path::new(result).exists() {
        println!("done already");
        return Ok(());
    }

    let creation = match job.saved()? {
        Some(saved) => client.resume_creation(saved),
        None => {
            let file = client.upload(csv).await?;
            let request = CreateBatchRequest::new(file).workflow(workflow.parse::<WorkflowUuid>()?);
            let creation = client.prepare_batch(request).await?;
            // Never sent: whoever finds this in the row creates at once.
            job.store(None, &creation.save_prepared())?;
            creation
        }
    };
    let creation = guarded(creation, &job);
    let batch = creation.create().await?;
    job.store(Some(CreationState::Sending), &creation.save())?;
    println!("batch {}", batch.uuid);

    let finished = client.batch(batch.uuid).wait().await?;
    finished.download().to_file(result).await?;
    println!("{}", finished.outcome());
    Ok(())
}

/// Takes a lock that ends with the process, however it ends; `None` where another has it.
fn lock(path: &str) -> anyhow::Result<Option<File>> {
    let file = File::create(path).with_context(|| format!("cannot open {path}"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).context("cannot lock"),
    }
}

/// Nothing is sent unless the row is still this process's, and before the row says that it may be sent.
fn guarded(creation: BatchCreation, job: &Arc<Job>) -> BatchCreation {
    let (swaps, checks) = (job.clone(), job.clone());
    creation
        .before_first_send(move |sending| {
            let stored = swaps.store(Some(CreationState::Prepared), &sending);
            async move { stored }
        })
        .guard(move || {
            let checked = checks.check();
            async move { checked }
        })
}

/// A row of the database, claimed by this process.
struct Job {
    database: Mutex<Connection>,
    name: String,
    date: String,
    /// Counts up with every claim: writes of an older one don't fit any more.
    fence: i64,
    leased_until: SystemTime,
}

impl Job {
    /// Makes the row where it is missing, and claims it.
    fn claim(database: &str, name: &str, date: &str) -> anyhow::Result<Self> {
        let connection = Connection::open(database)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS jobs (
                 name TEXT NOT NULL, date TEXT NOT NULL, fence INTEGER NOT NULL DEFAULT 0,
                 leased_until INTEGER NOT NULL DEFAULT 0, state TEXT, creation TEXT, key TEXT UNIQUE,
                 PRIMARY KEY (name, date));",
        )?;
        connection.execute(
            "INSERT OR IGNORE INTO jobs (name, date) VALUES (?1, ?2)",
            [name, date],
        )?;
        let leased_until = SystemTime::now() + LEASE;
        let seconds = leased_until.duration_since(UNIX_EPOCH)?.as_secs() as i64;
        // One statement, so of two processes each gets a fence of its own.
        let fence = connection.query_row(
            "UPDATE jobs SET fence = fence + 1, leased_until = ?3 WHERE name = ?1 AND date = ?2 RETURNING fence",
            params![name, date, seconds],
            |row| row.get(0),
        )?;
        Ok(Self {
            database: Mutex::new(connection),
            name: name.to_owned(),
            date: date.to_owned(),
            fence,
            leased_until,
        })
    }

    fn database(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the creation that an earlier process has stored.
    fn saved(&self) -> anyhow::Result<Option<SavedCreation>> {
        let row = self.database().query_row(
            "SELECT creation FROM jobs WHERE name = ?1 AND date = ?2",
            [&self.name, &self.date],
            |row| row.get::<_, Option<String>>(0),
        );
        let text = row.optional()?.flatten();
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Stores a creation in place of one in a certain state (`None`: of none), as long as the row is this
    /// process's: compare and swap.
    fn store(&self, before: Option<CreationState>, saved: &SavedCreation) -> anyhow::Result<()> {
        let state = |state: CreationState| format!("{state:?}");
        let changed = self.database().execute(
            "UPDATE jobs SET creation = ?4, state = ?5, key = ?6
             WHERE name = ?1 AND date = ?2 AND fence = ?3 AND state IS ?7",
            params![
                self.name,
                self.date,
                self.fence,
                serde_json::to_string(saved)?,
                state(saved.state),
                saved.key(),
                before.map(state),
            ],
        )?;
        ensure!(changed == 1, "another process has the job");
        Ok(())
    }

    /// Whether a request that can spend may be sent: asked before each.
    fn check(&self) -> anyhow::Result<()> {
        ensure!(
            SystemTime::now() < self.leased_until,
            "this process was away for too long"
        );
        let fence: i64 = self.database().query_row(
            "SELECT fence FROM jobs WHERE name = ?1 AND date = ?2",
            [&self.name, &self.date],
            |row| row.get(0),
        )?;
        ensure!(fence == self.fence, "another process has the job");
        Ok(())
    }
}
