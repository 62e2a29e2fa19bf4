//! Sets up a client.

use std::sync::Arc;
use std::time::Duration;

use cargo_batch_types::{SignedUrl, WorkspaceUuid};
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::SecretString;

use crate::auth::{Auth, Provider, TokenProvider};
use crate::client::{Client, Inner};
use crate::creation::{Listings, Registry, SETTLING_TIME};
use crate::hosts::Hosts;
use crate::http::{Http, Settings};
use crate::redact::{Redactor, without_user};
use crate::retry::{Retries, RetryPolicy};
use crate::time::bounded;
use crate::{BASE_URL, Error};

/// How many requests are in flight at once by default: half of the fewest file descriptors that a process is
/// given in practice, so that connections to storage and idle connections have some as well.
const MAX_IN_FLIGHT: usize = 32;

/// Sets up a [`Client`]; created by [`Client::builder`] and
/// [`Client::builder_with_token_provider`].
///
/// All settings have defaults; only a token is required.
///
/// ```no_run
/// use std::time::Duration;
/// use cargo_batch_client::{Client, RetryPolicy};
///
/// # fn run(token: String) -> Result<(), cargo_batch_client::Error> {
/// let mut policy = RetryPolicy::default();
/// policy.max_attempts = 3;
/// let client = Client::builder(token)
///     .timeout(Duration::from_secs(60))
///     .retry(policy)
///     .build()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    token: Token,
    base_url: String,
    workspace: Option<WorkspaceUuid>,
    http: Option<reqwest::Client>,
    #[cfg(not(target_arch = "wasm32"))]
    roots: crate::tls::Roots,
    #[cfg(not(target_arch = "wasm32"))]
    proxy: Option<SecretString>,
    user_agent: Option<String>,
    connect_timeout: Duration,
    pub(crate) timing: Timing,
    retry: RetryPolicy,
    max_in_flight: usize,
    seed: Option<u64>,
    max_response_bytes: usize,
    settling: Duration,
}

enum Token {
    Fixed(SecretString),
    Provided(Provider),
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// How long an attempt and a call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// One attempt, its complete response included.
    pub attempt: Duration,
    /// All attempts of a call and the delays between them.
    pub overall: Duration,
}

impl ClientBuilder {
    pub(crate) fn new(token: impl Into<SecretString>) -> Self {
        Self::with(Token::Fixed(token.into()))
    }

    pub(crate) fn provided(provider: impl TokenProvider) -> Self {
        Self::with(Token::Provided(Provider::new(provider)))
    }

    fn with(token: Token) -> Self {
        Self {
            token,
            base_url: BASE_URL.to_owned(),
            workspace: None,
            http: None,
            #[cfg(not(target_arch = "wasm32"))]
            roots: crate::tls::Roots::default(),
            #[cfg(not(target_arch = "wasm32"))]
            proxy: None,
            user_agent: None,
            connect_timeout: Duration::from_secs(10),
            timing: Timing {
                attempt: Duration::from_secs(60),
                overall: Duration::from_secs(180),
            },
            retry: RetryPolicy::default(),
            max_in_flight: MAX_IN_FLIGHT,
            seed: None,
            max_response_bytes: 64 << 20,
            settling: SETTLING_TIME,
        }
    }

