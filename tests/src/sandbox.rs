//! A sandbox whose own answers are held against the specification when the test is done with it.

use std::ops::Deref;

use cargo_batch_client::Client;
use cargo_batch_sandbox::{Sandbox, SandboxBuilder};

/// A sandbox; when it goes, each of its answers must have kept to the specification.
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
