//! Batches that exist and that a program has no record of.

use cargo_batch_types::{Batch, BatchUuid, WorkflowUuid};
use chrono::{DateTime, Utc};

use super::listing::{Depth, too_long};
use crate::{Client, Error};

impl Client {
    /// Returns the batches of a workflow that were created since a date and that aren't among those the
    /// caller has recorded: what a program created and lost, and what other clients created.
    ///
    /// The date is compared with the server's, so choose it some minutes earlier where the clocks may differ.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, types::{BatchUuid, WorkflowUuid}};
    /// # async fn run(client: Client, workflow: WorkflowUuid, recorded: Vec<BatchUuid>) -> Result<(), Error> {
    /// let yesterday = (std::time::SystemTime::now() - std::time::Duration::from_secs(86_400)).into();
    /// for batch in client.unrecorded_batches(workflow, yesterday, recorded).await? {
    ///     println!("{} of {}", batch.uuid, batch.created_at);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Those of [`list_batches`](Self::list_batches), and [`InvalidResponse`](crate::ErrorKind::InvalidResponse) where
    /// the list has more than 10,000 batches, in no order that would spare the older ones.
    pub async fn unrecorded_batches(
        &self,
        workflow: impl Into<WorkflowUuid>,
        since: DateTime<Utc>,
        recorded: impl IntoIterator<Item = BatchUuid>,
    ) -> Result<Vec<Batch>, Error> {
        let recorded: std::collections::HashSet<BatchUuid> = recorded.into_iter().collect();
        let (workflow, depth) = (Some(workflow.into()), Depth::Since(since));
        let listing = super::listing::Listing::read(self, workflow, depth, &|_| false).await?;
        if !listing.reaches(Some(since)) {
            return Err(too_long());
        }
        let mut batches = listing.batches;
        batches.retain(|batch| batch.created_at >= since && !recorded.contains(&batch.uuid));
        Ok(batches)
    }
}
