//! The documentation uses the field's words: the glossary of CONTRIBUTING, as far as a program can tell.

use std::path::{Path, PathBuf};

use cargo_batch_tests::root;

/// Words that have a standard term, and that.
const TERMS: [(&str, &str); 9] = [
    ("answer", "response"),
    ("anew", "again, from scratch"),
    ("chore", "task"),
    ("member", "field"),
    ("nobody", "no one, no client"),
    ("patience", "timeout, tolerance"),
    ("piece", "chunk"),
    ("somebody", "another client"),
    ("whoever", "the caller, a client that"),
];

/// The documentation of the published crates, and what a user reads beside it.
fn documentation() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = ["README.md", "SECURITY.md", "openapi.yaml"]
        .map(|name| root().join(name))
        .into();
    for package in ["client", "types", "sandbox"] {
        let package = root().join(format!("cargo-batch-{package}"));
        files.push(package.join("README.md"));
        collect(&package.join("src"), "rs", &mut files);
        collect(&package.join("docs"), "md", &mut files);
    }
    files
}

fn collect(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, extension, files),
            false if path.extension().is_some_and(|it| it == extension) => files.push(path),
            false => {}
        }
    }
}

/// The prose of a line: doc comments of Rust, everything of other files, without code in backticks.
fn prose(line: &str, is_rust: bool) -> String {
    let line = line.trim_start();
    if is_rust && !line.starts_with("///") && !line.starts_with("//!") {
        return String::new();
    }
    line.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

#[test]
fn documentation_uses_standard_terms() {
    let mut found = Vec::new();
    let mut lines = 0;
    for file in documentation() {
        let is_rust = file.extension().is_some_and(|it| it == "rs");
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            let prose = prose(line, is_rust).to_lowercase();
            lines += usize::from(!prose.is_empty());
            let words = prose.split(|letter: char| !letter.is_alphanumeric());
            for word in words {
                let stem = word.strip_suffix('s').unwrap_or(word);
                if let Some((_, term)) = TERMS.iter().find(|(word, _)| *word == stem) {
                    let place = file.strip_prefix(root()).unwrap().display();
                    found.push(format!("{place}:{}: {word}: {term}", number + 1));
                }
            }
        }
    }
    assert!(lines > 5000, "{lines}");
    assert!(found.is_empty(), "{}", found.join("\n"));
}
