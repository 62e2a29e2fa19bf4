//! The programs of the READMEs: `readme NAME` runs one, `readme` lists them.

#![forbid(unsafe_code)]

use std::process::ExitCode;

type Program = (&'static str, fn() -> ExitCode);

include!(concat!(env!("OUT_DIR"), "/readme_programs.rs"));

fn main() -> ExitCode {
    let name = std::env::args().nth(1);
    let Some(name) = name else {
        PROGRAMS.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    match PROGRAMS.iter().find(|(program, _)| *program == name) {
        Some((_, run)) => run(),
        None => ExitCode::from(2),
    }
}
