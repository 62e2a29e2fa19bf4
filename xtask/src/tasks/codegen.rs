//! `cargo xtask codegen`: generates Rust from openapi.yaml.

use std::time::Instant;

use xtask::codegen;

use super::{Task, root, unknown};

pub const TASK: Task = Task {
    name: "codegen",
    help: "write the generated files from openapi.yaml and compile them (not with --no-compile); with --check only say which are stale",
    run,
};

fn run(arguments: &[&str]) -> Result<(), String> {
    let start = Instant::now();
    let outcome = match arguments {
        [] => codegen::run_compiled(&root(), codegen::cargo_check)?,
        ["--no-compile"] => codegen::run(&root(), false)?,
        ["--check"] => codegen::run(&root(), true)?,
        other => return Err(unknown(&TASK, other)),
    };
    let stale = outcome.stale.join("\n  ");
    if arguments == ["--check"] && !outcome.stale.is_empty() {
        return Err(format!(
            "stale, update with `{}`:\n  {stale}\n\n{}",
            codegen::COMMAND,
            outcome.difference
        ));
    }
    if !outcome.stale.is_empty() {
        println!("written:\n  {stale}");
    }
    if !outcome.by_hand.is_empty() {
        let lines = outcome.by_hand.join("\n  ");
        println!("hand-written code must follow:\n  {lines}");
    }
    let (files, lines) = (outcome.files, outcome.lines);
    println!(
        "{files} files, {lines} lines, up to date ({:.2} s)",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
