//! Allocations of one `get_batch`, against raw reqwest's: a program of its own, because it counts
//! with a global allocator.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use cargo_batch_benches::pairs::{Pairs, median};
use cargo_batch_benches::row::{Goal, Row};
use cargo_batch_benches::samples::BATCH;
use cargo_batch_benches::server::Server;
use cargo_batch_benches::{Failure, Result, by_hand, setup};

const PAIRS: usize = 101;

fn main() -> ExitCode {
    match measure() {
        Ok(row) => {
            row.print();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<Row> {
    let server = Server::start()?;
    let runtime = setup::runtime()?;
    let client = setup::client(&server.origin)?;
    let http = setup::reqwest()?;
    // The first pair, which isn't counted, opens the connections.
    let pairs = Pairs::measure(
        PAIRS,
        || counted(|| runtime.block_on(client.get_batch(BATCH).into_future())),
        || counted(|| runtime.block_on(by_hand::get_batch(&http, &server.origin, BATCH))),
    )?;
    let (cargo_batch, baseline) = (median(&pairs.cargo_batch), median(&pairs.baseline));
    Ok(Row::new(
        "allocations of one `get_batch`",
        "raw reqwest",
        Goal::AtMost(8.0),
        (cargo_batch - baseline, "more"),
    )
    .runs(PAIRS)
    .sides(format!("{cargo_batch}"), format!("{baseline}"))
    .how("on a warm connection, the response decoded and dropped; medians"))
}

/// The allocations of this thread, which does everything but the server's part.
fn counted<T, E: Into<Failure>>(run: impl FnOnce() -> std::result::Result<T, E>) -> Result<f64> {
    let mut failure = None;
    let counts = allocation_counter::measure(|| failure = run().err());
    match failure {
        None => Ok(counts.count_total as f64),
        Some(error) => Err(error.into()),
    }
}
