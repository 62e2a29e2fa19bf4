//! A difference and its weight.

use std::collections::BTreeMap;
use std::fmt;

/// The weight of a difference, heaviest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It breaks what creates something that spends credits, or is read wrongly there.
    Money,
    /// Requests are refused or ignored, or responses can't be read.
    Breaks,
    /// Code still works, and receives unknown values, kinds or bounds.
    Behavior,
    /// Something is added, or can't be compared.
    New,
}

/// The document that says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Only the vendor's document says it.
    VendorOnly,
    /// Only our document says it.
    OursOnly,
    /// Both say something different.
    Differs,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VendorOnly => "vendor only",
            Self::OursOnly => "ours only",
            Self::Differs => "differs",
        })
    }
}

/// One difference; its `Display` is what a decision names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The heaviest of all places where it occurs.
    pub weight: Weight,
    /// The document that says it.
    pub side: Side,
    /// Its subject, and what is different.
    pub what: String,
    /// Its line in `openapi.yaml`.
    pub line: Option<usize>,
    /// The operations where it occurs.
    pub operations: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.side, self.what)
    }
}

/// All differences, each once.
#[derive(Debug, Default)]
pub(super) struct Found(BTreeMap<String, Difference>);

impl Found {
    pub(super) fn add(&mut self, difference: Difference) {
        match self.0.get_mut(&difference.to_string()) {
            None => {
                self.0.insert(difference.to_string(), difference);
            }
            Some(known) => {
                known.weight = known.weight.min(difference.weight);
                for operation in difference.operations {
                    if !known.operations.contains(&operation) {
                        known.operations.push(operation);
                    }
                }
            }
        }
    }

    /// Worst first, then in the order of our document; what it doesn't have comes last.
    pub(super) fn sorted(self) -> Vec<Difference> {
        let mut all: Vec<_> = self.0.into_values().collect();
        all.sort_by_key(|found| (found.weight, found.line.unwrap_or(usize::MAX), found.side));
        all
    }
}
