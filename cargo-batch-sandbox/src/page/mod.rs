//! The page that shows the sandbox to a person: what happens in it, live, and the API it speaks.
//!
//! It consists of files of this crate and loads nothing from elsewhere.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Request, header};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::middleware::Middleware;
use crate::recorded_request::RecordedRequest;

/// How many batches, and how many requests, the page shows.
const NEWEST: usize = 30;

/// How many failed runs the page shows.
const FAILURES: usize = 7;

/// Nothing on the page comes from elsewhere, and no text in it can become a script.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:");

/// What the page reads from.
#[derive(Clone)]
struct Shown {
    middleware: Arc<Middleware>,
    /// The API, asked in passing: what the page asks is neither noted nor hit by faults.
    operations: Router,
}

pub fn routes(middleware: Arc<Middleware>, operations: Router) -> Router {
    let html = "text/html; charset=utf-8";
    let script = "text/javascript; charset=utf-8";
    let style = "text/css; charset=utf-8";
    let openapi = include_str!("../generated/openapi.json");
    Router::new()
        .route("/", file(html, include_str!("index.html")))
        .route(
            "/sandbox/page/style.css",
            file(style, include_str!("style.css")),
        )
        .route(
            "/sandbox/page/script.js",
            file(script, include_str!("script.js")),
        )
        .route("/sandbox/page/dom.js", file(script, include_str!("dom.js")))
        .route(
            "/sandbox/page/reference.js",
            file(script, include_str!("reference.js")),
        )
        .route("/sandbox/openapi.json", file("application/json", openapi))
        .route("/sandbox/live", get(live))
        .with_state(Shown {
            middleware,
            operations,
        })
}

fn file(media_type: &'static str, content: &'static str) -> MethodRouter<Shown> {
    get(async move || {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
        (headers, content).into_response()
    })
}

async fn live(State(shown): State<Shown>) -> Json<Value> {
    let batches = shown
        .ask(
            "GET",
            &format!("/v1/orchestration/batches/list?limit={NEWEST}"),
            Value::Null,
        )
        .await;
    let failed = json!({ "statuses": ["error"], "limit": FAILURES });
    let failures = shown
        .ask("POST", "/v1/orchestration/runs/list", failed)
        .await;
    let middleware = &shown.middleware;
    let created: u64 = middleware
        .all_created()
        .iter()
        .map(|created| created.count)
        .sum();
    let log = middleware.log();
    let total = log.total();
    let since = total.saturating_sub(NEWEST as u64);
    let mut requests: Vec<&RecordedRequest> = log.from(since).collect();
    requests.reverse();
    Json(json!({
        "now": crate::clock::written(middleware.app.now()),
        "batches": batches["batches"],
        "batchCount": created,
        "failures": failures["runs"],
        "requests": requests,
        "requestCount": total,
    }))
}

impl Shown {
    /// What the API returns; nothing where it refuses, as it does while there are no batches.
    async fn ask(&self, method: &str, path: &str, body: Value) -> Value {
        let sent = match body {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string()),
        };
        let token = format!("Bearer {}", self.middleware.app.token());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, token)
            .header(header::CONTENT_TYPE, "application/json")
            .body(sent);
        let Ok(request) = request else {
            return Value::Null;
        };
        let Ok(response) = self.operations.clone().oneshot(request).await;
        let body = response
            .into_body()
            .collect()
            .await
            .map(|body| body.to_bytes());
        body.ok()
            .and_then(|body| serde_json::from_slice(&body).ok())
            .unwrap_or_default()
    }
}
