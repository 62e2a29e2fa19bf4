//! The id of a creation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The id of a creation, chosen at random when it is prepared: batches are claimed by it.
///
/// As text it is 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CreationId(u128);

impl CreationId {
    pub(super) fn random() -> Self {
        Self(fastrand::Rng::new().u128(..))
    }
}

impl fmt::Display for CreationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for CreationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<CreationId> for String {
    fn from(id: CreationId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for CreationId {
    type Error = InvalidCreationId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for CreationId {
    type Err = InvalidCreationId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = digits
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten();
        number
            .map(Self)
            .ok_or_else(|| InvalidCreationId(crate::redact::escaped(text, 40)))
    }
}

/// A text that is no id of a creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCreationId(String);

impl fmt::Display for InvalidCreationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not the id of a creation: expected 32 hexadecimal digits",
            self.0
        )
    }
}

impl std::error::Error for InvalidCreationId {}
