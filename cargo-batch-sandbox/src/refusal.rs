//! Errors, as the API returns them.

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

/// The status that goes with a reason. The API documents none: all of these are the sandbox's choice.
///
/// What is unknown by its id is a 404, a form without its part a 400, and everything that is well
/// formed but can't be done a 422. Requests that are no requests of the API are a 400, those without
/// the token a 401; they have no reason.
fn status(reason: &str) -> StatusCode {
    match reason {
        "workflowNotFound" | "segmentNotFound" | "batchNotFound" | "toolNotFound"
        | "playNotFound" | "releaseNotFound" => StatusCode::NOT_FOUND,
        "noFile" => StatusCode::BAD_REQUEST,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl Refusal {
    /// A documented reason.
    pub fn reason(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: status(reason),
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
        Self::plain(StatusCode::BAD_REQUEST, message)
    }

    /// A request that has the form it must have, but contradicts itself.
    pub fn unfit(message: impl Into<String>) -> Self {
        Self::plain(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// Something that isn't there, where the API documents no reason.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::plain(StatusCode::NOT_FOUND, message)
    }

    /// A token that is missing or wrong.
    pub fn unauthorized() -> Self {
        Self::plain(StatusCode::UNAUTHORIZED, "Unauthorized")
    }

    /// Something that went wrong in the sandbox itself.
    pub fn failed(error: impl std::fmt::Display) -> Self {
        Self::plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }

    fn plain(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            reason: None,
            data_reason: None,
            message: message.into(),
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
