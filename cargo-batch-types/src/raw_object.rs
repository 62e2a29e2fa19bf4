//! JSON objects kept as they came.

use std::fmt;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The members of an object this crate has no type for, kept and written back unchanged.
///
/// `Debug` shows the names of the members but not their values, which may be secrets of a kind
/// nobody here has heard of.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct RawObject(Map<String, Value>);

impl RawObject {
    /// The members.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The members, to keep.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// A member that is text.
    pub fn text(&self, member: &str) -> Option<&str> {
        self.0.get(member)?.as_str()
    }

    /// Reads the members as a known kind, or keeps them when they don't have its form.
    pub(crate) fn read_or_keep<T: DeserializeOwned, U>(
        self,
        known: fn(T) -> U,
        unknown: fn(Self) -> U,
    ) -> U {
        match T::deserialize(&self.0) {
            Ok(value) => known(value),
            Err(_) => unknown(self),
        }
    }

    /// Reads the members as a known kind; the error names the field.
    pub(crate) fn read<T: DeserializeOwned, U, E: Error>(self, known: fn(T) -> U) -> Result<U, E> {
        serde_path_to_error::deserialize(&self.0)
            .map(known)
            .map_err(|error| match error.path().to_string().as_str() {
                "." => E::custom(error.inner()),
                path => E::custom(format_args!("{path}: {}", error.inner())),
            })
    }
}

impl From<Map<String, Value>> for RawObject {
    fn from(members: Map<String, Value>) -> Self {
        Self(members)
    }
}

impl fmt::Debug for RawObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
