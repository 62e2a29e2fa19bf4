//! Where the examples run: in your workspace when `CARGO_API_TOKEN` is set (which spends credits,
//! on the workflow whose uuid is the first argument), else in the sandbox, at 300 times the pace.

use anyhow::Context;
use cargo_batch_client::Client;
use cargo_batch_client::types::WorkflowUuid;
use cargo_batch_sandbox::Sandbox;

pub struct Account {
    pub client: Client,
    pub workflow: WorkflowUuid,
    _sandbox: Option<Sandbox>,
}

impl Account {
    pub async fn open() -> anyhow::Result<Self> {
        if std::env::var_os("CARGO_API_TOKEN").is_none() {
            println!("No CARGO_API_TOKEN: this runs in the sandbox.");
            return Self::sandbox().await;
        }
        let uuid = std::env::args().nth(1);
        let uuid = uuid.context("name the workflow: cargo run --example NAME -- UUID")?;
        Ok(Self {
            client: Client::from_env()?,
            workflow: uuid.parse()?,
            _sandbox: None,
        })
    }

    pub async fn sandbox() -> anyhow::Result<Self> {
        let sandbox = Sandbox::builder().speed(300.0).start().await?;
        let client = Client::builder(sandbox.token())
            .base_url(sandbox.base_url())
            .build()?;
        Ok(Self {
            client,
            workflow: sandbox.fixtures().tool_workflow_uuid,
            _sandbox: Some(sandbox),
        })
    }
}

/// The leads that come with the examples.
pub fn leads() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/examples/leads.csv")
}
