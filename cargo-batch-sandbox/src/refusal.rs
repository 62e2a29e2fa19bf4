//! Errors, as the API answers with them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request is refused.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    reason: Option<&'static str>,
    data_reason: Option<&'static str>,
    message: String,
}

impl Refusal {
    /// A documented reason.
    pub fn reason(reason: &'static str, message: impl Into<String>) -> Self {
        // Which status goes with which reason is not documented: this is the sandbox's choice.
        let status = match reason.ends_with("NotFound") {
            true => StatusCode::NOT_FOUND,
            false => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            reason: Some(reason),
            data_reason: None,
            message: message.into(),
        }
    }

    /// A documented reason that is about the data of a batch.
    pub fn data(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            data_reason: Some(reason),
            ..Self::reason("dataError", message)
        }
    }

    /// A request that doesn't have the form it must have.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self {
            reason: None,
            ..Self::reason("", message)
        }
    }

    /// Something that isn't there, where the API documents no reason.
    pub fn missing(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            ..Self::malformed(message)
        }
    }

    /// A token that is missing or wrong.
    pub fn unauthorized() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::malformed("Unauthorized")
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({ "errorMessage": self.message });
        if let Some(reason) = self.reason {
            body["reason"] = reason.into();
        }
        if let Some(reason) = self.data_reason {
            body["dataError"] = json!({ "reason": reason });
        }
        (self.status, Json(body)).into_response()
    }
}
