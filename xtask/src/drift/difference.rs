//! One difference, and how bad it is.

use std::collections::BTreeMap;
use std::fmt;

/// How bad a difference is, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It breaks what creates something that spends credits, or is read wrongly there.
    Money,
    /// Requests are refused or ignored, or responses can't be read.
    Breaks,
    /// Code runs on, and meets what it doesn't know: values, kinds, bounds.
    Behavior,
    /// There is more, or nothing to compare with.
    New,
}

/// Which document says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The vendor's document says it, ours doesn't.
    VendorOnly,
    /// Ours says it, the vendor's doesn't.
    OursOnly,
    /// Both say something, and not the same.
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
    /// The worst of all places where it is met.
    pub weight: Weight,
    /// Which document says it.
    pub side: Side,
    /// Of what, and what.
    pub what: String,
    /// The line of `openapi.yaml` to look at.
    pub line: Option<usize>,
    /// The operations where it is met.
    pub operations: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.side, self.what)
    }
}

/// All that was found, each once.
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
