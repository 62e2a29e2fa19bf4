//! The same batches as hand-written structs: closed enums, which fail for an unknown value.

use cargo_batch_client::types::{AgentUuid, ChatUuid, MessageUuid};
use cargo_batch_client::types::{
    BatchUuid, ChangeKind, ChangeUuid, ConnectorUuid, Filter, ModelUuid, NodeUuid, ReleaseUuid,
    RunUuid, RunsFilter, RunsReset, SegmentUuid, Sort, ToolUuid, TraceUuid, UserUuid, WorkflowUuid,
    WorkspaceUuid,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
pub struct List {
    pub batches: Vec<Batch>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    pub uuid: BatchUuid,
    pub workspace_uuid: WorkspaceUuid,
    pub workflow_uuid: WorkflowUuid,
    pub user_uuid: Option<UserUuid>,
    pub release_uuid: Option<ReleaseUuid>,
    pub nodes: Option<Vec<Node>>,
    pub temporal_workflow_id: String,
    pub trace_uuid: Option<TraceUuid>,
    pub data: Data,
    pub error_message: Option<String>,
    pub status: Status,
    pub runs_status: Option<RunsStatus>,
    pub runs_count: u64,
    pub executed_runs_count: u64,
    pub failed_runs_count: u64,
    pub credits_used_count: f64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    Pending,
    Syncing,
    Skipped,
    Querying,
    Running,
    Success,
    Cancelling,
    Error,
    Cancelled,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunsStatus {
    Healthy,
    Unhealthy,
}

#[derive(Debug, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Data {
    Segment {
        segment_uuid: SegmentUuid,
    },
    Change {
        change_uuid: ChangeUuid,
        change_kinds: Vec<ChangeKind>,
        segment_uuid: SegmentUuid,
    },
    Filter {
        model_uuid: ModelUuid,
        filter: Option<Filter>,
        sort: Option<Vec<Sort>>,
        limit: Option<u64>,
    },
    RecordIds {
        model_uuid: ModelUuid,
        ids: Vec<String>,
    },
    WatchedRecords {
        model_uuid: ModelUuid,
        change_kinds: Vec<ChangeKind>,
        s3_filename: String,
        filter: Option<Filter>,
        meta: Option<Map<String, Value>>,
    },
    Records {
        s3_filename: String,
    },
    File {
        s3_filename: String,
        mappings: Option<std::collections::BTreeMap<String, String>>,
    },
    Runs {
        filter: RunsFilter,
        reset: RunsReset,
    },
    Group {
        s3_filename: String,
        parent_run_uuid: RunUuid,
        parent_node_uuid: NodeUuid,
        parent_batch_uuid: Option<BatchUuid>,
    },
    Schedule {
        model_uuid: ModelUuid,
        segment_uuid: SegmentUuid,
        change_kinds: Vec<ChangeKind>,
        change_uuid: Option<ChangeUuid>,
        skip: Option<bool>,
        total_records_count: Option<u64>,
        updated_records_count: Option<u64>,
        removed_records_count: Option<u64>,
        added_records_count: Option<u64>,
        unchanged_records_count: Option<u64>,
    },
    Form {
        s3_filename: String,
        webhook_url: Option<String>,
        parent_run_uuid: Option<RunUuid>,
        parent_node_uuid: Option<NodeUuid>,
        parent_batch_uuid: Option<BatchUuid>,
        parent_agent_uuid: Option<AgentUuid>,
        parent_chat_uuid: Option<ChatUuid>,
        parent_message_uuid: Option<MessageUuid>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    pub uuid: NodeUuid,
    pub slug: String,
    pub config: Map<String, Value>,
    pub children_uuids: Vec<Option<NodeUuid>>,
    pub fallback_on_failure: bool,
    pub position: Position,
    pub name: Option<String>,
    pub description: Option<String>,
    pub retry: Option<Retry>,
    pub fallback_child_uuid: Option<NodeUuid>,
    #[serde(flatten)]
    pub kind: Kind,
}

#[derive(Debug, Deserialize)]
pub struct Position {
    pub x: f64,
    pub y: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    pub maximum_attempts: Option<u64>,
    pub initial_interval: Option<f64>,
    pub backoff_coefficient: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Kind {
    Native {
        action_slug: String,
    },
    Connector {
        integration_slug: String,
        action_slug: String,
        connector_uuid: Option<ConnectorUuid>,
    },
    Tool {
        tool_uuid: Option<ToolUuid>,
        template_slug: Option<String>,
        release_uuid: Option<ReleaseUuid>,
        wait_until_finished: Option<bool>,
    },
    Agent {
        agent_uuid: Option<AgentUuid>,
        template_slug: Option<String>,
        release_uuid: Option<ReleaseUuid>,
        wait_until_finished: Option<bool>,
    },
}
