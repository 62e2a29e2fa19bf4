//! How a client is set up.

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
/// given in practice, so that connections to storage, and idle ones, have some as well.
const MAX_IN_FLIGHT: usize = 32;

/// Sets up a [`Client`]; made by [`Client::builder`].
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

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// One attempt, its whole answer included.
    pub attempt: Duration,
    /// All attempts of a call and the pauses between them.
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

    /// Another server than [`BASE_URL`], with the path before the operations' (`/v1`).
    ///
    /// It must be `https`, because the token is sent along, unless the host is loopback.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// The workspace to work in. A workspace's own API token doesn't need it; a user's token does.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceUuid>) -> Self {
        self.workspace = Some(workspace.into());
        self
    }

    /// Sets your own HTTP client, with settings that there are no methods for here
    /// ([`root_certificate`](Self::root_certificate) and [`proxy`](Self::proxy) do without it). Its redirect policy and its
    /// timeouts stay yours, and [`user_agent`](Self::user_agent) and
    /// [`connect_timeout`](Self::connect_timeout) don't touch it. (Where it follows redirects,
    /// reqwest takes the token off before it goes to another host or port.)
    ///
    /// What this crate does for a client of its own is up to you here, as it can't be changed once a
    /// `reqwest::Client` is built:
    ///
    /// - **Build it with `.retry(reqwest::retry::never())`.** By default reqwest sends a request
    ///   again, a creation as well, when the connection says that it was refused: proxies say so
    ///   also of requests that the server has acted on, and you would pay twice.
    /// - Keep its `tcp_user_timeout` (30 seconds by default, on Linux) below
    ///   [`settling_time`](Self::settling_time): the system may deliver a request for that long after its
    ///   attempt was given up.
    /// - Use it in one tokio runtime only: its connections hang in any other. That goes for
    ///   [`Blocking`](crate::Blocking), too, which has a runtime of its own.
    /// - Where the base URL is `http` on loopback, give it `.no_proxy()`: otherwise `HTTP_PROXY` sends
    ///   the token to a proxy unencrypted.
    /// - **Build it with `.redirect(reqwest::redirect::Policy::none())`**, or at least with
    ///   `.referer(false)`: by default reqwest follows a redirect of storage itself, and sends the signed
    ///   URL on as `Referer`. (Redirects of storage are followed by this crate, without one.)
    /// - Whether a file that storage sends with neither a length nor chunks is whole can't be known;
    ///   a client of this crate's own refuses it, with yours it is taken as it comes.
    /// - With HTTP/2, set `http2_keep_alive_interval` and `http2_keep_alive_timeout`: otherwise a dead
    ///   connection is used on.
    ///
    /// That a connection never came up isn't known of it, so that an attempt that took too long always
    /// counts as one that may have arrived.
    ///
    /// This crate's default feature `rustls` brings reqwest's `rustls-no-provider`: unless another
    /// feature of reqwest brings a provider, install one before you make a client, such as
    /// `rustls::crypto::ring::default_provider().install_default()`.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http = Some(client);
        self
    }

    /// Adds a certificate to those that are trusted: as PEM, one or several, such as those of a company's own
    /// authority. By default, and beside it, those that the platform trusts.
    ///
    /// Without code: on Linux a file of them can be named in `SSL_CERT_FILE`, which takes the place of the
    /// system's. Not in a browser, which has certificates of its own, and on Android with `native-tls` only.
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
    /// [`http_client`](Self::http_client), which has roots of its own.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn root_certificate(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.roots.add(pem.as_ref());
        self
    }

    /// Sets the proxy for everything that is encrypted, such as `http://user:password@proxy.example:3128`.
    /// By default the one that the environment names.
    ///
    /// Without it `HTTPS_PROXY` and `ALL_PROXY` are read, and `NO_PROXY` names hosts that are connected to
    /// directly, all of them also in small letters; on Windows and macOS the system's settings, too. With it
    /// none of these counts. `http` is for loopback, which no proxy sees in either case. The user name and
    /// the password are shown nowhere. A browser has settings of its own.
    ///
    /// # Errors
    /// [`build`](Self::build) fails where it is no URL of `http` or `https`, or with an
    /// [`http_client`](Self::http_client), which has proxies of its own.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(SecretString::from(url.into()));
        self
    }

    /// What stands in `User-Agent`; by default this crate's name and version.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = Some(name.into());
        self
    }

    /// Sets how long a connection may take to come up, the TLS handshake included; 10 seconds by
    /// default, and never more than three quarters of
    /// [`attempt_timeout`](Self::attempt_timeout).
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// Sets how long one attempt may take, its whole response included; 60 seconds by default.
    ///
    /// An upload may take longer by its size at 128 KiB a second. Of a download it is how long it takes to
    /// begin, how long it may stall, and the time in which at least 1 KiB a second must arrive.
    pub fn attempt_timeout(mut self, time: Duration) -> Self {
        self.timing.attempt = time;
        self
    }

    /// How long a call may take, with all its attempts and the pauses between; 3 minutes by
    /// default.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timing.overall = time;
        self
    }

    /// Sets when requests are sent again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Sets how many requests of this client and its clones are in flight at once; 32 by default, and at least
    /// one. Others wait until one has ended, the first come first.
    ///
    /// Over HTTP/1 each needs a connection, and so a file descriptor, of which a process may have as few as 256
    /// (macOS), and a container 64. A download counts until its response begins. Where no request ends for a
    /// second one more is sent, so that futures that wait for each other go on; after two seconds the next, after
    /// three the one after that.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// Makes the jitter of delays repeatable, for tests.
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How long an answer may be before it is an error, and a single row of a download; 64 MiB by
    /// default. Downloads are streamed and not limited otherwise.
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// How long after a creation of which nobody knows the outcome its batch may still appear;
    /// a minute by default.
    ///
    /// [`create_batch_once`](Client::create_batch_once) creates again only when there is no batch
    /// after this time, counted from the end of the attempt: a gateway that gave up on the server
    /// behind it, or a connection that was cut, doesn't stop the server. Gateways give up after a
    /// minute at most, as a rule, and so does an attempt. Longer is safer; shorter is for tests.
    pub fn settling_time(mut self, time: Duration) -> Self {
        self.settling = time;
        self
    }

    /// Makes the client.
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration) when the token or the base URL can't be
    /// used, or TLS can't be set up.
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

/// A token must not travel in the open.
pub(crate) fn checked(base_url: &str) -> Result<Url, Error> {
    let shown = Redactor::default().redact(&without_user(base_url));
    let wrong = |why: &str| Error::configuration(format!("the base URL \"{shown}\" {why}"));
    let url = Url::parse(base_url)
        .map_err(|error| wrong(&format!("is not a URL ({error}): it looks like {BASE_URL}")))?;
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

/// A link to storage, where other people's data goes to and comes from.
pub(crate) fn link(link: &SignedUrl) -> Result<Url, Error> {
    let url = Url::parse(link.expose()).map_err(|_| Error::bad_link("is not a URL"))?;
    match is_private(&url) {
        true => Ok(url),
        false => Err(Error::bad_link(
            "isn't encrypted: it must begin with https://",
        )),
    }
}

/// Returns whether nobody on the way sees what is sent to a URL.
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
        // The caller knows what a client of their own can do.
        let client = loopback.client.clone();
        Client::builder("t").http_client(client).build().unwrap();
    }
}
