//! Generated files, put together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::settle::COMMAND;
use super::{Chunk, Generated};
use crate::model::Server;
use crate::spec::Operation;

/// The folders that hold nothing but generated files.
pub const FOLDERS: [&str; 3] = [TYPES, CLIENT, "cargo-batch-sandbox/src/generated"];

const TYPES: &str = "cargo-batch-types/src/generated";
const CLIENT: &str = "cargo-batch-client/src/generated";
/// The sandbox checks requests against the specification, which must be inside its package.
const SANDBOX: &str = "cargo-batch-sandbox/src/generated/openapi.json";

/// Rules of clippy that a description or a name of the API can break.
const UP_TO_THE_API: [&str; 4] = [
    "clippy::doc_lazy_continuation",
    "clippy::doc_overindented_list_items",
    "clippy::too_many_arguments",
    "clippy::wrong_self_convention",
];

const IN_FLIGHT: &str = "use crate::pending::Pending;";
const CLIENT_ITEMS: &str = "use crate::{Client, Error, Response, types};";

/// What descriptions say of facts that aren't certain.
const MARKS: [&str; 2] = ["Unknown: ", "Unconfirmed: "];
const MARKS_MEAN: &str = "\n\n\"Unknown:\" marks a fact that no source documents, and \"Unconfirmed:\" one that a single source \
                          documents; either reading is accepted.";

/// Where the snapshots of chunks are, one named like each.
const SNAPSHOTS: &str = "tests/tests/snapshots";

impl Generated {
    /// The snapshots that have a chunk, by folder.
    pub fn snapshots(&self) -> [(String, BTreeSet<String>); 2] {
        let names = |chunks: &[Chunk]| {
            chunks
                .iter()
                .map(|chunk| format!("{}.snap", chunk.name))
                .collect()
        };
        [
            (format!("{SNAPSHOTS}/types"), names(&self.types)),
            (format!("{SNAPSHOTS}/operations"), names(&self.operations)),
        ]
    }

    /// The chunks of a generated file, in their order there.
    pub fn chunks_of(&self, file: &str) -> Vec<&Chunk> {
        let Some((folder, name)) = file.rsplit_once('/') else {
            return Vec::new();
        };
        let chunks = if folder == TYPES {
            &self.types
        } else {
            &self.operations
        };
        chunks
            .iter()
            .filter(|chunk| format!("{}.rs", chunk.module) == name)
            .collect()
    }

    /// The text of every generated file, by path from the root of the workspace.
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        self.put(&mut files, TYPES, &self.types, |_| {
            "#[allow(unused_imports)] // Some files stand alone.\nuse super::*;".to_owned()
        });
        let mut client = self.operations.clone();
        client.push(self.reasons.clone());
        client.push(self.table.clone());
        client.push(self.creations.clone());
        client.push(self.identities.clone());
        files.insert(SANDBOX.to_owned(), self.specification.clone());
        self.put(&mut files, CLIENT, &client, |module| {
            let is_paged =
                |operation: &Operation| operation.tag == module && operation.pagination.is_some();
            let pages = "use crate::pages::{Items, Pages, Received};";
            let lines: &[&str] = match module {
                "operations" => &[
                    "use std::time::Duration;",
                    "",
                    "use crate::operation::{Method, Operation, Pagination, SlowPolling, Waiter};",
                ],
                "creations" => &[
                    "use super::operations;",
                    "use crate::{Client, Error, operation::Operation, types};",
                ],
                "identities" => &[
                    "use crate::identity::{Distinctness, Identity};",
                    "use crate::types;",
                ],
                "reasons" => &[
                    "use super::operations;",
                    "use crate::{operation::Operation, types};",
                ],
                _ if self.api.operations.iter().any(is_paged) => {
                    &["use super::operations;", pages, IN_FLIGHT, CLIENT_ITEMS]
                }
                _ => &["use super::operations;", IN_FLIGHT, CLIENT_ITEMS],
            };
            lines.join("\n")
        });
        files
    }

    fn put(
        &self,
        files: &mut BTreeMap<String, String>,
        folder: &str,
        chunks: &[Chunk],
        uses: impl Fn(&str) -> String,
    ) {
        let mut modules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for chunk in chunks {
            modules.entry(&chunk.module).or_default().push(&chunk.text);
        }
        let mut index = preamble(
            "Types and operations that `cargo xtask codegen` generates from `openapi.yaml`.",
        );
        let _ = writeln!(
            index,
            "#![allow(\n    {}\n)] // How it is worded and named is up to the API.\n",
            UP_TO_THE_API.join(",\n    ")
        );
        for module in modules.keys() {
            // Operations and their table are namespaces of their own; everything else is met by name.
            let (own, export) = match (folder, *module) {
                (CLIENT, "identities") => ("pub(crate) mod", None),
                (TYPES, _) | (CLIENT, "creations" | "reasons") => {
                    ("mod", Some(format!("pub use {module}::*;\n")))
                }
                _ => ("pub mod", None),
            };
            let _ = writeln!(index, "{own} {module};");
            index.push_str(&export.unwrap_or_default());
        }
        if folder == CLIENT {
            let Server { url, description } = &self.api.server;
            let docs: Vec<String> = description
                .lines()
                .map(|line| format!("/// {line}").trim_end().to_owned())
                .collect();
            let _ = write!(
                index,
                "\n{}\npub const BASE_URL: &str = {url:?};\n",
                docs.join("\n")
            );
        }
        files.insert(format!("{folder}/mod.rs"), index);
        for (module, texts) in &modules {
            let about = match (folder, *module) {
                (CLIENT, "operations") => {
                    "The behaviour of each operation, as the specification states it."
                }
                (CLIENT, "reasons") => "The reasons of error responses, typed by operation.",
                (CLIENT, "creations") => "The requests that create batches.",
                (CLIENT, "identities") => {
                    "The fields that identify the batches of each kind of data."
                }
                (CLIENT, tag) => self
                    .api
                    .modules
                    .get(tag)
                    .or_else(|| self.api.tags.get(tag))
                    .map_or("", String::as_str),
                (_, module) => self.api.modules.get(module).map_or("", String::as_str),
            };
            let items = texts.join("\n");
            let marks = match MARKS.iter().any(|mark| items.contains(mark)) {
                true => MARKS_MEAN,
                false => "",
            };
            let text = format!(
                "{}{}\n\n{items}",
                preamble(&format!("{about}{marks}")),
                uses(module)
            );
            files.insert(format!("{folder}/{module}.rs"), text);
        }
    }
}

fn preamble(about: &str) -> String {
    let about: Vec<String> = about
        .lines()
        .map(|line| format!("//! {line}").trim_end().to_owned())
        .collect();
    let about = about.join("\n");
    format!(
        "{about}\n\n// @generated by `{COMMAND}` from openapi.yaml: change that, never this file.\n\n"
    )
}
