//! The client.

use std::ffi::OsString;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use cargo_batch_types::WorkspaceUuid;
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::SecretString;

use crate::Error;
use crate::auth::{Auth, TokenProvider};
use crate::config::{self, ClientBuilder, Timing};
use crate::creation::{Limit, Listings, Registry, Sending};
use crate::hosts::Hosts;
use crate::http::Http;
use crate::retry::{Retries, RetryPolicy};

/// Calls the batches API.
///
/// Cloning it is cheap, and clones share the connections, the token, the retry budget, the limit of requests in
/// flight and the registry of creations: build one client for a program and clone it. Its calls need a tokio
/// runtime with IO and time enabled, as `#[tokio::main]` has it, or a browser; [`Blocking`](crate::Blocking)
/// has its own runtime.
///
/// | to | call |
/// |---|---|
/// | upload a file | [`upload`](Self::upload) |
/// | create a batch, and pay for it once | [`create_batch_once`](Self::create_batch_once) |
/// | wait for a batch, cancel it, fetch its results | [`batch`](Self::batch) |
/// | poll a batch, or many | [`watch`](Self::watch), [`watch_many`](Self::watch_many) |
/// | read a list | its operation, such as [`list_batches`](Self::list_batches), and `.items()` |
/// | call an operation that is newer than this crate | [`request`](Self::request) |
///
/// ```no_run
/// use cargo_batch_client::{Client, types::*};
///
/// # async fn run(workflow: WorkflowUuid) -> Result<(), cargo_batch_client::Error> {
/// let client = Client::from_env()?;
/// let file = client.upload("leads.csv").await?;
/// let request = CreateBatchRequest::new(file).workflow(workflow);
/// let batch = client.create_batch_once(request).await?;
/// let finished = client.batch(batch.uuid).wait().await?;
/// println!("{}", finished.outcome());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) baseurl: Arc<str>,
    /// Builds requests; generated code knows it by this name. They are sent with [`Inner::http`].
    pub(crate) client: reqwest::Client,
    pub(crate) timing: Timing,
    pub(crate) retry: RetryPolicy,
    /// The creation that this sends requests for.
    pub(crate) sending: Option<Sending>,
    /// How many records may be in the batch that this creates without a creation.
    pub(crate) limit: Option<Arc<Limit>>,
    /// The poll interval of the watch that this sends requests for.
    pub(crate) polling: Option<Duration>,
    pub(crate) inner: Arc<Inner>,
}

/// What all clones share.
pub(crate) struct Inner {
    /// Parsed once: parsing a URL is a twentieth of what a call costs.
    pub base_url: Url,
    pub http: Http,
    pub hosts: Hosts,
    pub auth: Auth,
    pub workspace: Option<HeaderValue>,
    pub workspace_uuid: Option<WorkspaceUuid>,
    pub retries: Retries,
    pub max_response_bytes: usize,
    pub registry: Registry,
    pub listings: Listings,
    pub settling: Duration,
}

