//! The creations of a client, to distinguish them from each other.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use cargo_batch_types::{Batch, BatchUuid, WorkflowUuid, WorkspaceUuid};
use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::fingerprint::{Key, key_of};
use super::id::CreationId;
use super::state::Shared;
use crate::time::Instant;

/// For how long a creation that ended without knowing what it created is taken over by the next one
/// with the same data, where the same may be meant twice.
const TAKEOVER_TIME: Duration = Duration::from_secs(15 * 60);

/// The most batches, files and workflows that are remembered, the latest of each.
const MAX_BATCHES: usize = 1 << 16;
const MAX_FILES: usize = 1 << 16;
const MAX_WORKFLOWS: usize = 1 << 8;
const MAX_ABANDONED: usize = 1 << 10;

/// What a client and its clones have created and are creating.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    known: Mutex<Known>,
    /// Notified when a creation has ended.
    pub(super) ended: Notify,
}

#[derive(Debug, Default)]
struct Known {
    /// The creations in flight, by what a list shows of them.
    in_flight: HashMap<Key, Vec<CreationId>>,
    /// Creations that ended, or were dropped, without knowing what they created.
    abandoned: Vec<Abandoned>,
    /// Batches that belong to a creation, or to a plain call.
    claimed: Recent<BatchUuid, Option<CreationId>>,
    /// Files that this client uploaded.
    files: Recent<String, UploadedFile>,
    /// The newest batch that was seen, of each workflow.
    newest: Arc<HashMap<WorkflowUuid, DateTime<Utc>>>,
    workspace: Option<WorkspaceUuid>,
}

/// A file that this client uploaded.
#[derive(Clone, Debug)]
struct UploadedFile {
    /// A creation has used it.
    is_used: bool,
    /// The batch that ran it, where that is known.
    batch: Option<BatchUuid>,
    /// The newest batches that were seen before it was uploaded.
    newest: Arc<HashMap<WorkflowUuid, DateTime<Utc>>>,
}

#[derive(Debug)]
struct Abandoned {
    creation: Arc<Shared>,
    at: Instant,
    /// A later creation has taken it over, as long as that exists.
    taken: Weak<()>,
}

impl Abandoned {
    fn is_current(&self, now: Instant) -> bool {
        self.creation.own_file || now.saturating_duration_since(self.at) < TAKEOVER_TIME
    }
}

