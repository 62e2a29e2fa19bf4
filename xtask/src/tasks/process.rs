//! Other programs, started by tasks.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::root;

/// Runs a program to its end; it inherits the output of this process.
pub fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| cannot(command, &error))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{} ended with {status}", name(command))),
    }
}

/// Runs a program to its end and returns its output. Its error output is reported only when it fails.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| cannot(command, &error))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(text),
        false => Err(format!(
            "{} ended with {}\n{text}{}",
            name(command),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

/// Returns whether there is such a program.
pub fn is_there(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

fn cannot(command: &Command, error: &std::io::Error) -> String {
    format!("{} can't be run: {error}", name(command))
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

/// The sandbox as a process of its own; it is killed on drop.
pub struct Sandbox {
    process: Child,
    /// `http://127.0.0.1:PORT`
    pub origin: String,
}

impl Sandbox {
    /// Builds and starts it on a free port.
    pub fn start(arguments: &[&str]) -> Result<Self, String> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut build = Command::new(&cargo);
        build.args(["build", "--quiet", "--package", "cargo-batch-sandbox"]);
        run(build.args(["--bins"]).current_dir(root()))?;
        let mut command = Command::new(cargo);
        command
            .args(["run", "--quiet", "--package", "cargo-batch-sandbox", "--"])
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(root())
            .stdout(Stdio::piped());
        let mut process = command.spawn().map_err(|error| cannot(&command, &error))?;
        let Some(output) = process.stdout.take() else {
            return Err("the sandbox has no output".to_owned());
        };
        let mut lines = BufReader::new(output).lines();
        let origin = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.strip_prefix("sandbox listening on ")?.to_owned()));
        // Its further output is read, so that it never blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let origin = origin.ok_or("the sandbox ended before it was ready")?;
        Ok(Self { process, origin })
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Creates a folder for the files of a task.
pub fn folder(path: &Path) -> Result<(), String> {
    std::fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}
