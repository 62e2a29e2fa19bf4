//! The tasks, each in a module of its own.

mod bench;
mod changelog;
mod ci;
mod codegen;
mod conformance;
mod crash;
mod drift;
mod http;
mod page;
mod picture;
mod process;
mod proxies;

use std::path::{Path, PathBuf};

/// A task: its name, a line of help, and the function that runs it with its arguments.
struct Task {
    name: &'static str,
    help: &'static str,
    run: fn(&[&str]) -> Result<(), String>,
}

const TASKS: [Task; 10] = [
    bench::TASK,
    changelog::TASK,
    ci::TASK,
    codegen::TASK,
    conformance::TASK,
    crash::TASK,
    drift::TASK,
    page::TASK,
    picture::TASK,
    proxies::TASK,
];

/// Runs the task that the arguments name; without arguments, prints the list of tasks.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        [] | ["help" | "--help" | "-h"] => {
            println!("{}", help());
            Ok(())
        }
        [name, rest @ ..] => match TASKS.iter().find(|task| task.name == *name) {
            Some(task) => (task.run)(rest),
            None => Err(format!("no such task: {name}\n\n{}", help())),
        },
    }
}

fn help() -> String {
    let mut text = "cargo xtask TASK\n".to_owned();
    for Task { name, help, .. } in &TASKS {
        text.push_str(&format!("\n  {name:<14}{help}"));
    }
    text
}

/// Returns the error for arguments that a task doesn't take.
fn unknown(task: &Task, arguments: &[&str]) -> String {
    format!(
        "`cargo xtask {}` takes no {:?}\n\n  {:<14}{}",
        task.name,
        arguments.join(" "),
        task.name,
        task.help
    )
}

/// Returns the root of the workspace, which is the folder above this package.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
