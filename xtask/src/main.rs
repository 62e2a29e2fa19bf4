//! `cargo xtask`: the chores of this workspace.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use xtask::codegen;

const HELP: &str = "\
cargo xtask CHORE

  codegen           write the generated files of both crates from openapi.yaml
  codegen --check   write nothing; fail when a generated file is stale";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        ["codegen"] => generate(false),
        ["codegen", "--check"] => generate(true),
        _ => Err(format!("no such chore: {}\n\n{HELP}", arguments.join(" "))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn generate(check: bool) -> Result<(), String> {
    let start = Instant::now();
    let outcome = codegen::run(&root(), check)?;
    let stale = outcome.stale.join("\n  ");
    if check && !outcome.stale.is_empty() {
        return Err(format!(
            "stale, mend with `{}`:\n  {stale}",
            codegen::COMMAND
        ));
    }
    if !outcome.stale.is_empty() {
        println!("written:\n  {stale}");
    }
    let (files, lines) = (outcome.files, outcome.lines);
    println!(
        "{files} files, {lines} lines, up to date ({:.2} s)",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// The workspace is the folder above this package.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
