//! Reads the list of a workflow's batches, once for all searches that need it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use cargo_batch_types::{Batch, BatchUuid, WorkflowUuid};
use chrono::{DateTime, Utc};

use super::note::floor;
use crate::attempts::Attempts;
use crate::time::Instant;
use crate::{Client, Error, ErrorKind, operations};

/// The most pages of a list that are read, 100 batches each.
const MAX_PAGES: usize = 100;

/// How many batches a page has at most, as the API documents it.
const PAGE_SIZE: u64 = 100;

/// From so many batches on, their order is no coincidence.
const ORDERED: usize = 20;

/// How often a list of several pages in no order is read: batches move between its pages meanwhile.
const MAX_READINGS: u32 = 3;

/// What was read of a list.
#[derive(Debug)]
pub struct Listing {
    pub batches: Vec<Batch>,
    is_ordered: bool,
    coverage: Coverage,
}

/// How far a list was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coverage {
    /// To its end.
    Whole,
    /// Newest first, down to this date.
    Since(DateTime<Utc>),
    /// Only until a batch was found.
    Found,
    /// The list is too long, or changes too much, to be read to its end.
    Cut,
}

/// How far a list must be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// To its end.
    Whole,
    /// Down to this date, where the list is in order.
    Since(DateTime<Utc>),
    /// As far as 2 minutes before the newest batch.
    Head,
}

impl Listing {
    /// Returns `createdAt` of the newest batch.
    pub fn newest(&self) -> Option<DateTime<Utc>> {
        self.batches.iter().map(|batch| batch.created_at).max()
    }

    /// Returns whether the newest batches come first.
    pub fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// Returns whether all batches created since a date are here; all there are, without a date.
    pub fn reaches(&self, date: Option<DateTime<Utc>>) -> bool {
        match (self.coverage, date) {
            (Coverage::Whole, _) => true,
            (Coverage::Since(reached), Some(date)) => reached <= date,
            _ => false,
        }
    }

    /// Returns whether the list has no end that could be read.
    pub fn is_too_long(&self) -> bool {
        self.coverage == Coverage::Cut
    }

    /// Returns whether another reading couldn't lead further.
    fn satisfies(&self, depth: Depth) -> bool {
        match depth {
            Depth::Head => self.coverage != Coverage::Found,
            Depth::Whole => self.reaches(None) || self.is_too_long(),
            Depth::Since(date) => self.reaches(Some(date)) || self.is_too_long(),
        }
    }

    pub async fn read(
        client: &Client,
        workflow: Option<WorkflowUuid>,
        depth: Depth,
        is_found: &(dyn Fn(&Batch) -> bool + Sync),
    ) -> Result<Self, Error> {
        let mut batches: BTreeMap<BatchUuid, Batch> = BTreeMap::new();
        let mut reading = Reading::of(client, workflow, depth, is_found).await?;
        for _ in 1..MAX_READINGS {
            if reading.is_conclusive() {
                break;
            }
            let seen: HashSet<BatchUuid> = batches.keys().copied().chain(reading.ids()).collect();
            batches.extend(reading.by_id());
            let mut next = Reading::of(client, workflow, depth, is_found).await?;
            next.is_stable = seen.is_subset(&next.ids().collect());
            reading = next;
        }
        let coverage = reading.coverage();
        let is_ordered = reading.order.is_descending();
        let in_order: Vec<BatchUuid> = reading.ids().collect();
        batches.extend(reading.by_id());
        let mut listed: Vec<Batch> = in_order
            .iter()
            .filter_map(|id| batches.remove(id))
            .collect();
        listed.extend(batches.into_values());
        Ok(Self {
            batches: listed,
            is_ordered,
            coverage,
        })
    }
}

/// A list as it was read once.
#[derive(Default)]
struct Reading {
    batches: Vec<Batch>,
    pages: usize,
    order: Order,
    /// The list came to its end.
    has_ended: bool,
    /// A batch that was searched for is among them.
    has_found: bool,
    /// It has all batches that an earlier reading had.
    is_stable: bool,
    /// The date that an ordered list was read down to.
    reached: Option<DateTime<Utc>>,
}

impl Reading {
    async fn of(
        client: &Client,
        workflow: Option<WorkflowUuid>,
        depth: Depth,
        is_found: &(dyn Fn(&Batch) -> bool + Sync),
    ) -> Result<Self, Error> {
        // No filter but the workflow: one that a server understands otherwise would hide a batch.
        let mut list = client.list_batches();
        if let Some(workflow) = workflow {
            list = list.workflow_uuids([workflow]);
        }
        let mut pages = list.pages().strict();
        let mut reading = Self::default();
        let mut received = 0;
        let mut attempts = Attempts::unlimited(client);
        while reading.pages < MAX_PAGES {
            let page = match pages.next().await {
                None => {
                    reading.has_ended = true;
                    break;
                }
                Some(Ok(page)) => page,
                // A list of many pages would hardly ever be read to its end otherwise, while many requests
                // fail.
                Some(Err(error)) => {
                    attempts.count_call(&error);
                    match may_pass(&error) {
                        true => attempts.pause(error).await?,
                        false => return Err(attempts.note(error)),
                    }
                    pages.resume();
                    continue;
                }
            };
            attempts.progressed();
            reading.pages += 1;
            // A page shorter than requested may be the last, unless the server returns no longer ones.
            let is_whole = page.received >= PAGE_SIZE || page.received == received;
            received = page.received;
            page.items.iter().for_each(|batch| reading.order.add(batch));
            reading.has_found |= page.items.iter().any(is_found);
            reading.batches.extend(page.items);
            if reading.has_found {
                break;
            }
            let wanted = match depth {
                Depth::Whole => None,
                Depth::Since(date) => Some(date),
                Depth::Head => reading
                    .batches
                    .iter()
                    .map(|batch| batch.created_at)
                    .max()
                    .map(floor),
            };
            let oldest = reading.order.oldest;
            if is_whole && reading.order.is_descending() && oldest < wanted {
                reading.reached = wanted;
                break;
            }
        }
        Ok(reading)
    }

