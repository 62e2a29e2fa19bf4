//! What has been asked of a sandbox.

use std::collections::VecDeque;

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use serde::Serialize;
use serde_json::Value;

use crate::Origin;
use crate::spec::sensitive;

/// A request that a sandbox has received, as [`Sandbox::requests`](crate::Sandbox::requests) returns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RecordedRequest {
    /// How many requests came before it.
    pub number: u64,
    /// When it arrived, by the sandbox's clock, in RFC 3339.
    pub at: String,
    /// Which of the two ports it came to.
    pub origin: Origin,
    /// The method.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query, as it was sent; without the signature of a signed URL.
    pub query: String,
    /// The operation, by its id in the specification; `storage_get` and `storage_put` for storage.
    pub operation: Option<String>,
    /// The body if it is JSON, up to 64 KiB, with secrets redacted.
    pub body: Option<String>,
    /// The length of the body in bytes, once it has been read.
    pub body_length: Option<u64>,
    /// Whether it carried the current token or an earlier one.
    pub carried_token: bool,
    /// The status of the response; `None` while there is none, or when it was lost.
    pub status: Option<u16>,
    /// When the sandbox had acted on it, by its clock, in RFC 3339; `None` if it was rejected or never
    /// acted on. With [`Fault::ActLate`](crate::Fault::ActLate) it may be after the end of the connection.
    pub acted_at: Option<String>,
    /// The kind of the fault that was injected.
    pub fault: Option<String>,
}

impl RecordedRequest {
    /// Returns the body as JSON; `None` if it isn't JSON or is longer than 64 KiB.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(self.body.as_deref()?).ok()
    }

    /// Returns the decoded values of a query parameter, in their order.
    pub fn values(&self, name: &str) -> Vec<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    }
}

/// How many requests are kept; older ones are dropped.
const KEPT: usize = 100_000;

/// How much of a body is kept, in bytes.
const LONGEST: usize = 64 << 10;

/// Everything received, the newest last.
#[derive(Debug, Default)]
pub struct Log {
    total: u64,
    requests: VecDeque<RecordedRequest>,
}

impl Log {
    /// Records a request and returns its number.
    pub fn push(&mut self, mut request: RecordedRequest) -> u64 {
        request.number = self.total;
        self.total += 1;
        self.requests.push_back(request);
        if self.requests.len() > KEPT {
            self.requests.pop_front();
        }
        self.total - 1
    }

    /// One that is still kept.
    pub fn get(&mut self, number: u64) -> Option<&mut RecordedRequest> {
        let first = self.requests.front()?.number;
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        self.requests.get_mut(place)
    }

    /// Those from a number on.
    pub fn from(&self, number: u64) -> impl Iterator<Item = &RecordedRequest> {
        let first = self.requests.front().map_or(0, |request| request.number);
        let skipped = usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX);
        self.requests.iter().skip(skipped)
    }

    /// How many there have been.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Removes all; numbering continues.
    pub fn clear(&mut self) {
        self.requests.clear();
    }
}

/// A query without the signature of a signed URL.
pub fn without_signature(query: &str) -> String {
    let mut shown = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let harmless = matches!(&*name, "key" | "part");
        shown.append_pair(&name, if harmless { &value } else { HIDDEN });
    }
    shown.finish()
}

const HIDDEN: &str = "hidden";

/// A body as it is kept.
pub fn shown(headers: &HeaderMap, body: &Bytes) -> Option<String> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if body.is_empty() || !content_type.starts_with("application/json") {
        return None;
    }
    let mut text = String::from_utf8_lossy(body).into_owned();
    if sensitive().iter().any(|name| text.contains(name)) {
        text = match serde_json::from_slice::<Value>(body) {
            Ok(mut value) => {
                hide(&mut value);
                value.to_string()
            }
            Err(_) => HIDDEN.to_owned(),
        };
    }
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    Some(text)
}

/// Redacts the secrets of a request.
pub fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match sensitive().contains(name) {
                    true => *value = HIDDEN.into(),
                    false => hide(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}
