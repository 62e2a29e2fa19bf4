//! What there is to do, each in a module of its own.

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

/// A task: what it is called, what it does in a line, and how it is done with its arguments.
struct Task {
    name: &'static str,
    help: &'static str,
    run: fn(&[&str]) -> Result<(), String>,
}

const TASKS: [Task; 10] = [
    bench::CHORE,
    changelog::CHORE,
    ci::CHORE,
    codegen::CHORE,
    conformance::CHORE,
    crash::CHORE,
    drift::CHORE,
    page::CHORE,
    picture::CHORE,
    proxies::CHORE,
];

/// Does what the arguments name; without any it lists what there is.
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
    let mut text = "cargo xtask CHORE\n".to_owned();
    for Task { name, help, .. } in &TASKS {
        text.push_str(&format!("\n  {name:<14}{help}"));
    }
    text
}

/// Arguments that a task doesn't take.
fn unknown(task: &Task, arguments: &[&str]) -> String {
    format!(
        "`cargo xtask {}` takes no {:?}\n\n  {:<14}{}",
        task.name,
        arguments.join(" "),
        task.name,
        task.help
    )
}

/// The workspace is the folder above this package.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}