    /// Sets the URL of the API, up to the paths of the operations (`/v1`). Default is [`BASE_URL`].
    ///
    /// It must be `https`, because the token is sent along, unless the host is loopback. A slash at its end is
    /// removed.
    ///
    /// # Errors
    /// [`build`](Self::build) fails where it is not an absolute URL, is `http` to a host that is not loopback, or has
    /// a user name, a query or a fragment.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Sets the workspace to work in, which is sent as the header `selected-workspace-uuid`. By default the header
    /// is left out.
    ///
    /// The API token of a workspace doesn't need it, as it belongs to that workspace; a user's token does.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceUuid>) -> Self {
        self.workspace = Some(workspace.into());
        self
    }

    /// Sets your own HTTP client, with settings that there are no methods for here.
    /// [`root_certificate`](Self::root_certificate) and [`proxy`](Self::proxy) work without it. By default this crate
    /// builds its own.
    ///
    /// Its redirect policy and its timeouts stay as you have built them. [`user_agent`](Self::user_agent) and
    /// [`connect_timeout`](Self::connect_timeout) are ignored. Where it follows redirects, reqwest removes the token
    /// before it goes to another host or port.
    ///
    /// What this crate does for its own client is up to you here, as it can't be changed once a
    /// `reqwest::Client` is built:
    ///
    /// - **Build it with `.retry(reqwest::retry::never())`.** By default reqwest retries a request, a creation
    ///   as well, when the connection says that it was refused: proxies say so also of requests that the server
    ///   has acted on, and you would pay twice.
    /// - Keep its `tcp_user_timeout` (30 seconds by default, on Linux) below
    ///   [`settling_time`](Self::settling_time): the system may deliver a request for that long after its
    ///   attempt has timed out.
    /// - Use it in one tokio runtime only: its connections hang in any other. That applies to
    ///   [`Blocking`](crate::Blocking), too, which has its own runtime.
    /// - Where the base URL is `http` on loopback, build it with `.no_proxy()`: otherwise `HTTP_PROXY` sends
    ///   the token to a proxy unencrypted.
    /// - **Build it with `.redirect(reqwest::redirect::Policy::none())`**, or at least with
    ///   `.referer(false)`: by default reqwest follows a redirect of storage itself, and sends the signed
    ///   URL on as `Referer`. (Redirects of storage are followed by this crate, without one.)
    /// - Whether a file that storage sends with neither a length nor chunks is complete can't be known. This
    ///   crate's own client refuses it; with yours it is accepted as it arrives.
    /// - With HTTP/2, set `http2_keep_alive_interval` and `http2_keep_alive_timeout`: otherwise a dead
    ///   connection stays in use.
    ///
    /// This crate can't see whether it established a connection. An attempt that timed out therefore always counts
    /// as one that may have reached the server.
    ///
    /// This crate's default feature `rustls` enables reqwest's `rustls-no-provider`: unless another
    /// feature of reqwest brings a provider, install one before you build a client, such as
    /// `rustls::crypto::ring::default_provider().install_default()`.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Adds certificates, as PEM, to those that are trusted, such as that of a company's own authority. One PEM text
    /// may hold several. By default only the certificates that the platform trusts are.
    ///
    /// Without code: on Linux a file of them can be named in `SSL_CERT_FILE`, which replaces those of the system.
    /// Not available in a browser, which has its own certificates. On Android it works with `native-tls` only.
    ///
    /// ```no_run
    /// # use cargo_batch_client::Client;
    /// # fn run(token: String) -> Result<Client, Box<dyn std::error::Error>> {
    /// let pem = std::fs::read("company-ca.pem")?;
    /// let client = Client::builder(token).root_certificate(pem).build()?;
    /// # Ok(client) }
    /// ```
    ///
    /// # Errors
    /// [`build`](Self::build) fails where it is not a certificate, or with an
    /// [`http_client`](Self::http_client), which has its own roots.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn root_certificate(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.roots.add(pem.as_ref());
        self
    }

    /// Sets the proxy for all encrypted requests, such as `http://user:password@proxy.example:3128`.
    /// Default is the proxy that the environment names.
    ///
    /// By default `HTTPS_PROXY` and `ALL_PROXY` are read, and `NO_PROXY` names hosts that are connected to
    /// directly, each also in lower case; on Windows and macOS the system's settings, too. A proxy that is set here
    /// replaces all of these. `http` is for loopback, which is never sent through a proxy. The user name and
    /// the password are redacted in errors and logs. A browser has its own settings.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error};
    /// # fn run(token: String) -> Result<Client, Error> {
    /// let client = Client::builder(token).proxy("http://proxy.example:3128").build()?;
    /// # Ok(client) }
    /// ```
    ///
    /// # Errors
    /// [`build`](Self::build) fails where it is no URL of `http` or `https`, or with an
    /// [`http_client`](Self::http_client), which has its own proxies.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(SecretString::from(url.into()));
        self
    }

    /// Sets the `User-Agent` header. Default is `cargo-batch/` and this crate's version.
    ///
    /// Ignored with an [`http_client`](Self::http_client).
    ///
    /// # Errors
    /// [`build`](Self::build) or the first request fails where it has characters that a header can't have.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = Some(name.into());
        self
    }

    /// Sets the timeout for establishing a connection, the TLS handshake included. Default is 10 seconds.
    ///
    /// It is never more than three quarters of [`attempt_timeout`](Self::attempt_timeout), so that a connection that
    /// could not be established is reported as such. Ignored with an [`http_client`](Self::http_client) and in a
    /// browser.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// Sets the timeout of one attempt, from its start to the end of its response. Default is 60 seconds.
    ///
    /// - For an upload it is extended by one second for every 128 KiB.
    /// - For a download it is the timeout until the response begins, the longest time between two chunks,
    ///   and the time in which at least 1 KiB a second must arrive on average.
    ///
    /// An attempt that times out may be retried, see [`RetryPolicy`]. The timeout of a call with all its attempts is
    /// [`timeout`](Self::timeout).
    pub fn attempt_timeout(mut self, time: Duration) -> Self {
        self.timing.attempt = time;
        self
    }

    /// Sets the timeout of a call, with all its attempts and the delays between them. Default is 3 minutes.
    ///
    /// For an upload of a file in one request it is extended by one second for every 128 KiB. It does not limit what
    /// consists of several calls: a download, a watch (see [`Watch::deadline`](crate::Watch::deadline)), an upload in
    /// parts, or [`create_batch_once`](Client::create_batch_once), which may search for minutes.
    #[doc(alias = "deadline")]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timing.overall = time;
        self
    }

    /// Sets how often requests are retried, and after which delays: exponential backoff with jitter, and a retry
    /// budget. Default is [`RetryPolicy::default`].
    ///
    /// Only requests of idempotent operations are retried, and those known not to have reached the server.
    ///
    /// [`Client::with_retry`] overrides it for single calls. Its
    /// [`budget`](RetryPolicy::budget) is shared by the client and its clones.
    #[doc(alias = "backoff")]
    #[doc(alias = "idempotent")]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets how many requests of this client and its clones are in flight at once. Default is 32, and at least
    /// one. Further requests wait in the order in which they came.
    ///
    /// Over HTTP/1 each needs a connection, and so a file descriptor, of which a process may have as few as 256
    /// (macOS), and a container 64. A download counts until its response begins. Where no request ends for a
    /// second one more is sent, so that futures that wait for each other make progress; after two seconds the next, after
    /// three the one after that.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// Seeds the jitter of delays, so that tests can repeat them. Default is a random seed.
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets the longest response that is read, in bytes, and the longest single row of a download. Default is
    /// 64 MiB. Downloads that are streamed have no other limit.
    ///
    /// A longer response is an error of the kind
    /// [`InvalidResponse`](crate::ErrorKind::InvalidResponse). [`Download::bytes`](crate::Download::bytes) has the same
    /// limit.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// Sets how long after a creation whose outcome is unknown its batch may still appear. Default is a minute.
    ///
    /// [`create_batch_once`](Client::create_batch_once) creates again only when there is no batch
    /// after this time, counted from the end of the attempt: a gateway that timed out waiting for the server
    /// behind it, or a connection that was lost, doesn't stop the server. Gateways time out after a
    /// minute at most, as a rule, and so does an attempt. Longer is safer; shorter is for tests.
    pub fn settling_time(mut self, time: Duration) -> Self {
        self.settling = time;
        self
    }

    /// Builds the client. Nothing is sent.
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration) when the token or the base URL can't be
    /// used, TLS can't be set up, or a setting is wrong, as its method says.
    pub fn build(self) -> Result<Client, Error> {
        let base_url = checked(&self.base_url)?;
        let auth = match &self.token {
            Token::Fixed(token) => Auth::fixed(token)?,
            Token::Provided(provider) => Auth::provided(provider.clone()),
        };
        let workspace = self.workspace.map(|workspace| {
            HeaderValue::try_from(workspace.to_string())
                .map_err(|_| Error::configuration("the workspace id can't be in a header"))
        });
        let http = match self.http {
            #[cfg(not(target_arch = "wasm32"))]
            Some(_) if !self.roots.is_empty() || self.proxy.is_some() => {
                return Err(Error::configuration(
                    "`root_certificate` and `proxy` are of this crate's own HTTP client: set them on \
                     the `http_client` that you give",
                ));
            }
            Some(client) => Http::callers(client),
            None => {
                #[cfg(not(target_arch = "wasm32"))]
                {
                    // Also where the base URL needs none: signed URLs may.
                    self.roots.check()?;
                    self.proxy.as_ref().map(crate::http::proxy).transpose()?;
                }
                let settings = Settings {
                    #[cfg(not(target_arch = "wasm32"))]
                    roots: self.roots,
                    #[cfg(not(target_arch = "wasm32"))]
                    proxy: self.proxy,
                    user_agent: self.user_agent,
                    // Below the attempt's, so that it ends as what it is: never connected.
                    connect_timeout: self.connect_timeout.min(self.timing.attempt / 4 * 3),
                    settling: bounded(self.settling),
                };
                Http::own(settings, &base_url)?
            }
        };
        let retries = Retries::new(&self.retry, self.seed);
        Ok(Client {
            baseurl: base_url.as_str().trim_end_matches('/').into(),
            client: http.writer(),
            timing: self.timing,
            retry: self.retry,
            sending: None,
            limit: None,
            polling: None,
            inner: Arc::new(Inner {
                base_url,
                http,
                hosts: Hosts::new(self.max_in_flight),
                auth,
                workspace: workspace.transpose()?,
                workspace_uuid: self.workspace,
                retries,
                max_response_bytes: self.max_response_bytes,
                registry: Registry::default(),
                listings: Listings::default(),
                settling: bounded(self.settling),
            }),
        })
    }
}

