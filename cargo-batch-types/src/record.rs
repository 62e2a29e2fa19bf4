//! Records from the caller's own types.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::Record;

impl Record {
    /// Creates a record from a value that serialises to an object.
    ///
    /// # Errors
    /// [`InvalidRecord`] when it serialises to something else, or can't be serialised.
    ///
    /// ```
    /// use cargo_batch_types::Record;
    ///
    /// #[derive(serde::Serialize)]
    /// struct Lead<'a> { email: &'a str }
    ///
    /// let record = Record::from_serialize(&Lead { email: "ada@example.com" })?;
    /// assert_eq!(record["email"], "ada@example.com");
    /// # Ok::<(), cargo_batch_types::InvalidRecord>(())
    /// ```
    pub fn from_serialize(value: &impl Serialize) -> Result<Self, InvalidRecord> {
        match serde_json::to_value(value) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(other) => Err(InvalidRecord(format!("it is {}", form(&other)))),
            Err(error) => Err(InvalidRecord(error.to_string())),
        }
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Record {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(fields: I) -> Self {
        Self(
            fields
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect::<Map<_, _>>(),
        )
    }
}

fn form(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The error of a value that can't be a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRecord(String);

impl fmt::Display for InvalidRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a record must serialise to an object with named fields, but {}",
            self.0
        )
    }
}

impl std::error::Error for InvalidRecord {}
