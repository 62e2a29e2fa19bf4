//! What is different between two versions of `openapi.yaml`, for who writes programs with the crates.

mod money;
mod operations;
mod schemas;

use std::fmt;

use serde_json::Value;

use crate::spec::{Document, naming};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Credits may be spent otherwise than before, by code that compiles unchanged.
    pub money: bool,
    /// Code written against the version before may no longer compile, or do something else.
    pub breaking: bool,
    /// What is different, as a line of Markdown.
    pub what: String,
}

impl Change {
    fn fine(what: String) -> Self {
        Self {
            money: false,
            breaking: false,
            what,
        }
    }

    fn breaking(what: String) -> Self {
        Self {
            money: false,
            breaking: true,
            what,
        }
    }

    fn money(what: String) -> Self {
        Self {
            money: true,
            breaking: false,
            what,
        }
    }
}

/// All differences: first those that may cost money, then those that break.
///
/// Descriptions are not compared, nor is how something is written where it means the same: the order
/// of fields and of values.
pub fn compare(before: &Document, after: &Document) -> Vec<Change> {
    let (before, after) = (
        &before.renamed(naming::schema),
        &after.renamed(naming::schema),
    );
    let mut changes = money::compare(before, after);
    let url = |document: &Document| document.root()["servers"][0]["url"].clone();
    let (old, new) = (url(before), url(after));
    if old != new {
        changes.push(Change::breaking(format!(
            "`BASE_URL` is {new} now, not {old}"
        )));
    }
    changes.extend(operations::compare(before, after));
    changes.extend(schemas::compare(before, after));
    changes.sort_by_key(|change| (!change.money, !change.breaking));
    changes
}

/// What a first version has: a line of Markdown for each operation.
pub fn first(document: &Document) -> Vec<String> {
    operations::all(document)
}

/// The differences as Markdown.
pub struct Markdown<'a>(pub &'a [Change]);

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "The API is the same.");
        }
        let parts = [
            ("Money", true, false),
            ("Breaks", false, true),
            ("Doesn't break", false, false),
        ];
        let mut first = true;
        for (title, money, breaking) in parts {
            let mut changes = self
                .0
                .iter()
                .filter(|change| (change.money, change.breaking) == (money, breaking));
            let Some(change) = changes.next() else {
                continue;
            };
            let gap = if std::mem::take(&mut first) { "" } else { "\n" };
            writeln!(f, "{gap}#### {title}\n\n- {}", change.what)?;
            for change in changes {
                writeln!(f, "- {}", change.what)?;
            }
        }
        Ok(())
    }
}

/// Keys of both maps: gone, new, and in both.
struct Keys<'a> {
    gone: Vec<&'a str>,
    new: Vec<&'a str>,
    both: Vec<&'a str>,
}

fn keys<'a>(
    before: impl Iterator<Item = &'a str>,
    after: impl Iterator<Item = &'a str>,
) -> Keys<'a> {
    let (before, after): (Vec<_>, Vec<_>) = (before.collect(), after.collect());
    let (both, gone) = before.iter().partition(|key| after.contains(key));
    let new = after.into_iter().filter(|key| !before.contains(key));
    Keys {
        gone,
        new: new.collect(),
        both,
    }
}

/// What kind of value a schema stands for, as a person would say it.
fn kind(schema: &Value) -> String {
    if let Some(name) = crate::spec::reference(schema) {
        return name.to_owned();
    }
    let text = |key: &str| schema[key].as_str();
    match (text("type"), text("format")) {
        (Some("array"), _) => format!("list of {}", kind(&schema["items"])),
        (Some("object"), _) if schema["additionalProperties"].is_object() => {
            format!("map of {}", kind(&schema["additionalProperties"]))
        }
        (Some("integer"), _) if schema["minimum"].as_i64() >= Some(0) => {
            "integer from 0".to_owned()
        }
        (Some(kind), Some(format)) => format!("{kind} ({format})"),
        (Some(kind), None) => kind.to_owned(),
        (None, _) => "any value".to_owned(),
    }
}
