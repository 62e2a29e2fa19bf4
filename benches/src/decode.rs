//! Decoding of long lists.

use cargo_batch_client::types::{ListBatchesResponse, NodeKind, from_json};

use crate::pairs::{Pairs, median, seconds};
use crate::row::{Goal, Row};
use crate::{Result, closed, samples};

const PAIRS: usize = 21;
pub const BATCHES: u64 = 1_000;
pub const NODES: u64 = 20;

pub fn measure() -> Result<Vec<Row>> {
    let list = samples::list(BATCHES, NODES);
    both_read_all(&list)?;
    let rate = |seconds: f64| list.len() as f64 / 1e6 / seconds;
    let pairs = Pairs::measure(
        PAIRS,
        || {
            let time = seconds(|| {
                let list: ListBatchesResponse = from_json(&list)?;
                Ok(std::hint::black_box(list).batches.len())
            });
            time.map(rate)
        },
        || {
            let time = seconds(|| {
                let list: closed::List = serde_json::from_slice(&list)?;
                Ok(std::hint::black_box(list).batches.len())
            });
            time.map(rate)
        },
    )?;
    let each = |rates: &[f64]| format!("{:.0} MB/s", median(rates));
    Ok(vec![
        Row::ratio(
            "decoding a list of 1,000 batches with 20 nodes each, MB/s",
            "the same structs with closed, hand-written serde enums",
            Goal::AtLeast(0.9),
            &pairs,
        )
        .sides(each(&pairs.cargo_batch), each(&pairs.baseline))
        .how(format!("{:.1} MB of JSON", list.len() as f64 / 1e6)),
    ])
}

/// Checks that both sides decode the same.
fn both_read_all(list: &[u8]) -> Result<()> {
    let cargo_batch: ListBatchesResponse = from_json(list)?;
    let baseline: closed::List = serde_json::from_slice(list)?;
    let unknown = |kind: &NodeKind| matches!(kind, NodeKind::Unknown(_));
    let known = cargo_batch
        .batches
        .iter()
        .flat_map(|batch| batch.nodes.iter().flatten())
        .filter(|node| !unknown(&node.kind))
        .count() as u64;
    let closed = baseline
        .batches
        .iter()
        .flat_map(|batch| batch.nodes.iter().flatten())
        .count() as u64;
    match known == BATCHES * NODES && closed == known {
        true => Ok(()),
        false => Err(format!("{known} nodes were decoded, and {closed} by the baseline").into()),
    }
}