/// Parses a base URL, and refuses one to which a token would be sent unencrypted.
pub(crate) fn checked(base_url: &str) -> Result<Url, Error> {
    let shown = Redactor::default().redact(&without_user(base_url));
    let wrong = |why: &str| Error::configuration(format!("the base URL \"{shown}\" {why}"));
    let url = Url::parse(base_url).map_err(|error| {
        wrong(&format!(
            "is not an absolute URL ({error}); expected e.g. {BASE_URL}"
        ))
    })?;
    let bare = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !bare {
        return Err(wrong("must be just a scheme, a host and a path"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(wrong(
            "would send the token unencrypted: use https (http is for loopback)",
        )),
        _ => Err(wrong("must begin with https://")),
    }
}

/// Parses a signed URL of storage; refuses one that isn't encrypted.
pub(crate) fn signed_url(url: &SignedUrl) -> Result<Url, Error> {
    let url = Url::parse(url.expose()).map_err(|_| Error::bad_signed_url("is not a URL"))?;
    match is_private(&url) {
        true => Ok(url),
        false => Err(Error::bad_signed_url(
            "isn't encrypted: it must begin with https://",
        )),
    }
}

/// Returns whether what is sent to a URL can't be read on the way.
pub(crate) fn is_private(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_needs_tls_in_the_build_and_loopback_does_not() {
        // With both features it isn't known which one is meant.
        let with_tls = cfg!(feature = "rustls") != cfg!(feature = "native-tls");
        let built = Client::new("t");
        assert_eq!(built.is_ok(), with_tls);
        if let Err(error) = built {
            assert_eq!(error.kind(), crate::ErrorKind::Configuration);
            assert!(
                error.to_string().contains("the feature `rustls`"),
                "{error}"
            );
        }
        let loopback = Client::builder("t").base_url("http://127.0.0.1:1/v1");
        let loopback = loopback.build().unwrap();
        // The caller knows what their own client can do.
        let client = loopback.client.clone();
        Client::builder("t").http_client(client).build().unwrap();
    }
}
