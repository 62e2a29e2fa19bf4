//! Instructions of the hot paths, counted by callgrind and compared with what they were.
//!
//! Unlike times, they vary by a fraction of a percent between runs, even on a busy machine, so a few percent more are
//! significant. (gungraun stores its baselines in the target folder and can't compare a fresh clone with committed
//! counts.)

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde::{Deserialize, Serialize};

use super::super::{process, root};
use super::{Programs, machine};

const FILE: &str = "benches/instructions.json";
const RENEW: &str = "cargo xtask bench --guard --update";

/// The tolerated increase, in percent.
const TOLERANCE: f64 = 3.0;

/// The counts, and what they depend on beside the code.
#[derive(Serialize, Deserialize)]
struct Counts {
    /// Compiler, processor, C library and version of valgrind: others give other counts.
    conditions: BTreeMap<String, String>,
    /// The count of each workload, run once.
    instructions: BTreeMap<String, u64>,
}

/// Counts, and fails when a count has increased.
pub fn check(programs: &Programs) -> Result<(), String> {
    let text =
        std::fs::read_to_string(root().join(FILE)).map_err(|error| format!("{FILE}: {error}"))?;
    let before: Counts = serde_json::from_str(&text).map_err(|error| format!("{FILE}: {error}"))?;
    let now = count(programs)?;
    let (lines, worse) = compare(&before.instructions, &now.instructions);
    println!("{}", lines.join("\n"));
    if worse.is_empty() {
        return Ok(());
    }
    let worse = worse.join(", ");
    if before.conditions == now.conditions {
        return Err(format!(
            "more instructions than in {FILE} by over {TOLERANCE} %: {worse}; find out why, or accept it with `{RENEW}`"
        ));
    }
    println!(
        "warning: {worse}: but {FILE} was counted with {:?}, and this with {:?}; renew it with `{RENEW}`",
        before.conditions, now.conditions
    );
    Ok(())
}

/// Counts, and stores the counts.
pub fn renew(programs: &Programs) -> Result<(), String> {
    let counts = count(programs)?;
    let text = serde_json::to_string_pretty(&counts).map_err(|error| error.to_string())?;
    println!("{text}");
    std::fs::write(root().join(FILE), format!("{text}\n"))
        .map_err(|error| format!("{FILE}: {error}"))
}

/// Returns a line for each workload, and the workloads beyond the tolerance.
fn compare(
    before: &BTreeMap<String, u64>,
    now: &BTreeMap<String, u64>,
) -> (Vec<String>, Vec<String>) {
    let (mut lines, mut worse) = (Vec::new(), Vec::new());
    for (name, now) in now {
        let Some(before) = before.get(name) else {
            lines.push(format!(
                "{name:<14}{now:>12}  not counted before: `{RENEW}`"
            ));
            worse.push(format!("{name} is new"));
            continue;
        };
        let percent = (*now as f64 / *before as f64 - 1.0) * 100.0;
        let hint = match percent {
            _ if percent > TOLERANCE => "  too many",
            _ if percent < -TOLERANCE => "  so many fewer that the guard is too lax: renew it",
            _ => "",
        };
        lines.push(format!("{name:<14}{now:>12}  {percent:+.2} %{hint}"));
        if percent > TOLERANCE {
            worse.push(format!("{name} {percent:+.1} %"));
        }
    }
    (lines, worse)
}

fn count(programs: &Programs) -> Result<Counts, String> {
    if !process::is_there("valgrind") {
        return Err(
            "there is no valgrind: install the package `valgrind` (Debian: `apt-get install valgrind`)".to_owned(),
        );
    }
    let server = Server::start(programs)?;
    let list = process::output(Command::new(&programs.benches).arg("instructions"))?;
    let mut instructions = BTreeMap::new();
    for line in list.lines() {
        let (name, times) = line.split_once(' ').ok_or("a workload has no number")?;
        let times: u64 = times.parse().map_err(|error| format!("{line}: {error}"))?;
        let once = collected(programs, name, times, &server.origin)?;
        let twice = collected(programs, name, 2 * times, &server.origin)?;
        // Both include the cost of the process itself.
        instructions.insert(name.to_owned(), twice.saturating_sub(once) / times);
    }
    let mut conditions: BTreeMap<String, String> = [
        ("rustc", "rustc"),
        ("valgrind", "valgrind"),
        ("libc", "ldd"),
    ]
    .into_iter()
    .map(|(name, program)| Ok((name.to_owned(), machine::version(program)?)))
    .collect::<Result<_, String>>()?;
    conditions.insert("cpu".to_owned(), machine::processor());
    Ok(Counts {
        conditions,
        instructions,
    })
}

/// Returns the number of instructions of a run.
fn collected(programs: &Programs, name: &str, times: u64, origin: &str) -> Result<u64, String> {
    let folder = root().join("target/callgrind");
    process::folder(&folder)?;
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--log-fd=1"])
        .arg(format!(
            "--callgrind-out-file={}",
            folder.join(format!("{name}.{times}")).display()
        ))
        .arg(&programs.benches)
        .args(["instructions", name, &times.to_string(), origin]);
    let output = process::output(&mut command)?;
    parse(&output).ok_or_else(|| {
        format!("valgrind doesn't say how many instructions it collected:\n{output}")
    })
}

/// `==123== Collected : 456`
fn parse(output: &str) -> Option<u64> {
    let line = output
        .lines()
        .find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

/// The server of the workloads, in a process that is not counted; it is killed on drop.
struct Server {
    process: Child,
    origin: String,
}

impl Server {
    fn start(programs: &Programs) -> Result<Self, String> {
        let cannot = |error: std::io::Error| format!("the server can't be run: {error}");
        let mut process = Command::new(&programs.benches)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        let mut origin = String::new();
        if let Some(output) = &mut process.stdout {
            BufReader::new(output)
                .read_line(&mut origin)
                .map_err(cannot)?;
        }
        let origin = origin.trim().to_owned();
        Ok(Self { process, origin })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    }

    #[test]
    fn a_few_percent_more_are_too_many() {
        let before = counts(&[("a", 1000), ("b", 1000), ("c", 1000)]);
        let now = counts(&[("a", 1029), ("b", 1031), ("c", 500), ("d", 1)]);
        let (lines, worse) = compare(&before, &now);
        assert_eq!(lines.len(), 4);
        assert_eq!(worse, ["b +3.1 %", "d is new"]);
        assert!(lines[2].contains("too lax"));
    }

    #[test]
    fn the_count_is_found_in_what_valgrind_says() {
        assert_eq!(parse("==1== x\n==1== Collected : 456\n"), Some(456));
        assert_eq!(parse("==1== nothing"), None);
    }
}
