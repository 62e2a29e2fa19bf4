//! Requests that never get to an operation.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request is none, in the form of an API error without a reason.
#[derive(Debug)]
pub struct Rejection {
    status: StatusCode,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Rejection {
    /// A request that breaks the specification.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: message.into(),
            header: None,
        }
    }

    /// A path that nothing is at.
    pub fn unknown(path: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            ..Self::malformed(format!("There is no {path} here."))
        }
    }

    /// A path that is asked in another way.
    pub fn method(method: &Method, path: &str, allowed: &str) -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            header: HeaderValue::from_str(allowed)
                .ok()
                .map(|allowed| (header::ALLOW, allowed)),
            ..Self::malformed(format!("{path} is asked with {allowed}, not {method}."))
        }
    }

    /// A body of another kind than is wanted.
    pub fn media_type(message: String) -> Self {
        Self {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ..Self::malformed(message)
        }
    }

    /// A body that is too long, in bytes.
    pub fn too_long(most: usize) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            ..Self::malformed(format!("body: longer than {most} bytes"))
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let mut response =
            (self.status, Json(json!({ "errorMessage": self.message }))).into_response();
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
