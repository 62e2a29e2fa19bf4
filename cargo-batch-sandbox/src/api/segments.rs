//! Segments, and how they changed.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use cargo_batch_types::{ChangeKind, SegmentUuid};
use serde_json::{Value, json};

use super::query::Parameters;
use super::{ApiResult, id, page};
use crate::clock::{days_before, written};
use crate::fixtures::{Change, Segment};
use crate::refusal::Refusal;
use crate::state::App;

pub async fn list(State(app): State<App>) -> Json<Value> {
    let segments = app.catalog().segments.iter();
    let segments: Vec<Value> = segments.map(|segment| view(segment, &app)).collect();
    Json(json!({ "segments": segments }))
}

pub async fn get(State(app): State<App>, Path(uuid): Path<String>) -> ApiResult {
    let uuid: SegmentUuid = id(&uuid)?;
    let missing = || Refusal::missing(format!("There is no segment {uuid}."));
    let segment = app.catalog().segment(uuid).ok_or_else(missing)?;
    Ok(Json(json!({ "segment": view(segment, &app) })))
}

pub async fn changes(State(app): State<App>, RawQuery(query): RawQuery) -> ApiResult {
    let query = Parameters::read(query.as_deref());
    let segment: Option<SegmentUuid> = query.get("segmentUuid")?;
    let not_empty: Option<bool> = query.get("notEmpty")?;
    let kind: Option<String> = query.get("hasRecords")?;
    let kind = kind.as_deref().map(ChangeKind::from);
    let (limit, offset) = (query.whole("limit")?, query.whole("offset")?);
    let changes = app.catalog().changes.iter().filter(|change| {
        let changed = CHANGED.iter().any(|kind| change.count(kind) > 0);
        segment.is_none_or(|wanted| wanted == change.segment)
            && not_empty.is_none_or(|wanted| wanted == changed)
            && kind.as_ref().is_none_or(|kind| change.count(kind) > 0)
    });
    let changes: Vec<Value> = page(changes, limit, offset)
        .into_iter()
        .map(|change| {
            let mut view = counts(change);
            view["workspaceUuid"] = json!(app.fixtures().workspace_uuid);
            view["segmentUuid"] = json!(change.segment);
            view
        })
        .collect();
    Ok(Json(json!({ "changes": changes })))
}

/// What makes a change one that isn't empty.
const CHANGED: [ChangeKind; 3] = [ChangeKind::Added, ChangeKind::Updated, ChangeKind::Removed];

fn counts(change: &Change) -> Value {
    let count = |kind| change.count(&kind);
    let left = count(ChangeKind::Removed);
    let all: usize = ChangeKind::KNOWN.iter().cloned().map(count).sum();
    json!({
        "uuid": change.uuid,
        "slug": format!("change_{}", change.uuid.to_string().replace('-', "_")),
        "totalRecordsCount": all - left,
        "updatedRecordsCount": count(ChangeKind::Updated),
        "removedRecordsCount": left,
        "addedRecordsCount": count(ChangeKind::Added),
        "unchangedRecordsCount": count(ChangeKind::Unchanged),
        "createdAt": written(days_before(1)),
    })
}

fn view(segment: &Segment, app: &App) -> Value {
    let fixtures = app.fixtures();
    // A filter by id is the one that selects just these records.
    let ids: Vec<&Value> = segment
        .records
        .iter()
        .filter_map(|record| record.get("id"))
        .collect();
    let condition =
        json!({ "kind": "string", "columnSlug": "id", "operator": "is", "values": ids });
    let group = json!({ "conjonction": "and", "conditions": [condition] });
    json!({
        "uuid": segment.uuid,
        "workspaceUuid": fixtures.workspace_uuid,
        "userUuid": fixtures.user_uuid,
        "modelUuid": segment.model,
        "slug": segment.slug,
        "name": segment.name,
        "filter": { "conjonction": "and", "groups": [group] },
        "sort": null,
        "limit": null,
        "recordsCount": segment.records.len(),
        "fromPlay": segment.linked,
        "trackingColumnSlugs": null,
        "columnSlugs": null,
        "syncedAt": written(days_before(1)),
        "createdAt": written(days_before(90)),
        "updatedAt": written(days_before(1)),
        "deletedAt": null,
        "lastChange": app.catalog().latest_change(segment.uuid).map(counts),
    })
}
