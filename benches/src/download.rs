//! The download of 1 GiB of results to disk.

use std::path::Path;

use cargo_batch_client::Client;

use crate::pairs::{Pairs, median, seconds};
use crate::row::{Goal, Row};
use crate::samples::BATCH;
use crate::server::Server;
use crate::{Result, by_hand, memory, setup};

const PAIRS: usize = 11;
const BYTES: u64 = 1 << 30;

pub fn measure() -> Result<Vec<Row>> {
    let server = Server::start()?;
    let runtime = setup::runtime()?;
    let client = setup::client(&server.origin)?;
    let http = setup::reqwest()?;
    let folder = setup::folder()?;
    let path = folder.path().join("results.csv");
    let url = format!("{}/files/{BYTES}", server.origin);

    let rate = |seconds: f64| BYTES as f64 / 1e6 / seconds;
    let pairs = Pairs::measure(
        PAIRS,
        || {
            let time = seconds(|| runtime.block_on(download(&client, &path)))?;
            std::fs::remove_file(&path)?;
            Ok(rate(time))
        },
        || {
            let time = seconds(|| whole(runtime.block_on(by_hand::download(&http, &url, &path))?))?;
            std::fs::remove_file(&path)?;
            Ok(rate(time))
        },
    )?;
    let place = path.to_string_lossy().into_owned();
    let grown = |side| memory::growth(3, &["download", side, &server.origin, &place]);
    let (own, other) = (grown("cargo-batch")?, grown("baseline")?);
    let each = |rates: &[f64]| format!("{:.0} MB/s", median(rates));
    Ok(vec![
        Row::ratio(
            "download of 1 GiB to disk",
            "raw reqwest stream to file",
            Goal::AtLeast(0.95),
            &pairs,
        )
        .sides(each(&pairs.cargo_batch), each(&pairs.baseline))
        .how("both end with the file synced to disk; cargo-batch also checks its length and renames it"),
        Row::new(
            "the same, memory",
            "idle process",
            Goal::AtMost(8.0),
            (own, "MiB"),
        )
        .runs(3)
        .sides("", format!("{other:.1} MiB for raw reqwest"))
        .how("maximum of the peaks of resident memory, above that of a process with a warm client"),
    ])
}

/// Downloads in a process of its own, and prints the growth of its memory.
pub fn child(side: &str, origin: &str, path: &str) -> Result<()> {
    let runtime = setup::runtime()?;
    let client = setup::client(origin)?;
    runtime.block_on(client.get_batch(BATCH).into_future())?;
    let http = setup::reqwest()?;
    memory::print_growth(|| {
        if side == "cargo-batch" {
            return runtime.block_on(download(&client, Path::new(path)));
        }
        let url = format!("{origin}/files/{BYTES}");
        let by_hand = by_hand::download(&http, &url, Path::new(path));
        runtime.block_on(by_hand).map(drop)
    })?;
    Ok(std::fs::remove_file(path)?)
}

async fn download(client: &Client, path: &Path) -> Result<()> {
    // The slug is the size of the file that the server generates.
    let results = client.batch(BATCH).download_node(BYTES.to_string());
    whole(results.to_file(path).await?)
}

fn whole(bytes: u64) -> Result<()> {
    match bytes == BYTES {
        true => Ok(()),
        false => Err(format!("{bytes} bytes came, not {BYTES}").into()),
    }
}
