//! `cargo xtask changelog`: what is different in the API.

use std::fs;
use std::path::Path;
use std::process::Command;

use xtask::changelog::{Markdown, Version, compare, first};
use xtask::spec::Document;

use super::{Task, process, root, unknown};

pub const TASK: Task = Task {
    name: "changelog",
    help: "write the API part of CHANGELOG.md, since the last tag; with FROM TO (revisions or files) print it",
    run,
};

const SPEC: &str = "openapi.yaml";
const FILE: &str = "CHANGELOG.md";

/// The text between these lines is generated; a release removes the lines and keeps the text.
const BEGIN: &str = "<!-- cargo xtask changelog -->\n";
const END: &str = "<!-- end -->\n";

fn run(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        [] => update(),
        [from, to] => {
            print!("{}", Markdown(&compare(&read(from)?, &read(to)?)));
            Ok(())
        }
        other => Err(unknown(&TASK, other)),
    }
}

fn update() -> Result<(), String> {
    let path = root().join(FILE);
    let now = read(&root().join(SPEC).to_string_lossy())?;
    let api = match last_tag() {
        Some(tag) => Markdown(&compare(&read(&tag)?, &now)).to_string(),
        None => format!("The first operations:\n\n- {}\n", first(&now).join("\n- ")),
    };
    let text = fs::read_to_string(&path).map_err(|error| format!("{FILE}: {error}"))?;
    let (head, rest) = text.split_once(BEGIN).ok_or_else(|| lacks(BEGIN))?;
    let (_, tail) = rest.split_once(END).ok_or_else(|| lacks(END))?;
    let text = format!("{head}{BEGIN}\n{api}\n{END}{tail}");
    fs::write(&path, text).map_err(|error| format!("{FILE}: {error}"))?;
    println!("written: {FILE}");
    Ok(())
}

fn lacks(line: &str) -> String {
    format!("{FILE} lacks the line `{}`: put it back", line.trim_end())
}

/// Nothing before the first release.
fn last_tag() -> Option<String> {
    let mut git = git();
    git.args(["describe", "--tags", "--abbrev=0"]);
    let tag = process::output(&mut git).ok()?;
    Some(tag.trim().to_owned())
}

/// A file, or what git has of the specification at a revision.
fn read(version: &str) -> Result<Version, String> {
    let text = match Path::new(version).is_file() {
        true => fs::read_to_string(version).map_err(|error| format!("{version}: {error}"))?,
        false => {
            let mut git = git();
            process::output(git.args(["show", &format!("{version}:{SPEC}")])).map_err(|error| {
                format!("{version} is no file, and no revision with {SPEC}: {error}")
            })?
        }
    };
    let problems = match Document::parse(&text) {
        Ok(document) => match Version::new(&document) {
            Ok(version) => return Ok(version),
            Err(problems) => problems,
        },
        Err(problem) => vec![problem],
    };
    let lines = problems
        .iter()
        .map(|problem| format!("{version}: {problem}"));
    Err(lines.collect::<Vec<_>>().join("\n"))
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(root());
    git
}
