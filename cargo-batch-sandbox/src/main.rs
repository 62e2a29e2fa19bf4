//! The sandbox as a program: `cargo-batch-sandbox --help`.

#![forbid(unsafe_code)]

mod arguments;

use std::path::Path;
use std::process::ExitCode;

use arguments::{Arguments, HELP};
use cargo_batch_sandbox::{FaultPlan, Sandbox, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, whatever it is about.
            eprintln!("error: {}", error.replace(['\n', '\r'], " "));
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<(), String> {
    let Some(arguments) = Arguments::read(lexopt::Parser::from_env())? else {
        print!("{HELP}");
        return Ok(());
    };
    let ended = end()?;
    let sandbox = start(&arguments).await?;
    let (address, token) = (sandbox.address(), sandbox.token());
    println!("sandbox listening on http://{address}");
    println!("token    {token}");
    println!("fixtures    curl http://{address}/sandbox/world");
    println!(
        "batches  curl -H 'Authorization: Bearer {token}' {}/orchestration/batches/list",
        sandbox.base_url()
    );
    println!("Ctrl-C ends it.");
    ended.await;
    sandbox.shutdown().await;
    Ok(())
}

async fn start(arguments: &Arguments) -> Result<Sandbox, String> {
    let address = arguments.listen;
    let faults = match &arguments.faults {
        Some(path) => {
            plan(path).map_err(|error| format!("--faults {}: {error}", path.display()))?
        }
        None => FaultPlan::new(),
    };
    let settings = match &arguments.settings {
        Some(path) => {
            settings(path).map_err(|error| format!("--settings {}: {error}", path.display()))?
        }
        None => Settings::new(),
    };
    let mut sandbox = Sandbox::builder()
        .seed(arguments.seed)
        .speed(arguments.speed)
        .listen(address)
        .allow_remote(arguments.remote)
        .faults(faults)
        .settings(settings);
    if let Some(time) = arguments.clock {
        sandbox = sandbox.begins(time);
    }
    sandbox.start().await.map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied if !address.ip().is_loopback() => {
            format!("--listen {address}: {error}; if that is meant, give --allow-remote")
        }
        std::io::ErrorKind::AddrInUse => {
            format!("--listen {address}: the port is taken; port 0 picks a free one")
        }
        std::io::ErrorKind::InvalidInput => error.to_string(),
        _ => format!("--listen {address}: {error}"),
    })
}

fn plan(path: &Path) -> Result<FaultPlan, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    FaultPlan::from_json(&text).map_err(|error| error.to_string())
}

fn settings(path: &Path) -> Result<Settings, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// What ends the program: Ctrl-C, and where there is one, the signal to terminate.
fn end() -> Result<impl Future<Output = ()>, String> {
    let wrong = |error: std::io::Error| format!("no signals can be received: {error}");
    #[cfg(unix)]
    let mut signals = {
        use tokio::signal::unix::{SignalKind, signal};
        (
            signal(SignalKind::interrupt()).map_err(wrong)?,
            signal(SignalKind::terminate()).map_err(wrong)?,
        )
    };
    #[cfg(windows)]
    let mut signal = tokio::signal::windows::ctrl_c().map_err(wrong)?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = signals.0.recv() => {}
            _ = signals.1.recv() => {}
        }
        #[cfg(windows)]
        signal.recv().await;
    })
}
