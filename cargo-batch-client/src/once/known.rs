//! The creations of a client, to tell them from each other.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::time::Instant;
use cargo_batch_types::{Batch, BatchUuid};

use super::echo::{Key, Sought, key_of};

/// How long what has been learned is kept, once nothing that is under way can need it: a creation
/// looks at batches made since it began, and a little before for clocks that differ. So what is
/// kept is bounded by the creations of this time.
const KEEP: Duration = Duration::from_secs(900);

/// How often what may be forgotten is looked for: with every creation it would cost the square of
/// their number.
const SWEEP: Duration = Duration::from_secs(60);

/// What a client and its clones have created and are creating.
#[derive(Debug, Default)]
pub(crate) struct Creations(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// When the creations under way began, by what they are known by.
    under_way: HashMap<Key, Vec<Instant>>,
    /// Creations that ended (or were dropped) without knowing what they made, and when.
    left: HashMap<Key, Instant>,
    /// Batches that have been handed to somebody, and when.
    claimed: HashMap<BatchUuid, Instant>,
    swept: Option<Instant>,
}

impl Creations {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a creation that begins now.
    pub fn begin(&self, sought: &Sought) -> UnderWay<'_> {
        let (key, began) = (sought.key(), Instant::now());
        let mut known = self.lock();
        known.forget(began);
        if let Some(key) = &key {
            known.under_way.entry(key.clone()).or_default().push(began);
        }
        UnderWay {
            creations: self,
            key,
            began,
            open: false,
        }
    }

    /// Marks a batch as somebody's; false when it is already.
    pub fn claim(&self, batch: BatchUuid) -> bool {
        let now = Instant::now();
        let mut known = self.lock();
        known.forget(now);
        known.claimed.insert(batch, now).is_none()
    }

    /// The batch belongs to somebody, or is what another creation would make.
    pub fn is_explained(&self, batch: &Batch, own: Option<&Key>) -> bool {
        let known = self.lock();
        if known.claimed.contains_key(&batch.uuid) {
            return true;
        }
        let Some((workflow, data)) = key_of(batch) else {
            return false;
        };
        // A graph given ad hoc is sent without the workflow that the batch then has.
        [(workflow, data.clone()), (None, data)].iter().any(|key| {
            own != Some(key) && (known.under_way.contains_key(key) || known.left.contains_key(key))
        })
    }
}

impl Known {
    fn forget(&mut self, now: Instant) {
        let swept = self.swept.get_or_insert(now);
        if now.saturating_duration_since(*swept) < SWEEP {
            return;
        }
        *swept = now;
        let began = self.under_way.values().flatten().min();
        let oldest = began.map_or(now, |began| now.min(*began));
        let fresh = |at: &Instant| oldest.saturating_duration_since(*at) < KEEP;
        self.claimed.retain(|_, at| fresh(at));
        self.left.retain(|_, at| fresh(at));
    }

    fn is_alone(&self, key: &Key) -> bool {
        self.under_way.get(key).is_none_or(|began| began.len() < 2) && !self.left.contains_key(key)
    }
}

/// A creation under way.
pub(crate) struct UnderWay<'a> {
    creations: &'a Creations,
    key: Option<Key>,
    began: Instant,
    /// A batch may exist that nobody has got hold of.
    open: bool,
}

impl UnderWay<'_> {
    pub fn began(&self) -> Instant {
        self.began
    }

    /// A request goes out: from here on a batch may exist.
    pub fn sent(&mut self) {
        self.open = true;
    }

    /// It is known what was made, or that nothing was.
    pub fn settled(&mut self) {
        self.open = false;
    }

    /// No other creation of this client makes the same, or has left the same behind.
    pub fn is_alone(&self) -> bool {
        let known = self.creations.lock();
        self.key.as_ref().is_none_or(|key| known.is_alone(key))
    }

    /// Takes a batch as what this has made; false when it may be another's.
    pub fn adopt(&mut self, batch: BatchUuid) -> bool {
        let now = Instant::now();
        let mut known = self.creations.lock();
        let alone = self.key.as_ref().is_some_and(|key| known.is_alone(key));
        if !alone || known.claimed.contains_key(&batch) {
            return false;
        }
        known.claimed.insert(batch, now);
        self.open = false;
        true
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut known = self.creations.lock();
        if let Some(began) = known.under_way.get_mut(&key) {
            if let Some(place) = began.iter().position(|began| *began == self.began) {
                began.swap_remove(place);
            }
            if began.is_empty() {
                known.under_way.remove(&key);
            }
        }
        if self.open {
            known.left.insert(key, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use cargo_batch_types::{CreateBatchData, CreateBatchRequest};

    use super::super::echo::Creation;
    use super::super::sample;
    use super::*;

    fn sought(file: &str) -> Sought {
        Creation::from(&CreateBatchRequest::new(CreateBatchData::file(file))).into()
    }

    fn uuid(number: u128) -> BatchUuid {
        sample::uuid(number).parse().unwrap()
    }

    #[test]
    fn the_same_twice_at_once_adopts_nothing() {
        let creations = Creations::default();
        let mut first = creations.begin(&sought("a"));
        let second = creations.begin(&sought("a"));
        let mut other = creations.begin(&sought("b"));
        assert!(!first.is_alone() && !first.adopt(uuid(1)));
        assert!(other.adopt(uuid(2)));
        // The second ended well: what is unclaimed now is the first's.
        creations.claim(uuid(3));
        drop(second);
        assert!(!first.adopt(uuid(3)) && first.adopt(uuid(1)));
        assert!(!first.adopt(uuid(1)), "once only");
    }

    #[test]
    fn one_that_was_dropped_on_the_way_is_remembered() {
        let creations = Creations::default();
        let mut dropped = creations.begin(&sought("a"));
        drop(creations.begin(&sought("c")));
        dropped.sent();
        drop(dropped);
        assert!(!creations.begin(&sought("a")).is_alone());
        assert!(
            creations.begin(&sought("c")).is_alone(),
            "it never sent anything"
        );
        let mut settled = creations.begin(&sought("b"));
        settled.sent();
        settled.settled();
        drop(settled);
        assert!(creations.begin(&sought("b")).is_alone());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_for_ever() {
        let creations = Creations::default();
        for number in 0..100 {
            creations.claim(uuid(number));
            let mut dropped = creations.begin(&sought(&number.to_string()));
            dropped.sent();
        }
        let long = creations.begin(&sought("long"));
        tokio::time::advance(2 * KEEP).await;
        creations.claim(uuid(1000));
        assert_eq!(
            creations.lock().claimed.len(),
            101,
            "one is still under way"
        );
        drop(long);
        tokio::time::advance(SWEEP).await;
        creations.claim(uuid(1001));
        let known = creations.lock();
        assert_eq!(
            (known.claimed.len(), known.left.len(), known.under_way.len()),
            (2, 0, 0)
        );
    }
}