impl Registry {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a creation that begins to send or to search.
    pub(super) fn begin<'a>(&'a self, creation: &Arc<Shared>) -> InFlight<'a> {
        let mut known = self.known();
        known.abandoned.retain(|one| one.creation.id != creation.id);
        if let Some(key) = creation.with_fingerprint(|it| it.key().cloned()) {
            known.in_flight.entry(key).or_default().push(creation.id);
        }
        InFlight {
            registry: self,
            creation: creation.clone(),
        }
    }

    /// Returns a creation with the same data that ended without knowing what it created, for the
    /// caller to continue as long as it holds what is returned with it.
    pub fn take_over(&self, given: u128) -> Option<(Arc<Shared>, Arc<()>)> {
        let now = Instant::now();
        let mut known = self.known();
        known
            .abandoned
            .retain(|one| one.is_current(now) && one.creation.state().is_open());
        let one = known
            .abandoned
            .iter_mut()
            .find(|one| one.creation.given == given && one.taken.strong_count() == 0)?;
        let taken = Arc::new(());
        one.taken = Arc::downgrade(&taken);
        Some((one.creation.clone(), taken))
    }

    /// Marks a batch as a creation's, or as a plain call's.
    pub fn claim(&self, batch: BatchUuid, creation: Option<CreationId>) {
        self.known().claimed.insert(batch, creation, MAX_BATCHES);
    }

    /// Returns the owner of a batch, if it has one.
    pub fn owner(&self, batch: BatchUuid) -> Option<Option<CreationId>> {
        self.known().claimed.get(&batch).copied()
    }

    /// Returns whether a batch is what another creation would create, with data of its own.
    pub fn is_of_another(&self, batch: &Batch, own: Option<&Key>) -> bool {
        let Some((workflow, data)) = key_of(batch) else {
            return false;
        };
        let known = self.known();
        // A graph given ad hoc is sent without the workflow that the batch then has.
        [(workflow, data.clone()), (None, data)].iter().any(|key| {
            own != Some(key)
                && (known.in_flight.contains_key(key)
                    || known
                        .abandoned
                        .iter()
                        .any(|one| one.creation.with_fingerprint(|it| it.key() == Some(key))))
        })
    }

    /// Returns whether no other creation of this client has the same data.
    pub fn is_alone(&self, creation: &Shared) -> bool {
        self.known().is_alone(creation)
    }

    /// Assigns a batch to the creation; false when it may be another's.
    pub fn adopt(&self, batch: BatchUuid, creation: &Shared) -> bool {
        let mut known = self.known();
        let free = match known.claimed.get(&batch) {
            Some(owner) => *owner == Some(creation.id),
            None => known.is_alone(creation),
        };
        if free {
            known.claimed.insert(batch, Some(creation.id), MAX_BATCHES);
        }
        free
    }

    /// Remembers a batch that a list or a response has shown.
    pub fn saw(&self, batch: &Batch) {
        let mut known = self.known();
        known.workspace.get_or_insert(batch.workspace_uuid);
        let is_new = known
            .newest
            .get(&batch.workflow_uuid)
            .is_none_or(|at| *at < batch.created_at);
        let has_room =
            known.newest.len() < MAX_WORKFLOWS || known.newest.contains_key(&batch.workflow_uuid);
        if is_new && has_room {
            Arc::make_mut(&mut known.newest).insert(batch.workflow_uuid, batch.created_at);
        }
    }

    /// Returns the workspace of the batches that were seen.
    pub fn workspace(&self) -> Option<WorkspaceUuid> {
        self.known().workspace
    }

    /// Remembers a file that was uploaded.
    pub fn uploaded(&self, name: &str) {
        let mut known = self.known();
        let file = UploadedFile {
            is_used: false,
            batch: None,
            newest: known.newest.clone(),
        };
        known.files.insert(name.to_owned(), file, MAX_FILES);
    }

    /// Takes a file that was uploaded and that no creation has used; with the date of the newest
    /// batch of the workflow that was seen before the upload.
    pub fn use_file(
        &self,
        name: &str,
        workflow: Option<WorkflowUuid>,
    ) -> Option<Option<DateTime<Utc>>> {
        let mut known = self.known();
        let file = known.files.get_mut(name).filter(|file| !file.is_used)?;
        file.is_used = true;
        Some(workflow.and_then(|workflow| file.newest.get(&workflow).copied()))
    }

    /// Returns the batch that ran a file that was uploaded.
    pub fn batch_of_file(&self, name: &str) -> Option<BatchUuid> {
        self.known().files.get(name)?.batch
    }

    fn end(&self, creation: &Arc<Shared>) {
        let mut known = self.known();
        if let Some(key) = creation.with_fingerprint(|it| it.key().cloned())
            && let Some(ids) = known.in_flight.get_mut(&key)
        {
            if let Some(place) = ids.iter().position(|id| *id == creation.id) {
                ids.swap_remove(place);
            }
            if ids.is_empty() {
                known.in_flight.remove(&key);
            }
        }
        let state = creation.state();
        let name = creation.fingerprint.file_name();
        if let (Some(batch), Some(name)) = (state.batch_uuid(), name)
            && let Some(file) = known.files.get_mut(name)
        {
            file.batch = Some(batch);
        }
        if state.is_open() {
            if known.abandoned.len() == MAX_ABANDONED {
                known.abandoned.remove(0);
            }
            known.abandoned.push(Abandoned {
                creation: creation.clone(),
                at: Instant::now(),
                taken: Weak::new(),
            });
        }
        drop((state, known));
        self.ended.notify_waiters();
    }
}

impl Known {
    fn is_alone(&self, creation: &Shared) -> bool {
        let Some(key) = creation.with_fingerprint(|it| it.key().cloned()) else {
            return true;
        };
        let now = Instant::now();
        let is_other = |other: &Abandoned| {
            other.creation.id != creation.id
                && other.is_current(now)
                && other.creation.with_fingerprint(|it| it.key() == Some(&key))
        };
        self.in_flight
            .get(&key)
            .is_none_or(|ids| ids.iter().all(|id| *id == creation.id))
            && !self.abandoned.iter().any(is_other)
    }
}

/// A creation that sends or searches; when this is dropped, it has ended.
pub(super) struct InFlight<'a> {
    registry: &'a Registry,
    creation: Arc<Shared>,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.creation.ended();
        self.registry.end(&self.creation);
    }
}

