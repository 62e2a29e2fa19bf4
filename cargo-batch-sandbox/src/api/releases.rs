//! Releases.

use axum::Json;
use axum::extract::{Path, State};
use cargo_batch_types::ReleaseUuid;
use serde_json::json;

use super::{Answer, id};
use crate::refusal::Refusal;
use crate::state::App;

pub async fn get(State(app): State<App>, Path(uuid): Path<String>) -> Answer {
    let uuid: ReleaseUuid = id(&uuid)?;
    let release = app.catalog().release(uuid);
    let release =
        release.ok_or_else(|| Refusal::missing(format!("There is no release {uuid}.")))?;
    Ok(Json(json!({ "release": {
        "uuid": release.uuid,
        "workflowUuid": release.workflow,
        "nodes": release.graph.nodes(),
        "version": release.version,
        "status": release.status,
    } })))
}
