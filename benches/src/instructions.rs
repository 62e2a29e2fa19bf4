//! Small fixed workloads, for callgrind to count the instructions of.
//!
//! Each does its work so many times: what a count of 2 n has more than one of n is what n times
//! cost, without the start of the process.

use cargo_batch_client::types::{GetBatchResponse, ListBatchesResponse, from_json};

use crate::samples::BATCH;
use crate::server::Server;
use crate::{Result, by_hand, rows, samples, setup};

/// What is guarded, and how many times it is done at least.
pub const GUARDED: [(&str, u64); 5] = [
    ("decode_batch", 200),
    ("decode_list", 5),
    ("get_batch", 200),
    ("create_batch", 200),
    ("csv_rows", 2),
];

/// Does one of them; those that need a server have it in a process of its own.
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
        // Not guarded: what ours is held against when it is profiled.
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
                    std::hint::black_box(rows::ours(&client, "few.csv").await?);
                }
                Ok::<_, crate::Failure>(())
            })?;
        }
        "csv_rows_by_hand" => {
            let text = samples::csv(crate::server::FEW_ROWS);
            for _ in 0..times {
                std::hint::black_box(rows::theirs(&text)?);
            }
        }
        other => return Err(format!("no such workload: {other}").into()),
    }
    Ok(())
}

/// Prints where a server answers, and answers until its input ends.
pub fn serve() -> Result<()> {
    let server = Server::start()?;
    println!("{}", server.origin);
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
