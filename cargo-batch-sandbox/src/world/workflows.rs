//! The workflows, and the tools and plays that they belong to.

use cargo_batch_types::{ModelUuid, PlayUuid, SegmentUuid, ToolUuid, WorkflowUuid};

use super::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Tied to a model.
    Play,
    /// Tied to nothing.
    Tool,
}

#[derive(Debug)]
pub struct Workflow {
    pub uuid: WorkflowUuid,
    pub kind: Kind,
    /// Its batches start.
    pub starts: bool,
    /// Its batches and runs can be cancelled.
    pub stops: bool,
}

#[derive(Debug)]
pub struct Tool {
    pub uuid: ToolUuid,
    pub name: &'static str,
    pub description: Option<&'static str>,
    pub workflow: WorkflowUuid,
}

#[derive(Debug)]
pub struct Play {
    pub uuid: PlayUuid,
    pub name: &'static str,
    pub description: Option<&'static str>,
    pub workflow: WorkflowUuid,
    pub model: ModelUuid,
    /// The segment that it keeps for itself.
    pub segment: SegmentUuid,
    /// When it is executed by itself, as a cron expression.
    pub cron: Option<&'static str>,
    pub enabled: bool,
}

pub fn workflows(world: &World) -> Vec<Workflow> {
    let workflow = |uuid, kind| Workflow {
        uuid,
        kind,
        starts: true,
        stops: true,
    };
    vec![
        workflow(world.play_workflow_uuid, Kind::Play),
        workflow(world.tool_workflow_uuid, Kind::Tool),
        Workflow {
            starts: false,
            ..workflow(world.broken_workflow_uuid, Kind::Tool)
        },
        Workflow {
            stops: false,
            ..workflow(world.unstoppable_workflow_uuid, Kind::Tool)
        },
        workflow(world.paused_play_workflow_uuid, Kind::Play),
    ]
}

/// Two of them have the same name: the API doesn't say that it can't be.
pub fn tools(world: &World) -> Vec<Tool> {
    vec![
        Tool {
            uuid: world.tool_uuid,
            name: "Enrich lead",
            description: Some("Finds what is known of a lead by its email."),
            workflow: world.tool_workflow_uuid,
        },
        Tool {
            uuid: world.broken_tool_uuid,
            name: "Score lead",
            description: Some("Never starts."),
            workflow: world.broken_workflow_uuid,
        },
        Tool {
            uuid: world.unstoppable_tool_uuid,
            name: "Score lead",
            description: None,
            workflow: world.unstoppable_workflow_uuid,
        },
    ]
}

pub fn plays(world: &World) -> Vec<Play> {
    vec![
        Play {
            uuid: world.play_uuid,
            name: "Route contacts",
            description: Some("Works on every third contact."),
            workflow: world.play_workflow_uuid,
            model: world.model_uuid,
            segment: world.play_segment_uuid,
            cron: Some("0 6 * * *"),
            enabled: true,
        },
        Play {
            uuid: world.paused_play_uuid,
            name: "Route contacts by country",
            description: None,
            workflow: world.paused_play_workflow_uuid,
            model: world.model_uuid,
            segment: world.paused_play_segment_uuid,
            cron: None,
            enabled: false,
        },
    ]
}
