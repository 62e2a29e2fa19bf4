//! What a program pays for the client before it runs: time, crates and bytes.

use crate::Result;
use crate::pairs::{Pairs, median};
use crate::programs::{CLIENT, Program, REQWEST, REQWEST_ON_RING};
use crate::row::{Goal, Row};

/// Builds are slow, and of seconds: a few are enough.
const PAIRS: usize = 2;

const DEFAULT: &str = "the same using reqwest + serde_json";
const ON_RING: &str = "the same, reqwest too on ring instead of its own aws-lc";

/// A program and what it is, as a baseline.
type Baseline = (&'static str, Program);

fn programs() -> Result<(Program, [Baseline; 2])> {
    let theirs = [
        (DEFAULT, Program::write(&REQWEST)?),
        (ON_RING, Program::write(&REQWEST_ON_RING)?),
    ];
    Ok((Program::write(&CLIENT)?, theirs))
}

/// How many crates there are, and how large the program becomes.
pub fn measure_size() -> Result<Vec<Row>> {
    let (ours, theirs) = programs()?;
    let mut rows = Vec::new();
    let crates = ours.crates()? as f64;
    for (baseline, program) in &theirs {
        let other = program.crates()? as f64;
        rows.push(
            Row::new(
                "crates in its normal tree",
                baseline,
                Goal::AtMost(12.0),
                (crates - other, "more"),
            )
            .sides(format!("{crates}"), format!("{other}"))
            .how("`cargo tree --edges normal` of the program, the program left out"),
        );
    }

    let target = tempfile::tempdir_in(&ours.folder)?;
    let size = ours.size(target.path())?;
    for (baseline, program) in &theirs {
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
                "the program by hand reads five fields of a batch, and ends at the first error. The client reads \
                 all of it, every kind of data and of node, and has each reader twice: one that is fast, and one \
                 that finds the field when the fast one fails. Readers are two thirds of the difference, retries \
                 and transfers the rest",
            ),
        );
    }
    Ok(rows)
}

/// How long it takes to build; all take turns.
pub fn measure_time() -> Result<Vec<Row>> {
    let (ours, theirs) = programs()?;
    let mut pairs = [(); 2].map(|()| Pairs {
        ours: Vec::new(),
        theirs: Vec::new(),
    });
    for _ in 0..PAIRS {
        let own = ours.cold_build()?;
        for (pairs, (_, program)) in pairs.iter_mut().zip(&theirs) {
            pairs.ours.push(own);
            pairs.theirs.push(program.cold_build()?);
        }
    }
    let each = |seconds: &[f64]| format!("{:.1} s", median(seconds));
    Ok(pairs
        .iter()
        .zip(&theirs)
        .map(|(pairs, (baseline, _))| {
            Row::ratio(
                "cold build of a program using the client",
                baseline,
                Goal::AtMost(1.3),
                pairs,
            )
            .sides(each(&pairs.ours), each(&pairs.theirs))
            .how("`cargo build --offline` of the main job with nothing built yet; only a few pairs, because each takes a minute or two")
        })
        .collect())
}
