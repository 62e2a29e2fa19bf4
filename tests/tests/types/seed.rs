//! The example that this project began with, sent and read as it stands.

use std::collections::BTreeMap;

use cargo_batch_tests::fixture;
use cargo_batch_types::{
    BatchData, BatchRunsStatus, BatchStatus, CreateBatchData, CreateBatchRequest,
    CreateBatchResponse, NodeKind, SegmentUuid, WorkflowUuid, from_json,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

/// The example with a value of the right form in place of each `<string>`.
fn filled(name: &str) -> Value {
    let mut json = serde_json::from_str(&fixture(&format!("seed/{name}"))).expect("it is JSON");
    fill("", &mut json);
    json
}

fn fill(key: &str, value: &mut Value) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| fill(key, value)),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(key, item)),
        Value::String(text) if text == "<string>" => *text = value_for(key),
        _ => {}
    }
}

/// The form of a field can be told from its name. Each uuid is another, so that none can be mixed up.
fn value_for(key: &str) -> String {
    match key {
        // The example names no kind, but beside a `segmentUuid` it can only be this.
        "kind" => "segment".to_owned(),
        "createdAt" => "2026-01-02T03:04:05Z".to_owned(),
        "updatedAt" => "2026-01-02T03:05:06.789Z".to_owned(),
        "finishedAt" => "2026-01-02T04:00:00Z".to_owned(),
        _ if key == "uuid" || key.ends_with("Uuid") || key.ends_with("Uuids") => {
            uuid(key).to_string()
        }
        _ => format!("some {key}"),
    }
}

fn uuid(key: &str) -> Uuid {
    let known = [
        "uuid",
        "workspaceUuid",
        "workflowUuid",
        "releaseUuid",
        "segmentUuid",
        "childrenUuids",
        "fallbackChildUuid",
    ];
    let numbers: BTreeMap<&str, u128> = known.into_iter().zip(1..).collect();
    Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e000 + numbers[key])
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().expect("it is RFC 3339")
}

#[test]
fn the_seed_examples_need_no_changes() {
    for name in ["create-batch.request.json", "create-batch.response.json"] {
        assert!(fixture(&format!("seed/{name}")).contains("<string>"));
        assert!(!filled(name).to_string().contains("<string>"));
    }
}

#[test]
fn the_request_is_what_the_constructors_write() {
    let workflow = WorkflowUuid::from(uuid("workflowUuid"));
    let segment = SegmentUuid::from(uuid("segmentUuid"));
    let request = CreateBatchRequest::new(CreateBatchData::segment(segment)).workflow(workflow);
    assert_eq!(
        serde_json::to_value(&request).unwrap(),
        filled("create-batch.request.json")
    );
}

#[test]
fn the_request_is_read_back() {
    let json = filled("create-batch.request.json");
    let request: CreateBatchRequest = from_json(json.to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(&request).unwrap(), json);
}

#[test]
fn the_response_is_read_field_by_field() {
    let json = filled("create-batch.response.json");
    let CreateBatchResponse { batch, .. } = from_json(json.to_string().as_bytes()).unwrap();

    assert_eq!(batch.uuid, uuid("uuid").into());
    assert_eq!(batch.workspace_uuid, uuid("workspaceUuid").into());
    assert_eq!(batch.workflow_uuid, uuid("workflowUuid").into());
    assert_eq!(batch.release_uuid, Some(uuid("releaseUuid").into()));
    assert_eq!(batch.user_uuid, None);
    assert_eq!(batch.trace_uuid, None);
    assert_eq!(batch.temporal_workflow_id, "some temporalWorkflowId");
    assert_eq!(batch.error_message.as_deref(), Some("some errorMessage"));
    assert_eq!(batch.status, BatchStatus::Pending);
    assert!(!batch.status.is_terminal());
    assert_eq!(batch.runs_status, Some(BatchRunsStatus::Healthy));
    assert_eq!(batch.runs_count, 123);
    assert_eq!(batch.executed_runs_count, 123);
    assert_eq!(batch.failed_runs_count, 123);
    assert_eq!(batch.credits_used_count, 123.0);
    assert_eq!(batch.created_at, moment("2026-01-02T03:04:05Z"));
    assert_eq!(batch.updated_at, moment("2026-01-02T03:05:06.789Z"));
    assert_eq!(batch.finished_at, Some(moment("2026-01-02T04:00:00Z")));

    let BatchData::Segment(data) = &batch.data else {
        panic!("{:?}", batch.data)
    };
    assert_eq!(data.segment_uuid, uuid("segmentUuid").into());

    let [node] = batch.nodes.as_deref().unwrap() else {
        panic!("{:?}", batch.nodes)
    };
    assert_eq!(node.uuid, uuid("uuid").into());
    assert_eq!(node.slug, "some slug");
    assert!(node.config.is_empty());
    assert_eq!(node.children_uuids, [Some(uuid("childrenUuids").into())]);
    assert!(node.fallback_on_failure);
    assert_eq!((node.position.x, node.position.y), (123.0, 123.0));
    assert_eq!(node.name.as_deref(), Some("some name"));
    assert_eq!(node.description.as_deref(), Some("some description"));
    assert_eq!(
        node.fallback_child_uuid,
        Some(uuid("fallbackChildUuid").into())
    );
    let retry = node.retry.as_ref().unwrap();
    assert_eq!(retry.maximum_attempts, Some(123));
    assert_eq!(retry.initial_interval, Some(123.0));
    assert_eq!(retry.backoff_coefficient, Some(123.0));
    let NodeKind::Native(native) = &node.kind else {
        panic!("{:?}", node.kind)
    };
    assert_eq!(native.action_slug, "some actionSlug");
}

#[test]
fn the_response_is_written_back_as_it_came() {
    let json = filled("create-batch.response.json");
    let response: CreateBatchResponse = from_json(json.to_string().as_bytes()).unwrap();
    // JSON has one kind of number: a float's 123.0 is the example's 123.
    assert_eq!(
        numbers(serde_json::to_value(&response).unwrap()),
        numbers(json)
    );
}

/// As it stands but for what can't be read otherwise: an unfilled kind is an unknown one.
#[test]
fn the_placeholder_of_the_kind_is_an_unknown_kind() {
    let mut json = filled("create-batch.response.json");
    json["batch"]["data"]["kind"] = json!("<string>");
    let response: CreateBatchResponse = from_json(json.to_string().as_bytes()).unwrap();
    assert!(matches!(response.batch.data, BatchData::Unknown(_)));
    assert_eq!(response.batch.data.tag(), "<string>");
    assert_eq!(
        serde_json::to_value(&response.batch.data).unwrap(),
        json["batch"]["data"]
    );
}

fn numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(numbers).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, numbers(value)))
            .collect(),
        other => other,
    }
}
