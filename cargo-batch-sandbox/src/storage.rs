//! Storage, on an origin of its own: what signed links lead to.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use serde::Deserialize;

use crate::clock::seconds;
use crate::state::App;

/// How long a link is good for, in seconds.
const LIFETIME: f64 = 300.0;

pub fn routes(app: App) -> Router {
    Router::new()
        .route("/file", get(download))
        .route("/part", put(upload))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(app)
}

/// The query of a signed link.
#[derive(Deserialize)]
struct Signed {
    key: String,
    #[serde(default)]
    part: u64,
    expires: i64,
    signature: String,
}

/// A link that is its own permission, for a while.
pub fn sign(app: &App, route: &str, key: &str, part: u64) -> String {
    let expires = (app.now() + seconds(LIFETIME)).timestamp_millis();
    let mut url = format!("{}/{route}?", app.storage_url());
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("key", key)
        .append_pair("part", &part.to_string())
        .append_pair("expires", &expires.to_string())
        .append_pair("signature", &signature(app, key, part, expires))
        .finish();
    url.push_str(&query);
    url
}

/// Not a secret from anybody who reads this, but different for every link.
fn signature(app: &App, key: &str, part: u64, expires: i64) -> String {
    hash(format!("{} {key} {part} {expires}", app.token()).as_bytes())
}

/// FNV-1a, as text.
fn hash(bytes: &[u8]) -> String {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold))
}

/// What storage says when a link is no good; as S3, in XML.
fn denied(code: &str) -> Response {
    let body = format!("<Error><Code>{code}</Code></Error>");
    (
        StatusCode::FORBIDDEN,
        [(header::CONTENT_TYPE, "application/xml")],
        body,
    )
        .into_response()
}

fn check(app: &App, headers: &HeaderMap, signed: &Signed) -> Result<(), Box<Response>> {
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(Box::new(denied("OnlyOneAuthMechanismAllowed")));
    }
    if signed.signature != signature(app, &signed.key, signed.part, signed.expires) {
        return Err(Box::new(denied("SignatureDoesNotMatch")));
    }
    if app.now().timestamp_millis() > signed.expires {
        return Err(Box::new(denied("AccessDenied: Request has expired")));
    }
    Ok(())
}

async fn download(
    State(app): State<App>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
) -> Response {
    if let Err(denied) = check(&app, &headers, &signed) {
        return *denied;
    }
    let Some(file) = app.state().files.get(&signed.key).cloned() else {
        return (
            StatusCode::NOT_FOUND,
            "<Error><Code>NoSuchKey</Code></Error>",
        )
            .into_response();
    };
    let etag = format!("\"{}\"", hash(&file.content));
    let unchanged = headers
        .get(header::IF_RANGE)
        .is_none_or(|tag| tag.as_bytes() == etag.as_bytes());
    let total = file.content.len();
    let start = headers
        .get(header::RANGE)
        .filter(|_| unchanged)
        .and_then(range_start);
    let mut answer = match start {
        Some(start) if start >= total => {
            let range = format!("bytes */{total}");
            return (
                StatusCode::RANGE_NOT_SATISFIABLE,
                [(header::CONTENT_RANGE, range)],
            )
                .into_response();
        }
        Some(start) => {
            let range = format!("bytes {start}-{}/{total}", total - 1);
            let rest = file.content.slice(start..);
            (
                StatusCode::PARTIAL_CONTENT,
                [(header::CONTENT_RANGE, range)],
                rest,
            )
                .into_response()
        }
        None => file.content.into_response(),
    };
    let headers = answer.headers_mut();
    for (name, value) in [
        (header::ETAG, etag),
        (header::CONTENT_TYPE, file.content_type),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    answer
}

/// `bytes=100-`: the only form that resuming needs.
fn range_start(range: &HeaderValue) -> Option<usize> {
    range
        .to_str()
        .ok()?
        .strip_prefix("bytes=")?
        .strip_suffix('-')?
        .parse()
        .ok()
}

async fn upload(
    State(app): State<App>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(denied) = check(&app, &headers, &signed) {
        return *denied;
    }
    let etag = format!("\"{}\"", hash(&body));
    let mut state = app.state();
    let Some(upload) = state.uploads.get_mut(&signed.key) else {
        return (
            StatusCode::NOT_FOUND,
            "<Error><Code>NoSuchUpload</Code></Error>",
        )
            .into_response();
    };
    upload.parts.insert(signed.part, (etag.clone(), body));
    (StatusCode::OK, [(header::ETAG, etag)]).into_response()
}