impl Client {
    /// Creates a client with an API token and the defaults of [`ClientBuilder`].
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration) when the token can't be used, or TLS
    /// can't be set up.
    pub fn new(token: impl Into<SecretString>) -> Result<Self, Error> {
        Self::builder(token).build()
    }

    /// Creates a client from environment variables: `CARGO_API_TOKEN`, and where set `CARGO_BASE_URL` and
    /// `CARGO_WORKSPACE_UUID`.
    ///
    /// Spaces and line breaks around a value are removed. A variable that is empty then counts as not set. All other
    /// settings have the defaults of [`ClientBuilder`].
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error};
    /// # fn run() -> Result<(), Error> {
    /// let client = Client::from_env()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration) with the name of the variable that is missing or
    /// invalid, or when TLS can't be set up.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let read = |name: &str| match variable(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(Err(_)) => Err(Error::configuration(format!("{name} is not valid text"))),
        };
        let token = read("CARGO_API_TOKEN")?.ok_or_else(|| {
            Error::configuration(
                "CARGO_API_TOKEN is not set: set it to an API token of your workspace",
            )
        })?;
        let token = SecretString::from(token);
        Auth::fixed(&token).map_err(|error| error.of("CARGO_API_TOKEN"))?;
        let mut builder = Self::builder(token);
        if let Some(url) = read("CARGO_BASE_URL")? {
            config::checked(&url).map_err(|error| error.of("CARGO_BASE_URL"))?;
            builder = builder.base_url(url);
        }
        if let Some(text) = read("CARGO_WORKSPACE_UUID")? {
            let workspace: WorkspaceUuid = text
                .parse()
                .map_err(|error| Error::configuration(format!("CARGO_WORKSPACE_UUID: {error}")))?;
            builder = builder.workspace(workspace);
        }
        builder.build()
    }

    /// Returns a builder for a client with an API token.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use cargo_batch_client::{Client, Error};
    /// # fn run(token: String) -> Result<(), Error> {
    /// let client = Client::builder(token).timeout(Duration::from_secs(30)).build()?;
    /// # Ok(()) }
    /// ```
    pub fn builder(token: impl Into<SecretString>) -> ClientBuilder {
        ClientBuilder::new(token)
    }

    /// Returns a builder for a client whose tokens expire and are renewed; [`TokenProvider`] has an example.
    pub fn builder_with_token_provider(provider: impl TokenProvider) -> ClientBuilder {
        ClientBuilder::provided(provider)
    }

    /// Returns a clone with [`ClientBuilder::timeout`] set to this: the timeout of a call with all its
    /// attempts. Everything else is shared with this client, which stays as it is.
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

    /// Returns a clone with [`ClientBuilder::attempt_timeout`] set to this: the timeout of a single attempt.
    /// Everything else is shared with this client, which stays as it is.
    ///
    /// [`connect_timeout`](ClientBuilder::connect_timeout) is not changed: an attempt that is
    /// shorter times out first, and then counts as one that may have reached the server, unless this client has never
    /// had a connection.
    pub fn with_attempt_timeout(&self, attempt: Duration) -> Self {
        let mut client = self.clone();
        client.timing.attempt = attempt;
        client
    }

    /// Returns a clone with [`ClientBuilder::retry`] set to this policy, for one call or several.
    ///
    /// The retry budget, which all clones share, stays as it is: [`RetryPolicy::budget`] of this policy is ignored.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, RetryPolicy, types::BatchUuid};
    /// # async fn run(client: Client, id: BatchUuid) -> Result<(), Error> {
    /// let batch = client.with_retry(RetryPolicy::never()).get_batch(id).await?.batch;
    /// # Ok(()) }
    /// ```
    pub fn with_retry(&self, policy: RetryPolicy) -> Self {
        Self {
            retry: policy,
            ..self.clone()
        }
    }

    /// Returns a clone for the polls of a watch.
    pub(crate) fn for_polls(&self, interval: Duration) -> Self {
        Self {
            polling: Some(interval),
            ..self.clone()
        }
    }

    /// Returns the URL of a path below the base URL, in which all parts are escaped.
    pub(crate) fn url(&self, path: fmt::Arguments<'_>) -> Url {
        let mut url = self.inner.base_url.clone();
        // Long enough for most, so that it isn't moved as it grows.
        let mut whole = String::with_capacity(128);
        whole.push_str(url.path().trim_end_matches('/'));
        // Nothing fails that is written to a `String`.
        let _ = whole.write_fmt(path);
        url.set_path(&whole);
        url
    }

    /// Returns the workspace that this was built for, or else that of the batches it has seen.
    pub(crate) fn known_workspace(&self) -> Option<WorkspaceUuid> {
        self.inner
            .workspace_uuid
            .or_else(|| self.inner.registry.workspace())
    }

    /// Returns the base URL that requests are sent to, without a slash at its end.
    pub fn base_url(&self) -> &str {
        &self.baseurl
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.baseurl)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<Client, Error> {
        Client::from_variables(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_environment_says_it_all() {
        let client = from(&[
            ("CARGO_API_TOKEN", " t \n"),
            ("CARGO_BASE_URL", "http://127.0.0.1:1/v1/"),
            (
                "CARGO_WORKSPACE_UUID",
                "67e55044-10b1-426f-9247-bb680e5fe0c8",
            ),
        ]);
        let client = client.unwrap();
        assert_eq!(client.base_url(), "http://127.0.0.1:1/v1");
        assert!(client.inner.workspace.is_some());
        if cfg!(feature = "rustls") != cfg!(feature = "native-tls") {
            let client = from(&[("CARGO_API_TOKEN", "t"), ("CARGO_BASE_URL", "")]).unwrap();
            assert_eq!(client.base_url(), crate::BASE_URL);
        }
    }

    #[test]
    fn invalid_environment_variables_are_named() {
        let token = ("CARGO_API_TOKEN", "t");
        let unset = "CARGO_API_TOKEN is not set: set it to an API token of your workspace";
        for (variables, message) in [
            (&[][..], unset),
            (&[("CARGO_API_TOKEN", "  ")][..], unset),
            (
                &[("CARGO_API_TOKEN", "two\nlines")][..],
                "CARGO_API_TOKEN: the token has a character that can't be in a token, after 3 others: is it broken \
                 over lines, or copied with something else?",
            ),
            (
                &[token, ("CARGO_BASE_URL", "api.getcargo.io")][..],
                "CARGO_BASE_URL: the base URL \"api.getcargo.io\" is not an absolute URL (relative URL without a \
                 base); expected e.g. https://api.getcargo.io/v1",
            ),
            (
                &[token, ("CARGO_BASE_URL", "http://example.com")][..],
                "CARGO_BASE_URL: the base URL \"http://example.com\" would send the token unencrypted: use https \
                 (http is for loopback)",
            ),
            (
                &[token, ("CARGO_WORKSPACE_UUID", "mine")][..],
                "CARGO_WORKSPACE_UUID: \"mine\" is not a WorkspaceUuid: expected a UUID such as \
                 67e55044-10b1-426f-9247-bb680e5fe0c8",
            ),
        ] {
            let error = from(variables).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Configuration);
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn a_url_is_the_base_url_with_the_path_as_it_is_escaped() {
        for base in [
            "http://127.0.0.1:1/a%20b/v1/",
            "http://127.0.0.1:1/a b/v1",
            "http://127.0.0.1:1",
        ] {
            let client = Client::builder("t").base_url(base).build().unwrap();
            for path in ["/x", "/x/a%2Fb%3F%23%25/c-d:stop", "/x/%2E%2E/y"] {
                let parsed = format!("{}{path}", client.base_url());
                let built = client.url(format_args!("{path}"));
                assert_eq!(built.as_str(), Url::parse(&parsed).unwrap().as_str());
            }
        }
    }

    #[test]
    fn large_uploads_get_a_longer_timeout() {
        let client = Client::builder("t").base_url("http://127.0.0.1:1");
        let client = client.build().unwrap();
        let (small, large) = (client.for_bytes(0).timing, client.for_bytes(1 << 30).timing);
        let more = Duration::from_secs(8192); // At 128 KiB a second.
        assert_eq!(small.attempt + more, large.attempt);
        assert_eq!(small.overall + more, large.overall);
        assert_eq!(small.attempt, client.timing.attempt);
    }
}
