//! `null` where a list or a map is left out.

use serde::{Deserialize, Deserializer};

/// Reads `null` like an absent list or map: the server writes both for "nothing".
pub fn as_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