/// The latest entries of a map, up to a number of them.
#[derive(Debug)]
struct Recent<K, V> {
    entries: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key)
    }

    fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.entries.get_mut(key)
    }

    fn insert(&mut self, key: K, value: V, most: usize) {
        if self.entries.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > most
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use cargo_batch_types::{CreateBatchData, CreateBatchRequest};

    use super::super::state::Sent;
    use super::*;

    fn creation(file: &str) -> Arc<Shared> {
        let request = CreateBatchRequest::new(CreateBatchData::file(file));
        Arc::new(Shared::new(request.into(), CreationId::random()))
    }

    fn uuid(number: usize) -> BatchUuid {
        super::super::sample::uuid(number as u128).parse().unwrap()
    }

    fn abandoned(registry: &Registry, file: &str) -> Arc<Shared> {
        let creation = creation(file);
        let in_flight = registry.begin(&creation);
        creation.state().sent = Sent::Now;
        drop(in_flight);
        creation
    }

    #[test]
    fn the_same_twice_at_once_adopts_nothing() {
        let registry = Registry::default();
        let (first, second, other) = (creation("a"), creation("a"), creation("b"));
        let _first = registry.begin(&first);
        let in_flight = registry.begin(&second);
        let _other = registry.begin(&other);
        assert!(!registry.is_alone(&first) && !registry.adopt(uuid(1), &first));
        assert!(registry.is_alone(&other) && registry.adopt(uuid(2), &other));
        // The second has ended with a batch: what is unclaimed now is the first's.
        registry.claim(uuid(3), Some(second.id));
        drop(in_flight);
        assert!(!registry.adopt(uuid(3), &first) && registry.adopt(uuid(1), &first));
        assert!(registry.adopt(uuid(1), &first), "it is its own");
        assert!(!registry.adopt(uuid(1), &other));
    }

    #[test]
    fn only_what_was_sent_and_is_open_is_taken_over() {
        let registry = Registry::default();
        let given = creation("a").given;
        drop(registry.begin(&creation("a")));
        assert!(
            registry.take_over(given).is_none(),
            "it never sent anything"
        );
        let left = abandoned(&registry, "a");
        assert!(!registry.is_alone(&creation("a")));
        let (taken, lease) = registry.take_over(given).unwrap();
        assert_eq!(taken.id, left.id);
        assert!(registry.take_over(given).is_none(), "another continues it");
        drop(lease);
        assert!(registry.take_over(given).is_some());
        let known = abandoned(&registry, "b");
        drop(registry.begin(&known));
        known.named(uuid(1));
        drop(registry.begin(&known));
        assert!(
            registry.take_over(known.given).is_some(),
            "its batch is known, and nobody was given it"
        );
        known.state().is_returned = true;
        assert!(
            registry.take_over(known.given).is_none(),
            "its batch was returned"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn data_that_is_not_unique_is_taken_over_for_15_minutes() {
        let registry = Registry::default();
        let left = abandoned(&registry, "a");
        tokio::time::advance(TAKEOVER_TIME - Duration::from_secs(1)).await;
        assert!(registry.take_over(left.given).is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(registry.take_over(left.given).is_none());
        assert!(registry.is_alone(&creation("a")));
    }

    #[test]
    fn a_file_is_taken_by_the_first_creation() {
        let registry = Registry::default();
        assert_eq!(
            registry.use_file("a", None),
            None,
            "it was uploaded elsewhere"
        );
        registry.uploaded("a");
        assert_eq!(registry.use_file("a", None), Some(None));
        assert_eq!(registry.use_file("a", None), None);
    }

    #[test]
    fn the_registry_does_not_grow_without_bound() {
        let registry = Registry::default();
        for number in 0..MAX_BATCHES + 10 {
            registry.claim(uuid(number), None);
            registry.claim(uuid(number), None);
        }
        assert_eq!(registry.owner(uuid(9)), None);
        assert_eq!(registry.owner(uuid(10)), Some(None));
        for number in 0..MAX_ABANDONED + 10 {
            abandoned(&registry, &number.to_string());
        }
        let known = registry.known();
        assert_eq!(
            (known.claimed.entries.len(), known.claimed.order.len()),
            (MAX_BATCHES, MAX_BATCHES)
        );
        assert_eq!(
            (known.abandoned.len(), known.in_flight.len()),
            (MAX_ABANDONED, 0)
        );
    }
}