    fn ids(&self) -> impl Iterator<Item = BatchUuid> {
        self.batches.iter().map(|batch| batch.uuid)
    }

    fn by_id(self) -> impl Iterator<Item = (BatchUuid, Batch)> {
        self.batches.into_iter().map(|batch| (batch.uuid, batch))
    }

    /// Returns whether another reading would say no more.
    fn is_conclusive(&self) -> bool {
        self.has_found || self.coverage() != Coverage::Cut || !self.has_ended
    }

    fn coverage(&self) -> Coverage {
        match self.reached {
            _ if self.has_found => Coverage::Found,
            Some(date) => Coverage::Since(date),
            None if !self.has_ended => Coverage::Cut,
            None if self.pages < 2 || self.order.is_descending() || self.is_stable => {
                Coverage::Whole
            }
            None => Coverage::Cut,
        }
    }
}

/// In which order a list comes.
#[derive(Default)]
struct Order {
    read: usize,
    oldest: Option<DateTime<Utc>>,
    is_broken: bool,
}

impl Order {
    fn add(&mut self, batch: &Batch) {
        self.is_broken |= self.oldest.is_some_and(|oldest| batch.created_at > oldest);
        self.oldest = Some(batch.created_at);
        self.read += 1;
    }

    /// Returns whether the newest come first.
    fn is_descending(&self) -> bool {
        !self.is_broken && self.read >= ORDERED
    }
}

/// Returns whether the page may be readable when it is requested again: also one that was cut off in its middle, that
/// was refused for a reason that makes no sense for a list, or whose token had just been replaced.
pub fn may_pass(error: &Error) -> bool {
    let status = error.status().map(|status| status.as_u16());
    match error.kind() {
        ErrorKind::Status => !matches!(status, Some(403 | 404)),
        ErrorKind::InvalidResponse | ErrorKind::Unauthorized => status.is_some(),
        _ => error.is_retryable(),
    }
}

pub fn too_long() -> Error {
    let what = format!("the list has more than {MAX_PAGES} pages, or changes while it is read");
    Error::endless_list(&operations::LIST_BATCHES, what)
}

/// The listings of a client: searches of one workflow at one time share one.
#[derive(Debug, Default)]
pub struct Listings(Mutex<HashMap<Option<WorkflowUuid>, Weak<Slot>>>);

/// A workflow's last listing, as long as a search holds this.
#[derive(Debug, Default)]
struct Slot {
    last: tokio::sync::Mutex<Option<(Instant, Shared)>>,
    /// How far those who wait need it to be read.
    wanted: Mutex<Vec<Depth>>,
}

/// The result of a listing, for all who waited for it.
pub type Shared = Result<Arc<Listing>, Arc<Error>>;

impl Listings {
    /// Reads a workflow's list, or takes the listing of another search that began when this one was
    /// due or later. An earlier listing does where the batch that is searched for is in it.
    pub async fn list(
        &self,
        client: &Client,
        workflow: Option<WorkflowUuid>,
        depth: Depth,
        is_found: &(dyn Fn(&Batch) -> bool + Sync),
    ) -> Shared {
        let due = Instant::now();
        let slot = self.slot(workflow);
        let waiting = Waiting::new(&slot, depth);
        let mut last = slot.last.lock().await;
        if let Some((began, shared)) = &*last {
            let is_enough = match shared {
                Ok(listing) if listing.batches.iter().any(is_found) => true,
                Ok(listing) => *began >= due && listing.satisfies(depth),
                Err(_) => *began >= due,
            };
            if is_enough {
                return shared.clone();
            }
        }
        let (began, deepest) = (Instant::now(), slot.deepest());
        let read = Listing::read(client, workflow, deepest, is_found).await;
        let shared = read.map(Arc::new).map_err(Arc::new);
        *last = Some((began, shared.clone()));
        drop(waiting);
        shared
    }

    fn slot(&self, workflow: Option<WorkflowUuid>) -> Arc<Slot> {
        let mut slots = lock(&self.0);
        if let Some(slot) = slots.get(&workflow).and_then(Weak::upgrade) {
            return slot;
        }
        slots.retain(|_, slot| slot.strong_count() > 0);
        let slot = Arc::new(Slot::default());
        slots.insert(workflow, Arc::downgrade(&slot));
        slot
    }
}

impl Slot {
    fn deepest(&self) -> Depth {
        lock(&self.wanted)
            .iter()
            .min()
            .copied()
            .unwrap_or(Depth::Whole)
    }
}

/// A depth that is needed as long as this lives.
struct Waiting<'a>(&'a Slot, Depth);

impl<'a> Waiting<'a> {
    fn new(slot: &'a Slot, depth: Depth) -> Self {
        lock(&slot.wanted).push(depth);
        Self(slot, depth)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut wanted = lock(&self.0.wanted);
        if let Some(place) = wanted.iter().position(|depth| *depth == self.1) {
            wanted.swap_remove(place);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
