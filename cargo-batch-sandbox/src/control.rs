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
use crate::middleware::Middleware;
use crate::rejection::Rejection;
use crate::settings::Settings;

type ApiResult = Result<Json<Value>, Rejection>;

pub fn routes(middleware: Arc<Middleware>) -> Router {
    Router::new()
        .route("/sandbox/world", get(fixtures))
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
        .with_state(middleware)
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
    let mut response = Rejection::malformed(message).into_response();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// The ids there are, and how to get at them.
async fn fixtures(State(middleware): State<Arc<Middleware>>, headers: HeaderMap) -> Json<Value> {
    let mut fixtures = serde_json::to_value(middleware.app.fixtures()).unwrap_or_default();
    fixtures["token"] = middleware.token().into();
    fixtures["baseUrl"] = middleware.reachable(&middleware.base_url, &headers).into();
    fixtures["storageUrl"] = middleware
        .reachable(middleware.app.storage_url(), &headers)
        .into();
    fixtures["now"] = written(middleware.app.now()).into();
    Json(fixtures)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    /// The number of the first request that is wanted.
    #[serde(default)]
    since: u64,
}

async fn requests(State(middleware): State<Arc<Middleware>>, request: Request) -> ApiResult {
    let Query(Since { since }) = Query::try_from_uri(request.uri()).map_err(|_| {
        Rejection::malformed("the only parameter in the query is since, a number from which on")
    })?;
    let log = middleware.log();
    let requests: Vec<_> = log.from(since).collect();
    Ok(Json(json!({ "total": log.total(), "requests": requests })))
}

async fn forget(State(middleware): State<Arc<Middleware>>) -> Json<Value> {
    middleware.log().clear();
    Json(json!({}))
}

async fn batches(State(middleware): State<Arc<Middleware>>) -> Json<Value> {
    let created = middleware.all_created();
    let total: u64 = created.iter().map(|created| created.count).sum();
    let repeated = created.iter().filter(|created| created.count > 1).count();
    Json(json!({
        "total": total,
        "distinct": created.len(),
        "repeated": repeated,
        "created": created,
        "batchUuids": middleware.created_batches(),
    }))
}

/// The plan in force: its seed, and its rules with what they have seen and hit.
async fn faults(State(middleware): State<Arc<Middleware>>) -> Json<Value> {
    let armed = middleware.faults();
    Json(json!({ "seed": armed.seed(), "rules": armed.rules() }))
}

async fn set_faults(State(middleware): State<Arc<Middleware>>, body: String) -> ApiResult {
    let wrong = |error: InvalidPlan| Rejection::malformed(error.to_string());
    let plan = FaultPlan::from_json(&body).map_err(wrong)?;
    middleware.arm(plan).await.map_err(wrong)?;
    Ok(faults(State(middleware)).await)
}

async fn clear_faults(State(middleware): State<Arc<Middleware>>) -> ApiResult {
    let wrong = |error: InvalidPlan| Rejection::malformed(error.to_string());
    middleware.arm(FaultPlan::new()).await.map_err(wrong)?;
    Ok(faults(State(middleware)).await)
}

async fn violations(State(middleware): State<Arc<Middleware>>) -> Json<Value> {
    Json(json!({ "violations": middleware.violations() }))
}

async fn settings(State(middleware): State<Arc<Middleware>>) -> Json<Settings> {
    Json(middleware.app.state().settings.clone())
}

/// Changes the settings that are given.
async fn set_settings(
    State(middleware): State<Arc<Middleware>>,
    body: Bytes,
) -> Result<Response, Rejection> {
    let malformed = |error: cargo_batch_types::DecodeError| Rejection::malformed(error.to_string());
    let given: Map<String, Value> = from_json(&body).map_err(malformed)?;
    let before = middleware.app.state().settings.clone();
    let mut all = serde_json::to_value(before).unwrap_or_default();
    for (name, value) in given {
        all[name] = value;
    }
    let new: Settings = from_json(all.to_string().as_bytes()).map_err(malformed)?;
    middleware.app.state().settings = new;
    Ok(settings(State(middleware)).await.into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

async fn advance(State(middleware): State<Arc<Middleware>>, body: Bytes) -> ApiResult {
    let Advance { seconds } =
        from_json(&body).map_err(|error| Rejection::malformed(error.to_string()))?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|_| {
        Rejection::malformed(format!("seconds: {seconds} is not a number from 0 on"))
    })?;
    middleware.app.advance(time);
    Ok(Json(json!({ "now": written(middleware.app.now()) })))
}
