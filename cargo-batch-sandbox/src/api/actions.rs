//! Single actions on many records.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use cargo_batch_types::{Action, ExecuteActionBatchRequest, NodeKind, WorkflowUuid};

use super::batches::{failed_to_start, start};
use super::{Answer, read};
use crate::data::{form, shared};
use crate::graph::Graph;
use crate::plan::{Start, Way};
use crate::refusal::Refusal;
use crate::state::{App, NewBatch, Parent};
use crate::world::action_graph;

/// Actions that steer a run through a graph, and take no records themselves.
const STEERING: [&str; 5] = ["filter", "branch", "split", "switch", "group"];

pub async fn execute(State(app): State<App>, body: Bytes) -> Answer {
    let request: ExecuteActionBatchRequest = read(&body)?;
    check(&app, &request.action)?;
    if request.records.is_empty() {
        return Err(Refusal::data("noRecords", "records is empty."));
    }
    if let NodeKind::Tool(tool) = &request.action.kind
        && tool.tool_uuid == Some(app.world().broken_tool_uuid)
    {
        return Err(failed_to_start());
    }
    let mut state = app.state();
    let uuids = [(); 3].map(|()| state.id().into());
    let graph = Graph::new(action_graph(&request.action, uuids))?;
    let first = Start::At(graph.start());
    let webhook = (
        request.webhook_url.as_ref(),
        request.webhook_secret.as_ref(),
    );
    let parent = Parent::default();
    let data = form(&mut state, &request.records, parent, Some(webhook))?;
    let records = shared(&request.records).into_iter();
    let new = NewBatch {
        workflow: WorkflowUuid::from(state.id()),
        release: None,
        graph: Arc::new(graph),
        created: app.now(),
        data,
        parent,
        way: Way::Query,
        records: records.map(|record| (record, first)).collect(),
    };
    start(&app, &mut state, new)
}

/// Whether the action is one that there is, and that takes records. The API only names the reasons;
/// which action has which is the sandbox's choice.
fn check(app: &App, action: &Action) -> Result<(), Refusal> {
    let world = app.world();
    let no_workflow = |what: String| {
        let message = format!("action: there is no {what}.");
        Err(Refusal::reason("workflowNotFound", message))
    };
    let (template, release) = match &action.kind {
        NodeKind::Native(native) => {
            let slug = native.action_slug.as_str();
            if ["start", "end"].contains(&slug) {
                let message = format!("action: {slug} is no node that a graph could run.");
                return Err(Refusal::reason("rootNodeNotFound", message));
            }
            if STEERING.contains(&slug) {
                let message = format!("action: {slug} steers a run, and takes no records.");
                return Err(Refusal::reason("invalidDataKind", message));
            }
            return Ok(());
        }
        NodeKind::Connector(_) => return Ok(()),
        NodeKind::Tool(tool) => {
            let known = [world.tool_uuid, world.broken_tool_uuid];
            if let Some(uuid) = tool.tool_uuid.filter(|uuid| !known.contains(uuid)) {
                return no_workflow(format!("tool {uuid}"));
            }
            if tool.tool_uuid.is_none() && tool.template_slug.is_none() {
                let message = "action: a tool needs toolUuid or templateSlug.";
                return Err(Refusal::unfit(message));
            }
            (&tool.template_slug, tool.release_uuid)
        }
        NodeKind::Agent(agent) => {
            if let Some(uuid) = agent.agent_uuid.filter(|uuid| *uuid != world.agent_uuid) {
                return no_workflow(format!("agent {uuid}"));
            }
            if agent.agent_uuid.is_none() && agent.template_slug.is_none() {
                let message = "action: an agent needs agentUuid or templateSlug.";
                return Err(Refusal::unfit(message));
            }
            (&agent.template_slug, agent.release_uuid)
        }
        _ => {
            let message = "action: kind must be native, connector, tool or agent, with the members of that kind.";
            return Err(Refusal::unfit(message));
        }
    };
    if let Some(slug) = template
        && *slug != world.template_slug
    {
        let message = format!("action: there is no template {slug:?}.");
        return Err(Refusal::reason("nodesNotFound", message));
    }
    match release {
        Some(uuid)
            if app
                .catalog()
                .release(uuid)
                .is_none_or(|known| known.usable.is_empty()) =>
        {
            let message = format!("action: there is no release {uuid} that could be executed.");
            Err(Refusal::reason("invalidReleaseOrCustomNodes", message))
        }
        _ => Ok(()),
    }
}
