//! `cargo xtask drift`: compares the vendor's document with `openapi.yaml`.

use std::fs;
use std::path::Path;

use xtask::drift::{Decisions, Report, compare, read};
use xtask::spec::Document;

use super::{Task, root, unknown};

pub const TASK: Task = Task {
    name: "drift",
    help: "compare the vendor's OpenAPI document, a FILE of JSON, with openapi.yaml; decisions are in xtask/drift.yaml",
    run,
};

const DECISIONS: &str = "xtask/drift.yaml";

fn run(arguments: &[&str]) -> Result<(), String> {
    let [file] = arguments else {
        return Err(match arguments {
            [] => "name the vendor's document: `cargo xtask drift FILE`".to_owned(),
            other => unknown(&TASK, other),
        });
    };
    let vendor = read(&text(Path::new(file))?).map_err(|error| format!("{file}: {error}"))?;
    let own = Document::parse(&text(&root().join("openapi.yaml"))?)
        .map_err(|problem| problem.to_string())?;
    let decisions = Decisions::parse(&text(&root().join(DECISIONS))?)
        .map_err(|error| format!("{DECISIONS}, {error}"))?;
    let report = Report::new(compare(&vendor, &own), &decisions);
    print!("{report}");
    match report.undecided() {
        0 => Ok(()),
        _ => Err(format!("change openapi.yaml, or decide in {DECISIONS}")),
    }
}

fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
