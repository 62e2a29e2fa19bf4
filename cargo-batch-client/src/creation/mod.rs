//! Creating a batch exactly once, over an API that has no idempotency key.
//!
//! A creation is prepared (records become a file, what exists is noted), sent, and, where the response
//! is lost, searched for among the batches of the workflow. What is found decides: the batch is adopted,
//! created again, or the end is an error that names the candidates.

mod created_id;
mod decision;
mod fingerprint;
mod id;
mod listing;
mod note;
pub(crate) mod omission;
mod once;
mod records;
mod registry;
mod request;
mod run;
mod saved;
mod search;
mod send;
mod state;
mod unrecorded;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cargo_batch_types::{CreateBatchData, CreateFileData};

pub(crate) use self::created_id::created_id;
pub use self::id::{CreationId, InvalidCreationId};
pub(crate) use self::listing::{Listings, may_pass};
pub use self::once::CreateBatchOnce;
pub(crate) use self::registry::Registry;
pub use self::saved::{CreationState, SavedCreation};
pub(crate) use self::send::{BoxError, Limit, Sending};
use self::send::{FirstSend, Guard};
use self::state::{Sent, Shared, State};
use crate::platform::MaybeSend;
use crate::time::bounded;
use crate::{Client, CreationRequest, Error};

/// How long after a creation of which the outcome is unknown its batch may still appear.
///
/// Gateways give up on the server behind them after a minute at most, as a rule, and what they gave
/// up on ends not much later.
pub(crate) const SETTLING_TIME: Duration = Duration::from_secs(60);

impl Client {
    /// Creates a batch, and makes sure that there is one: not none, and not two.
    ///
    /// This is [`prepare_batch`](Self::prepare_batch) and [`create`](BatchCreation::create); see there for
    /// what is noted, adopted and created again. It spends what one batch costs. To survive the end of the
    /// process, [save](BatchCreation::save) the creation in between.
    ///
    /// Where the future is dropped (a timeout around it, a web handler that is cancelled), nothing more is
    /// sent for it, and the next creation with the same data on this client or a clone of it takes it
    /// over: it searches for the batch before it sends.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, types::{CreateBatchRequest, WorkflowUuid}};
    /// # async fn run(client: Client, workflow: WorkflowUuid) -> Result<(), Error> {
    /// let file = client.upload("leads.csv").await?;
    /// let batch = client.create_batch_once(CreateBatchRequest::new(file).workflow(workflow)).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`prepare_batch`](Self::prepare_batch) and [`create`](BatchCreation::create).
    pub fn create_batch_once(&self, request: impl Into<CreationRequest>) -> CreateBatchOnce {
        CreateBatchOnce::new(self.clone(), request.into())
    }

