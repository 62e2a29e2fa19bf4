//! Any bytes as each type that an answer can be: read or refused, and what is read survives a round trip.
#![no_main]
#![forbid(unsafe_code)]

use std::fmt::Debug;

use cargo_batch_types::*;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn check<T: DeserializeOwned + Serialize + Debug + PartialEq>(json: &[u8]) {
    match from_json::<T>(json) {
        Ok(value) => {
            let written = serde_json::to_vec(&value).expect("what was read can be written");
            let again: T = from_json(&written).expect("what was written can be read");
            assert_eq!(value, again);
        }
        Err(error) => assert!(!error.to_string().is_empty() && !error.path().is_empty()),
    }
}

macro_rules! check_all {
    ($json:expr, $($name:ty),+ $(,)?) => { $(check::<$name>($json);)+ };
}

fuzz_target!(|json: &[u8]| {
    check_all!(
        json,
        AbortMultipartUploadResponse,
        CancelBatchResponse,
        CancelRunsResponse,
        CompleteMultipartUploadResponse,
        CountRunsResponse,
        CreateBatchResponse,
        CreateMultipartUploadResponse,
        DownloadResponse,
        ExecuteActionBatchResponse,
        GetBatchResponse,
        GetReleaseResponse,
        GetRunMetricsResponse,
        GetRunResponse,
        ListBatchesResponse,
        ListFileColumnsResponse,
        ListRunsResponse,
        PreviewBatchResponse,
        SignMultipartPartResponse,
        UploadedFile,
        // What is nested in them, so that it is reached at once.
        Batch,
        BatchData,
        Node,
        Run,
        Execution,
        // The bodies of errors.
        ApiError,
        CancelBatchError,
        CancelRunsError,
        CreateBatchError,
        DownloadBatchError,
        DownloadRunOutputsError,
        ExecuteActionBatchError,
        ListFileColumnsError,
        PreviewBatchError,
        UploadFileError,
    );
});
