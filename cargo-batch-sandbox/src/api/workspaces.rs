//! The workspace of the token.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::single::MOST_UNDER_WAY;
use crate::clock::{days_before, written};
use crate::state::App;

pub async fn current(State(app): State<App>) -> Json<Value> {
    Json(json!({ "workspace": {
        "uuid": app.fixtures().workspace_uuid,
        "name": "Sandbox",
        "maxConcurrentRuns": MOST_UNDER_WAY,
        "createdAt": written(days_before(180)),
        "updatedAt": written(days_before(90)),
    } }))
}
