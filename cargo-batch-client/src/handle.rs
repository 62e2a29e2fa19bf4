//! A batch, as a person thinks of it.

use cargo_batch_types::{
    Batch, BatchUuid, CreateBatchRequest, CreateRunsData, DownloadBatchRequest,
    GetRunMetricsRequest, ListRunsRequest, Outcome, Run, RunMetric, RunStatus, RunsFilter,
    RunsFilterByRuns, RunsReset, UsageMetric, UsageUnit,
};

use crate::download::Download;
#[cfg(feature = "rows")]
use crate::failed_rows::{FailedRows, InputRows};
use crate::pages::Items;
use crate::pending::Pending;
use crate::{Client, Cost, Error, Wait, Watch, operations};

impl Client {
    /// A batch, to do things with; nothing is sent.
    pub fn batch(&self, uuid: impl Into<BatchUuid>) -> BatchHandle {
        BatchHandle {
            client: self.clone(),
            uuid: uuid.into(),
        }
    }

    /// Returns a batch that has finished, with what there is to do then; nothing is sent. `None` where it has
    /// not finished.
    ///
    /// For a batch in hand, such as one of a list: [`BatchHandle::wait`] waits for it first.
    pub fn finished(&self, batch: Batch) -> Option<FinishedBatch> {
        let handle = self.batch(batch.uuid);
        batch
            .is_finished()
            .then(|| FinishedBatch::new(handle, batch))
    }
}

/// A batch by its id, and what can be done with it; made by [`Client::batch`].
#[derive(Clone, Debug)]
pub struct BatchHandle {
    client: Client,
    uuid: BatchUuid,
}

impl BatchHandle {
    /// Its id.
    pub fn uuid(&self) -> BatchUuid {
        self.uuid
    }

    /// Fetches the current state of the batch.
    ///
    /// # Errors
    /// Those of [`Client::get_batch`].
    pub async fn get(&self) -> Result<Batch, Error> {
        Ok(self.client.get_batch(self.uuid).await?.batch)
    }

    /// Waits for it; see [`Client::watch`].
    pub fn watch(&self) -> Watch {
        self.client.watch(self.uuid)
    }

    /// Waits until it has finished: await it, maybe after a deadline or a callback was set.
    ///
    /// # Errors
    /// As [`Client::watch`]. A batch that failed is no error: see [`FinishedBatch::outcome`].
    #[doc(alias = "poll")]
    pub fn wait(&self) -> Wait {
        Wait::new(self.clone())
    }

    /// Stops it: it goes on as `cancelling` until it is `cancelled`, so watch it if that matters.
    ///
    /// # Errors
    /// Those of [`Client::cancel_batch`], such as the reason `BatchAlreadyFinished`.
    pub async fn cancel(&self) -> Result<(), Error> {
        self.client.cancel_batch(self.uuid).await.map(|_| ())
    }

    /// Its runs, one for each record, as a stream.
    ///
    /// # Errors
    /// As the stream's items; the workflow of the batch is looked up first.
    pub async fn runs(&self) -> Result<Items<Run>, Error> {
        Ok(self.client.list_runs(self.selection().await?).items())
    }

    /// Its runs that failed, as a stream.
    ///
    /// # Errors
    /// Those of [`Client::get_batch`], which names the workflow; the stream has those of [`Client::list_runs`].
    pub async fn failed_runs(&self) -> Result<Items<Run>, Error> {
        let failed = self.selection().await?.statuses([RunStatus::Error]);
        Ok(self.client.list_runs(failed).items())
    }

    /// How its runs did, node by node.
    ///
    /// # Errors
    /// Those of [`Client::get_batch`] and [`Client::get_run_metrics`].
    pub async fn metrics(&self) -> Result<Vec<RunMetric>, Error> {
        let workflow = self.get().await?.workflow_uuid;
        let request = GetRunMetricsRequest::new(workflow).batch(self.uuid);
        Ok(self.client.get_run_metrics(request).await?.run_metrics)
    }

