//! Results, read row by row.

use cargo_batch_client::Client;
use serde::Deserialize;

use crate::pairs::{Pairs, median, seconds};
use crate::row::{Goal, Row};
use crate::samples::BATCH;
use crate::server::{MANY_ROWS, Server};
use crate::{Result, samples, setup};

const PAIRS: usize = 21;

/// A typed row.
#[derive(Deserialize)]
pub struct Lead {
    pub email: String,
    pub company: String,
    pub employees: u64,
    pub score: f64,
    pub qualified: bool,
    pub summary: Option<String>,
}

pub fn measure() -> Result<Vec<Row>> {
    let server = Server::start()?;
    let runtime = setup::runtime()?;
    let client = setup::client(&server.origin)?;
    let text = samples::csv(MANY_ROWS);
    let rate = |seconds: f64| MANY_ROWS as f64 / seconds;
    let pairs = Pairs::measure(
        PAIRS,
        || seconds(|| all(runtime.block_on(cargo_batch(&client, "many.csv"))?)).map(rate),
        || seconds(|| all(baseline(&text)?)).map(rate),
    )?;
    let each = |rates: &[f64]| format!("{:.2} million", median(rates) / 1e6);
    Ok(vec![
        Row::ratio(
            "typed CSV rows per second",
            "the `csv` crate from memory",
            Goal::AtLeast(0.9),
            &pairs,
        )
        .sides(each(&pairs.cargo_batch), each(&pairs.baseline))
        .how(format!(
            "{MANY_ROWS} rows of 8 columns, {:.0} MB; cargo-batch reads them from a download as it arrives",
            text.len() as f64 / 1e6
        ))
        .limit(
            "of some 60 ms for the 200,000 rows, 8 receive the file, which the crate has in memory, and 7 copy each \
             record from `csv_core`, which reads pieces, into one of the `csv` crate, which alone can be read as a \
             type; the rest is 10 to 20 % of everything else, for rows that are handed out of a stream one by one. A \
             parser of our own that looks for commas and quotes with `memchr` was tried: a sixth fewer instructions, \
             and no faster",
        ),
    ])
}

/// Reads a download and returns the number of its rows.
pub async fn cargo_batch(client: &Client, file: &str) -> Result<u64> {
    let mut rows = client.batch(BATCH).download_node(file).rows::<Lead>();
    let mut read = 0;
    while let Some(row) = rows.next().await {
        std::hint::black_box(row?);
        read += 1;
    }
    Ok(read)
}

/// Reads text in memory and returns the number of its rows.
pub fn baseline(text: &[u8]) -> Result<u64> {
    let mut read = 0;
    for row in csv::Reader::from_reader(text).deserialize() {
        let row: Lead = row?;
        std::hint::black_box(row);
        read += 1;
    }
    Ok(read)
}

fn all(read: u64) -> Result<()> {
    match read == MANY_ROWS {
        true => Ok(()),
        false => Err(format!("{read} rows were read, not {MANY_ROWS}").into()),
    }
}
