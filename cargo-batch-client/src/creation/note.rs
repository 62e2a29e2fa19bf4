//! What a list showed before a creation was sent.

use std::collections::BTreeSet;

use cargo_batch_types::{Batch, BatchUuid};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::fingerprint::{Fingerprint, Match};
use super::listing::Listing;

/// How far the dates of a list may contradict the order in which its batches were created: dates may
/// have whole seconds, and servers clocks of their own.
pub const MARGIN: TimeDelta = TimeDelta::minutes(2);

/// The head of a list before a creation was first sent.
///
/// What existed before is known by its id. Dates only bound which ids are kept, and all of them are
/// the server's: no clock of this machine is compared with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// `createdAt` of the newest batch; `None` where the list was empty.
    pub marker: Option<DateTime<Utc>>,
    /// The batches created since 2 minutes before the marker, and all with the same data where the
    /// list isn't in order.
    pub batches: BTreeSet<BatchUuid>,
}

impl Note {
    /// Notes the head of a list; `None` where not enough of it could be read.
    pub fn of(listing: &Listing, fingerprint: &Fingerprint) -> Option<Self> {
        let marker = listing.newest();
        if !listing.reaches(marker.map(floor)) {
            return None;
        }
        let is_noted = |batch: &&Batch| {
            marker.is_some_and(|marker| batch.created_at >= floor(marker))
                || (!listing.is_ordered() && fingerprint.compare(batch) != Match::Other)
        };
        Some(Self {
            marker,
            batches: listing
                .batches
                .iter()
                .filter(is_noted)
                .map(|batch| batch.uuid)
                .collect(),
        })
    }

    /// Returns whether a batch may have been created since.
    pub fn is_older_than(&self, batch: &Batch) -> bool {
        !self.batches.contains(&batch.uuid)
            && self
                .marker
                .is_none_or(|marker| batch.created_at >= floor(marker))
    }
}

/// Returns the earliest date that a batch created after the marker can have.
pub fn floor(marker: DateTime<Utc>) -> DateTime<Utc> {
    marker
        .checked_sub_signed(MARGIN)
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
}
