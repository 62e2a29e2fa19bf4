//! Plays.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use cargo_batch_types::{ModelUuid, PlayUuid, SegmentUuid};
use serde_json::{Value, json};

use super::query::Parameters;
use super::{ApiResult, id};
use crate::clock::{days_before, written};
use crate::fixtures::{Fixtures, Play};
use crate::refusal::Refusal;
use crate::state::App;

pub async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> ApiResult {
    let query = Parameters::read(query.as_deref());
    let enabled: Option<bool> = query.get("isEnabled")?;
    let model: Option<ModelUuid> = query.get("modelUuid")?;
    let segment: Option<SegmentUuid> = query.get("segmentUuid")?;
    let schedule: Option<String> = query.get("scheduleType")?;
    let plays = app.catalog().plays.iter().filter(|play| {
        enabled.is_none_or(|wanted| wanted == play.enabled)
            && model.is_none_or(|wanted| wanted == play.model)
            && segment.is_none_or(|wanted| wanted == play.segment)
            && schedule
                .as_ref()
                .is_none_or(|wanted| wanted == "cron" && play.cron.is_some())
    });
    let plays: Vec<Value> = plays.map(|play| view(play, app.fixtures())).collect();
    Ok(Json(json!({ "plays": plays })))
}

pub async fn get(State(app): State<App>, Path(uuid): Path<String>) -> ApiResult {
    let uuid: PlayUuid = id(&uuid)?;
    let missing = || Refusal::reason("playNotFound", format!("There is no play {uuid}."));
    let play = app.catalog().play(uuid).ok_or_else(missing)?;
    Ok(Json(json!({ "play": view(play, app.fixtures()) })))
}

fn view(play: &Play, fixtures: &Fixtures) -> Value {
    let schedule = play.cron.map(|cron| {
        let workflow = format!("schedule-{}", play.uuid);
        json!({ "type": "cron", "cron": cron, "temporalScheduleWorkflowId": workflow })
    });
    json!({
        "uuid": play.uuid,
        "workspaceUuid": fixtures.workspace_uuid,
        "workflowUuid": play.workflow,
        "userUuid": fixtures.user_uuid,
        "modelUuid": play.model,
        "segmentUuid": play.segment,
        "changeKinds": ["added", "updated"],
        "runCreationRule": "always",
        "name": play.name,
        "description": play.description,
        "schedule": schedule,
        "isEnabled": play.enabled,
        "healthThreshold": 80,
        "healthAlertActions": [],
        "folderUuid": null,
        "createdAt": written(days_before(90)),
        "updatedAt": written(days_before(30)),
        "deletedAt": null,
    })
}
