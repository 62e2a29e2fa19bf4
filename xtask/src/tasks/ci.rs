//! `cargo xtask ci`: everything that must hold.

use std::process::Command;

use super::{Task, process, root};

pub const CHORE: Task = Task {
    name: "ci",
    help: "everything that must hold: does what .ci/run does, with the same arguments",
    run,
};

/// The script is the one list of steps, and not this: it also runs where nothing of ours can be
/// built, and then says which step it was that failed; and this program can't be built anew while
/// it runs, as it would be in its own steps on Windows.
fn run(arguments: &[&str]) -> Result<(), String> {
    let script = root().join(".ci/run");
    process::run(Command::new("bash").arg(script).args(arguments))
}
