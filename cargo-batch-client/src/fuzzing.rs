//! What fuzz targets reach: the parsers of what a server sends, without a server.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use crate::operation::Operation;
use crate::redact::Redactor;
use crate::response::RawResponse;
use crate::{Client, Error, Response};

#[cfg(feature = "rows")]
pub use crate::rows::fuzzing::{Read, rows};

/// Returns the error that a response is, for a caller that has sent a token.
pub fn refused(
    operation: Option<&'static Operation>,
    token: &str,
    (status, headers, body): (StatusCode, HeaderMap, Bytes),
) -> Error {
    let header = HeaderValue::try_from(format!("Bearer {token}")).ok();
    let hide = Redactor::token(header.as_ref());
    Error::status_of(operation, RawResponse::new(status, headers, body), hide)
}

/// Reads a response.
///
/// # Errors
/// [`InvalidResponse`](crate::ErrorKind::InvalidResponse) when it isn't a `T`.
pub fn read<T: DeserializeOwned>(
    client: &Client,
    operation: &'static Operation,
    body: Bytes,
) -> Result<Response<T>, Error> {
    let response = RawResponse::new(StatusCode::OK, HeaderMap::new(), body);
    client.read(operation, response)
}

/// Returns the delay before the next attempt, where there is to be one.
pub fn pause(client: &Client, failures: u32, asked: Option<Duration>) -> Option<Duration> {
    let (retries, policy) = (&client.inner.retries, &client.retry);
    let may_repeat = failures < policy.max_attempts
        && asked.is_none_or(|asked| asked <= policy.max_retry_after)
        && retries.take();
    let delay = retries.backoff(policy, failures);
    may_repeat.then(|| asked.map_or(delay, |asked| delay.max(retries.jittered(asked))))
}

/// Returns how long a server asks to wait.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    crate::retry::retry_after(headers)
}
