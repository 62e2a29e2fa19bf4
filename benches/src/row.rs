//! A line of the table.

use serde::Serialize;

use crate::pairs::{Pairs, Spread};

/// One figure, its goal, and how it came about.
#[derive(Serialize)]
pub struct Row {
    pub what: &'static str,
    pub baseline: &'static str,
    pub goal: Goal,
    pub figure: f64,
    /// What the figure counts; nothing for a ratio.
    pub unit: &'static str,
    pub met: bool,
    pub spread: Option<Spread>,
    /// How many pairs, or single runs, it is made of.
    pub runs: usize,
    /// The two sides in words.
    pub ours: String,
    pub theirs: String,
    /// What there is to know about how it was measured.
    pub how: String,
    /// Why the goal is out of reach, to be read where it is missed.
    pub limit: &'static str,
}

/// What a figure should be.
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
    /// A figure of whatever kind.
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
            ours: String::new(),
            theirs: String::new(),
            how: String::new(),
            limit: "",
        }
    }

    /// The ratio of two ways of doing the same.
    pub fn ratio(what: &'static str, baseline: &'static str, goal: Goal, pairs: &Pairs) -> Self {
        Self {
            spread: Some(pairs.spread()),
            runs: pairs.ours.len(),
            ..Self::new(what, baseline, goal, (pairs.ratio(), ""))
        }
    }

    /// The two sides in words.
    pub fn sides(mut self, ours: impl Into<String>, theirs: impl Into<String>) -> Self {
        (self.ours, self.theirs) = (ours.into(), theirs.into());
        self
    }

    /// How many single runs it is made of.
    pub fn runs(mut self, runs: usize) -> Self {
        self.runs = runs;
        self
    }

    /// What there is to know about how it was measured.
    pub fn how(mut self, how: impl Into<String>) -> Self {
        self.how = how.into();
        self
    }

    /// Why the goal is out of reach, to be read where it is missed.
    pub fn limit(mut self, limit: &'static str) -> Self {
        self.limit = limit;
        self
    }

    /// Prints it, as a line that can be read again.
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
