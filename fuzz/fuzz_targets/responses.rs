//! Any bytes as each type that an answer can be: read or refused, and what is read survives a round trip.
#![no_main]
#![forbid(unsafe_code)]

use std::fmt::Debug;

use cargo_batch_types::*;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What was received is read or refused; what names no member twice also survives a round trip.
fn check<T: DeserializeOwned + Serialize + Debug + PartialEq>(json: &[u8], clear: Option<&[u8]>) {
    if let Err(error) = from_json::<T>(json) {
        assert!(!error.to_string().is_empty() && !error.field_path().is_empty());
    }
    if let Some(Ok(value)) = clear.map(from_json::<T>) {
        let written = serde_json::to_vec(&value).expect("what was read can be written");
        let again: T = from_json(&written).expect("what was written can be read");
        assert_eq!(value, again);
    }
}

macro_rules! check_all {
    ($json:expr, $clear:expr, $($name:ty),+ $(,)?) => { $(check::<$name>($json, $clear);)+ };
}

fuzz_target!(|json: &[u8]| {
    // A variant that names a member twice is one we don't know, but is kept, with the last of both.
    // Written again it may be one that we do know.
    let clear = serde_json::from_slice::<Value>(json).map(|value| value.to_string());
    check_all!(
        json,
        clear.as_ref().ok().map(String::as_bytes),
        CompleteMultipartUploadResponse,
        CountRunsResponse,
        CreateBatchResponse,
        CreateMultipartUploadResponse,
        DownloadResponse,
        CreateRunResponse,
        ExecuteActionBatchResponse,
        ExecuteActionResponse,
        GetBatchResponse,
        GetCurrentWorkspaceResponse,
        GetDeployedReleaseResponse,
        GetPlayResponse,
        GetReleaseResponse,
        GetRunMetricsResponse,
        GetRunResponse,
        GetSegmentResponse,
        GetSubscriptionResponse,
        GetToolResponse,
        GetUsageMetricsResponse,
        ListBatchesResponse,
        ListFileColumnsResponse,
        ListModelsResponse,
        ListPlaysResponse,
        ListRunsResponse,
        ListSegmentChangesResponse,
        ListSegmentsResponse,
        ListToolsResponse,
        PreviewBatchResponse,
        SignMultipartPartResponse,
        UploadedFile,
        // What is nested in them, so that it is reached at once.
        Batch,
        BatchData,
        Node,
        Run,
        Execution,
        FormField,
        Model,
        Play,
        Segment,
        SegmentChange,
        Subscription,
        Tool,
        Workspace,
        // The bodies of errors.
        ApiError,
        CancelBatchError,
        CancelRunsError,
        CreateBatchError,
        CreateRunError,
        DownloadBatchError,
        DownloadRunOutputsError,
        ExecuteActionBatchError,
        ExecuteActionError,
        GetDeployedReleaseError,
        GetPlayError,
        GetToolError,
        ListFileColumnsError,
        PreviewBatchError,
        UploadFileError,
    );
});
