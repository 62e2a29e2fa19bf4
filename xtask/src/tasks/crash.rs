//! `cargo xtask crash [KILLS]`: kills the nightly example at random, against servers that act late.

use std::process::Command;

use super::{Task, root};

pub const TASK: Task = Task {
    name: "crash",
    help: "kill the nightly example at random (500 times), and a control that must pay twice",
    run,
};

/// What is run: the sandbox's speed, the share of the kills, how late it acts, as a share of the settling time.
const RUNS: [(u64, u64, f64); 3] = [(20, 1, 0.9), (1, 10, 0.9), (20, 10, 1.5)];

/// The assumption of the guide that the last run violates.
const ASSUMPTION: &str = "a server acts, and lists what it created, within the settling time";

fn run(arguments: &[&str]) -> Result<(), String> {
    let kills: u64 = match arguments {
        [] => 500,
        [kills] => kills
            .parse()
            .map_err(|_| format!("{kills:?} is not a number of kills"))?,
        _ => return Err(super::unknown(&TASK, arguments)),
    };
    for (speed, share, lateness) in RUNS {
        println!(
            "\n{} kills at speed {speed}, acting up to {lateness} of the settling time late",
            kills / share
        );
        if lateness > 1.0 {
            println!("(it may pay twice here: the guide assumes that {ASSUMPTION})");
        }
        let status = Command::new(env!("CARGO"))
            .current_dir(root().join("examples/nightly"))
            .args([
                "test",
                "--locked",
                "--quiet",
                "--test",
                "kills",
                "--",
                "--nocapture",
            ])
            .env("CRASH_KILLS", (kills / share).to_string())
            .env("CRASH_SPEED", speed.to_string())
            .env("CRASH_LATENESS", lateness.to_string())
            .status()
            .map_err(|error| format!("cargo doesn't run: {error}"))?;
        if !status.success() {
            return Err(
                "a job was paid for twice, or lost, or the control shows nothing".to_owned(),
            );
        }
    }
    Ok(())
}
