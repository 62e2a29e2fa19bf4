//! `openapi.yaml` in, the generated files of both crates out.
//!
//! Strict load and lint (`crate::spec`) -> lower -> progenitor twice -> files. The same input
//! gives the same bytes.

mod client;
mod emitted;
mod files;
mod lower;
mod operations;
mod rust;
mod structs;
mod types;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

pub use files::{COMMAND, Outcome};

use crate::spec::{self, Place, Problem};

/// A piece of generated Rust: what came of one schema or one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The file it belongs to.
    pub module: String,
    /// The schema or operation it came from.
    pub name: String,
    /// The Rust.
    pub text: String,
}

/// All that is generated from a specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// One chunk for each schema that has a type.
    pub types: Vec<Chunk>,
    /// One chunk for each operation.
    pub operations: Vec<Chunk>,
    /// The behaviour of all operations.
    pub table: Chunk,
    /// The reasons of all operations.
    pub reasons: Chunk,
    /// By what the batches of each kind of data are recognised.
    pub identities: Chunk,
    /// The specification itself, as JSON.
    pub specification: String,
    /// What each file is about.
    modules: BTreeMap<String, String>,
}

/// Generates both crates from the text of a specification.
pub fn generate(text: &str) -> Result<Generated, Vec<Problem>> {
    let document = spec::load(text)?;
    let lowered = lower::lower(&document)?;
    let whole = |message: String| vec![document.problem(&Place::root(), message)];
    let modules = document.root()["x-modules"]
        .as_object()
        .into_iter()
        .flatten();
    Ok(Generated {
        types: no_panic(|| types::generate(&lowered)).map_err(whole)?,
        operations: no_panic(|| client::generate(&document, &lowered)).map_err(whole)?,
        table: operations::table(&lowered),
        reasons: operations::reasons(&lowered),
        identities: operations::identities(&document),
        specification: format!("{}\n", document.root()),
        modules: modules
            .map(|(name, text)| (name.clone(), text.as_str().unwrap_or_default().to_owned()))
            .collect(),
    })
}

/// progenitor panics on what it doesn't know. The rules keep that away from it; should one be missing,
/// this says so.
fn no_panic<T>(generate: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(generate)).unwrap_or_else(|panic| {
        let text = match panic.downcast_ref::<String>() {
            Some(text) => text,
            None => panic.downcast_ref::<&str>().copied().unwrap_or_default(),
        };
        Err(format!(
            "the generator panicked ({text}): a rule is missing in xtask/src/spec/lint; undo the last \
             change of openapi.yaml to find what it doesn't know"
        ))
    })
}

/// Brings the generated files of the workspace at `root` up to date, or only looks (`check`).
pub fn run(root: &Path, check: bool) -> Result<Outcome, String> {
    let path = root.join("openapi.yaml");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let generated = generate(&text).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        lines.join("\n")
    })?;
    files::settle(root, &generated.files(), check)
        .map_err(|error| format!("cannot write the generated files: {error}"))
}
