//! `cargo xtask codegen`: Rust from openapi.yaml.

use std::time::Instant;

use xtask::codegen;

use super::{Chore, root, unknown};

pub const CHORE: Chore = Chore {
    name: "codegen",
    help: "write the generated files from openapi.yaml; with --check only say which are stale",
    run,
};

fn run(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        [] => generate(false),
        ["--check"] => generate(true),
        other => Err(unknown(&CHORE, other)),
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
