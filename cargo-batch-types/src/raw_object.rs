//! JSON objects kept as they came.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The fields of an object this crate has no type for, kept and written back unchanged.
///
/// `Debug` shows the names of the fields but not their values, which may be secrets of a kind
/// nobody here has heard of.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct RawObject(Map<String, Value>);

impl RawObject {
    /// The fields.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The fields, to keep.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// A field that is text.
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
