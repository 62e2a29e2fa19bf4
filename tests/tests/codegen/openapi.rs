//! `openapi.yaml` is an OpenAPI 3.0 document by the official schema, and has all that was asked for.

use cargo_batch_tests::{document, fixture, generated, pinned};
use serde_json::{Value, json};
use xtask::spec::Operation;

/// What the issue names: id, method, path.
const OPERATIONS_ARE: &str = concat!(file!(), ":", line!());
const OPERATIONS: [[&str; 3]; 35] = [
    ["create_batch", "POST", "/orchestration/batches"],
    ["preview_batch", "POST", "/orchestration/batches/preview"],
    ["list_batches", "GET", "/orchestration/batches/list"],
    ["get_batch", "GET", "/orchestration/batches/{uuid}"],
    [
        "cancel_batch",
        "POST",
        "/orchestration/batches/{uuid}/cancel",
    ],
    [
        "download_batch",
        "POST",
        "/orchestration/batches/{uuid}/download",
    ],
    [
        "execute_action_batch",
        "POST",
        "/orchestration/actions/execute-batch",
    ],
    ["list_runs", "POST", "/orchestration/runs/list"],
    ["count_runs", "POST", "/orchestration/runs/count"],
    ["get_run", "GET", "/orchestration/runs/{uuid}"],
    ["cancel_runs", "POST", "/orchestration/runs/cancel"],
    ["download_runs", "POST", "/orchestration/runs/download"],
    [
        "download_run_outputs",
        "POST",
        "/orchestration/runs/download-outputs",
    ],
    ["get_run_metrics", "POST", "/orchestration/runs/metrics"],
    ["upload_file", "POST", "/workspaceManagement/files/upload"],
    [
        "create_multipart_upload",
        "POST",
        "/workspaceManagement/files/multipart/create",
    ],
    [
        "sign_multipart_part",
        "POST",
        "/workspaceManagement/files/multipart/sign",
    ],
    [
        "complete_multipart_upload",
        "POST",
        "/workspaceManagement/files/multipart/complete",
    ],
    [
        "abort_multipart_upload",
        "POST",
        "/workspaceManagement/files/multipart/abort",
    ],
    [
        "list_file_columns",
        "GET",
        "/workspaceManagement/files/listColumns",
    ],
    ["get_release", "GET", "/orchestration/releases/{uuid}"],
    ["create_run", "POST", "/orchestration/runs"],
    ["execute_action", "POST", "/orchestration/actions/execute"],
    [
        "get_deployed_release",
        "GET",
        "/orchestration/releases/deployed",
    ],
    ["list_tools", "GET", "/orchestration/tools/list"],
    ["get_tool", "GET", "/orchestration/tools/{uuid}"],
    ["list_plays", "GET", "/orchestration/plays/list"],
    ["get_play", "GET", "/orchestration/plays/{uuid}"],
    ["list_segments", "GET", "/segmentation/segments/list"],
    ["get_segment", "GET", "/segmentation/segments/{uuid}"],
    ["list_segment_changes", "GET", "/segmentation/changes/list"],
    ["list_models", "GET", "/storage/models/list"],
    ["get_subscription", "GET", "/billing/subscriptions"],
    ["get_usage_metrics", "GET", "/billing/usage/metrics"],
    [
        "get_current_workspace",
        "GET",
        "/workspaceManagement/workspaces/current",
    ],
];

/// The type names that other code relies on.
const TYPES: &str = "Batch BatchData BatchStatus BatchRunsStatus Node NodeRetry Action Run RunStatus \
    Execution RunMetric Filter Sort Column CreateBatchRequest CreateBatchResponse CreateBatchData \
    PreviewBatchRequest PreviewBatchResponse PreviewBatchData ListRunsRequest CountRunsRequest \
    CancelRunsRequest DownloadRunsRequest DownloadRunOutputsRequest GetRunMetricsRequest \
    ExecuteActionBatchRequest RunsFilter RunsReset ExecutionsFilter";

/// How many kinds each union has.
const KINDS_ARE: &str = concat!(file!(), ":", line!());
const KINDS: [(&str, usize); 10] = [
    ("BatchData", 11),
    ("CreateBatchData", 9),
    ("PreviewBatchData", 9),
    ("NodeKind", 4),
    ("ExecutionNode", 4),
    ("Condition", 13),
    ("FormFieldKind", 7),
    ("PlaySchedule", 5),
    ("ToolCreditsCost", 3),
    ("ToolTrigger", 1),
];

