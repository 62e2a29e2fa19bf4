//! Reading JSON with errors that name the field.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::locate;

/// Some servers begin a text with it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads a value from JSON.
///
/// A byte order mark at its beginning is skipped. Of a field that occurs twice the last value
/// counts, as in JavaScript.
///
/// The precision of the error costs nothing where there is none: only when reading fails is the field searched
/// for, by the position of the error.
///
/// # Errors
/// [`DecodeError`] with the path of the field that doesn't fit, such as `batch.nodes[3].config`.
///
/// ```
/// use cargo_batch_types::{NodeRetry, from_json};
///
/// let error = from_json::<NodeRetry>(br#"{"maximumAttempts": "three"}"#).unwrap_err();
/// assert_eq!(error.field_path(), "maximumAttempts");
/// ```
pub fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, DecodeError> {
    let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    serde_json::from_slice(json).or_else(|source| {
        let error = DecodeError {
            path: locate::path(json, &source),
            source,
        };
        match serde_json::from_slice::<Value>(json) {
            // In a `Value` nothing occurs twice.
            Ok(value) if error.is_duplicate() => from_value(&value),
            _ => Err(error),
        }
    })
}

/// Reads a value from one that was read before.
///
/// # Errors
/// As [`from_json`], without lines and columns in its reason.
pub fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, DecodeError> {
    T::deserialize(value).map_err(|source| {
        // Only in a text has an error a position.
        let text = value.to_string();
        let path = match serde_json::from_str::<T>(&text) {
            Err(error) => locate::path(text.as_bytes(), &error),
            Ok(_) => ".".to_owned(),
        };
        DecodeError { path, source }
    })
}

/// The error of JSON that can't be read as a type: which field, and why.
///
/// Both are in its text, so it has no source that would repeat a part of that.
#[derive(Debug)]
pub struct DecodeError {
    path: String,
    source: serde_json::Error,
}

impl DecodeError {
    /// Returns the path of the field, from the outside in, such as `batch.nodes[3].config`; `.` for the complete text.
    pub fn field_path(&self) -> &str {
        &self.path
    }

    /// Returns whether the text is JSON at all, up to that field, and not something else or truncated.
    pub fn is_json(&self) -> bool {
        use serde_json::error::Category::{Data, Io};
        matches!(self.source.classify(), Data | Io)
    }

    fn is_duplicate(&self) -> bool {
        self.source.to_string().starts_with("duplicate field")
    }

    /// Returns why the field doesn't fit, as a message, which can quote the value.
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
