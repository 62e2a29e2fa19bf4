//! The differences that were decided.

use serde_json::Value;

use super::difference::{Difference, Side};
use crate::spec::{Document, Place, Problem};

/// The decision on one difference.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The difference as it is printed; `*` in it stands for any text.
    pub what: String,
    /// Its line in the file.
    pub line: usize,
}

/// A file of decisions.
#[derive(Clone, Debug, Default)]
pub struct Decisions(Vec<Decision>);

impl Decisions {
    /// Reads `decisions`, a list of `what`, `decided` and `why`, in YAML.
    ///
    /// # Errors
    ///
    /// Names the line of what is missing or superfluous, and of a `*` that would silence more than operations of no
    /// concern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document = Document::parse(text).map_err(|problem| said(&problem))?;
        let root = Place::root();
        let wrong = |place: &Place, message: String| said(&document.problem(place, message));
        let list = match document.root().as_object() {
            Some(map) if map.len() == 1 => map.get("decisions").and_then(Value::as_array),
            _ => None,
        };
        let list = list.ok_or_else(|| {
            wrong(
                &root,
                "expected `decisions`, a list, and nothing else".to_owned(),
            )
        })?;
        let mut decisions: Vec<Decision> = Vec::new();
        for (i, value) in list.iter().enumerate() {
            let place = root.join("decisions").join(&i.to_string());
            let empty = serde_json::Map::new();
            let map = value.as_object().unwrap_or(&empty);
            for key in ["what", "decided", "why"] {
                if map
                    .get(key)
                    .and_then(Value::as_str)
                    .is_none_or(|text| text.trim().is_empty())
                {
                    return Err(wrong(&place, format!("a decision needs the text `{key}`")));
                }
            }
            if let Some(key) = map
                .keys()
                .find(|key| !["what", "decided", "why"].contains(&key.as_str()))
            {
                return Err(wrong(
                    &place.join(key),
                    format!("a decision has no `{key}`"),
                ));
            }
            let what = value["what"].as_str().unwrap_or_default().to_owned();
            if decisions.iter().any(|known| known.what == what) {
                return Err(wrong(&place, "it is decided twice".to_owned()));
            }
            if what.contains('*') && !what.starts_with(&format!("{}: operation ", Side::VendorOnly))
            {
                return Err(wrong(
                    &place.join("what"),
                    "`*` is for operations that only the vendor has: decide the others one by one"
                        .to_owned(),
                ));
            }
            let line = document.problem(&place, "").line.unwrap_or_default();
            decisions.push(Decision { what, line });
        }
        Ok(Self(decisions))
    }

    /// Returns whether a difference was decided.
    pub(super) fn has(&self, difference: &Difference) -> bool {
        self.0.iter().any(|decision| decision.covers(difference))
    }

    /// Returns the decisions without a difference.
    pub(super) fn stale<'d>(
        &'d self,
        differences: &'d [Difference],
    ) -> impl Iterator<Item = &'d Decision> {
        let needed = |decision: &&Decision| {
            !differences
                .iter()
                .any(|difference| decision.covers(difference))
        };
        self.0.iter().filter(needed)
    }
}

impl Decision {
    fn covers(&self, difference: &Difference) -> bool {
        matches(&self.what, &difference.to_string())
    }
}

/// Returns whether a text matches a pattern, in which `*` is any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A problem of this file; its own `Display` is for `openapi.yaml`.
fn said(problem: &Problem) -> String {
    format!("line {}: {}", problem.line.unwrap_or(1), problem.message)
}
