//! Reading JSON with errors that name the field.

use std::fmt;

use serde::Deserialize;

/// Reads a value from JSON.
///
/// The common case pays nothing for the error's precision: only when reading fails is the text read
/// once more to find the field.
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
pub fn from_json<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(json).map_err(|source| {
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Err(located) => DecodeError {
                path: match located.path().to_string() {
                    // A member whose name is empty.
                    path if path.is_empty() => "\"\"".to_owned(),
                    path => path,
                },
                source: located.into_inner(),
            },
            // Something after the value: it has no field.
            Ok(_) => DecodeError {
                path: ".".to_owned(),
                source,
            },
        }
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