    /// Returns what it has cost so far: the credits of providers, and 0.01 for every execution of a node that its
    /// metrics count.
    ///
    /// Unknown: whether what tools and agents within the graph execute is in either number. The whole bill, by day and
    /// workflow, is in [`Client::get_usage_metrics`].
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`metrics`](Self::metrics); where the metrics are refused, the number of executions
    /// is unknown instead.
    pub async fn cost(&self) -> Result<Cost, Error> {
        Cost::of(&self.client, &self.get().await?).await
    }

    /// The file of its results, once it has finished: each record with what the last executed node
    /// made of it.
    pub fn download(&self) -> Download {
        self.download_request(DownloadBatchRequest::new())
    }

    /// The file of its results, with what a certain node made of each record. The slugs are those
    /// of the nodes of [`Client::get_release`].
    pub fn download_node(&self, output_node_slug: impl Into<String>) -> Download {
        self.download_request(DownloadBatchRequest::new().output_node_slug(output_node_slug))
    }

    fn download_request(&self, request: DownloadBatchRequest) -> Download {
        let (client, uuid) = (self.client.clone(), self.uuid);
        let name = match &request.output_node_slug {
            Some(slug) => format!("download of batch {uuid}, node {slug:?}"),
            None => format!("download of batch {uuid}"),
        };
        Download::issued(
            self.client.clone(),
            name,
            Box::new(move || {
                let (client, request) = (client.clone(), request.clone());
                Pending::new(async move { Ok(client.download_batch(uuid, request).await?.url) })
            }),
        )
        .of(Some(uuid))
    }

    /// Returns the inputs and outputs of its runs as a download; see [`Client::run_outputs`].
    ///
    /// # Errors
    /// As [`get`](Self::get): the workflow of the batch is asked for first.
    #[cfg(feature = "rows")]
    pub async fn run_outputs(&self) -> Result<Download, Error> {
        Ok(self.client.run_outputs(outputs(&self.get().await?)))
    }

    /// Returns its failed runs with the rows that they were runs of; see [`FinishedBatch::failed_rows`]. Only with the
    /// feature `rows`.
    #[cfg(feature = "rows")]
    pub fn failed_rows(&self, rows: impl Into<InputRows>) -> FailedRows {
        FailedRows::new(self.client.clone(), self.clone(), None, rows.into())
    }

    /// Fetches what its workflow used on the days from its creation to its end, or to its last change.
    ///
    /// The API counts by workflow and by day, never by batch: what other batches and single runs of the workflow used on
    /// those days is in it. [`cost`](Self::cost) is about this batch alone. It needs a token with the rights of an
    /// administrator. Unknown: how long after an execution it is counted, and which time zone the days are of; UTC is
    /// assumed.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`Client::get_usage_metrics`].
    pub async fn workflow_usage(
        &self,
        unit: impl Into<UsageUnit>,
    ) -> Result<Vec<UsageMetric>, Error> {
        let batch = self.get().await?;
        let day = |at: chrono::DateTime<chrono::Utc>| at.date_naive().to_string();
        let to = day(batch.finished_at.unwrap_or(batch.updated_at));
        let usage = self.client.get_usage_metrics(day(batch.created_at), to);
        let usage = usage.workflow(batch.workflow_uuid).unit(unit.into());
        Ok(usage.await?.metrics)
    }

    /// Starts a batch over the runs of this one that failed, from their first node.
    ///
    /// It spends credits for each of them, once: it is created with the care of
    /// [`create_batch_once`](Client::create_batch_once). Unconfirmed: that the API lets runs be run again, as no
    /// documentation of it says so, and for which workflow types. For a play, a batch of the ids of the records
    /// ([`CreateRecordIdsData`](cargo_batch_types::CreateRecordIdsData)) is the documented way.
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) where no run has failed, and as
    /// [`Client::create_batch_once`].
    pub async fn retry_failed(&self) -> Result<Batch, Error> {
        self.retry(&self.get().await?).await
    }

    async fn retry(&self, batch: &Batch) -> Result<Batch, Error> {
        if batch.failed_runs_count == 0 {
            let what = format!(
                "no run of batch {} has failed: there is nothing to run again",
                batch.uuid
            );
            return Err(Error::invalid_request(&operations::CREATE_BATCH, what));
        }
        let failed = RunsFilterByRuns::new().statuses([RunStatus::Error]);
        let data = CreateRunsData::new(
            RunsFilter::new(failed).batch(self.uuid),
            RunsReset::FirstNode,
        );
        let request = CreateBatchRequest::new(data).workflow(batch.workflow_uuid);
        self.client.create_batch_once(request).await
    }

    async fn selection(&self) -> Result<ListRunsRequest, Error> {
        Ok(selection(&self.get().await?))
    }
}

/// A batch that has finished, and how; made by [`BatchHandle::wait`].
///
/// ```no_run
/// # use cargo_batch_client::{Client, types::*};
/// # async fn run(client: Client, request: CreateBatchRequest) -> Result<(), cargo_batch_client::Error> {
/// let batch = client.create_batch_once(request).await?;
/// let finished = client.batch(batch.uuid).wait().await?;
/// if let Outcome::PartlyFailed { failed, .. } = finished.outcome() {
///     println!("{failed} runs failed:");
///     let mut runs = finished.failed_runs();
///     while let Some(run) = runs.next().await {
///         println!("{}", run?.record_title);
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct FinishedBatch {
    handle: BatchHandle,
    batch: Batch,
}

