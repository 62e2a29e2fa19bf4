//! What there is before anybody has done anything.

mod catalog;
mod models;
mod releases;
mod workflows;

use cargo_batch_types::{
    AgentUuid, ChangeUuid, ConnectorUuid, ModelUuid, NodeUuid, PlayUuid, ReleaseUuid, SegmentUuid,
    ToolUuid, UserUuid, WorkflowUuid, WorkspaceUuid,
};
use serde::Serialize;
use uuid::Uuid;

pub(crate) use catalog::{Catalog, Change, Segment};
pub(crate) use models::Model;
pub(crate) use releases::{Release, action_graph};
pub(crate) use workflows::{Kind, Play, Tool};

/// The ids of a sandbox, the same for the same seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct World {
    /// The workspace that the token belongs to.
    pub workspace_uuid: WorkspaceUuid,
    /// A play: it takes segments, changes, schedules, filters and record ids.
    pub play_workflow_uuid: WorkflowUuid,
    /// A tool: it takes files, records and forms.
    pub tool_workflow_uuid: WorkflowUuid,
    /// The release that the tool has deployed: a start, a step that costs, an end. Its form asks for an `email`.
    pub release_uuid: ReleaseUuid,
    /// The model whose records the play works on.
    pub model_uuid: ModelUuid,
    /// A segment of that model that stands alone.
    pub segment_uuid: SegmentUuid,
    /// The segment the play keeps for itself, which it can't be started with.
    pub play_segment_uuid: SegmentUuid,
    /// A change of the play's own segment, with records of every kind of change.
    pub change_uuid: ChangeUuid,
    /// The ids of the model's records.
    pub record_ids: Vec<String>,
    /// The user that the token belongs to.
    pub user_uuid: UserUuid,
    /// An older release of the play, with a filter, a branch, a group and nodes of every kind.
    pub branching_release_uuid: ReleaseUuid,
    /// A draft of the tool, which nothing can be started with.
    pub draft_release_uuid: ReleaseUuid,
    /// A change of the segment that stands alone, in which records were only added.
    pub additions_change_uuid: ChangeUuid,
    /// A model of companies; every record of the play's model refers to one by `company_id`.
    pub company_model_uuid: ModelUuid,
    /// A model of events; every one refers to a record of the play's model by `contact_id`.
    pub event_model_uuid: ModelUuid,
    /// A segment of the companies, which the play doesn't work on.
    pub company_segment_uuid: SegmentUuid,
    /// A change of that segment, which the play doesn't fit.
    pub company_change_uuid: ChangeUuid,
    /// A segment whose records are kept where they can't be fetched from at present.
    pub unreachable_segment_uuid: SegmentUuid,
    /// A tool whose batches never start: the answer is `failedToStart`.
    pub broken_workflow_uuid: WorkflowUuid,
    /// A tool whose batches and runs start but can't be cancelled: the answer is `failedToStart`.
    pub unstoppable_workflow_uuid: WorkflowUuid,
    /// The tool as an action or a node names it.
    pub tool_uuid: ToolUuid,
    /// The tool that never starts, as an action names it.
    pub broken_tool_uuid: ToolUuid,
    /// An agent, as an action or a node names it.
    pub agent_uuid: AgentUuid,
    /// The connector that nodes without one of their own use.
    pub connector_uuid: ConnectorUuid,
    /// The template that actions and nodes can name in place of a tool or an agent.
    pub template_slug: String,
    /// The play itself, as `list_plays` names it.
    pub play_uuid: PlayUuid,
    /// The release that the play has deployed, which has no form.
    pub play_release_uuid: ReleaseUuid,
    /// A play that is not enabled and was never deployed.
    pub paused_play_uuid: PlayUuid,
    /// The workflow of that play, which nothing can be started with.
    pub paused_play_workflow_uuid: WorkflowUuid,
    /// The segment that it keeps for itself.
    pub paused_play_segment_uuid: SegmentUuid,
    /// The tool whose batches and runs can't be cancelled, as `list_tools` names it.
    pub unstoppable_tool_uuid: ToolUuid,
    /// The release of the tool that never starts.
    pub broken_release_uuid: ReleaseUuid,
    /// The release of the tool whose batches and runs can't be cancelled.
    pub unstoppable_release_uuid: ReleaseUuid,
    #[serde(skip)]
    pub(crate) node_uuids: Vec<NodeUuid>,
    #[serde(skip)]
    pub(crate) more_node_uuids: Vec<NodeUuid>,
}

/// How many ids of nodes the releases take.
const NODES: usize = 24;

/// How many more of them there are.
const MORE_NODES: usize = 9;

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut id = || random_uuid(&mut random);
        // The order of these lines decides which id is which: new ones go to the end.
        Self {
            workspace_uuid: id().into(),
            play_workflow_uuid: id().into(),
            tool_workflow_uuid: id().into(),
            release_uuid: id().into(),
            model_uuid: id().into(),
            segment_uuid: id().into(),
            play_segment_uuid: id().into(),
            change_uuid: id().into(),
            record_ids: (1..=models::CONTACTS).map(models::contact_id).collect(),
            user_uuid: id().into(),
            node_uuids: (0..NODES).map(|_| id().into()).collect(),
            branching_release_uuid: id().into(),
            draft_release_uuid: id().into(),
            additions_change_uuid: id().into(),
            company_model_uuid: id().into(),
            event_model_uuid: id().into(),
            company_segment_uuid: id().into(),
            company_change_uuid: id().into(),
            unreachable_segment_uuid: id().into(),
            broken_workflow_uuid: id().into(),
            unstoppable_workflow_uuid: id().into(),
            tool_uuid: id().into(),
            broken_tool_uuid: id().into(),
            agent_uuid: id().into(),
            connector_uuid: id().into(),
            template_slug: "enrich_contact".to_owned(),
            play_uuid: id().into(),
            play_release_uuid: id().into(),
            paused_play_uuid: id().into(),
            paused_play_workflow_uuid: id().into(),
            paused_play_segment_uuid: id().into(),
            unstoppable_tool_uuid: id().into(),
            broken_release_uuid: id().into(),
            unstoppable_release_uuid: id().into(),
            more_node_uuids: (0..MORE_NODES).map(|_| id().into()).collect(),
        }
    }
}

/// A version 4 uuid by chance.
pub(crate) fn random_uuid(random: &mut fastrand::Rng) -> Uuid {
    let mut bytes = random.u128(..).to_be_bytes();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Uuid::from_bytes(bytes)
}
