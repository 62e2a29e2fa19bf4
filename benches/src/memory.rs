//! The resident memory of a process, as Linux counts it.

use std::process::Command;

use crate::Result;

const MIB: f64 = 1024.0 * 1024.0;

/// Returns the resident memory of this process, in bytes.
pub fn resident() -> Result<u64> {
    of_status("VmRSS:")
}

/// Returns the peak of the resident memory since [`forget_peak`], in bytes.
pub fn peak() -> Result<u64> {
    of_status("VmHWM:")
}

/// Resets the peak.
pub fn forget_peak() -> Result<()> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}

fn of_status(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")
        .map_err(|error| format!("memory is measured on Linux only: {error}"))?;
    let kib: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"))
        .ok_or_else(|| format!("/proc/self/status has no {name}"))?
        .parse()?;
    Ok(kib * 1024)
}

/// Prints the peak of the resident memory during some work, above that before it.
pub fn print_growth(work: impl FnOnce() -> Result<()>) -> Result<()> {
    let idle = resident()?;
    forget_peak()?;
    work()?;
    println!("{}", peak()?.saturating_sub(idle));
    Ok(())
}

/// Returns the maximum of the growths that `runs` children of this program print, in MiB.
///
/// Each is a process of its own, so that nothing but its work is counted.
pub fn growth(runs: usize, arguments: &[&str]) -> Result<f64> {
    let mut largest: f64 = 0.0;
    for _ in 0..runs {
        let output = Command::new(std::env::current_exe()?)
            .arg("child")
            .args(arguments)
            .stderr(std::process::Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("{arguments:?} ended with {}", output.status).into());
        }
        let bytes: u64 = String::from_utf8(output.stdout)?.trim().parse()?;
        largest = largest.max(bytes as f64 / MIB);
    }
    Ok(largest)
}
