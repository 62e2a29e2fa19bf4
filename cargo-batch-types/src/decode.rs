//! Reading JSON with errors that name the field.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;

/// What some servers begin a text with.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads a value from JSON.
///
/// A byte order mark at its beginning is passed over; of a field that is written twice the last value
/// counts, as in JavaScript.
///
/// The common case pays nothing for the error's precision: only when reading fails is the text read
/// again to find the field.
///
/// # Errors
/// [`DecodeError`] with the path of the field that doesn't fit, such as `batch.nodes[3].config`.
///
/// ```
/// use cargo_batch_types::{NodeRetry, from_json};
///
/// let error = from_json::<NodeRetry>(br#"{"maximumAttempts": "three"}"#).unwrap_err();
/// assert_eq!(error.path(), "maximumAttempts");
/// ```
pub fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, DecodeError> {
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    serde_json::from_slice(json).or_else(|source| {
        let text = located::<_, T>(&mut serde_json::Deserializer::from_slice(json));
        let error = text.err().unwrap_or(DecodeError {
            // Something after the value: it has no field.
            path: ".".to_owned(),
            source,
        });
        match serde_json::from_slice::<Value>(json) {
            // In a `Value` nothing is there twice.
            Ok(value) if error.is_duplicate() => located(value),
            _ => Err(error),
        }
    })
}

/// Reads a value; the error names the field.
fn located<'de, D, T>(deserializer: D) -> Result<T, DecodeError>
where
    D: Deserializer<'de, Error = serde_json::Error>,
    T: Deserialize<'de>,
{
    serde_path_to_error::deserialize(deserializer).map_err(|located| DecodeError {
        path: match located.path().to_string() {
            // A member whose name is empty.
            path if path.is_empty() => "\"\"".to_owned(),
            path => path,
        },
        source: located.into_inner(),
    })
}

/// JSON that isn't what it should be: which field, and why. Both are in its text, so it has no
/// source that would say a part of that again.
#[derive(Debug)]
pub struct DecodeError {
    path: String,
    source: serde_json::Error,
}

impl DecodeError {
    /// The field, from the outside in: `batch.nodes[3].config`; `.` for the whole text.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the text is JSON at all, up to that field, and not something else or cut off.
    pub fn is_json(&self) -> bool {
        use serde_json::error::Category::{Data, Io};
        matches!(self.source.classify(), Data | Io)
    }

    fn is_duplicate(&self) -> bool {
        self.source.to_string().starts_with("duplicate field")
    }

    /// Why the field doesn't fit, in the reader's words. They can quote the value.
    pub fn reason(&self) -> String {
        self.source.to_string()
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field `{}`: {}", self.path, self.source)
    }
}

impl std::error::Error for DecodeError {}
