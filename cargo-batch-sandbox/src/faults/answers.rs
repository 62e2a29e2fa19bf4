//! Answers that come in place of the regular one.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::Fault;

/// The answer that a fault gives instead, if it is of such a kind, and whether what was asked for is
/// done before.
pub fn instead(fault: &Fault, now: DateTime<Utc>) -> Option<(bool, Response)> {
    let answer = match fault {
        Fault::BadGateway { acted } => (*acted, page(StatusCode::BAD_GATEWAY)),
        Fault::GatewayTimeout { acted } => (*acted, page(StatusCode::GATEWAY_TIMEOUT)),
        Fault::ServerError { acted } => {
            let empty = (StatusCode::INTERNAL_SERVER_ERROR, Body::empty());
            (*acted, empty.into_response())
        }
        Fault::TooManyRequests {
            retry_after,
            as_date,
        } => {
            let answer = message(StatusCode::TOO_MANY_REQUESTS, "Too many requests");
            (false, later(answer, *retry_after, *as_date, now))
        }
        Fault::Unavailable {
            retry_after,
            as_date,
            acted,
        } => {
            let answer = message(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable");
            (*acted, later(answer, *retry_after, *as_date, now))
        }
        Fault::ApiError {
            status,
            reason,
            data_reason,
            message,
        } => {
            let mut body = json!({});
            if let Some(message) = message {
                body["errorMessage"] = message.as_str().into();
            }
            if let Some(reason) = reason {
                body["reason"] = reason.as_str().into();
            }
            if let Some(reason) = data_reason {
                body["dataError"] = json!({ "reason": reason });
            }
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST);
            (false, (status, Json(body)).into_response())
        }
        Fault::ExpiredUrl => {
            let body =
                "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
            let content_type = [(header::CONTENT_TYPE, "application/xml")];
            let answer = (StatusCode::FORBIDDEN, content_type, body);
            (false, answer.into_response())
        }
        _ => return None,
    };
    Some(answer)
}

fn page(status: StatusCode) -> Response {
    let body = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n\
         <center><h1>{status}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    (status, Html(body)).into_response()
}

fn message(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "errorMessage": message }))).into_response()
}

fn later(
    mut answer: Response,
    seconds: Option<u64>,
    as_date: bool,
    now: DateTime<Utc>,
) -> Response {
    let Some(seconds) = seconds else {
        return answer;
    };
    let value = match as_date {
        true => {
            let wait = i64::try_from(seconds)
                .ok()
                .and_then(chrono::Duration::try_seconds);
            let date = wait.and_then(|wait| now.checked_add_signed(wait));
            let date = date.unwrap_or(DateTime::<Utc>::MAX_UTC);
            date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
        }
        false => seconds.to_string(),
    };
    if let Ok(value) = HeaderValue::try_from(value) {
        answer.headers_mut().insert(header::RETRY_AFTER, value);
    }
    answer
}
