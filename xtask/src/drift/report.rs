//! The report of the differences.

use std::fmt;

use super::{Decisions, Difference, Weight};

/// The undecided differences, and the decisions that are no longer needed.
#[derive(Debug)]
pub struct Report {
    undecided: Vec<Difference>,
    decided: usize,
    stale: Vec<(usize, String)>,
}

impl Report {
    /// Creates the report; decided differences are left out.
    pub fn new(differences: Vec<Difference>, decisions: &Decisions) -> Self {
        let stale = decisions
            .stale(&differences)
            .map(|decision| (decision.line, decision.what.clone()))
            .collect();
        let (decided, undecided): (Vec<_>, Vec<_>) = differences
            .into_iter()
            .partition(|difference| decisions.has(difference));
        Self {
            undecided,
            decided: decided.len(),
            stale,
        }
    }

    /// Returns the number of undecided differences.
    pub fn undecided(&self) -> usize {
        self.undecided.len()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut weight = None;
        for difference in &self.undecided {
            if weight.replace(difference.weight) != Some(difference.weight) {
                writeln!(f, "{}", title(difference.weight))?;
            }
            let line = difference
                .line
                .map(|line| format!("openapi.yaml:{line}: "))
                .unwrap_or_default();
            write!(f, "  {line}{difference}")?;
            match difference.operations.as_slice() {
                [] => writeln!(f)?,
                [one] if difference.what.contains(one.as_str()) => writeln!(f)?,
                [one] => writeln!(f, " (in {one})")?,
                [one, rest @ ..] => writeln!(f, " (in {one}, and {} more)", rest.len())?,
            }
        }
        for (line, what) in &self.stale {
            writeln!(f, "drift.yaml:{line}: no longer applies: {what}")?;
        }
        writeln!(
            f,
            "{} undecided, {} decided",
            self.undecided.len(),
            self.decided
        )
    }
}

fn title(weight: Weight) -> &'static str {
    match weight {
        Weight::Money => "Money: what spends credits no longer works as we call it",
        Weight::Breaks => "Breaks: requests are refused or ignored, or responses can't be read",
        Weight::Behavior => "Behavior: values, kinds and bounds that one side doesn't know",
        Weight::New => "New, or not to be compared",
    }
}
