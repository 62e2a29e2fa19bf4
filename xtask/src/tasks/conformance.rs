//! `cargo xtask conformance`: compares the sandbox with openapi.yaml, with schemathesis.

use std::path::Path;
use std::process::Command;

use super::process::{self, Sandbox, folder};
use super::{Task, http, root, unknown};

pub const TASK: Task = Task {
    name: "conformance",
    help: "test the sandbox against openapi.yaml with thousands of generated requests (needs Python)",
    run,
};

/// The release of schemathesis that the checks were written for.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// The minimum number of cases.
const LEAST_CASES: u64 = 2_000;

fn run(arguments: &[&str]) -> Result<(), String> {
    if !arguments.is_empty() {
        return Err(unknown(&TASK, arguments));
    }
    let folder = root().join("target/conformance");
    let program = installed(&folder)?;
    let sandbox = Sandbox::start(&["--seed", "1"])?;
    let fixtures = http::send(&sandbox.origin, "GET", "/sandbox/world", "", None)?;
    let token = fixtures["token"].as_str().unwrap_or_default();
    let settings = root().join("xtask/conformance");
    let mut command = Command::new(program);
    command
        .current_dir(&folder)
        .env("SCHEMATHESIS_HOOKS", settings.join("hooks.py"))
        .env("SANDBOX", &sandbox.origin)
        .arg("--config-file")
        .arg(settings.join("schemathesis.toml"))
        .arg("run")
        .arg(root().join("openapi.yaml"))
        .args(["--url", &format!("{}/v1", sandbox.origin)])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--checks", "all", "--seed", "1", "--continue-on-failure"])
        .args(["--report", "junit", "--report-dir"])
        .arg(folder.join("report"));
    let output = process::output(&mut command)?;
    println!("{output}");
    let cases = cases(&output).ok_or("schemathesis printed no number of cases")?;
    match cases >= LEAST_CASES {
        true => Ok(()),
        false => Err(format!(
            "only {cases} cases were tested, fewer than {LEAST_CASES}"
        )),
    }
}

/// `Test cases:`, and on the next line `2345 generated, …`
fn cases(output: &str) -> Option<u64> {
    let (_, after) = output.split_once("Test cases:")?;
    let number = after
        .trim_start()
        .split(|letter: char| !letter.is_ascii_digit() && letter != ',')
        .next()?;
    number.replace(',', "").parse().ok()
}

/// The program, in an environment of its own.
fn installed(target: &Path) -> Result<std::path::PathBuf, String> {
    let environment = target.join("venv");
    let program = environment.join("bin/schemathesis");
    if !program.exists() {
        folder(target)?;
        let mut python = Command::new("python3");
        process::run(python.args(["-m", "venv"]).arg(&environment))?;
        let mut pip = Command::new(environment.join("bin/pip"));
        process::run(pip.args(["install", "--quiet", SCHEMATHESIS]))?;
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_number_of_cases_is_found() {
        let output = "Summary\n\nTest cases:\n  2,345 generated, 2,345 passed\n";
        assert_eq!(super::cases(output), Some(2345));
        assert_eq!(super::cases("nothing"), None);
    }
}
