//! `cargo xtask proxies [TEXT]`: creations through a real haproxy and a real nginx.

use std::process::Command;

use super::process::{output, run as run_to_end};
use super::{Task, root, unknown};

pub const TASK: Task = Task {
    name: "proxies",
    help: "create batches through a real haproxy and nginx; with a text, scenarios of such titles only",
    run,
};

/// The programs, which have the names of their Debian packages.
const PROGRAMS: [&str; 2] = ["haproxy", "nginx"];

fn run(arguments: &[&str]) -> Result<(), String> {
    if arguments.len() > 1 {
        return Err(unknown(&TASK, arguments));
    }
    for program in PROGRAMS {
        output(Command::new(program).arg("-v")).map_err(|error| {
            format!("{error}\ninstall the package `{program}` (Debian has it in /usr/sbin)")
        })?;
    }
    let mut driver = Command::new(env!("CARGO"));
    driver
        .current_dir(root())
        .args(["run", "--quiet", "--package", "cargo-batch-tests"])
        .args(["--bin", "proxies", "--"])
        .args(arguments);
    run_to_end(&mut driver)
}
