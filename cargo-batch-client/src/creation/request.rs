//! The requests that create a batch.

use cargo_batch_types::{CreateBatchData, CreateBatchRequest, ExecuteActionBatchRequest};
use serde::{Deserialize, Serialize};

use crate::operation::Operation;
use crate::operations;

/// The request of [`create_batch`](crate::Client::create_batch) or of
/// [`execute_action_batch`](crate::Client::execute_action_batch).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "operation", content = "body", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CreationRequest {
    /// A batch of a workflow, or of a graph given ad hoc.
    #[serde(rename = "create_batch")]
    Batch(CreateBatchRequest),
    /// A batch of a single action.
    #[serde(rename = "execute_action_batch")]
    Action(ExecuteActionBatchRequest),
}

impl CreationRequest {
    pub(super) fn operation(&self) -> &'static Operation {
        match self {
            Self::Batch(_) => &operations::CREATE_BATCH,
            Self::Action(_) => &operations::EXECUTE_ACTION_BATCH,
        }
    }

    /// Returns how many records are in the request itself.
    pub(crate) fn given_records(&self) -> Option<u64> {
        let records = match self {
            Self::Batch(request) => match &request.data {
                CreateBatchData::Records(data) => &data.records,
                CreateBatchData::Form(data) => &data.records,
                _ => return None,
            },
            Self::Action(request) => &request.records,
        };
        u64::try_from(records.len()).ok()
    }

    /// Returns the request with a limit in its filter; `None` where it has no filter, or a limit that is no
    /// higher.
    pub(super) fn limited_to(&self, most: u64) -> Option<Self> {
        let Self::Batch(request) = self else {
            return None;
        };
        let CreateBatchData::Filter(data) = &request.data else {
            return None;
        };
        if data.limit.is_some_and(|limit| limit <= most) {
            return None;
        }
        let mut request = request.clone();
        request.data = data.clone().limit(most).into();
        Some(Self::Batch(request))
    }

    /// Returns whether the caller intends to run a file again.
    pub(super) fn is_again(&self) -> bool {
        match self {
            Self::Batch(request) => request.is_again(),
            Self::Action(_) => false,
        }
    }
}

impl From<CreateBatchRequest> for CreationRequest {
    fn from(request: CreateBatchRequest) -> Self {
        Self::Batch(request)
    }
}

impl TryFrom<CreationRequest> for CreateBatchRequest {
    type Error = CreationRequest;

    fn try_from(request: CreationRequest) -> Result<Self, CreationRequest> {
        match request {
            CreationRequest::Batch(request) => Ok(request),
            other => Err(other),
        }
    }
}

impl TryFrom<CreationRequest> for ExecuteActionBatchRequest {
    type Error = CreationRequest;

    fn try_from(request: CreationRequest) -> Result<Self, CreationRequest> {
        match request {
            CreationRequest::Action(request) => Ok(request),
            other => Err(other),
        }
    }
}

impl From<ExecuteActionBatchRequest> for CreationRequest {
    fn from(request: ExecuteActionBatchRequest) -> Self {
        Self::Action(request)
    }
}
