//! The build of a program that uses the client: its time, its crates and its size.

use crate::Result;
use crate::pairs::{Pairs, median};
use crate::programs::{CLIENT, Program, REQWEST, REQWEST_ON_RING};
use crate::row::{Goal, Row};

/// A build takes seconds, so a few pairs are sufficient.
const PAIRS: usize = 2;

const DEFAULT: &str = "the same using reqwest + serde_json";
const ON_RING: &str = "the same, reqwest too on ring instead of its own aws-lc";

/// A program, with its name as a baseline.
type Baseline = (&'static str, Program);

fn programs() -> Result<(Program, [Baseline; 2])> {
    let baselines = [
        (DEFAULT, Program::write(&REQWEST)?),
        (ON_RING, Program::write(&REQWEST_ON_RING)?),
    ];
    Ok((Program::write(&CLIENT)?, baselines))
}

/// Counts the crates of the program and measures its size.
pub fn measure_size() -> Result<Vec<Row>> {
    let (client, baselines) = programs()?;
    let mut rows = Vec::new();
    let crates = client.crates()? as f64;
    for (baseline, program) in &baselines {
        let other = program.crates()? as f64;
        rows.push(
            Row::new(
                "crates in its normal tree",
                baseline,
                Goal::AtMost(12.0),
                (crates - other, "more"),
            )
            .sides(format!("{crates}"), format!("{other}"))
            .how("`cargo tree --edges normal` of the program, without the program itself"),
        );
    }

    let target = tempfile::tempdir_in(&client.folder)?;
    let size = client.size(target.path())?;
    for (baseline, program) in &baselines {
        let other = program.size(target.path())?;
        rows.push(
            Row::new(
                "stripped binary",
                baseline,
                Goal::AtMost(600.0),
                (size - other, "KiB more"),
            )
            .sides(format!("{size:.0} KiB"), format!("{other:.0} KiB"))
            .how("`release` profile with `strip = true`, nothing else set")
            .limit(
                "the baseline reads five fields of a batch, and ends at the first error. The client reads \
                 all of it, every kind of data and of node, and has each reader twice: one that is fast, and one \
                 that finds the field when the fast one fails. Readers are about half of the difference, by the sizes of \
                 their symbols",
            ),
        );
    }
    Ok(rows)
}

/// Measures the time of a build, alternating between the programs.
pub fn measure_time() -> Result<Vec<Row>> {
    let (client, baselines) = programs()?;
    let mut pairs = [(); 2].map(|()| Pairs {
        cargo_batch: Vec::new(),
        baseline: Vec::new(),
    });
    for _ in 0..PAIRS {
        let own = client.cold_build()?;
        for (pairs, (_, program)) in pairs.iter_mut().zip(&baselines) {
            pairs.cargo_batch.push(own);
            pairs.baseline.push(program.cold_build()?);
        }
    }
    let each = |seconds: &[f64]| format!("{:.1} s", median(seconds));
    Ok(pairs
        .iter()
        .zip(&baselines)
        .map(|(pairs, (baseline, _))| {
            Row::ratio(
                "cold build of a program using the client",
                baseline,
                Goal::AtMost(1.3),
                pairs,
            )
            .sides(each(&pairs.cargo_batch), each(&pairs.baseline))
            .how("`cargo build --offline` of the main job with nothing built yet; only a few pairs, because each takes a minute or two")
        })
        .collect())
}