impl FinishedBatch {
    pub(crate) fn new(handle: BatchHandle, batch: Batch) -> Self {
        Self { handle, batch }
    }

    /// The batch in its final state.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// How it ended: a success with failed runs is told apart from a clean one.
    pub fn outcome(&self) -> Outcome {
        let status = || Outcome::Other(self.batch.status.clone());
        self.batch.outcome().unwrap_or_else(status)
    }

    /// Its runs, one for each record, as a stream.
    pub fn runs(&self) -> Items<Run> {
        self.handle.client.list_runs(self.selection()).items()
    }

    /// Its runs that failed, as a stream.
    pub fn failed_runs(&self) -> Items<Run> {
        let failed = self.selection().statuses([RunStatus::Error]);
        self.handle.client.list_runs(failed).items()
    }

    /// Returns what it has cost; see [`BatchHandle::cost`].
    ///
    /// # Errors
    /// As [`BatchHandle::metrics`]; where the metrics are refused, the number of executions is unknown instead.
    pub async fn cost(&self) -> Result<Cost, Error> {
        Cost::of(&self.handle.client, &self.batch).await
    }

    /// The file of its results; see [`BatchHandle::download`].
    pub fn download(&self) -> Download {
        self.handle.download()
    }

    /// Returns the inputs and outputs of its runs as a download; see [`Client::run_outputs`].
    #[cfg(feature = "rows")]
    pub fn run_outputs(&self) -> Download {
        self.handle.client.run_outputs(outputs(&self.batch))
    }

    /// Returns its failed runs with the rows that they were runs of, each where it is exactly one. Only with the feature
    /// `rows`.
    ///
    /// The rows are those that the batch was given: records, or the path of the CSV file. The API returns neither the
    /// number of the row of a run nor the name of its file. What joins the two is the input of the run, which the API
    /// returns with its outputs:
    ///
    /// - By default all columns of the rows that are fields of the inputs have to be equal.
    /// - [`by`](FailedRows::by) compares the named columns only, where the API changes others or leaves them out.
    /// - [`by_record_id`](FailedRows::by_record_id) compares the id of the record, for records of a model.
    ///
    /// Values are compared as texts, as a cell can't tell the number 36 from its text; an absent field, `null` and an
    /// empty text are equal. Nothing is guessed: rows that are equal in what is compared are
    /// [`Ambiguous`](crate::RowMatch::Ambiguous), and a run that no row fits is [`Missing`](crate::RowMatch::Missing).
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Error, FinishedBatch, RowMatch};
    /// # async fn run(finished: FinishedBatch) -> Result<(), Error> {
    /// for failed in finished.failed_rows("leads.csv").by("email").await? {
    ///     let why = failed.run.error_message.as_deref().unwrap_or("no message");
    ///     match &failed.row {
    ///         RowMatch::One { index, row } => println!("row {index}, {}: {why}", row["email"]),
    ///         other => println!("run {}, {other:?}: {why}", failed.run.uuid),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As the items of [`failed_runs`](Self::failed_runs) and the download of [`run_outputs`](Self::run_outputs).
    /// [`Io`](crate::ErrorKind::Io) when the file can't be read.
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) where the rows lack a named column, and where a row of the
    /// file can't be read, which may be the one that is looked for.
    #[cfg(feature = "rows")]
    pub fn failed_rows(&self, rows: impl Into<InputRows>) -> FailedRows {
        let (client, batch) = (self.handle.client.clone(), self.batch.clone());
        FailedRows::new(client, self.handle.clone(), Some(batch), rows.into())
    }

    /// Starts a batch over its runs that failed; see [`BatchHandle::retry_failed`].
    ///
    /// # Errors
    /// As [`Client::create_batch_once`].
    pub async fn retry_failed(&self) -> Result<Batch, Error> {
        self.handle.retry(&self.batch).await
    }

    fn selection(&self) -> ListRunsRequest {
        selection(&self.batch)
    }
}

/// The API wants the workflow to be named along with the batch.
pub(crate) fn selection(batch: &Batch) -> ListRunsRequest {
    ListRunsRequest::new()
        .workflow(batch.workflow_uuid)
        .batch(batch.uuid)
}

#[cfg(feature = "rows")]
fn outputs(batch: &Batch) -> cargo_batch_types::DownloadRunOutputsRequest {
    cargo_batch_types::DownloadRunOutputsRequest::new(batch.workflow_uuid).batch(batch.uuid)
}
