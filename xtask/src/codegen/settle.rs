//! The generated files are brought up to date: all of them or none, and none that doesn't compile.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::files::FOLDERS;

/// The command that mends a stale file.
pub const COMMAND: &str = "cargo xtask codegen";

/// How many lines of differences are shown in all, and of a file.
const SHOWN: usize = 60;
const SHOWN_OF_FILE: usize = 12;

/// What became of the generated files.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Paths that were different from what the specification says (and are now written, unless
    /// they were only compared).
    pub stale: Vec<String>,
    /// What is different in them, as far as it is short.
    pub difference: String,
    /// What is written by hand and doesn't compile with the new files: each error in a line.
    pub by_hand: Vec<String>,
    /// How many files there are.
    pub files: usize,
    /// Lines in all of them.
    pub lines: usize,
}

/// A file that isn't as it should be.
pub struct Edit {
    /// Its path from the root of the workspace.
    pub name: String,
    /// What it holds; nothing when it isn't there.
    pub old: Option<String>,
    /// What it should hold; nothing when it shouldn't be there.
    pub new: Option<String>,
}

/// Compares what there is with what should be.
pub fn compare(
    root: &Path,
    files: &BTreeMap<String, String>,
    snapshots: &[(String, BTreeSet<String>)],
) -> Result<Vec<Edit>, String> {
    let mut edits = Vec::new();
    for (name, new) in files {
        let old = read(root, name)?;
        // A checkout may have turned line ends into those of its platform.
        if old.as_ref().map(|old| old.replace("\r\n", "\n")).as_ref() != Some(new) {
            edits.push(Edit {
                name: name.clone(),
                old,
                new: Some(new.clone()),
            });
        }
    }
    let mut leftovers = Vec::new();
    for folder in FOLDERS {
        leftovers.extend(
            below(root, folder)?
                .into_iter()
                .filter(|name| !files.contains_key(name)),
        );
    }
    for (folder, names) in snapshots {
        let is_left =
            |name: &String| name.ends_with(".snap") && !names.contains(&name[folder.len() + 1..]);
        leftovers.extend(below(root, folder)?.into_iter().filter(is_left));
    }
    leftovers.sort();
    for name in leftovers {
        let old = read(root, &name)?;
        edits.push(Edit {
            name,
            old,
            new: None,
        });
    }
    Ok(edits)
}

fn read(root: &Path, name: &str) -> Result<Option<String>, String> {
    match fs::read(root.join(name)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{name} can't be read: {error}")),
    }
}

/// All files below a folder; none when it isn't there.
fn below(root: &Path, folder: &str) -> Result<Vec<String>, String> {
    let entries = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{folder} can't be read: {error}")),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| format!("{folder} can't be read: {error}"))?;
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => found.extend(below(root, &name)?),
            false => found.push(name),
        }
    }
    Ok(found)
}

/// Applies all edits, or none: every text is on the disk before the first file is replaced, and what was replaced is put
/// back when another can't be.
pub fn apply(root: &Path, edits: &[Edit]) -> Result<(), String> {
    let replaced = edits
        .iter()
        .try_for_each(|edit| stage(root, edit))
        .and_then(|()| replace(root, edits));
    for edit in edits {
        // Where all went well there is none left.
        let _ = fs::remove_file(temporary(root, &edit.name));
    }
    replaced
}

fn replace(root: &Path, edits: &[Edit]) -> Result<(), String> {
    for (i, edit) in edits.iter().enumerate() {
        let path = root.join(&edit.name);
        let done = match &edit.new {
            Some(_) => fs::rename(temporary(root, &edit.name), &path),
            None => fs::remove_file(&path),
        };
        if let Err(error) = done {
            let back: Vec<Edit> = edits[..i].iter().map(Edit::reversed).collect();
            let back = back.iter().try_for_each(|edit| put_back(root, edit));
            let what = format!("{} can't be written: {error}", edit.name);
            return Err(match back {
                Ok(()) => format!("{what}; nothing is changed"),
                Err(other) => format!("{what}; and then {other}"),
            });
        }
    }
    Ok(())
}

fn put_back(root: &Path, edit: &Edit) -> Result<(), String> {
    let path = root.join(&edit.name);
    let done = match &edit.new {
        Some(text) => fs::write(&path, text),
        None => fs::remove_file(&path),
    };
    done.map_err(|error| format!("{} can't be put back: {error}", edit.name))
}

/// Writes a new text beside the file.
fn stage(root: &Path, edit: &Edit) -> Result<(), String> {
    let Some(text) = &edit.new else {
        return Ok(());
    };
    let path = temporary(root, &edit.name);
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| fs::write(&path, text))
        .map_err(|error| {
            format!(
                "{} can't be written: {error}; nothing is changed",
                edit.name
            )
        })
}

/// Left behind by a killed process, it is a leftover like any other.
fn temporary(root: &Path, name: &str) -> PathBuf {
    root.join(format!("{name}.new"))
}

impl Edit {
    /// What takes it back.
    pub fn reversed(&self) -> Self {
        Self {
            name: self.name.clone(),
            old: self.new.clone(),
            new: self.old.clone(),
        }
    }
}

/// The lines that differ, a few of each file.
pub fn difference(edits: &[Edit]) -> String {
    let mut text = String::new();
    for edit in edits {
        let (old, new) = (
            edit.old.as_deref().unwrap_or_default(),
            edit.new.as_deref().unwrap_or_default(),
        );
        let old = old.replace("\r\n", "\n");
        let diff = similar::TextDiff::from_lines(old.as_str(), new);
        let changes = diff.iter_all_changes();
        let lines: Vec<String> = changes
            .filter(|change| change.tag() != similar::ChangeTag::Equal)
            .map(|change| format!("{}{}", change.tag(), change.value().trim_end()))
            .collect();
        if text.lines().count() > SHOWN {
            break;
        }
        text.push_str(&format!("{}\n", edit.name));
        for line in lines.iter().take(SHOWN_OF_FILE) {
            text.push_str(&format!("  {line}\n"));
        }
        if lines.len() > SHOWN_OF_FILE {
            text.push_str(&format!(
                "  ... and {} lines more\n",
                lines.len() - SHOWN_OF_FILE
            ));
        }
    }
    text
}
