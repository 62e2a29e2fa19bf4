//! Tools.

use axum::Json;
use axum::extract::{Path, State};
use cargo_batch_types::ToolUuid;
use serde_json::{Value, json};

use super::{ApiResult, id};
use crate::clock::{days_before, written};
use crate::fixtures::{Fixtures, Tool};
use crate::refusal::Refusal;
use crate::state::App;

pub async fn list(State(app): State<App>) -> Json<Value> {
    let tools = app.catalog().tools.iter();
    let tools: Vec<Value> = tools.map(|tool| view(tool, app.fixtures())).collect();
    Json(json!({ "tools": tools }))
}

pub async fn get(State(app): State<App>, Path(uuid): Path<String>) -> ApiResult {
    let uuid: ToolUuid = id(&uuid)?;
    let missing = || Refusal::reason("toolNotFound", format!("There is no tool {uuid}."));
    let tool = app.catalog().tool(uuid).ok_or_else(missing)?;
    Ok(Json(json!({ "tool": view(tool, app.fixtures()) })))
}

fn view(tool: &Tool, fixtures: &Fixtures) -> Value {
    json!({
        "uuid": tool.uuid,
        "icon": { "kind": "emoji", "emojiSlug": "mag" },
        "workspaceUuid": fixtures.workspace_uuid,
        "workflowUuid": tool.workflow,
        "userUuid": fixtures.user_uuid,
        "name": tool.name,
        "folderUuid": null,
        "creditsCost": { "kind": "minMax" },
        "description": tool.description,
        "isReadOnly": false,
        "triggers": [],
        "publicForm": null,
        "createdAt": written(days_before(90)),
        "updatedAt": written(days_before(30)),
        "deletedAt": null,
    })
}
