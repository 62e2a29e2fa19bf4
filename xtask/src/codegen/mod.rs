//! `openapi.yaml` in, the generated files of both crates out.
//!
//! Strict load and lint (`crate::spec`) -> model (`crate::model`) -> progenitor, once -> chunks of Rust -> files. The
//! same input gives the same bytes.

mod compile;
mod creations;
mod emitted;
mod field;
mod files;
mod identities;
mod links;
mod operations;
mod panics;
mod progenitor;
mod reasons;
mod rust;
mod settle;
mod structs;
mod table;
mod taken;
mod types;

use std::path::Path;

pub use compile::{Compilation, cargo_check};
pub use settle::{COMMAND, Outcome};
pub use taken::KITCHEN_SINK;

use crate::model::{Api, Shape};
use crate::spec::{self, Document, Place, Problem};
use compile::Verdict;
use settle::Edit;

/// Generated Rust of one schema or one operation.
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
#[derive(Clone, Debug)]
pub struct Generated {
    /// One chunk for each schema that has a type.
    pub types: Vec<Chunk>,
    /// One chunk for each operation.
    pub operations: Vec<Chunk>,
    /// The behaviour of all operations.
    pub table: Chunk,
    /// The reasons of all operations.
    pub reasons: Chunk,
    /// The requests that create batches.
    pub creations: Chunk,
    /// By what the batches of each kind of data are recognised.
    pub identities: Chunk,
    /// The specification itself, as JSON.
    pub specification: String,
    /// The API that it is generated from.
    api: Api,
}

impl Generated {
    /// Returns the API that it is generated from.
    pub fn api(&self) -> &Api {
        &self.api
    }
}

/// Generates both crates from the text of a specification.
pub fn generate(text: &str) -> Result<Generated, Vec<Problem>> {
    from_document(&spec::load(text)?)
}

/// Generates both crates from a specification that isn't linted: an older one may break rules that are newer.
///
/// # Errors
/// What keeps anything from being generated.
pub fn generate_unchecked(document: &Document) -> Result<Generated, Vec<Problem>> {
    let generated = panics::caught(|| Ok(from_document(document)));
    let generated =
        generated.unwrap_or_else(|message| Err(vec![document.problem(&Place::root(), message)]));
    // A rule that it breaks says better why.
    generated.map_err(|problems| match spec::check(document) {
        none if none.is_empty() => problems,
        broken => broken,
    })
}

fn from_document(document: &Document) -> Result<Generated, Vec<Problem>> {
    let document = document.renamed(spec::naming::schema);
    let api = Api::read(&document)?;
    let problems = taken::check(&document, &api);
    if !problems.is_empty() {
        return Err(problems);
    }
    let answers = panics::caught(|| progenitor::ask(&api))
        .map_err(|message| vec![located(&document, &api, message)])?;
    let linked = links::linked(&api);
    let generated = Generated {
        types: types::generate(&linked, &answers),
        operations: operations::generate(&document, &linked, &answers)?,
        table: table::generate(&api),
        reasons: reasons::generate(&api),
        creations: creations::generate(&document, &api)?,
        identities: identities::generate(&api),
        specification: specification(&document),
        api,
    };
    let problems = taken::twice(&document, &generated);
    match problems.is_empty() {
        true => Ok(generated),
        false => Err(problems),
    }
}

/// As JSON, a line for each value, so that a small change is a small difference.
fn specification(document: &Document) -> String {
    format!("{:#}\n", document.root())
}

/// progenitor and typify name no place, so the schema or operation is found that they can't do alone.
fn located(document: &Document, api: &Api, message: String) -> Problem {
    let schemas = (0..api.schemas.len()).map(|alone| {
        let mut api = api.clone();
        api.operations.clear();
        let place = Place::schema(&api.schemas[alone].name);
        let others = api.schemas.iter_mut().enumerate();
        for (_, other) in others.filter(|(number, _)| *number != alone) {
            other.shape = Shape::Id; // Which is not asked about.
        }
        (place, api)
    });
    let operations = api.operations.iter().map(|operation| {
        let operations = vec![operation.clone()];
        let api = Api {
            operations,
            ..api.clone()
        };
        (operation.place.clone(), api)
    });
    let fault = schemas.chain(operations).find_map(|(place, api)| {
        let message = panics::caught(|| progenitor::ask(&api)).err()?;
        Some(document.problem(&place, message))
    });
    fault.unwrap_or_else(|| document.problem(&Place::root(), message))
}

/// Brings the generated files of the workspace at `root` up to date, or only compares them (`check`).
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
