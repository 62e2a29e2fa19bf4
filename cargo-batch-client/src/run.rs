//! A single run by its id.

use std::collections::BTreeSet;

use cargo_batch_types::{CancelRunsRequest, Run, RunUuid};
use serde_json::{Map, Value};

use crate::redact::escaped;
use crate::{Client, Error, operations};

impl Client {
    /// Returns a run by its id, such as one of [`failed_runs`](crate::FinishedBatch::failed_runs) or of
    /// [`create_run`](Self::create_run); nothing is sent.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, types::RunUuid};
    /// # async fn run(client: Client, id: RunUuid) -> Result<(), Error> {
    /// let enriched = client.run(id).output("enrich").await?;
    /// println!("{enriched}");
    /// # Ok(()) }
    /// ```
    pub fn run(&self, uuid: impl Into<RunUuid>) -> RunHandle {
        RunHandle {
            client: self.clone(),
            uuid: uuid.into(),
        }
    }
}

/// A run by its id, and what can be done with it; returned by [`Client::run`].
#[derive(Clone, Debug)]
pub struct RunHandle {
    client: Client,
    uuid: RunUuid,
}

impl RunHandle {
    /// Returns the id of the run.
    pub fn uuid(&self) -> RunUuid {
        self.uuid
    }

    /// Fetches the current state of the run, with what happened at each of its nodes.
    ///
    /// # Errors
    /// As [`Client::get_run`].
    pub async fn get(&self) -> Result<Run, Error> {
        Ok(self.client.get_run(self.uuid).await?.run)
    }

    /// Fetches what the nodes put out so far, by the slug of the node, as the API returns it; it is empty where the
    /// API returns nothing.
    ///
    /// Slugs aren't unique within a graph: of several nodes with the same slug one is in it. Unknown: which, and
    /// whether long values are complete.
    ///
    /// # Errors
    /// As [`Client::get_run`].
    pub async fn outputs(&self) -> Result<Map<String, Value>, Error> {
        let response = self.client.get_run(self.uuid).await?;
        Ok(response.run_context.unwrap_or_default())
    }

    /// Fetches what the only executed node with this slug put out.
    ///
    /// # Errors
    /// [`NotUnique`](crate::ErrorKind::NotUnique) where several nodes with this slug were executed, as the API returns
    /// the output of one of them only. [`NotFound`](crate::ErrorKind::NotFound) where there is no output: it lists the
    /// slugs of the outputs that there are. Else as [`Client::get_run`].
    pub async fn output(&self, node_slug: &str) -> Result<Value, Error> {
        let response = self.client.get_run(self.uuid).await?;
        let nodes: BTreeSet<_> = response
            .run
            .executions
            .iter()
            .filter(|execution| execution.node_slug == node_slug)
            .map(|execution| execution.node_uuid)
            .collect();
        let named = format!("run {}, node \"{}\"", self.uuid, self.shown(node_slug));
        if nodes.len() > 1 {
            let what = format!(
                "{named}: {} nodes with this slug were executed",
                nodes.len()
            );
            return Err(Error::not_unique(&operations::GET_RUN, what));
        }
        let mut outputs = response.run_context.unwrap_or_default();
        outputs.remove(node_slug).ok_or_else(|| {
            let slugs: Vec<String> = outputs.keys().map(|slug| self.shown(slug)).collect();
            let what = match slugs.is_empty() {
                true => format!("{named}: the run has no outputs"),
                false => format!("{named}: there are outputs of {}", slugs.join(", ")),
            };
            Error::not_found(&operations::GET_RUN, what)
        })
    }

    /// Cancels the run.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`Client::cancel_runs`]: the workflow of the run is requested first.
    pub async fn cancel(&self) -> Result<(), Error> {
        let workflow = self.get().await?.workflow_uuid;
        let request = CancelRunsRequest::new(workflow).uuids([self.uuid]);
        self.client.cancel_runs(request).await.map(|_| ())
    }

    /// Returns a slug as it may be shown: it comes from the server.
    fn shown(&self, slug: &str) -> String {
        /// The longest slug that is shown whole.
        const LONGEST: usize = 100;
        escaped(&self.client.inner.auth.hide().redact(slug), LONGEST)
    }
}
