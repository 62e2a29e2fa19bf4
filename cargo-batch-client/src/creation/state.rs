//! The state of a creation while a process has it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use cargo_batch_types::{Batch, BatchUuid};
use chrono::{DateTime, Utc};

use super::fingerprint::Fingerprint;
use super::id::CreationId;
use super::note::Note;
use crate::CreationRequest;
use crate::time::Instant;

/// A creation, shared by all in this process that continue it, whatever their client.
#[derive(Debug)]
pub(crate) struct Shared {
    pub id: CreationId,
    /// What is sent.
    pub request: CreationRequest,
    /// What the caller gave, before records became a file, as a hash.
    pub given: u128,
    pub fingerprint: Fingerprint,
    /// What is sent in its place, with its fingerprint, where `max_records` limits a filter.
    limited: Mutex<Option<Arc<Form>>>,
    /// How many records the caller gave, where they became a file.
    pub records: Option<u64>,
    /// The data is a file that was uploaded for this creation and that no other has used.
    pub own_file: bool,
    /// The caller intends to run a file again.
    pub again: bool,
    pub prepared_at: DateTime<Utc>,
    /// The newest batch that was seen before the file was uploaded.
    pub seen_before: Option<DateTime<Utc>>,
    /// Held while the creation sends or searches.
    pub run: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

/// A request, and its fingerprint.
#[derive(Debug)]
pub(crate) struct Form {
    pub request: CreationRequest,
    pub fingerprint: Fingerprint,
}

/// The part that changes.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What the list showed before the first request.
    pub note: Option<Note>,
    /// The note was attempted: it is never taken a second time, whatever came of it.
    pub is_noted: bool,
    pub sent: Sent,
    /// The caller has stored the creation as one that was never sent.
    pub is_saved_prepared: bool,
    /// The caller has stored the sending form.
    pub is_announced: bool,
    /// The caller was given the batch, or an error.
    pub is_returned: bool,
    /// The batch, and whether it was found rather than created by the last request.
    pub created: Option<Created>,
}

/// Whether a request can have an effect that isn't known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Sent {
    /// No request was sent, or what became of all of them is known.
    #[default]
    No,
    /// A request is in flight.
    Now,
    /// A request may have been sent, at the latest then.
    Until(Instant),
    /// A request may have been sent by another process, at the latest when this one continues.
    Elsewhere,
}

#[derive(Clone, Debug)]
pub(crate) struct Created {
    pub uuid: BatchUuid,
    /// As it was when it was created or found; `None` where only its id is known.
    pub batch: Option<Box<Batch>>,
    pub adopted: bool,
}

static CREATIONS: LazyLock<Mutex<HashMap<CreationId, Weak<Shared>>>> =
    LazyLock::new(Mutex::default);

impl Shared {
    pub fn new(request: CreationRequest, id: CreationId) -> Self {
        Self {
            id,
            fingerprint: Fingerprint::from(&request),
            given: super::fingerprint::given_key(&request),
            again: request.is_again(),
            request,
            limited: Mutex::default(),
            records: None,
            own_file: false,
            prepared_at: now(),
            seen_before: None,
            run: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        }
    }

    pub fn with_state(mut self, state: State) -> Self {
        self.state = Mutex::new(state);
        self
    }

    /// Returns the creation with this id that the process has already, or else this one.
    pub fn register(self) -> Arc<Self> {
        let mut creations = CREATIONS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = creations.get(&self.id).and_then(Weak::upgrade) {
            return known;
        }
        // As often as the map doubles, so that it costs little.
        if creations.len() == creations.capacity() {
            creations.retain(|_, creation| creation.strong_count() > 0);
        }
        let creation = Arc::new(self);
        creations.insert(creation.id, Arc::downgrade(&creation));
        creation
    }

    /// Returns what is sent instead of the request, where a limit is added to it.
    pub fn limited(&self) -> Option<Arc<Form>> {
        let limited = self.limited.lock().unwrap_or_else(PoisonError::into_inner);
        limited.clone()
    }

    /// Adds the limit to a filter that is sent, or takes it away.
    pub fn set_limit(&self, most: Option<u64>) {
        let request = most.and_then(|most| self.request.limited_to(most));
        let form = request.map(|request| {
            let fingerprint = Fingerprint::from(&request);
            Arc::new(Form {
                request,
                fingerprint,
            })
        });
        let mut limited = self.limited.lock().unwrap_or_else(PoisonError::into_inner);
        *limited = form;
    }

    /// Calls a function with the fingerprint of the batch, as it was or will be sent.
    pub fn with_fingerprint<T>(&self, read: impl FnOnce(&Fingerprint) -> T) -> T {
        match self.limited() {
            Some(form) => read(&form.fingerprint),
            None => read(&self.fingerprint),
        }
    }

    /// Returns whether nothing was sent that can have had an effect.
    pub fn is_unsent(&self) -> bool {
        let state = self.state();
        state.sent == Sent::No && state.created.is_none()
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the request in flight has ended.
    pub fn ended(&self) {
        let mut state = self.state();
        if state.sent == Sent::Now {
            state.sent = Sent::Until(Instant::now());
        }
    }

    /// Notes the batch: what was sent has had its effect.
    pub fn created(&self, batch: Batch, adopted: bool) {
        let mut state = self.state();
        state.sent = Sent::No;
        state.created = Some(Created {
            uuid: batch.uuid,
            batch: Some(Box::new(batch)),
            adopted,
        });
    }

    /// Notes a batch that a response has named.
    pub fn named(&self, uuid: BatchUuid) {
        let mut state = self.state();
        state.created.get_or_insert(Created {
            uuid,
            batch: None,
            adopted: false,
        });
    }
}

impl State {
    /// Returns whether a batch may exist that was not reported, or exists and the caller was dropped
    /// before it was reported.
    pub fn is_open(&self) -> bool {
        match self.created {
            Some(_) => !self.is_returned,
            None => self.sent != Sent::No,
        }
    }

    pub fn batch_uuid(&self) -> Option<BatchUuid> {
        Some(self.created.as_ref()?.uuid)
    }
}

fn now() -> DateTime<Utc> {
    let since = crate::time::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let millis = since
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok());
    millis
        .and_then(DateTime::from_timestamp_millis)
        .unwrap_or_default()
}