    /// Prepares a creation: nothing is spent until [`create`](BatchCreation::create) is called.
    ///
    /// - Records are uploaded as a CSV file where all of them have the same fields, with text in each that
    ///   isn't empty: a file has a name to be recognised by. Other records (a cell can't tell the number 36
    ///   from its text) are sent as they are.
    /// - What the list of batches shows is noted, unless the data is a file that this client uploaded and
    ///   that no creation has used: as a rule one request. A list that can't be read doesn't end
    ///   the preparation; an unclear outcome can't be decided then.
    /// - Where a creation with the same data on this client was dropped or ended without knowing what it
    ///   created, this one continues it, with its id: for 15 minutes, and without a limit where the data is a
    ///   file that only that creation has used.
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) where a listed batch has run the same file
    /// already, with that batch as the [candidate](Error::candidates): call
    /// [`again`](crate::types::CreateBatchRequest::again) on the request to run it once more. Also where a filter
    /// without conditions would run over everything. Errors of the upload of records, which cost nothing.
    pub async fn prepare_batch(
        &self,
        request: impl Into<CreationRequest>,
    ) -> Result<BatchCreation, Error> {
        let request = request.into();
        omission::check(request.operation(), &request)?;
        let mut creation = Shared::new(request, CreationId::random());
        let registry = &self.inner.registry;
        if let Some((known, taken)) = registry.take_over(creation.given) {
            return Ok(BatchCreation {
                _taken: Some(taken),
                ..BatchCreation::new(self, known)
            });
        }
        if let Some(request) = self.with_file(&creation.request).await? {
            let given = creation.given;
            let records = creation.request.given_records();
            creation = Shared::new(request, creation.id);
            creation.given = given;
            creation.records = records;
        }
        if let Some(name) = creation.fingerprint.file_name()
            && let Some(seen) = registry.use_file(name, creation.fingerprint.workflow)
        {
            creation.own_file = true;
            creation.seen_before = seen;
        }
        let creation = BatchCreation::new(self, creation.register());
        creation.note().await?;
        Ok(creation)
    }

    /// Continues a creation that was [saved](BatchCreation::save), usually by a process that has ended.
    /// Nothing is sent until [`create`](BatchCreation::create) is called.
    pub fn resume_creation(&self, saved: SavedCreation) -> BatchCreation {
        let (base_url, workspace) = (saved.base_url, saved.workspace);
        let (note, batch) = (saved.note, saved.batch);
        let is_sending = saved.state == CreationState::Sending;
        let state = State {
            is_noted: is_sending,
            note,
            is_saved_prepared: !is_sending,
            ..State::default()
        };
        let mut creation = Shared::new(saved.request, saved.id);
        creation.own_file = saved.own_file;
        creation.again = saved.again;
        creation.prepared_at = saved.prepared_at;
        creation.seen_before = saved.seen_before;
        creation.records = saved.records;
        if is_sending {
            // So it may have been sent.
            creation.set_limit(saved.max_records);
        }
        let creation = creation.with_state(state).register();
        if let Some(uuid) = batch {
            creation.named(uuid);
        }
        let mut state = creation.state();
        if is_sending && state.sent != Sent::Now {
            state.sent = Sent::Elsewhere;
            state.is_announced = true;
        }
        drop(state);
        BatchCreation {
            max_records: saved.max_records,
            saved_for: Some((base_url, workspace)),
            ..BatchCreation::new(self, creation)
        }
    }

    /// Returns the request with an uploaded file in place of its records, where that says the same.
    async fn with_file(&self, request: &CreationRequest) -> Result<Option<CreationRequest>, Error> {
        let CreationRequest::CreateBatch(request) = request else {
            return Ok(None);
        };
        let CreateBatchData::Records(data) = &request.data else {
            return Ok(None);
        };
        let Some(csv) = records::as_csv(&data.records) else {
            return Ok(None);
        };
        #[cfg(not(target_arch = "wasm32"))]
        let file = self
            .upload_from("records.csv", std::io::Cursor::new(csv.into_bytes()))
            .await;
        #[cfg(target_arch = "wasm32")]
        let file = self.upload_file("records.csv", csv).await;
        // Whatever has become of the file costs nothing, and nothing runs.
        let file = file.map_err(|error| error.without_effect("no batch was created"))?;
        let mut request = request.clone();
        request.data = CreateFileData::new(file.s3_filename).into();
        Ok(Some(request.into()))
    }

    /// Returns this client for one request of a creation.
    fn sending(
        &self,
        creation: &Arc<Shared>,
        guard: Option<Guard>,
        max_records: Option<u64>,
    ) -> Self {
        Self {
            sending: Some(Sending {
                creation: creation.clone(),
                guard,
                max_records,
            }),
            ..self.clone()
        }
    }
}

/// A batch to be created once; made by [`Client::prepare_batch`] and [`Client::resume_creation`].
///
/// The steps of a job that survives `kill -9`:
///
/// ```no_run
/// # use cargo_batch_client::{Client, Error, SavedCreation, types::CreateBatchRequest};
/// # async fn run(client: Client, request: CreateBatchRequest) -> Result<(), Error> {
/// let creation = match SavedCreation::load_from("job.json").await? {
///     Some(saved) => client.resume_creation(saved), // searches for the batch before it sends
///     None => {
///         let creation = client.prepare_batch(request).await?; // spends nothing
///         creation.save().save_to("job.json").await?;
///         creation
///     }
/// };
/// let batch = creation.create().await?;
/// creation.save().save_to("job.json").await?; // knows its batch from here on
/// # Ok(()) }
/// ```
///
/// A clone is the same creation: [`create`](Self::create) runs once at a time in a process, also where two
/// clients have resumed the same saved form, and the second gets the batch of the first.
#[derive(Clone)]
#[must_use = "a creation sends nothing until `create` is called"]
pub struct BatchCreation {
    client: Client,
    creation: Arc<Shared>,
    guard: Option<Guard>,
    first_send: Option<FirstSend>,
    settling: Duration,
    max_records: Option<u64>,
    /// The server and workspace of a saved creation.
    saved_for: Option<(String, Option<cargo_batch_types::WorkspaceUuid>)>,
    /// Keeps others from continuing the same creation, as long as this may.
    _taken: Option<Arc<()>>,
}

impl BatchCreation {
    fn new(client: &Client, creation: Arc<Shared>) -> Self {
        Self {
            client: client.clone(),
            creation,
            guard: None,
            first_send: None,
            settling: client.inner.settling,
            max_records: None,
            saved_for: None,
            _taken: None,
        }
    }

