//! JSON objects preserved as they were received.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The fields of an object that this crate has no type for, preserved and written unchanged.
///
/// `Debug` shows the names of the fields but not their values, which may be secrets of an unknown kind.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct RawObject(Map<String, Value>);

impl RawObject {
    /// Returns the fields.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Returns the fields by value.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// Returns the text of a field; `None` where it is missing or not a string.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field)?.as_str()
    }
}

impl From<Map<String, Value>> for RawObject {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields)
    }
}

impl fmt::Debug for RawObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
