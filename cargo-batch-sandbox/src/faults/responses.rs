//! Responses that come in place of the regular one.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::json;

/// A page of HTML, as gateways have it.
pub fn page(status: StatusCode) -> Response {
    let body = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n\
         <center><h1>{status}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    (status, Html(body)).into_response()
}

/// A status without a body.
pub fn empty(status: StatusCode) -> Response {
    (status, Body::empty()).into_response()
}

/// An error of the API.
pub fn api_error(
    status: u16,
    reason: Option<&str>,
    data_reason: Option<&str>,
    message: Option<&str>,
) -> Response {
    let mut body = json!({});
    if let Some(message) = message {
        body["errorMessage"] = message.into();
    }
    if let Some(reason) = reason {
        body["reason"] = reason.into();
    }
    if let Some(reason) = data_reason {
        body["dataError"] = json!({ "reason": reason });
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(body)).into_response()
}

/// What storage says of a signed URL that has expired.
pub fn expired_url() -> Response {
    let body = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    let content_type = [(header::CONTENT_TYPE, "application/xml")];
    (StatusCode::FORBIDDEN, content_type, body).into_response()
}

/// A status with a message and a `Retry-After`.
pub fn retry_later(
    status: StatusCode,
    text: &str,
    seconds: Option<u64>,
    as_date: bool,
    now: DateTime<Utc>,
) -> Response {
    let mut response = (status, Json(json!({ "errorMessage": text }))).into_response();
    let Some(seconds) = seconds else {
        return response;
    };
    let value = match as_date {
        true => {
            let wait = i64::try_from(seconds)
                .ok()
                .and_then(chrono::Duration::try_seconds);
            let date = wait.and_then(|wait| now.checked_add_signed(wait));
            http_date(date.unwrap_or(DateTime::<Utc>::MAX_UTC))
        }
        false => seconds.to_string(),
    };
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

/// A time as headers have it.
pub fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
