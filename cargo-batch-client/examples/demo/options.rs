//! What the demo is told on its command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use cargo_batch_client::types::{BatchUuid, WorkflowUuid};

pub const HELP: &str = "\
cargo demo -- [OPTIONS]

  --tool NAME       the tool to run, by its name; with CARGO_API_TOKEN it or --workflow is needed, and spends credits
  --workflow UUID   the workflow to run
  --yes             don't ask before credits are spent
  --file FILE       what it runs over; by default the leads that come with the examples
  --results FILE    where the results go; results.csv by default
  --resume UUID     wait for a batch that was started before, and fetch its results
  --virtual         in the sandbox: don't wait, let its time jump; the same output every time";

pub struct Options {
    pub tool: Option<String>,
    pub workflow: Option<WorkflowUuid>,
    /// Credits are spent without a question.
    pub yes: bool,
    pub file: PathBuf,
    pub results: PathBuf,
    pub resume: Option<BatchUuid>,
    pub virtual_time: bool,
    /// How often the batch is looked at, where the client isn't to decide.
    pub interval: Option<Duration>,
    /// The API is a sandbox that ends with this program.
    pub ends_with_us: bool,
}

impl Options {
    /// Nothing when the help is asked for.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Option<Self>> {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut options = Self {
            tool: None,
            workflow: None,
            yes: false,
            file: here.join("examples/leads.csv"),
            results: "results.csv".into(),
            resume: None,
            virtual_time: false,
            interval: None,
            ends_with_us: false,
        };
        while let Some(flag) = arguments.next() {
            let wrong = || format!("the value of {flag}");
            let mut value = || arguments.next().context(format!("{flag} needs a value"));
            match flag.as_str() {
                "--tool" => options.tool = Some(value()?),
                "--yes" => options.yes = true,
                "--workflow" => options.workflow = Some(value()?.parse().with_context(wrong)?),
                "--file" => options.file = value()?.into(),
                "--results" => options.results = value()?.into(),
                "--resume" => options.resume = Some(value()?.parse().with_context(wrong)?),
                "--virtual" => options.virtual_time = true,
                "--help" | "-h" => return Ok(None),
                _ => anyhow::bail!("there is no option {flag}\n\n{HELP}"),
            }
        }
        Ok(Some(options))
    }
}
