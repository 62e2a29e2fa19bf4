//! The sandbox seen from outside: `/sandbox/…`, beside the API and without its token.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cargo_batch_types::from_json;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::clock::written;
use crate::faults::{FaultPlan, InvalidPlan};
use crate::front::Front;
use crate::rejection::Rejection;
use crate::settings::Settings;

type Answer = Result<Json<Value>, Rejection>;

pub fn routes(front: Arc<Front>) -> Router {
    Router::new()
        .route("/sandbox/world", get(world))
        .route("/sandbox/requests", get(requests).delete(forget))
        .route("/sandbox/batches", get(batches))
        .route(
            "/sandbox/faults",
            get(faults).post(set_faults).delete(clear_faults),
        )
        .route("/sandbox/violations", get(violations))
        .route("/sandbox/advance", post(advance))
        .route("/sandbox/settings", get(settings).post(set_settings))
        .fallback(unknown)
        .method_not_allowed_fallback(other_method)
        .with_state(front)
}

async fn unknown(request: Request) -> Rejection {
    Rejection::unknown(request.uri().path())
}

/// The router itself adds which methods there are.
async fn other_method(request: Request) -> Response {
    let message = format!(
        "{} isn't asked with {}.",
        request.uri().path(),
        request.method()
    );
    let mut answer = Rejection::malformed(message).into_response();
    *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    answer
}

/// The ids there are, and how to get at them.
async fn world(State(front): State<Arc<Front>>, headers: HeaderMap) -> Json<Value> {
    let mut world = serde_json::to_value(front.app.world()).unwrap_or_default();
    world["token"] = front.token().into();
    world["baseUrl"] = front.reachable(&front.base_url, &headers).into();
    world["storageUrl"] = front.reachable(front.app.storage_url(), &headers).into();
    world["now"] = written(front.app.now()).into();
    Json(world)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    /// The number of the first request that is wanted.
    #[serde(default)]
    since: u64,
}

async fn requests(State(front): State<Arc<Front>>, request: Request) -> Answer {
    let Query(Since { since }) = Query::try_from_uri(request.uri()).map_err(|_| {
        Rejection::malformed("the only parameter in the query is since, a number from which on")
    })?;
    let log = front.log();
    let requests: Vec<_> = log.from(since).collect();
    Ok(Json(json!({ "total": log.total(), "requests": requests })))
}

async fn forget(State(front): State<Arc<Front>>) -> Json<Value> {
    front.log().clear();
    Json(json!({}))
}

async fn batches(State(front): State<Arc<Front>>) -> Json<Value> {
    let created = front.all_created();
    let total: u64 = created.iter().map(|created| created.count).sum();
    let repeated = created.iter().filter(|created| created.count > 1).count();
    Json(json!({
        "total": total,
        "distinct": created.len(),
        "repeated": repeated,
        "created": created,
        "batchUuids": front.created_batches(),
    }))
}

/// The plan in force: its seed, and its rules with what they have seen and hit.
async fn faults(State(front): State<Arc<Front>>) -> Json<Value> {
    let armed = front.faults();
    Json(json!({ "seed": armed.seed(), "rules": armed.rules() }))
}

async fn set_faults(State(front): State<Arc<Front>>, body: String) -> Answer {
    let wrong = |error: InvalidPlan| Rejection::malformed(error.to_string());
    let plan = FaultPlan::from_json(&body).map_err(wrong)?;
    front.arm(plan).await.map_err(wrong)?;
    Ok(faults(State(front)).await)
}

async fn clear_faults(State(front): State<Arc<Front>>) -> Answer {
    let wrong = |error: InvalidPlan| Rejection::malformed(error.to_string());
    front.arm(FaultPlan::new()).await.map_err(wrong)?;
    Ok(faults(State(front)).await)
}

async fn violations(State(front): State<Arc<Front>>) -> Json<Value> {
    Json(json!({ "violations": front.violations() }))
}

async fn settings(State(front): State<Arc<Front>>) -> Json<Settings> {
    Json(front.app.state().settings.clone())
}

/// Changes the settings that are given.
async fn set_settings(State(front): State<Arc<Front>>, body: Bytes) -> Result<Response, Rejection> {
    let malformed = |error: cargo_batch_types::DecodeError| Rejection::malformed(error.to_string());
    let given: Map<String, Value> = from_json(&body).map_err(malformed)?;
    let before = front.app.state().settings.clone();
    let mut all = serde_json::to_value(before).unwrap_or_default();
    for (name, value) in given {
        all[name] = value;
    }
    let new: Settings = from_json(all.to_string().as_bytes()).map_err(malformed)?;
    front.app.state().settings = new;
    Ok(settings(State(front)).await.into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

async fn advance(State(front): State<Arc<Front>>, body: Bytes) -> Answer {
    let Advance { seconds } =
        from_json(&body).map_err(|error| Rejection::malformed(error.to_string()))?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|_| {
        Rejection::malformed(format!("seconds: {seconds} is not a number from 0 on"))
    })?;
    front.app.advance(time);
    Ok(Json(json!({ "now": written(front.app.now()) })))
}
