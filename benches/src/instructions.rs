//! Small fixed workloads whose instructions callgrind counts.
//!
//! Each repeats its work: the difference between the counts of 2n and n repetitions is the cost of n, without the
//! start of the process.

use cargo_batch_client::types::{GetBatchResponse, ListBatchesResponse, from_json};

use crate::samples::BATCH;
use crate::server::Server;
use crate::{Result, by_hand, rows, samples, setup};

/// The guarded workloads, each with its number of repetitions.
pub const GUARDED: [(&str, u64); 5] = [
    ("decode_batch", 200),
    ("decode_list", 5),
    ("get_batch", 200),
    ("create_batch", 200),
    ("csv_rows", 2),
];

/// Runs a workload; a server that it needs runs in a process of its own.
pub fn run(name: &str, times: u64, origin: &str) -> Result<()> {
    match name {
        "decode_batch" => {
            let text = samples::one();
            for _ in 0..times {
                std::hint::black_box(from_json::<GetBatchResponse>(&text)?);
            }
        }
        "decode_list" => {
            let text = samples::list(20, 20);
            for _ in 0..times {
                std::hint::black_box(from_json::<ListBatchesResponse>(&text)?);
            }
        }
        "get_batch" => {
            let client = setup::client(origin)?;
            setup::runtime()?.block_on(async {
                for _ in 0..times {
                    std::hint::black_box(client.get_batch(BATCH).await?);
                }
                Ok::<_, crate::Failure>(())
            })?;
        }
        // Not guarded: the baseline for profiling.
        "get_batch_by_hand" => {
            let http = setup::reqwest()?;
            setup::runtime()?.block_on(async {
                for _ in 0..times {
                    std::hint::black_box(by_hand::get_batch(&http, origin, BATCH).await?);
                }
                Ok::<_, crate::Failure>(())
            })?;
        }
        "create_batch" => {
            let (client, request) = (setup::client(origin)?, samples::creation());
            setup::runtime()?.block_on(async {
                for _ in 0..times {
                    std::hint::black_box(client.create_batch(request.clone()).await?);
                }
                Ok::<_, crate::Failure>(())
            })?;
        }
        "create_batch_by_hand" => {
            let (http, request) = (setup::reqwest()?, samples::creation());
            setup::runtime()?.block_on(async {
                for _ in 0..times {
                    let request = std::hint::black_box(request.clone());
                    std::hint::black_box(by_hand::create_batch(&http, origin, &request).await?);
                }
                Ok::<_, crate::Failure>(())
            })?;
        }
        "csv_rows" => {
            let client = setup::client(origin)?;
            setup::runtime()?.block_on(async {
                for _ in 0..times {
                    std::hint::black_box(rows::cargo_batch(&client, "few.csv").await?);
                }
                Ok::<_, crate::Failure>(())
            })?;
        }
        "csv_rows_by_hand" => {
            let text = samples::csv(crate::server::FEW_ROWS);
            for _ in 0..times {
                std::hint::black_box(rows::baseline(&text)?);
            }
        }
        other => return Err(format!("no such workload: {other}").into()),
    }
    Ok(())
}

/// Prints the URL of a server, which runs until its input ends.
pub fn serve() -> Result<()> {
    let server = Server::start()?;
    println!("{}", server.origin);
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
