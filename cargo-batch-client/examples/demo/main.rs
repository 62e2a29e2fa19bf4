//! The main job from end to end: upload a file, run a workflow over it, wait, fetch the results.
//!
//! `cargo demo` needs no account: it runs against the sandbox. With `CARGO_API_TOKEN` set it runs
//! against the real API, on the tool you name, and spends credits after a question: `cargo demo -- --tool
//! NAME`. `cargo demo -- --help` lists the rest.

pub mod figures;
pub mod interrupts;
mod job;
mod options;
mod screen;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use cargo_batch_client::Client;
use cargo_batch_sandbox::Sandbox;

pub use interrupts::Interrupts;
pub use job::Job;
pub use options::Options;
pub use screen::Screen;

/// What runs in the sandbox.
const TOOL: &str = "Enrich lead";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match start().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn start() -> anyhow::Result<()> {
    let Some(options) = Options::read(std::env::args().skip(1))? else {
        println!("{}", options::HELP);
        return Ok(());
    };
    let screen = Screen::stdout();
    let interrupts = Interrupts::listen();
    if std::env::var_os("CARGO_API_TOKEN").is_some() {
        let client = Client::from_env()?;
        return Job::new(client, options, screen, interrupts).run().await;
    }
    in_sandbox(options, screen, interrupts).await
}

/// Without an account: in a sandbox of this program's own.
pub async fn in_sandbox(
    mut options: Options,
    mut screen: Screen,
    interrupts: Interrupts,
) -> anyhow::Result<()> {
    anyhow::ensure!(
        options.resume.is_none(),
        "--resume needs CARGO_API_TOKEN: the demo's own sandbox has ended, and its batches with it"
    );
    let speed = match options.virtual_time {
        true => 1.0,
        false => {
            options.interval = Some(Duration::from_millis(400));
            8.0
        }
    };
    if options.virtual_time {
        tokio::time::pause();
    }
    let sandbox = Sandbox::builder().speed(speed).start().await;
    let sandbox = sandbox.context("the sandbox can't be started")?;
    screen.note("No CARGO_API_TOKEN: this runs in the sandbox, and costs nothing.")?;
    let client = Client::builder(sandbox.token())
        .base_url(sandbox.base_url())
        // The same pauses every time, for the picture.
        .jitter_seed(1)
        .build()?;
    options.tool = Some(TOOL.to_owned());
    options.yes = true;
    options.ends_with_us = true;
    Job::new(client, options, screen, interrupts).run().await
}
