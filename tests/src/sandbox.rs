//! A sandbox whose own responses are held against the specification when the test is done with it.

use std::ops::Deref;

use cargo_batch_client::Client;
use cargo_batch_client::types::{CreateBatchData, CreateBatchRequest, Record};
use cargo_batch_sandbox::{Sandbox, SandboxBuilder};

use crate::raw::{Ask, Raw};

/// A sandbox; when it goes, each of its responses must have kept to the specification.
#[derive(Debug)]
pub struct Checked(Sandbox);

impl Checked {
    /// One with the usual settings, and a client of it.
    ///
    /// # Panics
    /// When it can't be started.
    pub async fn start() -> (Self, Client) {
        Self::set_up(Sandbox::builder()).await
    }

    /// One that is set up, and a client of it.
    ///
    /// # Panics
    /// When it can't be started.
    pub async fn set_up(builder: SandboxBuilder) -> (Self, Client) {
        let sandbox = builder.start().await.expect("a sandbox starts");
        let client = sandbox.client();
        (Self(sandbox), client)
    }
}

impl Deref for Checked {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        // A test that fails anyway should say why itself.
        if !std::thread::panicking() {
            let violations = self.0.violations();
            assert!(violations.is_empty(), "{violations:#?}");
        }
    }
}

/// The list of batches, asked for by hand.
pub fn list(sandbox: &Sandbox) -> Ask {
    let url = format!("{}/orchestration/batches/list", sandbox.base_url());
    Ask::new("GET", &url).token(&sandbox.token())
}

/// A request for a batch of three records.
pub fn create(sandbox: &Sandbox) -> CreateBatchRequest {
    let records = (0..3).map(|n| Record::from_iter([("email", format!("{n}@example.com"))]));
    CreateBatchRequest::new(CreateBatchData::records(records))
        .workflow(sandbox.fixtures().tool_workflow_uuid)
}

/// Creates a batch by hand.
///
/// # Errors
/// When no response came.
///
/// # Panics
/// Never: a request can be written as JSON.
pub async fn post(sandbox: &Sandbox) -> std::io::Result<Raw> {
    let url = format!("{}/orchestration/batches", sandbox.base_url());
    let body = serde_json::to_vec(&create(sandbox)).expect("JSON");
    let ask = Ask::new("POST", &url).token(&sandbox.token()).json(body);
    ask.send().await
}

/// How many batches there are.
pub fn made(sandbox: &Sandbox) -> u64 {
    sandbox.created().iter().map(|created| created.count).sum()
}

/// Creates so many batches.
///
/// # Panics
/// When one isn't created.
pub async fn batches(sandbox: &Sandbox, client: &Client, count: usize) {
    for _ in 0..count {
        client
            .create_batch(create(sandbox))
            .await
            .expect("a batch is created");
    }
}

/// The fault that has hit the last request.
pub fn last_fault(sandbox: &Sandbox) -> Option<String> {
    sandbox
        .requests()
        .last()
        .and_then(|last| last.fault.clone())
}
