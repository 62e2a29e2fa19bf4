//! What follows from the batches that a search has found.

use cargo_batch_types::Batch;

/// A batch that may be the one of a creation.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub batch: Batch,
    /// The data is the same, rather than unclear.
    pub is_same: bool,
}

/// The result of a search.
#[derive(Debug, Default)]
pub struct Findings {
    pub candidates: Vec<Candidate>,
    /// The list was read far enough to say that there are no others.
    pub is_complete: bool,
    /// The data is enough to recognise the batch by it, and what existed before is known.
    pub can_adopt: bool,
    /// No other creation of this client has the same data.
    pub is_alone: bool,
}

/// What follows from a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This candidate is what was created.
    Adopt(usize),
    /// It can't be decided.
    Undecided,
    /// There is nothing (yet).
    Absent,
}

impl Findings {
    /// Returns the findings of the one batch that is known to be the creation's.
    pub fn certain(batch: Batch) -> Self {
        Self {
            candidates: vec![Candidate {
                batch,
                is_same: true,
            }],
            is_complete: true,
            can_adopt: true,
            is_alone: true,
        }
    }

    /// Decides what became of the creation.
    pub fn decision(&self) -> Decision {
        let mut same = self
            .candidates
            .iter()
            .enumerate()
            .filter(|(_, it)| it.is_same);
        match (same.next(), same.next()) {
            (Some((index, _)), None) if self.can_adopt && self.is_alone => Decision::Adopt(index),
            // What another creation with the same data has created would be a candidate, too.
            (None, None) if self.candidates.is_empty() && self.is_complete => Decision::Absent,
            _ => Decision::Undecided,
        }
    }

    /// Returns the batches with the same data; where there are none, those of which it is unclear.
    pub fn into_batches(self) -> Vec<Batch> {
        let any_same = self.candidates.iter().any(|candidate| candidate.is_same);
        self.candidates
            .into_iter()
            .filter(|candidate| candidate.is_same == any_same)
            .map(|candidate| candidate.batch)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn findings(same: &[bool]) -> Findings {
        let batch = sample::batch(1, serde_json::json!({ "kind": "file", "s3Filename": "f" }));
        let candidate = |&is_same: &bool| Candidate {
            batch: batch.clone(),
            is_same,
        };
        Findings {
            candidates: same.iter().map(candidate).collect(),
            is_complete: true,
            can_adopt: true,
            is_alone: true,
        }
    }

    #[test]
    fn only_the_only_batch_with_the_same_data_is_adopted() {
        use Decision::{Absent, Adopt, Undecided};
        for (same, decision) in [
            (&[][..], Absent),
            (&[true][..], Adopt(0)),
            (&[false, true][..], Adopt(1)),
            (&[true, true][..], Undecided),
            (&[false][..], Undecided),
        ] {
            assert_eq!(findings(same).decision(), decision, "{same:?}");
        }
    }

    #[test]
    fn a_batch_is_adopted_only_where_nothing_else_explains_it() {
        let unknown_before = Findings {
            can_adopt: false,
            ..findings(&[true])
        };
        let not_alone = Findings {
            is_alone: false,
            ..findings(&[true])
        };
        assert_eq!(unknown_before.decision(), Decision::Undecided);
        assert_eq!(not_alone.decision(), Decision::Undecided);
    }

    #[test]
    fn only_a_complete_list_proves_absence() {
        let cut = Findings {
            is_complete: false,
            ..findings(&[])
        };
        assert_eq!(cut.decision(), Decision::Undecided);
        // Another creation's batch would be here: that one is in flight shows nothing.
        let not_alone = Findings {
            is_alone: false,
            can_adopt: false,
            ..findings(&[])
        };
        assert_eq!(not_alone.decision(), Decision::Absent);
    }

    #[test]
    fn unclear_batches_are_named_only_where_there_is_nothing_better() {
        assert_eq!(findings(&[false, true]).into_batches().len(), 1);
        assert_eq!(findings(&[false, false]).into_batches().len(), 2);
    }
}
