//! Where in the specification something is.

use std::fmt;

/// The keys that lead from the root of `openapi.yaml` to a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(Vec<String>);

impl Place {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// `components.schemas.NAME`.
    pub fn schema(name: &str) -> Self {
        Self::root().join("components").join("schemas").join(name)
    }

    /// The node under `key`.
    pub fn join(&self, key: &str) -> Self {
        let mut keys = self.0.clone();
        keys.push(key.to_owned());
        Self(keys)
    }

    /// The node around this one.
    pub fn parent(&self) -> Option<Self> {
        let (_, keys) = self.0.split_last()?;
        Some(Self(keys.to_vec()))
    }

    /// The last key, or nothing for the root.
    pub fn key(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// The schema that it is in.
    pub(crate) fn schema_name(&self) -> Option<&str> {
        match self.0.as_slice() {
            [first, second, name, ..] if first == "components" && second == "schemas" => Some(name),
            _ => None,
        }
    }

    /// The same place in a schema of another name.
    pub(crate) fn of_schema(&self, name: &str) -> Self {
        let mut keys = self.0.clone();
        if let Some(key) = keys.get_mut(2) {
            *key = name.to_owned();
        }
        Self(keys)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// What is wrong with the specification, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// The node that is wrong.
    pub place: Place,
    /// Its line in `openapi.yaml`, counted from 1.
    pub line: Option<usize>,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("openapi.yaml")?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if self.place != Place::root() {
            write!(f, ": {}", self.place)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Problem {}
