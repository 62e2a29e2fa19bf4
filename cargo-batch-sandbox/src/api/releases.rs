//! Releases.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use cargo_batch_types::{ReleaseUuid, WorkflowUuid};
use serde_json::{Value, json};

use super::query::Parameters;
use super::{ApiResult, id};
use crate::clock::{days_before, written};
use crate::fixtures::{Fixtures, Release};
use crate::refusal::Refusal;
use crate::state::App;

pub async fn get(State(app): State<App>, Path(uuid): Path<String>) -> ApiResult {
    let uuid: ReleaseUuid = id(&uuid)?;
    let release = app.catalog().release(uuid);
    let release =
        release.ok_or_else(|| Refusal::missing(format!("There is no release {uuid}.")))?;
    Ok(Json(json!({ "release": view(release, app.fixtures()) })))
}

pub async fn deployed(State(app): State<App>, RawQuery(query): RawQuery) -> ApiResult {
    let query = Parameters::read(query.as_deref());
    let workflow: Option<WorkflowUuid> = query.get("workflowUuid")?;
    let release = workflow.and_then(|uuid| app.catalog().deployed(uuid));
    let missing = || Refusal::reason("releaseNotFound", "The workflow has no deployed release.");
    let release = release.ok_or_else(missing)?;
    Ok(Json(json!({ "release": view(release, app.fixtures()) })))
}

fn view(release: &Release, fixtures: &Fixtures) -> Value {
    let deployed = (release.status != "draft").then(|| written(days_before(60)));
    json!({
        "uuid": release.uuid,
        "parentUuid": null,
        "workspaceUuid": fixtures.workspace_uuid,
        "userUuid": fixtures.user_uuid,
        "workflowUuid": release.workflow,
        "description": null,
        "version": release.version,
        "status": release.status,
        "templateSlug": null,
        "nodes": release.graph.nodes(),
        "formFields": release.form,
        "testRecords": [],
        "deployedAt": deployed,
        "createdAt": written(days_before(90)),
        "updatedAt": written(days_before(60)),
        "deletedAt": null,
    })
}
