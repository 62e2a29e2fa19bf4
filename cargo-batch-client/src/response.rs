//! A response, with its status and headers.

use std::time::SystemTime;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, DATE, HeaderMap};

/// A decoded response with its status, headers and body; returned by `send` of an operation.
#[derive(Clone, Debug)]
pub struct Response<T> {
    pub(crate) inner: T,
    pub(crate) raw: RawResponse,
}

impl<T> Response<T> {
    /// Returns the decoded value.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// Returns the status, which is any of 2XX.
    pub fn status(&self) -> StatusCode {
        self.raw.status
    }

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.raw.headers
    }

    /// Returns the request id of the server, for its support: the header `x-request-id`, or else
    /// `x-amzn-requestid` or `cf-ray`.
    pub fn request_id(&self) -> Option<&str> {
        self.raw.request_id()
    }

    /// Returns the body as it was received: fields newer than this crate are in it.
    pub fn body(&self) -> &Bytes {
        &self.raw.body
    }
}

impl<T> std::ops::Deref for Response<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.inner
    }
}

/// What came back, before anything is made of it.
///
/// `Debug` leaves the body out: it can hold signed links and other people's data.
#[derive(Clone)]
pub(crate) struct RawResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl RawResponse {
    pub fn new(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self {
            status,
            headers,
            body,
        }
    }

    /// Returns how the body is encoded: no request asks for that.
    pub fn encoding(&self) -> Option<&str> {
        let encoding = self.headers.get(CONTENT_ENCODING)?.to_str().ok()?.trim();
        let is_none = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
        Some(encoding).filter(|_| !is_none)
    }

    pub fn request_id(&self) -> Option<&str> {
        const NAMES: [&str; 3] = ["x-request-id", "x-amzn-requestid", "cf-ray"];
        NAMES
            .iter()
            .find_map(|name| self.headers.get(*name)?.to_str().ok())
    }
}

/// Returns the time of the server that sent a response.
pub(crate) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    let date = headers.get(DATE)?.to_str().ok()?;
    httpdate::parse_http_date(date).ok()
}

impl std::fmt::Debug for RawResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawResponse")
            .field("status", &self.status)
            .field("request_id", &self.request_id())
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}
