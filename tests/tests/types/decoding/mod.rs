//! How single values are read and written: enums, unions, numbers, ids, secrets, errors.

mod additions;
mod enums;
mod errors;
mod ids;
mod secrets;
mod unions;
mod values;

use cargo_batch_types::from_json;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

fn read<T: DeserializeOwned>(json: Value) -> T {
    from_json(json.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn refused<T: DeserializeOwned + std::fmt::Debug>(json: Value) -> cargo_batch_types::DecodeError {
    from_json::<T>(json.to_string().as_bytes()).expect_err("it should not fit")
}

fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("it can be written")
}

fn node() -> Value {
    json!({
        "uuid": ID,
        "slug": "start",
        "kind": "native",
        "actionSlug": "start",
        "config": { "any": { "thing": [1, null] } },
        "childrenUuids": [ID, null],
        "fallbackOnFailure": false,
        "position": { "x": 1.5, "y": -2.25 },
    })
}

fn batch() -> Value {
    json!({
        "uuid": ID,
        "workspaceUuid": ID,
        "workflowUuid": ID,
        "nodes": [node()],
        "temporalWorkflowId": "workflow-1",
        "data": { "kind": "segment", "segmentUuid": ID },
        "status": "running",
        "runsCount": 10,
        "executedRunsCount": 5,
        "failedRunsCount": 1,
        "creditsUsedCount": 2.5,
        "createdAt": "2026-01-02T03:04:05Z",
        "updatedAt": "2026-01-02T03:04:06Z",
    })
}

fn with(mut json: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let parent = json
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{pointer} is not there"));
    match parent {
        Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value,
        parent => parent[key] = value,
    }
    json
}
