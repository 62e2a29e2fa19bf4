//! `cargo xtask ci`: runs all checks.

use std::process::Command;

use super::{Task, process, root};

pub const TASK: Task = Task {
    name: "ci",
    help: "run all checks: runs .ci/run with the same arguments",
    run,
};

/// The list of steps is in the script, not here. The script also runs when this package can't be built, and then names
/// the step that failed. On Windows, this program can't be rebuilt while it runs, as its own steps would do.
fn run(arguments: &[&str]) -> Result<(), String> {
    let script = root().join(".ci/run");
    process::run(Command::new("bash").arg(script).args(arguments))
}
