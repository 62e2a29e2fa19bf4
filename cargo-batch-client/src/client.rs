//! The client itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use secrecy::SecretString;

use crate::Error;
use crate::auth::{Auth, TokenProvider};
use crate::config::{ClientBuilder, Timing};
use crate::once::Creations;
use crate::retry::{Retries, RetryPolicy};

/// Calls the batches API; cheap to clone, and made once.
#[derive(Clone)]
pub struct Client {
    // The names that generated code knows them by.
    pub(crate) baseurl: Arc<str>,
    pub(crate) client: reqwest::Client,
    pub(crate) timing: Timing,
    pub(crate) retry: RetryPolicy,
    pub(crate) inner: Arc<Inner>,
}

/// What all clones share.
pub(crate) struct Inner {
    pub auth: Auth,
    pub workspace: Option<HeaderValue>,
    pub retries: Retries,
    pub max_answer_bytes: usize,
    pub creations: Creations,
    pub settling: Duration,
}

impl Client {
    /// A client with an API token, and defaults for the rest.
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration) when the token can't be used, or TLS
    /// can't be set up.
    pub fn new(token: impl Into<SecretString>) -> Result<Self, Error> {
        Self::builder(token).build()
    }

    /// A client as the environment says: `CARGO_API_TOKEN`, and where set `CARGO_BASE_URL` and
    /// `CARGO_WORKSPACE_UUID`.
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration) naming the variable that is missing or
    /// wrong.
    pub fn from_env() -> Result<Self, Error> {
        let token = variable("CARGO_API_TOKEN")?.ok_or_else(|| {
            Error::configuration(
                "CARGO_API_TOKEN is not set: put the API token of your workspace in it",
            )
        })?;
        let mut builder = Self::builder(token);
        if let Some(url) = variable("CARGO_BASE_URL")? {
            builder = builder.base_url(url);
        }
        if let Some(text) = variable("CARGO_WORKSPACE_UUID")? {
            let workspace: cargo_batch_types::WorkspaceUuid = text
                .parse()
                .map_err(|error| Error::configuration(format!("CARGO_WORKSPACE_UUID: {error}")))?;
            builder = builder.workspace(workspace);
        }
        builder.build()
    }

    /// Sets up a client with an API token.
    pub fn builder(token: impl Into<SecretString>) -> ClientBuilder {
        ClientBuilder::new(token)
    }

    /// Sets up a client whose tokens expire and are renewed.
    pub fn builder_with(provider: impl TokenProvider) -> ClientBuilder {
        ClientBuilder::provided(provider)
    }

    /// This client with another patience for a call and all its attempts: for one call, or several.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use cargo_batch_client::{Client, Error, types::BatchUuid};
    /// # async fn run(client: Client, id: BatchUuid) -> Result<(), Error> {
    /// let batch = client.with_timeout(Duration::from_secs(5)).get_batch(id).await?.batch;
    /// # Ok(()) }
    /// ```
    pub fn with_timeout(&self, overall: Duration) -> Self {
        let mut client = self.clone();
        client.timing.overall = overall;
        client
    }

    /// This client with another patience for a single attempt.
    pub fn with_attempt_timeout(&self, attempt: Duration) -> Self {
        let mut client = self.clone();
        client.timing.attempt = attempt;
        client
    }

    /// This client with another retry policy; the budget stays that of the client.
    pub fn with_retry(&self, policy: RetryPolicy) -> Self {
        Self {
            retry: policy,
            ..self.clone()
        }
    }

    /// Where its requests go.
    pub fn base_url(&self) -> &str {
        &self.baseurl
    }
}

/// An environment variable that is set to something.
fn variable(name: &str) -> Result<Option<String>, Error> {
    match std::env::var(name) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Error::configuration(format!("{name} is not valid text")))
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.baseurl)
            .finish_non_exhaustive()
    }
}
