//! Runs the measurement of a name and prints a line of JSON for each figure. Without a name, prints the names.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use cargo_batch_benches::row::Row;
use cargo_batch_benches::{
    Result, builds, creates, decode, download, get_batch, instructions, rows, upload, watch,
};

/// The measurements by name.
const MEASUREMENTS: [(&str, Measure); 9] = [
    ("get_batch", get_batch::measure),
    ("creates", creates::measure),
    ("decode", decode::measure),
    ("watch", watch::measure),
    ("download", download::measure),
    ("upload", upload::measure),
    ("rows", rows::measure),
    ("build_time", builds::measure_time),
    ("build_size", builds::measure_size),
];

/// Runs a measurement and returns its figures.
type Measure = fn() -> Result<Vec<Row>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", arguments.join(" "));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        [] => {
            MEASUREMENTS.iter().for_each(|(name, _)| println!("{name}"));
            Ok(())
        }
        ["child", "watch", origin] => watch::child(origin),
        ["child", "download", side, origin, path] => download::child(side, origin, path),
        ["child", "upload", side, origin, path] => upload::child(side, origin, path),
        ["serve"] => instructions::serve(),
        ["instructions"] => {
            for (name, times) in instructions::GUARDED {
                println!("{name} {times}");
            }
            Ok(())
        }
        ["instructions", name, times, origin] => instructions::run(name, times.parse()?, origin),
        [wanted] => {
            let (_, measure) = MEASUREMENTS
                .iter()
                .find(|(name, _)| name == wanted)
                .ok_or("there is no such measurement")?;
            measure()?.iter().for_each(Row::print);
            Ok(())
        }
        _ => Err("name one measurement".into()),
    }
}
