//! The inputs and outputs of runs, however many there are.

use cargo_batch_types::{DownloadRunOutputsErrorReason, DownloadRunOutputsRequest};

use crate::download::{AskSlice, Download, Export};
use crate::pending::Pending;
use crate::{Client, Error, Reason};

/// The most runs that the API puts into one file.
const MAX_RUNS: u64 = 10_000;

impl Client {
    /// Returns the inputs and outputs of runs as a download: CSV, unless the request asks for JSON. Only with
    /// the feature `rows`. Nothing is sent before the download is fetched.
    ///
    /// The API puts at most 10,000 runs into one file. Where there are more, the files are requested and
    /// fetched one after the other, and joined to one: with one header, or as one list. Runs that are created
    /// meanwhile may move others from one file to the next: wait for the batch first.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, types::{DownloadRunOutputsRequest, WorkflowUuid}};
    /// # async fn run(client: Client, workflow: WorkflowUuid) -> Result<(), Error> {
    /// let outputs = client.run_outputs(DownloadRunOutputsRequest::new(workflow));
    /// outputs.to_file("outputs.csv").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of the download, and of [`download_run_outputs`](Self::download_run_outputs): without any runs the
    /// reason is `NoRunsFound`. Files with different columns end it with
    /// [`InvalidResponse`](crate::ErrorKind::InvalidResponse), and where there are several files, one that can't be
    /// resumed ends it with [`Interrupted`](crate::ErrorKind::Interrupted).
    pub fn run_outputs(&self, request: impl Into<DownloadRunOutputsRequest>) -> Download {
        let request = request.into();
        let name = match request.batch_uuid {
            Some(batch) => format!("outputs of the runs of batch {batch}"),
            None => format!("outputs of runs of workflow {}", request.workflow_uuid),
        };
        let (bounds, batch) = ((request.limit, request.offset), request.batch_uuid);
        let client = self.clone();
        let ask: AskSlice = Box::new(move |limit, offset| {
            let (client, mut request) = (client.clone(), request.clone());
            (request.limit, request.offset) = (limit, offset);
            Pending::new(async move {
                match client.download_run_outputs(request).await {
                    Ok(response) => Ok(Export::Ready(response.url)),
                    Err(error) => refused(error),
                }
            })
        });
        Download::sliced(self.clone(), name, ask, bounds, MAX_RUNS).of(batch)
    }
}

fn refused(error: Error) -> Result<Export, Error> {
    use DownloadRunOutputsErrorReason::{NoRunsFound, TooManyRuns};
    match error.reason() {
        Some(Reason::DownloadRunOutputs(TooManyRuns)) => Ok(Export::TooLong(error)),
        Some(Reason::DownloadRunOutputs(NoRunsFound)) => Ok(Export::Empty(error)),
        _ => Err(error),
    }
}
