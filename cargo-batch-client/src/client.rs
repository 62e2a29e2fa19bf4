//! The client itself.

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
use crate::creation::{Listings, Registry, Sending};
use crate::hosts::Hosts;
use crate::http::Http;
use crate::retry::{Retries, RetryPolicy};

/// Calls the batches API; cheap to clone, and made once.
#[derive(Clone)]
pub struct Client {
    pub(crate) baseurl: Arc<str>,
    /// Puts requests together, as generated code knows it by this name; they are sent with [`Inner::http`].
    pub(crate) client: reqwest::Client,
    pub(crate) timing: Timing,
    pub(crate) retry: RetryPolicy,
    /// The creation whose request this sends.
    pub(crate) sending: Option<Sending>,
    /// How often the watch polls whose requests this sends.
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
                "CARGO_API_TOKEN is not set: put the API token of your workspace in it",
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

    /// Sets up a client with an API token.
    pub fn builder(token: impl Into<SecretString>) -> ClientBuilder {
        ClientBuilder::new(token)
    }

    /// Sets up a client whose tokens expire and are renewed.
    pub fn builder_with_token_provider(provider: impl TokenProvider) -> ClientBuilder {
        ClientBuilder::provided(provider)
    }

    /// This client with another tolerance for a call and all its attempts: for one call, or several.
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

    /// Returns this client with another limit for a single attempt.
    ///
    /// [`connect_timeout`](ClientBuilder::connect_timeout) stays as it was built: an attempt that is
    /// shorter ends first, and then counts as one that may have arrived, unless this client has never
    /// had a connection.
    pub fn with_attempt_timeout(&self, attempt: Duration) -> Self {
        let mut client = self.clone();
        client.timing.attempt = attempt;
        client
    }

    /// Returns this client with another retry policy; the budget for retries, which all clones share, stays as
    /// it is.
    pub fn with_retry(&self, policy: RetryPolicy) -> Self {
        Self {
            retry: policy,
            ..self.clone()
        }
    }

    /// Returns this client for the polls of a watch.
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

    /// Returns the workspace that it was set up for, or else that of the batches it has seen.
    pub(crate) fn known_workspace(&self) -> Option<WorkspaceUuid> {
        self.inner
            .workspace_uuid
            .or_else(|| self.inner.registry.workspace())
    }

    /// Where its requests go.
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
    fn what_is_wrong_in_the_environment_is_named() {
        let token = ("CARGO_API_TOKEN", "t");
        for (variables, name) in [
            (&[][..], "CARGO_API_TOKEN"),
            (&[("CARGO_API_TOKEN", "  ")][..], "CARGO_API_TOKEN"),
            (&[("CARGO_API_TOKEN", "two\nlines")][..], "CARGO_API_TOKEN"),
            (
                &[token, ("CARGO_BASE_URL", "api.getcargo.io")][..],
                "CARGO_BASE_URL",
            ),
            (
                &[token, ("CARGO_BASE_URL", "http://example.com")][..],
                "CARGO_BASE_URL",
            ),
            (
                &[token, ("CARGO_WORKSPACE_UUID", "mine")][..],
                "CARGO_WORKSPACE_UUID",
            ),
        ] {
            let error = from(variables).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Configuration);
            assert!(error.to_string().starts_with(name), "{error}");
            assert!(!error.to_string().contains("two"), "{error}");
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
    fn what_is_large_may_take_longer() {
        let client = Client::builder("t").base_url("http://127.0.0.1:1");
        let client = client.build().unwrap();
        let (small, large) = (client.for_bytes(0).timing, client.for_bytes(1 << 30).timing);
        let more = Duration::from_secs(8192); // At 128 KiB a second.
        assert_eq!(small.attempt + more, large.attempt);
        assert_eq!(small.overall + more, large.overall);
        assert_eq!(small.attempt, client.timing.attempt);
    }
}