    /// Sets what is asked before every request that can spend credits, also before each repetition: a lock
    /// that is still held, a row that is still this worker's. Where it returns an error nothing is sent,
    /// and [`create`](Self::create) ends with [`Superseded`](crate::ErrorKind::Superseded).
    ///
    /// It is called last, after every delay, and a second time where more than 5 seconds passed until its permission
    /// was used. By default there is no guard.
    pub fn guard<F, Fut, E>(mut self, before_each_send: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + MaybeSend + 'static,
        E: Into<BoxError>,
    {
        self.guard = Some(Arc::new(move || {
            let permission = before_each_send();
            Box::pin(async move { permission.await.map_err(Into::into) })
        }));
        self
    }

    /// Sets how many records the batch may have at most. Their number is asked for by a
    /// [preview](Client::preview) before every request that can spend credits, and before the
    /// [guard](Self::guard). Where there are more, nothing is sent, and [`create`](Self::create) ends with
    /// [`TooManyRecords`](crate::ErrorKind::TooManyRecords), which names both numbers. A filter is sent with it as
    /// its `limit` besides, so that records which appear after the preview are left out. By default there is no
    /// limit.
    ///
    /// Where no preview says how many records there are, [`create`](Self::create) ends with
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest), and nothing is sent. It is part of what
    /// [`save`](Self::save) returns, so set it before.
    pub fn max_records(mut self, most: u64) -> Self {
        self.max_records = Some(most);
        self
    }

    /// Sets what stores the sending form before the first request, by compare and swap against the form of
    /// [`save_prepared`](Self::save_prepared). Where it returns an error nothing is sent, and
    /// [`create`](Self::create) ends with [`Superseded`](crate::ErrorKind::Superseded).
    ///
    /// A creation that was saved as prepared needs it; for others it is optional. It is not called where a
    /// request may have been sent before.
    pub fn before_first_send<F, Fut, E>(mut self, store: F) -> Self
    where
        F: Fn(SavedCreation) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + MaybeSend + 'static,
        E: Into<BoxError>,
    {
        self.first_send = Some(Arc::new(move |saved| {
            let permission = store(saved);
            Box::pin(async move { permission.await.map_err(Into::into) })
        }));
        self
    }

    /// Sets how long after a request its batch may still appear, in place of
    /// [`ClientBuilder::settling_time`](crate::ClientBuilder::settling_time).
    pub fn settling_time(mut self, time: Duration) -> Self {
        self.settling = bounded(time);
        self
    }

    /// Returns the id of the creation.
    pub fn id(&self) -> CreationId {
        self.creation.id
    }

    /// Returns what is sent: records that became a file are one here.
    pub fn request(&self) -> &CreationRequest {
        &self.creation.request
    }

    /// Returns the form to store before [`create`](Self::create) is called, and at any time after: a client that
    /// resumes it searches for the batch before anything is sent.
    pub fn save(&self) -> SavedCreation {
        self.saved(CreationState::Sending)
    }

    /// Returns the form of a creation that was never sent: a client that resumes it creates at once, without a
    /// search, also a segment. From here on [`create`](Self::create) sends nothing before
    /// [`before_first_send`](Self::before_first_send) has stored the sending form.
    ///
    /// Where a request may have been sent, this is what [`save`](Self::save) returns.
    pub fn save_prepared(&self) -> SavedCreation {
        let mut state = self.creation.state();
        if state.sent != Sent::No || state.created.is_some() || state.is_announced {
            drop(state);
            return self.save();
        }
        state.is_saved_prepared = true;
        drop(state);
        self.saved(CreationState::Prepared)
    }

    fn saved(&self, state: CreationState) -> SavedCreation {
        let (base_url, workspace) = match &self.saved_for {
            Some((base_url, Some(workspace))) => (base_url.as_str(), Some(*workspace)),
            Some((base_url, None)) => (base_url.as_str(), self.client.known_workspace()),
            None => (self.client.base_url(), self.client.known_workspace()),
        };
        SavedCreation::new(&self.creation, state, base_url, workspace, self.max_records)
    }

    /// Returns whether the batch was found by a search rather than created by the last request; false as
    /// long as there is none.
    pub fn adopted(&self) -> bool {
        self.creation
            .state()
            .created
            .as_ref()
            .is_some_and(|created| created.adopted)
    }

    /// Returns a text that is equal for equal data; see [`SavedCreation::key`].
    pub fn key(&self) -> Option<String> {
        self.creation.fingerprint.text()
    }

    /// Returns whether the batch can be recognised among others by its data; see
    /// [`SavedCreation::is_distinguishable`].
    pub fn is_distinguishable(&self) -> bool {
        self.creation.fingerprint.is_distinguishable()
    }
}

impl fmt::Debug for BatchCreation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchCreation")
            .field("id", &self.creation.id)
            .field("request", &self.creation.request)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod sample {
    use cargo_batch_types::{Batch, from_json};
    use serde_json::{Value, json};

    pub fn uuid(number: u128) -> String {
        format!("00000000-0000-4000-8000-{number:012}")
    }

    /// A batch of a workflow of that number.
    pub fn batch(workflow: u128, data: Value) -> Batch {
        let batch = json!({
            "uuid": uuid(2), "workspaceUuid": uuid(1), "workflowUuid": uuid(workflow),
            "temporalWorkflowId": "t", "data": data, "status": "pending", "runsCount": 0,
            "executedRunsCount": 0, "failedRunsCount": 0, "creditsUsedCount": 0,
            "createdAt": "2026-01-15T10:00:00Z", "updatedAt": "2026-01-15T10:00:00Z",
        });
        from_json(batch.to_string().as_bytes()).unwrap()
    }
}