fn errors(document: &Value) -> Vec<String> {
    let schema = serde_json::from_str(&fixture("openapi-3.0.schema.json")).expect("it is JSON");
    let validator = jsonschema::draft4::new(&schema).expect("it is a schema");
    validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn the_specification_is_valid_openapi_3_0() {
    assert_eq!(document().root()["openapi"], "3.0.3");
    assert_eq!(errors(document().root()), [""; 0]);
}

#[test]
fn an_invalid_specification_is_detected() {
    let break_at = |pointer: &str, value: Value| {
        let mut broken = document().root().clone();
        *broken
            .pointer_mut(pointer)
            .unwrap_or_else(|| panic!("{pointer} is there")) = value;
        errors(&broken)
    };
    for (pointer, value) in [
        ("/openapi", json!("3.1.0")),
        ("/info", json!({ "title": "No version" })),
        ("/components/schemas/Batch/type", json!(["object", "null"])),
        ("/components/schemas/Batch/required", json!([])),
        ("/paths/~1orchestration~1batches/post/responses", json!({})),
        (
            "/paths/~1orchestration~1batches~1{uuid}/get/parameters/0/required",
            json!(false),
        ),
    ] {
        assert!(!break_at(pointer, value).is_empty(), "{pointer}");
    }
}

#[test]
fn the_specification_has_exactly_the_expected_operations() {
    let operations = Operation::all(document()).expect("it is sound");
    let found = operations
        .iter()
        .map(|found| [&*found.id, &*found.method, &*found.path].join(" "));
    pinned(
        OPERATIONS_ARE,
        found,
        OPERATIONS.map(|operation| operation.join(" ")),
    );
}

#[test]
fn only_what_makes_something_new_is_not_idempotent() {
    let operations = Operation::all(document()).expect("it is sound");
    let found = operations
        .iter()
        .filter(|operation| !operation.idempotent)
        .map(|found| &*found.id);
    pinned(
        concat!(file!(), ":", line!()),
        found,
        [
            "create_batch",
            "execute_action_batch",
            "create_run",
            "execute_action",
            "upload_file",
            "create_multipart_upload",
            "complete_multipart_upload",
        ],
    );
}

#[test]
fn waiters_and_paged_lists_are_declared() {
    let operations = Operation::all(document()).expect("it is sound");
    let ids = |has: fn(&Operation) -> bool| -> Vec<&str> {
        operations
            .iter()
            .filter(|operation| has(operation))
            .map(|found| &*found.id)
            .collect()
    };
    pinned(
        concat!(file!(), ":", line!()),
        ids(|operation| operation.waiter.is_some()),
        ["get_batch", "get_run"],
    );
    pinned(
        concat!(file!(), ":", line!()),
        ids(|operation| operation.pagination.is_some()),
        ["list_batches", "list_runs", "list_segment_changes"],
    );
}

#[test]
fn every_operation_needs_the_token_and_goes_to_the_api() {
    let root = document().root();
    assert_eq!(root["servers"][0]["url"], "https://api.getcargo.io/v1");
    assert_eq!(root["security"], json!([{ "bearerAuth": [] }]));
    assert_eq!(
        root["components"]["securitySchemes"]["bearerAuth"]["scheme"],
        "bearer"
    );
}

#[test]
fn the_types_that_other_code_relies_on_are_generated() {
    let names: Vec<&str> = generated()
        .types
        .iter()
        .map(|chunk| chunk.name.as_str())
        .collect();
    let missing: Vec<&str> = TYPES
        .split_whitespace()
        .filter(|name| !names.contains(name))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_unions_have_all_their_kinds() {
    for (name, kinds) in KINDS {
        let schema = document()
            .schema(name)
            .unwrap_or_else(|| panic!("{name} is there"));
        let mapping = schema["discriminator"]["mapping"]
            .as_object()
            .expect("it is a union");
        assert_eq!(
            mapping.len(),
            kinds,
            "{name}, whose kinds are counted at {KINDS_ARE}"
        );
    }
}
