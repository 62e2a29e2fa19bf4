//! The operations.

mod batches;
mod files;
mod runs;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cargo_batch_types::from_json;
use serde::Deserialize;
use serde_json::Value;

use crate::refusal::Refusal;
use crate::state::App;

/// What an operation answers with.
type Answer = Result<axum::Json<Value>, Refusal>;

pub fn routes(app: App) -> Router {
    let operations = Router::new()
        .route("/orchestration/batches", post(batches::create))
        .route("/orchestration/batches/list", get(batches::list))
        .route("/orchestration/batches/{uuid}", get(batches::get))
        .route(
            "/orchestration/batches/{uuid}/cancel",
            post(batches::cancel),
        )
        .route(
            "/orchestration/batches/{uuid}/download",
            post(batches::download),
        )
        .route("/orchestration/runs/list", post(runs::list))
        .route("/orchestration/runs/count", post(runs::count))
        .route("/orchestration/runs/{uuid}", get(runs::get))
        .route("/orchestration/runs/metrics", post(runs::metrics))
        .route("/orchestration/releases/{uuid}", get(runs::release))
        .route("/workspaceManagement/files/upload", post(files::upload))
        .route(
            "/workspaceManagement/files/multipart/create",
            post(files::create),
        )
        .route(
            "/workspaceManagement/files/multipart/sign",
            post(files::sign),
        )
        .route(
            "/workspaceManagement/files/multipart/complete",
            post(files::complete),
        )
        .route(
            "/workspaceManagement/files/multipart/abort",
            post(files::abort),
        )
        .route(
            "/workspaceManagement/files/listColumns",
            get(files::columns),
        )
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(64 << 20));
    Router::new()
        .nest("/v1", operations)
        .layer(middleware::from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

async fn unknown(request: Request) -> Refusal {
    Refusal::missing(format!(
        "The sandbox has no {} {}.",
        request.method(),
        request.uri().path()
    ))
}

/// Lets in who has the token, and tells everybody the sandbox's time.
async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let expected = format!("Bearer {}", app.token());
    let carried = request.headers().get(header::AUTHORIZATION);
    let mut answer = match carried.is_some_and(|carried| carried.as_bytes() == expected.as_bytes())
    {
        true => next.run(request).await,
        false => Refusal::unauthorized().into_response(),
    };
    let date = app.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::try_from(date) {
        answer.headers_mut().insert(header::DATE, date);
    }
    answer
}

/// Reads a request; the error names the field.
fn read<'de, T: Deserialize<'de>>(body: &'de Bytes) -> Result<T, Refusal> {
    from_json(body).map_err(|error| Refusal::malformed(error.to_string()))
}

/// The slice of a list that a request asks for.
fn page<T>(items: impl Iterator<Item = T>, limit: Option<u64>, offset: Option<u64>) -> Vec<T> {
    let size = |number: Option<u64>, otherwise| {
        number.map_or(otherwise, |number| {
            usize::try_from(number).unwrap_or(usize::MAX)
        })
    };
    items
        .skip(size(offset, 0))
        .take(size(limit, 100).min(100))
        .collect()
}
