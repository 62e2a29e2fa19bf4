//! Single actions, on one record or on many.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use cargo_batch_types::{
    Action, ExecuteActionBatchRequest, ExecuteActionRequest, NodeKind, ToolUuid, WorkflowUuid,
};

use super::batches::{failed_to_start, start};
use super::single::{filled, start_alone};
use super::{ApiResult, read};
use crate::data::{form, shared};
use crate::fixtures::action_graph;
use crate::graph::Graph;
use crate::refusal::Refusal;
use crate::schedule::{Start, Way};
use crate::state::{App, NewBatch, Parent};

/// Actions that steer a run through a graph, and take no records themselves.
const STEERING: [&str; 5] = ["filter", "branch", "split", "switch", "group"];

pub async fn execute_batch(State(app): State<App>, body: Bytes) -> ApiResult {
    let request: ExecuteActionBatchRequest = read(&body)?;
    check(&app, &request.action, "invalidDataKind")?;
    if request.records.is_empty() {
        return Err(Refusal::data("noRecords", "records is empty."));
    }
    if let NodeKind::Tool(tool) = &request.action.kind
        && tool.tool_uuid == Some(app.fixtures().broken_tool_uuid)
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

pub async fn execute(State(app): State<App>, body: Bytes) -> ApiResult {
    let request: ExecuteActionRequest = read(&body)?;
    check(&app, &request.action, "invalidData")?;
    if let NodeKind::Tool(tool) = &request.action.kind
        && let Some(uuid) = tool.release_uuid
        && app
            .catalog()
            .release(uuid)
            .is_some_and(|release| app.catalog().is_of_play(release))
    {
        let message = format!("action: {uuid} is a release of a play, which only batches start.");
        return Err(Refusal::reason("playNotCompatible", message));
    }
    filled(&request.data, [])?;
    if let NodeKind::Tool(tool) = &request.action.kind
        && tool.tool_uuid == Some(app.fixtures().broken_tool_uuid)
    {
        return Err(failed_to_start());
    }
    let mut state = app.state();
    let uuids = [(); 3].map(|()| state.id().into());
    let graph = Graph::new(action_graph(&request.action, uuids))?;
    let workflow = WorkflowUuid::from(state.id());
    start_alone(
        &app,
        &mut state,
        workflow,
        (None, Arc::new(graph)),
        request.data,
    )
}

/// Whether the action is one that there is, and that takes records; `wrong_data` is the reason when it takes
/// none. The API only names the reasons; which action has which is the sandbox's choice.
fn check(app: &App, action: &Action, wrong_data: &'static str) -> Result<(), Refusal> {
    let fixtures = app.fixtures();
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
                return Err(Refusal::reason(wrong_data, message));
            }
            return Ok(());
        }
        NodeKind::Connector(_) => return Ok(()),
        NodeKind::Tool(tool) => {
            let known = |uuid: &ToolUuid| app.catalog().tool(*uuid).is_some();
            if let Some(uuid) = tool.tool_uuid.filter(|uuid| !known(uuid)) {
                return no_workflow(format!("tool {uuid}"));
            }
            let named = tool.template_slug.is_some() || tool.release_uuid.is_some();
            if tool.tool_uuid.is_none() && !named {
                let message = "action: a tool needs toolUuid, templateSlug or releaseUuid.";
                return Err(Refusal::unfit(message));
            }
            (&tool.template_slug, tool.release_uuid)
        }
        NodeKind::Agent(agent) => {
            if let Some(uuid) = agent.agent_uuid.filter(|uuid| *uuid != fixtures.agent_uuid) {
                return no_workflow(format!("agent {uuid}"));
            }
            let named = agent.template_slug.is_some() || agent.release_uuid.is_some();
            if agent.agent_uuid.is_none() && !named {
                let message = "action: an agent needs agentUuid, templateSlug or releaseUuid.";
                return Err(Refusal::unfit(message));
            }
            (&agent.template_slug, agent.release_uuid)
        }
        _ => {
            let message = "action: kind must be native, connector, tool or agent, with the fields of that kind.";
            return Err(Refusal::unfit(message));
        }
    };
    if let Some(slug) = template
        && *slug != fixtures.template_slug
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
