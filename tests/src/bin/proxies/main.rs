//! `proxies [TEXT]`: creations through a real haproxy and a real nginx, in all scenarios or in those whose
//! titles contain a text. `cargo xtask proxies` starts it.
//!
//! It starts itself once more, as which certificates a process trusts is decided by its environment.

#![forbid(unsafe_code)]

mod proxy;
mod scenarios;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use cargo_batch_tests::{child, frames};

/// The variable that names the folder of the proxies.
const FOLDER: &str = "CARGO_BATCH_PROXIES_FOLDER";

/// What all scenarios together may take; they take about two minutes.
const LIMIT: Duration = Duration::from_secs(480);

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let done = match std::env::var_os(FOLDER) {
        Some(folder) => run_all(&PathBuf::from(folder), &wanted),
        None => start_trusting(&wanted),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs this program in a process that trusts the certificate of the proxies, with a folder for what they
/// read and write.
fn start_trusting(wanted: &str) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("the scenarios can't be run: {error}");
    let folder = tempfile::tempdir().map_err(wrong)?;
    let certificate = folder.path().join(proxy::CERTIFICATE);
    // Where both proxies find it by itself.
    frames::write_certificate(&certificate, &folder.path().join(proxy::KEY));
    let mut command = Command::new(std::env::current_exe().map_err(wrong)?);
    child::without_proxies(&mut command);
    command
        .env(frames::CERTIFICATES, &certificate)
        .env(FOLDER, folder.path())
        .arg(wanted);
    let mut process = command.stdin(Stdio::piped()).spawn().map_err(wrong)?;
    // `wait` would close its standard input.
    let _open = process.stdin.take();
    match process.wait().map_err(wrong)?.success() {
        true => Ok(()),
        false => Err("the scenarios don't hold".to_owned()),
    }
}

#[tokio::main]
async fn run_all(folder: &Path, wanted: &str) -> Result<(), String> {
    tokio::select! {
        done = scenarios::run_all(folder, wanted) => done,
        () = tokio::time::sleep(LIMIT) => Err(format!("not at its end after {LIMIT:?}")),
        () = parent_ended() => Err("the process that started this was killed".to_owned()),
    }
}

/// Waits for the end of the process that has the other end of standard input: where it is
/// killed, nothing else would stop the proxies.
async fn parent_ended() {
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink()).ok();
        // Where it isn't waited for, all is over.
        ended.send(()).ok();
    });
    end.await.ok();
}
