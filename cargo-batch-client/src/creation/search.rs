//! Searches for the batch that a creation may have created.

use std::sync::Arc;
use std::time::Duration;

use cargo_batch_types::Batch;

use super::decision::{Candidate, Decision, Findings};
use super::fingerprint::Match;
use super::listing::{Depth, may_pass, too_long};
use super::note::floor;
use super::registry::Registry;
use super::state::Shared;
use crate::time::{Instant, later, sleep_until, timeout};
use crate::{Client, Error};

/// When to search for a batch that may have been created, as shares of the settling time: at once where
/// the request was sent long ago, else soon after it.
const SCHEDULE: [f64; 6] = [0.0, 1.0 / 60.0, 1.0 / 12.0, 0.25, 0.5, 1.0];

/// When to search once more, where the list could not be read, or was not clear.
const EXTRA_SCHEDULE: [f64; 3] = [1.25, 1.5, 2.0];

/// Returns all of these shares, the earliest first.
pub(super) fn schedule() -> impl Iterator<Item = f64> {
    SCHEDULE.into_iter().chain(EXTRA_SCHEDULE)
}

/// Searches for what a creation has created.
pub(super) struct Search<'a> {
    pub client: &'a Client,
    pub creation: &'a Arc<Shared>,
    pub settling: Duration,
}

/// What to do with the batch that is known to be the creation's.
#[derive(Clone, Copy)]
enum Own {
    Adopted,
    Skipped,
}

/// What has become of a creation.
#[derive(Debug)]
pub(super) enum Found {
    Adopted(Box<Batch>),
    /// A batch may exist, but it can't be decided whether it is this creation's; or searching failed.
    Undecided(Vec<Batch>, Option<Arc<Error>>),
    /// No batch exists.
    Absent,
}

