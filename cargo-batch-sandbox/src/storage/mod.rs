//! Storage, on an origin of its own: the files behind signed URLs.

mod range;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use serde::Deserialize;

use crate::clock::seconds;
use crate::digest::{etag, hash};
use crate::state::App;
use range::Range;

/// How long a signed URL is valid, in seconds.
const LIFETIME: f64 = 300.0;

pub fn routes(app: App) -> Router {
    Router::new()
        .route("/file", get(download))
        .route("/part", put(upload))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(app)
}

/// The query of a signed URL.
#[derive(Deserialize)]
struct Signed {
    key: String,
    #[serde(default)]
    part: u64,
    expires: i64,
    signature: String,
}

/// Returns a URL that is valid for a time without a token.
pub fn sign(app: &App, route: &str, key: &str, part: u64) -> String {
    let expires = (app.now() + seconds(LIFETIME)).timestamp_millis();
    let mut url = format!("{}/{route}?", app.storage_url());
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("key", key)
        .append_pair("part", &part.to_string())
        .append_pair("expires", &expires.to_string())
        .append_pair("signature", &signature(app, route, key, part, expires))
        .finish();
    url.push_str(&query);
    url
}

/// Not a secret from anybody who reads this, but different for every URL.
fn signature(app: &App, route: &str, key: &str, part: u64, expires: i64) -> String {
    hash(format!("{} {route} {key} {part} {expires}", app.token()).as_bytes())
}

/// What storage says when it refuses; as S3, in XML.
fn refused(status: StatusCode, code: &str) -> Response {
    let body = format!("<Error><Code>{code}</Code></Error>");
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

fn check(
    app: &App,
    route: &str,
    headers: &HeaderMap,
    signed: &Signed,
) -> Result<(), Box<Response>> {
    if headers.contains_key(header::AUTHORIZATION) {
        // S3's response to two ways of saying who one is.
        let code = "InvalidArgument: Only one auth mechanism allowed";
        return Err(Box::new(refused(StatusCode::BAD_REQUEST, code)));
    }
    let denied = |code| Err(Box::new(refused(StatusCode::FORBIDDEN, code)));
    if signed.signature != signature(app, route, &signed.key, signed.part, signed.expires) {
        return denied("SignatureDoesNotMatch");
    }
    if app.now().timestamp_millis() > signed.expires {
        return denied("AccessDenied: Request has expired");
    }
    Ok(())
}

async fn download(
    State(app): State<App>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = check(&app, "file", &headers, &signed) {
        return *refused;
    }
    let Some(file) = app.state().files.get(&signed.key).cloned() else {
        return refused(StatusCode::NOT_FOUND, "NoSuchKey");
    };
    // A range of another file is no use: then the whole of this one is sent.
    let unchanged = headers
        .get(header::IF_RANGE)
        .is_none_or(|tag| tag.as_bytes() == file.etag.as_bytes());
    let total = file.content.len();
    let range = headers
        .get(header::RANGE)
        .filter(|_| unchanged)
        .and_then(|range| Range::parse(range.to_str().ok()?, total));
    let mut response = match range {
        Some(Range::Unsatisfiable) => {
            let mut response = refused(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange");
            set(
                &mut response,
                header::CONTENT_RANGE,
                &format!("bytes */{total}"),
            );
            return response;
        }
        Some(Range::Bytes(bytes)) => {
            let range = format!("bytes {}-{}/{total}", bytes.start, bytes.end - 1);
            let content = file.content.slice(bytes);
            let mut response = (StatusCode::PARTIAL_CONTENT, content).into_response();
            set(&mut response, header::CONTENT_RANGE, &range);
            response
        }
        None => file.content.into_response(),
    };
    set(&mut response, header::ETAG, &file.etag);
    set(&mut response, header::CONTENT_TYPE, &file.content_type);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    response
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

async fn upload(
    State(app): State<App>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(refused) = check(&app, "part", &headers, &signed) {
        return *refused;
    }
    let etag = etag(&body);
    let mut state = app.state();
    let Some(upload) = state.uploads.get_mut(&signed.key) else {
        return refused(StatusCode::NOT_FOUND, "NoSuchUpload");
    };
    upload.parts.insert(signed.part, (etag.clone(), body));
    (StatusCode::OK, [(header::ETAG, etag)]).into_response()
}
