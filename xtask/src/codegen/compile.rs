//! What was written is compiled, and an error leads back to the schema or operation that it came from.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::files::FOLDERS;
use super::settle::Edit;
use super::{Chunk, Generated};
use crate::spec::{Document, Place, Problem};

/// An error of the compiler.
struct Diagnostic {
    /// The file, from the root of the workspace.
    file: String,
    line: usize,
    /// `E0592`.
    code: String,
    message: String,
}

/// What the compiler said.
pub enum Verdict {
    /// It compiles.
    Fine,
    /// Only what is written by hand doesn't: an error a line.
    ByHand(Vec<String>),
    /// What is generated doesn't.
    Generated(Problem),
}

/// What came of a compilation.
#[derive(Clone, Debug)]
pub struct Compilation {
    /// cargo's messages, each a line of JSON.
    pub messages: String,
    /// It compiles.
    pub success: bool,
    /// What else cargo said.
    pub complaint: String,
}

/// Compiles the types and the client of a workspace.
///
/// # Errors
/// cargo can't be run.
pub fn cargo_check(root: &Path) -> Result<Compilation, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["check", "--quiet", "--message-format=json"])
        .args(["-p", "cargo-batch-types", "-p", "cargo-batch-client"])
        .output()
        .map_err(|error| format!("cargo can't be run: {error}"))?;
    Ok(Compilation {
        messages: String::from_utf8_lossy(&output.stdout).into_owned(),
        success: output.status.success(),
        complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Says whose fault it is when something doesn't compile.
pub fn judge(
    compilation: &Compilation,
    document: &Document,
    generated: &Generated,
    edits: &[Edit],
) -> Result<Verdict, String> {
    let text = &compilation.messages;
    let errors: Vec<Diagnostic> = text.lines().filter_map(diagnostic).collect();
    let is_generated =
        |error: &&Diagnostic| FOLDERS.iter().any(|folder| error.file.starts_with(folder));
    let in_generated: Vec<&Diagnostic> = errors.iter().filter(is_generated).collect();
    if let Some(first) = in_generated.first() {
        return Ok(Verdict::Generated(blamed(
            document,
            generated,
            edits,
            first,
            &in_generated,
        )));
    }
    if !errors.is_empty() {
        let lines = errors
            .iter()
            .map(|error| format!("{}:{}: {}", error.file, error.line, error.message));
        return Ok(Verdict::ByHand(lines.collect()));
    }
    match compilation.success {
        true => Ok(Verdict::Fine),
        false => Err(format!("cargo check failed:\n{}", compilation.complaint)),
    }
}

/// An error of a line of cargo's JSON, at the outermost place of the macros it is in.
fn diagnostic(line: &str) -> Option<Diagnostic> {
    let line: Value = serde_json::from_str(line).ok()?;
    let message = line
        .get("message")
        .filter(|message| message["level"] == "error")?;
    let spans = message["spans"].as_array()?;
    let mut span = spans.iter().find(|span| span["is_primary"] == true)?;
    while span["expansion"]["span"].is_object() {
        span = &span["expansion"]["span"];
    }
    Some(Diagnostic {
        file: span["file_name"].as_str()?.replace('\\', "/"),
        line: usize::try_from(span["line_start"].as_u64()?).ok()?,
        code: message["code"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        message: message["message"].as_str().unwrap_or_default().to_owned(),
    })
}

/// The schema or operation to mend: a changed one that the compiler names, or that the error is in, or the first that
/// changed; an error is often found far from what causes it.
fn blamed(
    document: &Document,
    generated: &Generated,
    edits: &[Edit],
    first: &Diagnostic,
    all: &[&Diagnostic],
) -> Problem {
    let changed: Vec<&Chunk> = edits
        .iter()
        .flat_map(|edit| {
            let old = edit.old.as_deref().unwrap_or_default();
            let chunks = generated.chunks_of(&edit.name);
            chunks
                .into_iter()
                .filter(move |chunk| !old.contains(&chunk.text))
        })
        .collect();
    let named = |chunk: &&&Chunk| {
        let words = [
            format!("`{}`", chunk.name),
            format!(
                "`{}`",
                heck::ToUpperCamelCase::to_upper_camel_case(chunk.name.as_str())
            ),
        ];
        all.iter()
            .any(|error| words.iter().any(|word| error.message.contains(word)))
    };
    let around = all
        .iter()
        .filter_map(|error| chunk_at(generated, edits, error));
    let around: Vec<&Chunk> = around.collect();
    let chunk = changed
        .iter()
        .find(named)
        .or_else(|| changed.iter().find(|chunk| around.contains(chunk)))
        .or(changed.first())
        .or(around.first());
    let place = match chunk {
        Some(chunk) if document.schema(&chunk.name).is_some() => Place::schema(&chunk.name),
        Some(chunk) => operation(document, &chunk.name).unwrap_or_default(),
        None => Place::root(),
    };
    let Diagnostic {
        file,
        line,
        code,
        message,
    } = first;
    document.problem(
        &place,
        format!(
            "its Rust doesn't compile ({code}: {message}, in {file}:{line}), so nothing is changed: give it another name \
             with `x-rust-name`, or write it as others are written"
        ),
    )
}

fn operation(document: &Document, id: &str) -> Option<Place> {
    let operations = crate::spec::Operation::all(document).ok()?;
    operations
        .into_iter()
        .find(|operation| operation.id == id)
        .map(|operation| operation.place)
}

/// The chunk that a line of a file is in.
fn chunk_at<'a>(generated: &'a Generated, edits: &[Edit], error: &Diagnostic) -> Option<&'a Chunk> {
    let text = edits
        .iter()
        .find(|edit| edit.name == error.file)?
        .new
        .as_deref()?;
    generated.chunks_of(&error.file).into_iter().find(|chunk| {
        let start = text
            .find(&chunk.text)
            .map(|at| text[..at].lines().count() + 1);
        start.is_some_and(|start| (start..start + chunk.text.lines().count()).contains(&error.line))
    })
}
