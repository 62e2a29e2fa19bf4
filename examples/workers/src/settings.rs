//! Settings from environment variables.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;

pub struct Settings {
    pub database_url: String,
    /// The folder of the results, one CSV file a job.
    pub results: PathBuf,
    /// How many jobs run at a time, each with a database session of its own.
    pub concurrency: usize,
    /// After how long without a heartbeat a worker counts as dead, and its jobs go to others.
    pub orphan_after: Duration,
    /// How often rows without a result are queued again.
    pub sweep_interval: Duration,
    /// How late a server may act after its connection has ended; the client's default where it isn't set.
    pub settling_time: Option<Duration>,
}

impl Settings {
    pub fn from_env() -> anyhow::Result<Self> {
        let seconds = |name, default| {
            Ok::<_, anyhow::Error>(Duration::from_secs_f64(variable(name)?.unwrap_or(default)))
        };
        Ok(Self {
            database_url: std::env::var("DATABASE_URL").context("DATABASE_URL")?,
            results: variable("WORKERS_RESULTS")?.unwrap_or_else(|| "results".into()),
            concurrency: variable("WORKERS_CONCURRENCY")?.unwrap_or(20),
            orphan_after: seconds("WORKERS_ORPHAN_SECONDS", 30.0)?,
            sweep_interval: seconds("WORKERS_SWEEP_SECONDS", 30.0)?,
            settling_time: variable("WORKERS_SETTLING_SECONDS")?.map(Duration::from_secs_f64),
        })
    }
}

fn variable<T: FromStr>(name: &str) -> anyhow::Result<Option<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match std::env::var(name) {
        Ok(text) => Ok(Some(
            text.parse().with_context(|| format!("{name}: {text:?}"))?,
        )),
        Err(_) => Ok(None),
    }
}
