//! `openapi.yaml` in, the generated files of both crates out.
//!
//! Strict load and lint (`crate::spec`) -> lower -> progenitor twice -> files. The same input
//! gives the same bytes.

mod client;
mod compile;
mod emitted;
mod files;
mod lower;
mod operations;
mod panics;
mod prose;
mod rust;
mod settle;
mod structs;
mod taken;
mod types;

use std::collections::BTreeMap;
use std::path::Path;

pub use compile::{Compilation, cargo_check};
pub use settle::{COMMAND, Outcome};

use crate::spec::{self, Document, Place, Problem};
use client::Fault;
use compile::Verdict;
use lower::Lowered;
use settle::Edit;

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
    /// Where the API is.
    server: Server,
    /// What each file is about.
    modules: BTreeMap<String, String>,
    /// What each tag is about.
    tags: BTreeMap<String, String>,
}

/// The server of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    /// Its URL, without a slash at its end.
    url: String,
    /// What it is, in words.
    description: String,
}

/// Generates both crates from the text of a specification.
pub fn generate(text: &str) -> Result<Generated, Vec<Problem>> {
    let document = spec::load(text)?.renamed(spec::naming::schema);
    let lowered = lower::lower(&document)?;
    let problems = taken::check(&document, &lowered);
    if !problems.is_empty() {
        return Err(problems);
    }
    let types = panics::caught(|| types::generate(&lowered))
        .map_err(|message| vec![faulty_schema(&document, &lowered, message)])?;
    let operations = panics::caught(|| client::generate(&document, &lowered))
        .map_err(|fault| vec![faulty_operation(&document, &lowered, fault)])?;
    let modules = document.root()["x-modules"]
        .as_object()
        .into_iter()
        .flatten();
    let tags = document.root()["tags"].as_array().into_iter().flatten();
    let text = |node: &serde_json::Value| prose::escaped(node.as_str().unwrap_or_default());
    let server = &document.root()["servers"][0];
    let generated = Generated {
        types,
        operations,
        table: operations::table(&lowered),
        reasons: operations::reasons(&lowered),
        identities: operations::identities(&document),
        specification: specification(&document),
        server: Server {
            url: server["url"].as_str().unwrap_or_default().to_owned(),
            description: match text(&server["description"]) {
                none if none.is_empty() => "The API.".to_owned(),
                description => description,
            },
        },
        modules: modules
            .map(|(name, about)| (name.clone(), text(about)))
            .collect(),
        tags: tags
            .map(|tag| (text(&tag["name"]), text(&tag["description"])))
            .collect(),
    };
    let problems = taken::twice(&document, &lowered, &generated);
    match problems.is_empty() {
        true => Ok(generated),
        false => Err(problems),
    }
}

/// As JSON, a line for each value, so that a small change is a small difference.
fn specification(document: &Document) -> String {
    format!("{:#}\n", document.root())
}

/// progenitor names no place, so the operation is found that it can't do alone.
fn faulty_operation(document: &Document, lowered: &Lowered, fault: Fault) -> Problem {
    let alone = lowered.operations.iter().find_map(|operation| {
        let one = lowered.only_operation(operation);
        let Fault { parameter, message } =
            panics::caught(|| client::generate(document, &one)).err()?;
        let place = match parameter {
            Some(index) => operation.place.join("parameters").join(&index.to_string()),
            None => operation.place.clone(),
        };
        Some(document.problem(&place, message))
    });
    alone.unwrap_or_else(|| document.problem(&Place::root().join("paths"), fault.message))
}

/// The schema that typify can't do, with what is below it; the lowest, as those above it fail, too.
fn faulty_schema(document: &Document, lowered: &Lowered, message: String) -> Problem {
    let mut sets: Vec<_> = lowered
        .schemas
        .iter()
        .map(|schema| {
            (
                &schema.name,
                spec::reachable(document, [schema.name.clone()]),
            )
        })
        .collect();
    sets.sort_by_key(|(_, names)| names.len());
    let lowest = sets.into_iter().find_map(|(name, names)| {
        let some = lowered.only_schemas(&names);
        let message = panics::caught(|| types::generate(&some)).err()?;
        Some(document.problem(&Place::schema(name), message))
    });
    lowest.unwrap_or_else(|| document.problem(&Place::root().join("components"), message))
}

/// Brings the generated files of the workspace at `root` up to date, or only looks (`check`).
///
/// # Errors
/// What is wrong with the specification, or which file can't be read or written; then nothing is changed.
pub fn run(root: &Path, check: bool) -> Result<Outcome, String> {
    let (_, generated) = read(root)?;
    let (outcome, edits) = compared(root, &generated)?;
    if !check {
        settle::apply(root, &edits)?;
    }
    Ok(outcome)
}

/// Brings the generated files of the workspace at `root` up to date, unless they don't compile: `compile` is
/// [`cargo_check`].
///
/// # Errors
/// Those of [`run`], and which schema or operation gave Rust that doesn't compile.
pub fn run_compiled(
    root: &Path,
    compile: impl FnOnce(&Path) -> Result<Compilation, String>,
) -> Result<Outcome, String> {
    let (document, generated) = read(root)?;
    let (mut outcome, edits) = compared(root, &generated)?;
    settle::apply(root, &edits)?;
    if edits.iter().any(|edit| edit.name.ends_with(".rs")) {
        let back: Vec<Edit> = edits.iter().map(Edit::reversed).collect();
        let verdict = compile(root)
            .and_then(|compilation| compile::judge(&compilation, &document, &generated, &edits));
        match verdict {
            Ok(Verdict::Fine) => {}
            Ok(Verdict::ByHand(errors)) => outcome.by_hand = errors,
            Ok(Verdict::Generated(problem)) => {
                settle::apply(root, &back)?;
                return Err(problem.to_string());
            }
            Err(message) => {
                settle::apply(root, &back)?;
                return Err(format!(
                    "{message}\nso nothing is changed; `--no-compile` leaves this out"
                ));
            }
        }
    }
    Ok(outcome)
}

fn read(root: &Path) -> Result<(Document, Generated), String> {
    let path = root.join("openapi.yaml");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let said = |problems: Vec<Problem>| {
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        lines.join("\n")
    };
    let generated = generate(&text).map_err(said)?;
    let document = Document::parse(&text).map_err(|problem| problem.to_string())?;
    Ok((document.renamed(spec::naming::schema), generated))
}

fn compared(root: &Path, generated: &Generated) -> Result<(Outcome, Vec<Edit>), String> {
    let files = generated.files();
    let edits = settle::compare(root, &files, &generated.snapshots())?;
    let outcome = Outcome {
        stale: edits.iter().map(|edit| edit.name.clone()).collect(),
        difference: settle::difference(&edits),
        files: files.len(),
        lines: files.values().map(|text| text.lines().count()).sum(),
        ..Outcome::default()
    };
    Ok((outcome, edits))
}
