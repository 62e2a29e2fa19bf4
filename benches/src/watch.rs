//! A watch over ten thousand batches, until all have ended.

use std::time::Duration;

use cargo_batch_client::{Client, WatchEvent};

use crate::row::{Goal, Row};
use crate::samples::BATCH;
use crate::server::{STATUSES, Server};
use crate::{Result, by_hand, memory, samples, setup};

const BATCHES: u64 = 10_000;
const TICKS: u64 = STATUSES.len() as u64;

pub fn measure() -> Result<Vec<Row>> {
    let server = Server::start()?;
    let runtime = setup::runtime()?;
    let http = setup::reqwest()?;
    server.requests();
    runtime.block_on(watch(&setup::client(&server.origin)?))?;
    let cargo_batch = server.requests() as f64 / TICKS as f64;
    runtime.block_on(async {
        for number in 0..BATCHES {
            let id = samples::uuid(1, number);
            by_hand::get_batch(&http, &server.origin, id.into()).await?;
        }
        Ok::<_, crate::Failure>(())
    })?;
    let baseline = server.requests() as f64;
    let grown = memory::growth(3, &["watch", &server.origin])?;
    Ok(vec![
        Row::new(
            "watching 10,000 batches, requests per tick",
            "one get each",
            Goal::AtMost(1.0 / 90.0),
            (cargo_batch / baseline, ""),
        )
        .sides(format!("{cargo_batch}"), format!("{baseline}"))
        .how(format!(
            "counted by the server, over the {TICKS} ticks until all have ended"
        )),
        Row::new(
            "the same, memory",
            "idle process",
            Goal::AtMost(32.0),
            (grown, "MiB"),
        )
        .runs(3)
        .how("maximum of the peaks of resident memory, above that of a process with a warm client"),
    ])
}

/// Watches all in a process of its own, and prints the growth of its memory.
pub fn child(origin: &str) -> Result<()> {
    let runtime = setup::runtime()?;
    let client = setup::client(origin)?;
    runtime.block_on(client.get_batch(BATCH).into_future())?;
    memory::print_growth(|| runtime.block_on(watch(&client)))
}

async fn watch(client: &Client) -> Result<()> {
    let ids = (0..BATCHES).map(|number| samples::uuid(1, number));
    let mut watch = client.watch_many(ids).interval(Duration::from_millis(100));
    let (mut changes, mut ended) = (0, 0);
    while let Some(change) = watch.next().await {
        changes += 1;
        match change? {
            WatchEvent::Updated(batch) => ended += u64::from(batch.is_finished()),
            other => return Err(format!("unexpected event: {other:?}").into()),
        }
    }
    match (changes, ended) == (BATCHES * TICKS, BATCHES) {
        true => Ok(()),
        false => Err(format!("{ended} ended, with {changes} changes").into()),
    }
}
