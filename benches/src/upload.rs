//! The upload of 1 GiB of input to storage.

use std::io::Write;
use std::path::Path;

use cargo_batch_client::Client;

use crate::pairs::{Pairs, median, seconds};
use crate::row::{Goal, Row};
use crate::samples::BATCH;
use crate::server::Server;
use crate::{Result, by_hand, memory, setup};

const PAIRS: usize = 11;
const BYTES: u64 = 1 << 30;
/// Four parts of 8 MiB, and another 8 MiB.
const MEMORY: f64 = 4.0 * 8.0 + 8.0;

pub fn measure() -> Result<Vec<Row>> {
    let server = Server::start()?;
    let runtime = setup::runtime()?;
    let client = setup::client(&server.origin)?;
    let http = setup::reqwest()?;
    let folder = setup::folder()?;
    let path = folder.path().join("leads.csv");
    write(&path)?;

    let rate = |seconds: f64| BYTES as f64 / 1e6 / seconds;
    let pairs = Pairs::measure(
        PAIRS,
        || seconds(|| runtime.block_on(upload(&client, &path))).map(rate),
        || {
            let time = seconds(|| {
                let sent = runtime.block_on(by_hand::upload(&http, &server.origin, &path))?;
                match sent == BYTES {
                    true => Ok(()),
                    false => Err(format!("{sent} bytes went, not {BYTES}").into()),
                }
            });
            time.map(rate)
        },
    )?;
    let place = path.to_string_lossy().into_owned();
    let grown = |side| memory::growth(3, &["upload", side, &server.origin, &place]);
    let (own, other) = (grown("cargo-batch")?, grown("baseline")?);
    let each = |rates: &[f64]| format!("{:.0} MB/s", median(rates));
    Ok(vec![
        Row::ratio(
            "upload of 1 GiB in parts",
            "raw reqwest PUTs, 4 at a time",
            Goal::AtLeast(0.95),
            &pairs,
        )
        .sides(each(&pairs.cargo_batch), each(&pairs.baseline))
        .how("cargo-batch also requests a signed URL for each part, and completes the upload"),
        Row::new(
            "the same, memory",
            "idle process",
            Goal::AtMost(MEMORY),
            (own, "MiB"),
        )
        .runs(3)
        .sides("", format!("{other:.1} MiB for raw reqwest"))
        .how("maximum of the peaks of resident memory, above that of a process with a warm client"),
    ])
}

/// Uploads in a process of its own, and prints the growth of its memory.
pub fn child(side: &str, origin: &str, path: &str) -> Result<()> {
    let runtime = setup::runtime()?;
    let client = setup::client(origin)?;
    runtime.block_on(client.get_batch(BATCH).into_future())?;
    let http = setup::reqwest()?;
    memory::print_growth(|| {
        if side == "cargo-batch" {
            return runtime.block_on(upload(&client, Path::new(path)));
        }
        let by_hand = by_hand::upload(&http, origin, Path::new(path));
        runtime.block_on(by_hand).map(drop)
    })
}

async fn upload(client: &Client, path: &Path) -> Result<()> {
    client.upload(path).await?;
    Ok(())
}

fn write(path: &Path) -> Result<()> {
    let mut file = std::fs::File::create(path)?;
    let block: Vec<u8> = (0..1_u32 << 20).map(|byte| (byte % 251) as u8).collect();
    for _ in 0..BYTES / block.len() as u64 {
        file.write_all(&block)?;
    }
    Ok(file.sync_all()?)
}
