//! What has been asked of a sandbox.

use std::collections::VecDeque;

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use serde::Serialize;
use serde_json::Value;

use crate::Origin;
use crate::spec::sensitive;

/// A request that a sandbox has received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RecordedRequest {
    /// How many came before it.
    pub number: u64,
    /// When it came, in the sandbox's time; RFC 3339.
    pub at: String,
    /// Which of the two ports it came to.
    pub origin: Origin,
    /// The method.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query, as it was sent; of a signed link only what isn't its signature.
    pub query: String,
    /// The operation, by its id in the specification; `storage_get` and `storage_put` for storage.
    pub operation: Option<String>,
    /// The body, if it is JSON, up to 64 KiB. Secrets are hidden.
    pub body: Option<String>,
    /// The length of the body in bytes, once it has been read.
    pub body_length: Option<u64>,
    /// Whether it carried the token, or one that was the token before.
    pub carried_token: bool,
    /// What was answered; nothing while there is no answer, or when it was lost.
    pub status: Option<u16>,
    /// When what it asks for had been done, in the sandbox's time; RFC 3339. Nothing if that was
    /// refused, or never begun. It may be later than the end of the connection:
    /// [`Fault::ActLate`](crate::Fault::ActLate).
    pub acted_at: Option<String>,
    /// The kind of the fault that has hit it.
    pub fault: Option<String>,
}

impl RecordedRequest {
    /// The body as JSON, if it is that and not longer than what is kept.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(self.body.as_deref()?).ok()
    }

    /// The values of a parameter of the query, decoded.
    pub fn values(&self, name: &str) -> Vec<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    }
}

/// How many requests are kept; older ones are forgotten.
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
    /// Keeps a request, and tells how it is called from now on.
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

    /// Forgets them; the numbers go on.
    pub fn clear(&mut self) {
        self.requests.clear();
    }
}

/// A query without what makes a signed link good.
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

/// Hides what is secret in a request.
pub fn hide(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
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
