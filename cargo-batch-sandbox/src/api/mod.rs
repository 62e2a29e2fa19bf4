//! The operations.

mod actions;
mod batch_list;
mod batches;
mod billing;
mod exports;
mod files;
mod models;
mod plays;
mod query;
mod releases;
mod runs;
mod segments;
mod single;
mod tools;
mod workspaces;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cargo_batch_types::from_json;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::refusal::Refusal;
use crate::state::App;

/// What an operation responds with.
type ApiResult = Result<Json<Value>, Refusal>;

/// The largest body that the API takes, in bytes.
const LARGEST_BODY: usize = 64 << 20;

pub fn routes(app: App) -> Router {
    let orchestration = Router::new()
        .route("/batches", post(batches::create))
        .route("/batches/preview", post(batches::preview))
        .route("/batches/list", get(batch_list::list))
        .route("/batches/{uuid}", get(batches::get))
        .route("/batches/{uuid}/cancel", post(batches::cancel))
        .route("/batches/{uuid}/download", post(exports::batch))
        .route("/actions/execute-batch", post(actions::execute_batch))
        .route("/actions/execute", post(actions::execute))
        .route("/runs", post(single::create))
        .route("/runs/list", post(runs::list))
        .route("/runs/count", post(runs::count))
        .route("/runs/{uuid}", get(runs::get))
        .route("/runs/cancel", post(runs::cancel))
        .route("/runs/download", post(exports::runs))
        .route("/runs/download-outputs", post(exports::outputs))
        .route("/runs/metrics", post(runs::metrics))
        .route("/releases/deployed", get(releases::deployed))
        .route("/releases/{uuid}", get(releases::get))
        .route("/tools/list", get(tools::list))
        .route("/tools/{uuid}", get(tools::get))
        .route("/plays/list", get(plays::list))
        .route("/plays/{uuid}", get(plays::get));
    let segmentation = Router::new()
        .route("/segments/list", get(segments::list))
        .route("/segments/{uuid}", get(segments::get))
        .route("/changes/list", get(segments::changes));
    let billing = Router::new()
        .route("/subscriptions", get(billing::subscription))
        .route("/usage/metrics", get(billing::usage));
    let files = Router::new()
        .route("/upload", post(files::upload))
        .route("/multipart/create", post(files::create))
        .route("/multipart/sign", post(files::sign))
        .route("/multipart/complete", post(files::complete))
        .route("/multipart/abort", post(files::abort))
        .route("/listColumns", get(files::columns));
    Router::new()
        .nest("/v1/orchestration", orchestration)
        .nest("/v1/segmentation", segmentation)
        .nest("/v1/billing", billing)
        .route("/v1/storage/models/list", get(models::list))
        .route(
            "/v1/workspaceManagement/workspaces/current",
            get(workspaces::current),
        )
        .nest("/v1/workspaceManagement/files", files)
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

async fn unknown(request: Request) -> Refusal {
    Refusal::missing(format!(
        "The API has no {} {}.",
        request.method(),
        request.uri().path()
    ))
}

/// Lets in who has the token.
async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let expected = format!("Bearer {}", app.token());
    let carried = request.headers().get(header::AUTHORIZATION);
    match carried.is_some_and(|carried| carried.as_bytes() == expected.as_bytes()) {
        true => next.run(request).await,
        false => Refusal::unauthorized().into_response(),
    }
}

/// Reads a request; the error names the field.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    from_json(body).map_err(|error| Refusal::malformed(error.to_string()))
}

/// Reads an id from a path.
fn id<T: std::str::FromStr<Err = cargo_batch_types::InvalidId>>(text: &str) -> Result<T, Refusal> {
    text.parse()
        .map_err(|error: cargo_batch_types::InvalidId| Refusal::malformed(error.to_string()))
}

/// The most that one page of a list holds, and what it holds if the request doesn't say. The API
/// documents neither; a sibling list of it has 1 to 100.
const PAGE: usize = 100;

/// The slice of a list that a request asks for.
fn page<T>(items: impl Iterator<Item = T>, limit: Option<u64>, offset: Option<u64>) -> Vec<T> {
    slice(
        items,
        Some(limit.unwrap_or(PAGE as u64).min(PAGE as u64)),
        offset,
    )
    .collect()
}

/// So many from there on.
fn slice<T>(
    items: impl Iterator<Item = T>,
    limit: Option<u64>,
    offset: Option<u64>,
) -> impl Iterator<Item = T> {
    let size = |number: Option<u64>, otherwise| {
        number.map_or(otherwise, |number| {
            usize::try_from(number).unwrap_or(usize::MAX)
        })
    };
    items.skip(size(offset, 0)).take(size(limit, usize::MAX))
}
