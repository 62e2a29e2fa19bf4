//! The queue: it wakes the workers, and knows nothing of batches.

use std::convert::Infallible;
use std::time::Duration;

use cargo_batch_client::Client;
use graphile_worker::errors::GraphileWorkerError;
use graphile_worker::{
    IntoTaskHandlerResult, JobKeyMode, JobSpec, TaskHandler, WorkerContext, WorkerOptions,
    WorkerUtils,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::claim;
use crate::job::{App, step};
use crate::settings::Settings;

/// What is queued: the key of a row, and nothing that could differ from the row.
#[derive(Deserialize, Serialize)]
struct BatchJob {
    id: String,
}

impl TaskHandler for BatchJob {
    const IDENTIFIER: &'static str = "batch";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(app) = context.get_ext::<App>() {
            match step(app, &self.id).await {
                Ok(outcome) => println!("job {}: {outcome:?}", self.id),
                Err(error) => eprintln!("job {}: {error:#}", self.id),
            }
        }
        // Never an error: the queue would delay the job by up to 6 hours. The sweep queues it again.
    }
}

pub fn options(settings: &Settings) -> WorkerOptions {
    let orphan_after = settings.orphan_after;
    WorkerOptions::default()
        .database_url(&settings.database_url)
        .schema("graphile_worker")
        .concurrency(settings.concurrency)
        .define_job::<BatchJob>()
        // Recovery is off unless one of these is set.
        .heartbeat_interval(orphan_after / 6)
        .sweep_interval(orphan_after / 6)
        .sweep_threshold(orphan_after)
        .recovery_delay(Duration::ZERO)
        // On SIGTERM jobs are given back at once: being killed is the tested path.
        .shutdown_grace_period(Duration::from_secs(1))
        .shutdown_interrupted_job_retry_delay(Duration::ZERO)
}

/// Queues a job, unless it is queued or running.
pub async fn add(queue: &WorkerUtils, id: &str) -> Result<(), GraphileWorkerError> {
    let spec = JobSpec::builder()
        .job_key(id)
        .job_key_mode(JobKeyMode::UnsafeDedupe)
        .build();
    let job = BatchJob { id: id.to_owned() };
    queue.add_job(job, spec).await.map(drop)
}

/// Runs jobs until SIGINT or SIGTERM.
pub async fn work(settings: Settings, database: PgPool) -> anyhow::Result<()> {
    std::fs::create_dir_all(&settings.results)?;
    let mut client = Client::builder(std::env::var("CARGO_API_TOKEN")?);
    if let Ok(url) = std::env::var("CARGO_BASE_URL") {
        client = client.base_url(url);
    }
    if let Some(time) = settings.settling_time {
        client = client.settling_time(time);
    }
    let app = App {
        client: client.build()?,
        database: database.clone(),
        results: settings.results.clone(),
    };
    let worker = options(&settings).add_extension(app).init().await?;
    let queue = worker.create_utils();
    tokio::select! {
        ended = worker.run() => Ok(ended?),
        never = sweep(&database, &queue, settings.sweep_interval) => match never {},
    }
}

/// Queues rows that have no result, no error and no job: those whose step failed, and those whose job
/// another worker has deleted.
async fn sweep(database: &PgPool, queue: &WorkerUtils, interval: Duration) -> Infallible {
    loop {
        // An error here passes with the next sweep.
        for id in claim::unfinished(database).await.unwrap_or_default() {
            if let Err(error) = add(queue, &id).await {
                eprintln!("job {id} cannot be queued: {error}");
            }
        }
        tokio::time::sleep(interval).await;
    }
}
