//! A reqwest client of our own making.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use super::Settings;
use super::connected::Connected;
use crate::Error;
use crate::redact::{Redactor, without_user};
use crate::tls::Tls;

/// After how long without a byte an HTTP/2 connection is asked for a sign of life, and how long it has
/// to give one: together well below 30 s, after which a dead connection must be replaced.
const PING: Duration = Duration::from_secs(10);

/// What all reqwest clients of one [`Client`](crate::Client) have in common.
#[derive(Debug)]
pub(super) struct Own {
    settings: Settings,
    tls: Tls,
    pub connected: Connected,
}

impl Own {
    pub fn new(settings: Settings) -> Self {
        let connected = Connected::default();
        Self {
            tls: Tls::new(settings.roots.clone(), connected.clone()),
            settings,
            connected,
        }
    }

    /// Builds a client for what is encrypted, or for what isn't.
    pub fn client(&self, encrypted: bool) -> Result<reqwest::Client, Error> {
        let builder = reqwest::Client::builder()
            .user_agent(self.settings.name())
            // Should another crate switch them on: a download is resumed by the bytes that are stored.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .connect_timeout(self.settings.connect_timeout)
            // The API redirects nowhere; a token must not follow somebody else's idea.
            .redirect(reqwest::redirect::Policy::none())
            // A proxy says REFUSED_STREAM also of requests that the server has acted on: reqwest would
            // send a creation again for it. With no retry it keeps no copy of a request either.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PING)
            // So that a creation doesn't go to a connection that has died meanwhile.
            .http2_keep_alive_while_idle(true);
        // A connection that was given up goes on sending what the system has of it for this long.
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        let builder = builder.tcp_user_timeout(
            (self.settings.settling / 2).clamp(Duration::from_secs(1), Duration::from_secs(30)),
        );
        let builder = if encrypted {
            let builder = self.tls.platform(builder)?;
            match &self.settings.proxy {
                Some(url) => builder.proxy(proxy(url)?),
                None => builder,
            }
        } else {
            // Only loopback is spoken to without encryption: no proxy sees it, and no file of names
            // says where it is.
            self.tls.none(builder)?.no_proxy().resolve_to_addrs(
                "localhost",
                &[
                    SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                    SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
                ],
            )
        };
        builder.build().map_err(Error::no_http_client)
    }
}

/// The proxy at a URL, with the user name and the password in it.
///
/// # Errors
/// [`Configuration`](crate::ErrorKind::Configuration), without what may be a password.
pub(crate) fn proxy(url: &SecretString) -> Result<reqwest::Proxy, Error> {
    let text = url.expose_secret();
    let shown = Redactor::default().redact(&without_user(text));
    let wrong = |why: &str| {
        Error::configuration(format!(
            "the proxy URL \"{shown}\" {why}; expected e.g. http://proxy.example:3128"
        ))
    };
    let parsed = Url::parse(text).map_err(|_| wrong("is not a URL"))?;
    if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
        return Err(wrong("must begin with http:// or https://"));
    }
    reqwest::Proxy::all(text).map_err(|_| wrong("can't be used"))
}
