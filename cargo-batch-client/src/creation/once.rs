//! A creation in one expression.

use cargo_batch_types::Batch;

use super::CreationRequest;
use crate::pending::Pending;
use crate::{Client, Error};

/// A batch to be created once: await it for the batch; returned by [`Client::create_batch_once`].
#[derive(Clone, Debug)]
#[must_use = "nothing is created until it is awaited"]
pub struct CreateBatchOnce {
    client: Client,
    request: CreationRequest,
    max_records: Option<u64>,
}

impl CreateBatchOnce {
    pub(super) fn new(client: Client, request: CreationRequest) -> Self {
        Self {
            client,
            request,
            max_records: None,
        }
    }

    /// Sets how many records the batch may have at most; see
    /// [`BatchCreation::max_records`](crate::BatchCreation::max_records). By default there is no limit.
    pub fn max_records(mut self, most: u64) -> Self {
        self.max_records = Some(most);
        self
    }
}

impl IntoFuture for CreateBatchOnce {
    type Output = Result<Batch, Error>;
    type IntoFuture = Pending<Batch>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            client,
            request,
            max_records,
        } = self;
        Pending::new(async move {
            let mut creation = client.prepare_batch(request).await?;
            if let Some(most) = max_records {
                creation = creation.max_records(most);
            }
            creation.create().await
        })
    }
}
