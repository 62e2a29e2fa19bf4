//! The machine and the versions that the figures were measured with.

use std::process::Command;

use serde_json::{Map, Value, json};

use super::super::{process, root};

/// Crates whose versions matter to the figures.
const CRATES: [&str; 10] = [
    "bytes",
    "chrono",
    "csv",
    "hyper",
    "hyper-util",
    "reqwest",
    "rustls",
    "serde",
    "serde_json",
    "tokio",
];

/// The machine, its system, the compiler and the crates.
pub fn describe() -> Result<Value, String> {
    let lock = read(root().join("Cargo.lock"))?;
    let versions: Map<String, Value> = CRATES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), locked(&lock, name)?.into())))
        .collect();
    Ok(json!({
        "cpu": processor(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": field("/proc/meminfo", "MemTotal", ':'),
        "os": field("/etc/os-release", "PRETTY_NAME", '='),
        "kernel": first_line("/proc/sys/kernel/osrelease"),
        "rustc": version("rustc")?,
        "crates": versions,
    }))
}

/// The name of the processor. C libraries choose their code by it.
pub fn processor() -> String {
    field("/proc/cpuinfo", "model name", ':')
}

/// Returns the version that a program prints, as one line.
pub fn version(program: &str) -> Result<String, String> {
    let output = process::output(Command::new(program).arg("--version"))?;
    Ok(output.lines().next().unwrap_or_default().trim().to_owned())
}

fn read(path: impl AsRef<std::path::Path>) -> Result<String, String> {
    let path = path.as_ref();
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn first_line(path: &str) -> String {
    let text = read(path).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

/// Returns the value of a name in a file of names and values, or the default.
fn field(path: &str, name: &str, separator: char) -> String {
    let text = read(path).unwrap_or_default();
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(separator)?;
        (key.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    });
    value.unwrap_or_else(|| "unknown".to_owned())
}

/// The version of a crate in a lock file; of several, the last.
fn locked(lock: &str, name: &str) -> Option<String> {
    let (_, after) = lock.rsplit_once(&format!("name = \"{name}\"\nversion = \""))?;
    Some(after.split('"').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions_are_found_in_a_lock_file() {
        let lock = "[[package]]\nname = \"csv-core\"\nversion = \"0.1\"\n\n[[package]]\nname = \"csv\"\nversion = \"1.4\"\n";
        assert_eq!(super::locked(lock, "csv").as_deref(), Some("1.4"));
        assert_eq!(super::locked(lock, "serde"), None);
    }
}
