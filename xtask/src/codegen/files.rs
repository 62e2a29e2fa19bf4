//! Generated files: put together, written, compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use super::{Chunk, Generated};

/// The command that mends a stale file.
pub const COMMAND: &str = "cargo xtask codegen";

/// What became of the generated files.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Paths that were different from what the specification says (and are now written, unless
    /// it was only looked).
    pub stale: Vec<String>,
    /// How many files there are.
    pub files: usize,
    /// Lines in all of them.
    pub lines: usize,
}

/// Writes the files below `root`, or only compares them.
pub fn settle(root: &Path, files: &BTreeMap<String, String>, check: bool) -> io::Result<Outcome> {
    let mut outcome = Outcome {
        files: files.len(),
        ..Outcome::default()
    };
    for (name, text) in files {
        outcome.lines += text.lines().count();
        let path = root.join(name);
        // A checkout may have turned line ends into those of its platform.
        let old = fs::read_to_string(&path).map(|old| old.replace("\r\n", "\n"));
        if old.as_ref().ok() != Some(text) {
            outcome.stale.push(name.clone());
            if !check {
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)?;
                }
                fs::write(&path, text)?;
            }
        }
    }
    for name in leftovers(root, files)? {
        if !check {
            fs::remove_file(root.join(&name))?;
        }
        outcome.stale.push(name);
    }
    Ok(outcome)
}

/// Files in the generated folders that nothing generates any more.
fn leftovers(root: &Path, files: &BTreeMap<String, String>) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in [TYPES, CLIENT] {
        let Ok(entries) = fs::read_dir(root.join(folder)) else {
            continue;
        };
        for entry in entries {
            let name = format!("{folder}/{}", entry?.file_name().to_string_lossy());
            if !files.contains_key(&name) {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}

const TYPES: &str = "cargo-batch-types/src/generated";
const CLIENT: &str = "cargo-batch-client/src/generated";
/// The sandbox checks requests against the specification, which must be inside its package.
const SANDBOX: &str = "cargo-batch-sandbox/src/generated/openapi.json";

impl Generated {
    /// The text of every generated file, by path from the root of the workspace.
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        self.put(&mut files, TYPES, &self.types, |_| {
            "#[allow(unused_imports)] // Some files stand alone.\nuse super::*;".to_owned()
        });
        let mut client = self.operations.clone();
        client.push(self.reasons.clone());
        client.push(self.table.clone());
        client.push(self.identities.clone());
        files.insert(SANDBOX.to_owned(), self.specification.clone());
        self.put(&mut files, CLIENT, &client, |module| {
            let lines: &[&str] = match module {
                "operations" => &[
                    "use std::time::Duration;",
                    "",
                    "use crate::operation::{Method, Operation, Pagination, Slow, Waiter};",
                ],
                "identities" => &[
                    "use crate::identity::{Distinctness, Identity};",
                    "use crate::types;",
                ],
                "reasons" => &[
                    "use super::operations;",
                    "use crate::{operation::Operation, types};",
                ],
                _ => &[
                    "#[allow(unused_imports)] // Where every path is fixed.",
                    "use progenitor_client::encode_path;",
                    "",
                    "use super::operations;",
                    "use crate::{Client, Error, Response, types};",
                ],
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
        let mut index = preamble("What `cargo xtask codegen` makes of `openapi.yaml`.");
        for module in modules.keys() {
            // The operation table is a namespace of its own; everything else is met by name.
            let (own, export) = match *module {
                "operations" => ("pub mod", None),
                "identities" => ("pub(crate) mod", None),
                "batches" | "runs" | "files" | "releases" if folder == CLIENT => ("pub mod", None),
                _ => ("mod", Some(format!("pub use {module}::*;\n"))),
            };
            let _ = writeln!(index, "{own} {module};");
            index.push_str(&export.unwrap_or_default());
        }
        files.insert(format!("{folder}/mod.rs"), index);
        for (module, texts) in &modules {
            let about = match *module {
                "operations" => "What the specification says of how each operation behaves.",
                "reasons" => "Why the server refuses, typed by operation.",
                "identities" => "By what the batches of each kind of data are recognised.",
                module => self.modules.get(module).map_or("", String::as_str),
            };
            let text = format!(
                "{}{}\n\n{}",
                preamble(about),
                uses(module),
                texts.join("\n")
            );
            files.insert(format!("{folder}/{module}.rs"), text);
        }
    }
}

fn preamble(about: &str) -> String {
    format!(
        "//! {about}\n\n// @generated by `{COMMAND}` from openapi.yaml: change that, never this file.\n\n"
    )
}
