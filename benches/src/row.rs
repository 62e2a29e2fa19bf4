//! A row of the table.

use serde::Serialize;

use crate::pairs::{Pairs, Spread};

/// A figure, its goal, and how it was measured.
#[derive(Serialize)]
pub struct Row {
    pub what: &'static str,
    pub baseline: &'static str,
    pub goal: Goal,
    pub figure: f64,
    /// The unit of the figure; empty for a ratio.
    pub unit: &'static str,
    pub met: bool,
    pub spread: Option<Spread>,
    /// The number of pairs, or of single runs.
    pub runs: usize,
    /// The values of cargo-batch and of the baseline, with their units.
    pub value: String,
    pub baseline_value: String,
    /// How it was measured.
    pub how: String,
    /// Why the goal is missed.
    pub limit: &'static str,
}

/// The goal of a figure.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    fn is_met(self, figure: f64) -> bool {
        match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
        }
    }
}

impl Row {
    /// Creates a row of a figure.
    pub fn new(
        what: &'static str,
        baseline: &'static str,
        goal: Goal,
        (figure, unit): (f64, &'static str),
    ) -> Self {
        Self {
            what,
            baseline,
            goal,
            figure,
            unit,
            met: goal.is_met(figure),
            spread: None,
            runs: 1,
            value: String::new(),
            baseline_value: String::new(),
            how: String::new(),
            limit: "",
        }
    }

    /// Creates a row of the ratio of both sides.
    pub fn ratio(what: &'static str, baseline: &'static str, goal: Goal, pairs: &Pairs) -> Self {
        Self {
            spread: Some(pairs.spread()),
            runs: pairs.cargo_batch.len(),
            ..Self::new(what, baseline, goal, (pairs.ratio(), ""))
        }
    }

    /// Sets the values of both sides.
    pub fn sides(mut self, cargo_batch: impl Into<String>, baseline: impl Into<String>) -> Self {
        (self.value, self.baseline_value) = (cargo_batch.into(), baseline.into());
        self
    }

    /// Sets the number of single runs.
    pub fn runs(mut self, runs: usize) -> Self {
        self.runs = runs;
        self
    }

    /// Sets how it was measured.
    pub fn how(mut self, how: impl Into<String>) -> Self {
        self.how = how.into();
        self
    }

    /// Sets why the goal is missed.
    pub fn limit(mut self, limit: &'static str) -> Self {
        self.limit = limit;
        self
    }

    /// Prints the row as a line of JSON.
    pub fn print(&self) {
        match serde_json::to_string(self) {
            Ok(line) => println!("{line}"),
            Err(error) => eprintln!("{}: {error}", self.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_met_at_their_edge() {
        assert!(Goal::AtMost(1.02).is_met(1.02) && !Goal::AtMost(1.02).is_met(1.03));
        assert!(Goal::AtLeast(0.95).is_met(0.95) && !Goal::AtLeast(0.95).is_met(0.94));
        assert!(!Goal::AtMost(1.0).is_met(f64::NAN) && !Goal::AtLeast(1.0).is_met(f64::NAN));
    }
}
