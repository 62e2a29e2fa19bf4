//! The number of records and the limit of a creation. The matches name every operation that creates batches, so
//! that the compiler asks for a new one.

use cargo_batch_types::CreateBatchData;

use crate::CreationRequest;

impl CreationRequest {
    /// Returns how many records are in the request itself.
    pub(crate) fn given_records(&self) -> Option<u64> {
        let records = match self {
            Self::CreateBatch(request) => match &request.data {
                CreateBatchData::Records(data) => &data.records,
                CreateBatchData::Form(data) => &data.records,
                _ => return None,
            },
            Self::ExecuteActionBatch(request) => &request.records,
        };
        u64::try_from(records.len()).ok()
    }

    /// Returns the request with a limit in its filter; `None` where it has no filter, or a limit that is no
    /// higher.
    pub(super) fn limited_to(&self, most: u64) -> Option<Self> {
        let Self::CreateBatch(request) = self else {
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
        Some(Self::CreateBatch(request))
    }

    /// Returns whether the caller intends to run a file again.
    pub(super) fn is_again(&self) -> bool {
        match self {
            Self::CreateBatch(request) => request.is_again(),
            Self::ExecuteActionBatch(_) => false,
        }
    }
}
