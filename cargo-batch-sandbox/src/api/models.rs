//! Models.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::clock::{days_before, written};
use crate::data::column;
use crate::fixtures::Model;
use crate::state::App;

pub async fn list(State(app): State<App>) -> Json<Value> {
    let models = app.catalog().models.iter();
    let models: Vec<Value> = models.map(|model| view(model, &app)).collect();
    Json(json!({ "models": models }))
}

fn view(model: &Model, app: &App) -> Value {
    let catalog = app.catalog();
    let columns = model.columns.iter().map(|(slug, kind)| {
        let mut column = column(slug, kind);
        column["kind"] = "original".into();
        column["originalSlug"] = (*slug).into();
        column
    });
    let plays = catalog.plays.iter().filter(|play| play.model == model.uuid);
    let segments = catalog
        .segments
        .iter()
        .filter(|segment| segment.model == model.uuid);
    let dates = model.columns.iter().filter(|(_, kind)| *kind == "date");
    json!({
        "uuid": model.uuid,
        "workspaceUuid": app.fixtures().workspace_uuid,
        "slug": model.slug,
        "name": model.name,
        "description": null,
        "kind": "native",
        "schedule": null,
        "columns": columns.collect::<Vec<_>>(),
        "additionalColumns": [],
        "idColumnSlug": "id",
        "titleColumnSlug": model.title_column(),
        "timeColumnSlug": dates.map(|(slug, _)| *slug).next(),
        "folderUuid": null,
        "playsCount": plays.count(),
        "segmentsCount": segments.count(),
        "isPaused": false,
        "createdAt": written(days_before(90)),
        "updatedAt": written(days_before(30)),
        "deletedAt": null,
    })
}
