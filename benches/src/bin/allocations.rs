//! Allocations of one `get_batch`, against raw reqwest's: a program of its own, because it counts
//! with a global allocator.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use cargo_batch_benches::pairs::{Pairs, median};
use cargo_batch_benches::row::{Goal, Row};
use cargo_batch_benches::samples::BATCH;
use cargo_batch_benches::server::Server;
use cargo_batch_benches::{Result, by_hand, setup};

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
    // The first pair, which doesn't count, makes the connections.
    let pairs = Pairs::measure(
        PAIRS,
        || counted(|| runtime.block_on(async { Ok(client.get_batch(BATCH).await.map(drop)?) })),
        || {
            let by_hand = by_hand::get_batch(&http, &server.origin, BATCH);
            counted(|| runtime.block_on(async { by_hand.await.map(drop) }))
        },
    )?;
    let (ours, theirs) = (median(&pairs.ours), median(&pairs.theirs));
    Ok(Row::new(
        "allocations of one `get_batch`",
        "raw reqwest",
        Goal::AtMost(8.0),
        (ours - theirs, "more"),
    )
    .runs(PAIRS)
    .sides(format!("{ours}"), format!("{theirs}"))
    .how("on a warm connection, the answer decoded and dropped; medians"))
}

/// Allocations of this thread, which does everything but the server's part.
fn counted(run: impl FnOnce() -> Result<()>) -> Result<f64> {
    let mut done = Ok(());
    let counts = allocation_counter::measure(|| done = run());
    done.map(|()| counts.count_total as f64)
}
