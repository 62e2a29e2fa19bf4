//! What to make of the batches that a look has found.

use cargo_batch_types::Batch;

use super::echo::Fit;

/// A batch that may be what was created.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub batch: Batch,
    /// The data is the same, rather than unclear.
    pub same: bool,
    /// It was made since the creation began, and not just before by a clock that may be wrong.
    pub since: bool,
}

/// What one look has brought.
#[derive(Debug, Default)]
pub struct Look {
    pub candidates: Vec<Candidate>,
    /// The list was read far enough to say that there are no others.
    pub complete: bool,
}

/// What follows from a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This candidate is what was created.
    Adopt(usize),
    /// It can't be said.
    Undecided,
    /// There is nothing (yet).
    Absent,
}

impl Look {
    /// Takes a batch in.
    pub fn add(&mut self, batch: Batch, fit: Fit, since: bool) {
        let same = match fit {
            Fit::Other => return,
            Fit::Same => true,
            Fit::Unclear => false,
        };
        self.candidates.push(Candidate { batch, same, since });
    }

    /// `told_apart`: the data is enough to know the batch by it. `alone`: nobody else of this client
    /// creates the same.
    pub fn verdict(&self, told_apart: bool, alone: bool) -> Verdict {
        let mut same = self.candidates.iter().enumerate().filter(|(_, it)| it.same);
        match (same.next(), same.next()) {
            (Some((index, only)), None) if told_apart && alone && only.since => {
                Verdict::Adopt(index)
            }
            (None, None) if self.candidates.is_empty() && self.complete && alone => Verdict::Absent,
            _ => Verdict::Undecided,
        }
    }

    /// Those with the same data; where there are none, those of which it is unclear.
    pub fn into_batches(self) -> Vec<Batch> {
        let any_same = self.candidates.iter().any(|candidate| candidate.same);
        self.candidates
            .into_iter()
            .filter(|candidate| candidate.same == any_same)
            .map(|candidate| candidate.batch)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn look(candidates: &[(Fit, bool)]) -> Look {
        let batch = sample::batch(1, serde_json::json!({ "kind": "file", "s3Filename": "f" }));
        let mut look = Look {
            complete: true,
            ..Look::default()
        };
        for (fit, since) in candidates {
            look.add(batch.clone(), *fit, *since);
        }
        look
    }

    #[test]
    fn only_the_only_one_is_adopted() {
        use Fit::{Other, Same, Unclear};
        use Verdict::{Absent, Adopt, Undecided};
        for (candidates, verdict) in [
            (&[][..], Absent),
            (&[(Other, true)][..], Absent),
            (&[(Same, true)][..], Adopt(0)),
            (&[(Unclear, true), (Same, true)][..], Adopt(1)),
            (&[(Same, true), (Same, true)][..], Undecided),
            (&[(Same, true), (Same, false)][..], Undecided),
            // By the clocks it is older than the creation, but clocks are wrong now and then.
            (&[(Same, false)][..], Undecided),
            (&[(Unclear, true)][..], Undecided),
            (&[(Unclear, false)][..], Undecided),
        ] {
            assert_eq!(
                look(candidates).verdict(true, true),
                verdict,
                "{candidates:?}"
            );
        }
        let same = look(&[(Same, true)]);
        assert_eq!(same.verdict(false, true), Undecided);
        assert_eq!(same.verdict(true, false), Undecided);
        assert_eq!(look(&[]).verdict(false, true), Absent);
        assert_eq!(look(&[]).verdict(true, false), Undecided);
        let cut = Look::default();
        assert_eq!(cut.verdict(true, true), Undecided);
    }

    #[test]
    fn unclear_ones_are_shown_only_where_there_is_nothing_better() {
        use Fit::{Same, Unclear};
        assert_eq!(
            look(&[(Unclear, true), (Same, true)]).into_batches().len(),
            1
        );
        assert_eq!(
            look(&[(Unclear, true), (Unclear, false)])
                .into_batches()
                .len(),
            2
        );
    }
}
