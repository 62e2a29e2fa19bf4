//! `cargo xtask bench`: measures the overhead of the client, and guards it.

mod guard;
mod machine;
mod report;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::process;
use super::{Task, root, unknown};

pub const TASK: Task = Task {
    name: "bench",
    help: "measure everything, or what is named, and write BENCHMARKS.md (8 minutes in all); \
           with --page only update the page; with --guard count the instructions of the hot paths, with --guard \
           --update renew the counts",
    run,
};

const PACKAGE: &str = "cargo-batch-benches";

fn run(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        [] => all(),
        ["--page"] => report::write_page(),
        ["--guard"] => guard::check(&built()?),
        ["--guard", "--update"] => guard::renew(&built()?),
        [name] if !name.starts_with('-') => {
            let programs = built()?;
            let names = names(&programs)?;
            if !names.iter().any(|known| known == name) {
                return Err(format!(
                    "no such measurement: {name}; there are {}",
                    names.join(", ")
                ));
            }
            measure(&programs, &[(*name).to_owned()], &names)
        }
        other => Err(unknown(&TASK, other)),
    }
}

/// The two programs, built for release.
struct Programs {
    benches: PathBuf,
    allocations: PathBuf,
}

fn built() -> Result<Programs, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--release", "--package", PACKAGE, "--bins"])
        .current_dir(root());
    process::run(&mut build)?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let binary = |name: &str| target.join("release").join(name);
    Ok(Programs {
        benches: binary(PACKAGE),
        allocations: binary("allocations"),
    })
}

fn all() -> Result<(), String> {
    let programs = built()?;
    let names = names(&programs)?;
    measure(&programs, &names, &names)
}

/// The measurements, in the order of the table.
fn names(programs: &Programs) -> Result<Vec<String>, String> {
    let names = process::output(&mut Command::new(&programs.benches))?;
    let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
    names.insert(names.len().min(1), "allocations".to_owned());
    Ok(names)
}

/// Measures, and writes both files after each measurement, so that the results of an interrupted run are kept.
fn measure(programs: &Programs, wanted: &[String], all: &[String]) -> Result<(), String> {
    let machine = machine::describe()?;
    let mut figures = report::Figures::read(machine, wanted.len() == all.len())?;
    for name in wanted {
        eprintln!("{name} …");
        let rows = measured(programs, name)?;
        println!("{}", report::table(&rows));
        figures.renew(name, rows);
        figures.write(all)?;
    }
    Ok(())
}

/// The figures of a measurement.
fn measured(programs: &Programs, name: &str) -> Result<Vec<Value>, String> {
    let mut command = match name {
        "allocations" => Command::new(&programs.allocations),
        _ => Command::new(&programs.benches),
    };
    if name != "allocations" {
        command.arg(name);
    }
    let output = process::output(&mut command)?;
    output
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("{name}: {error}: {line}")))
        .collect()
}
