//! What is different between two versions of `openapi.yaml` for the users of the crates.
//!
//! Both versions are generated, and the public APIs of the results are compared (`items`): what is gone breaks. What
//! no signature says is compared as the model has it: `money` has what may spend credits, `behaviour` the rest.

mod behaviour;
mod items;
mod money;

use std::fmt;

use crate::codegen;
use crate::model::Api;
use crate::public_api::{PublicItem, public_api};
use crate::spec::{Document, Operation, Place, Problem};

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
    fn compatible(what: String) -> Self {
        Self {
            money: false,
            breaking: false,
            what,
        }
    }

    fn breaking(what: String) -> Self {
        Self {
            breaking: true,
            ..Self::compatible(what)
        }
    }

    fn money(what: String) -> Self {
        Self {
            money: true,
            ..Self::compatible(what)
        }
    }
}

/// A version of the API, with the public API that is generated from it.
#[derive(Clone, Debug)]
pub struct Version {
    api: Api,
    types: Vec<PublicItem>,
    client: Vec<PublicItem>,
}

impl Version {
    /// Generates both crates from a specification, which may break rules that are newer than it is.
    ///
    /// # Errors
    /// Nothing can be generated from it.
    pub fn new(document: &Document) -> Result<Self, Vec<Problem>> {
        let generated = codegen::generate_unchecked(document)?;
        let files = generated.files();
        // What is written by hand is the same for both versions.
        let list = |package: &str, root: &str| {
            let lib = format!("{package}/src/lib.rs");
            let read = |path: &str| match path == lib {
                true => Some(format!("mod generated; pub use generated::*; {root}")),
                false => files.get(path).cloned(),
            };
            public_api(&lib, &read).map_err(|error| vec![document.problem(&Place::root(), error)])
        };
        Ok(Self {
            api: generated.api().clone(),
            types: list("cargo-batch-types", "")?,
            client: list("cargo-batch-client", "pub struct Client;")?,
        })
    }
}

/// Returns all differences: first those that may cost money, then those that break.
///
/// Descriptions are not compared, nor is the order of fields and of values.
pub fn compare(before: &Version, after: &Version) -> Vec<Change> {
    let mut changes = money::compare(&before.api, &after.api);
    changes.extend(behaviour::compare(&before.api, &after.api));
    let wires = [&before.api, &after.api].map(items::wires);
    changes.extend(items::compare(&before.client, &after.client, &wires));
    changes.extend(items::compare(&before.types, &after.types, &wires));
    changes.sort_by_key(|change| (!change.money, !change.breaking));
    changes
}

/// Returns what a first version has: a line of Markdown for each operation.
pub fn first(version: &Version) -> Vec<String> {
    let operations = version.api.operations.iter();
    let mut lines: Vec<String> = operations
        .map(|it| format!("`{}`: {}", it.id, it.summary))
        .collect();
    lines.sort();
    lines
}

/// The operations that both versions have, some of them under another name.
fn pairs<'a>(before: &'a Api, after: &'a Api) -> Vec<(&'a Operation, &'a Operation)> {
    let find = |api: &'a Api, is_it: &dyn Fn(&Operation) -> bool| {
        api.operations.iter().find(|operation| is_it(operation))
    };
    let pair = |new: &'a Operation| {
        let old = find(before, &|old| old.id == new.id).or_else(|| {
            find(before, &|old| {
                (&old.method, &old.path) == (&new.method, &new.path)
                    && find(after, &|other| other.id == old.id).is_none()
            })
        });
        Some((old?, new))
    };
    after.operations.iter().filter_map(pair).collect()
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
        let mut gap = "";
        for (title, money, breaking) in parts {
            let is_here = |it: &&Change| (it.money, it.breaking) == (money, breaking);
            let changes: Vec<&Change> = self.0.iter().filter(is_here).collect();
            if changes.is_empty() {
                continue;
            }
            writeln!(f, "{gap}#### {title}\n")?;
            for change in changes {
                writeln!(f, "- {}", change.what)?;
            }
            gap = "\n";
        }
        Ok(())
    }
}