impl Search<'_> {
    fn registry(&self) -> &Registry {
        &self.client.inner.registry
    }

    /// Searches until what was sent until then must have appeared.
    ///
    /// For a request that has just ended it doesn't search at once: a server takes a moment.
    pub async fn settle(&self, sent_until: Instant, at_once: bool) -> Found {
        let mut found = Found::Undecided(Vec::new(), None);
        let due = |share: f64| later(sent_until, self.settling.mul_f64(share));
        let shares: Vec<f64> = schedule().collect();
        for (index, &share) in shares.iter().enumerate().skip(usize::from(!at_once)) {
            if share > 1.0 && !may_be_clearer(&found) {
                break;
            }
            // Of several that are overdue one will do.
            let is_overdue = |next: &f64| *next <= 1.0 && due(*next) <= Instant::now();
            if shares.get(index + 1).is_some_and(is_overdue) {
                continue;
            }
            // What prevents this creation from adopting may end before.
            while self.until_another_ended(due(share)).await {
                found = self.once().await;
                if self.is_final(&found) {
                    return found;
                }
            }
            found = self.once().await;
            if self.is_final(&found) || (share >= 1.0 && matches!(found, Found::Absent)) {
                return found;
            }
        }
        found
    }

    /// Waits for an instant; true when a creation with the same data has ended before.
    async fn until_another_ended(&self, at: Instant) -> bool {
        let mut ended = std::pin::pin!(self.registry().ended.notified());
        ended.as_mut().enable();
        if self.registry().is_alone(self.creation) {
            sleep_until(at).await;
            return false;
        }
        let left = at.saturating_duration_since(Instant::now());
        timeout(left, ended).await.is_ok()
    }

    /// Searches once.
    pub async fn once(&self) -> Found {
        let findings = match self.findings(Own::Adopted).await {
            Ok(findings) => findings,
            Err(error) => return Found::Undecided(Vec::new(), Some(error)),
        };
        match findings.decision() {
            Decision::Absent => Found::Absent,
            Decision::Adopt(index) => {
                let batch = &findings.candidates[index].batch;
                match self.registry().adopt(batch.uuid, self.creation) {
                    true => self.adopted(batch.clone()),
                    false => Found::Undecided(findings.into_batches(), None),
                }
            }
            Decision::Undecided => {
                let is_empty = findings.candidates.is_empty();
                let why = (is_empty && !findings.is_complete).then(|| Arc::new(too_long()));
                Found::Undecided(findings.into_batches(), why)
            }
        }
    }

    /// Returns the batches besides its own that the creation may have created.
    pub async fn others(&self) -> Result<Vec<Batch>, Arc<Error>> {
        Ok(self.findings(Own::Skipped).await?.into_batches())
    }

    fn adopted(&self, batch: Batch) -> Found {
        crate::trace::adopted(batch.uuid);
        self.creation.created(batch.clone(), true);
        Found::Adopted(Box::new(batch))
    }

    async fn findings(&self, own: Own) -> Result<Findings, Arc<Error>> {
        let (creation, registry) = (&**self.creation, self.registry());
        let limited = creation.limited();
        let fingerprint = limited
            .as_ref()
            .map_or(&creation.fingerprint, |it| &it.fingerprint);
        let note = creation.state().note.clone();
        let marker = match creation.own_file {
            true => creation.seen_before,
            false => note.as_ref().and_then(|note| note.marker),
        };
        let since = marker.map(floor);
        let belongs_to_another = |batch: &Batch| {
            registry
                .owner(batch.uuid)
                .is_some_and(|owner| owner != Some(creation.id))
        };
        // Only a name that no other creation has used is found for certain.
        let is_found = |batch: &Batch| {
            creation.own_file
                && fingerprint.compare(batch) == Match::Same
                && !belongs_to_another(batch)
        };
        let depth = since.map_or(Depth::Whole, Depth::Since);
        let listings = &self.client.inner.listings;
        let listing = listings
            .list(self.client, fingerprint.workflow, depth, &is_found)
            .await?;
        let existed_before = |batch: &Batch| match &note {
            Some(note) => !note.is_older_than(batch),
            None => since.is_some_and(|since| batch.created_at < since),
        };
        let mut findings = Findings {
            is_complete: listing.reaches(since),
            can_adopt: fingerprint.is_distinguishable() && (creation.own_file || note.is_some()),
            is_alone: registry.is_alone(creation),
            ..Findings::default()
        };
        for batch in &listing.batches {
            registry.saw(batch);
            let fit = fingerprint.compare(batch);
            let is_same = fit == Match::Same;
            if registry.owner(batch.uuid) == Some(Some(creation.id)) {
                match own {
                    Own::Skipped => continue,
                    Own::Adopted => return Ok(Findings::certain(batch.clone())),
                }
            }
            let is_named = is_same && creation.own_file;
            let is_out = fit == Match::Other
                || belongs_to_another(batch)
                || (!is_named && existed_before(batch))
                || (!is_same && registry.is_of_another(batch, fingerprint.key()));
            if !is_out {
                let batch = batch.clone();
                findings.candidates.push(Candidate { batch, is_same });
            }
        }
        Ok(findings)
    }

    /// Returns whether another search can't change anything.
    fn is_final(&self, found: &Found) -> bool {
        match found {
            Found::Adopted(_) => true,
            // The data is there, but it is the same for all callers.
            Found::Undecided(candidates, _) => self.creation.with_fingerprint(|fingerprint| {
                let mut fits = candidates.iter().map(|batch| fingerprint.compare(batch));
                !fingerprint.is_distinguishable() && fits.any(|fit| fit == Match::Same)
            }),
            Found::Absent => false,
        }
    }
}

/// Returns whether another search may find more: the list could not be read, or shows batches that are unclear.
fn may_be_clearer(found: &Found) -> bool {
    match found {
        Found::Undecided(candidates, why) => {
            !candidates.is_empty() || why.as_deref().is_some_and(may_pass)
        }
        Found::Adopted(_) | Found::Absent => false,
    }
}
