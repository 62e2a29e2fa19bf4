//! The HTTP clients that requests are sent with.

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(not(target_arch = "wasm32"))]
mod connected;
#[cfg(not(target_arch = "wasm32"))]
mod own;
#[cfg(not(target_arch = "wasm32"))]
mod runtime;

#[cfg(target_arch = "wasm32")]
pub(crate) use browser::Http;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use connected::Connected;
#[cfg(all(feature = "rustls", not(target_arch = "wasm32")))]
pub(crate) use connected::NotingVerifier;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use own::proxy;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use runtime::Http;

use std::time::Duration;

/// What a reqwest client of our own is built from.
#[derive(Debug)]
#[cfg_attr(target_arch = "wasm32", allow(dead_code))]
pub(crate) struct Settings {
    pub user_agent: Option<String>,
    /// How long a connection may take to come up.
    pub connect_timeout: Duration,
    /// Certificates that are trusted beside those of the platform.
    #[cfg(not(target_arch = "wasm32"))]
    pub roots: crate::tls::Roots,
    /// The proxy to use in place of those that the environment names; it may hold a password.
    #[cfg(not(target_arch = "wasm32"))]
    pub proxy: Option<secrecy::SecretString>,
    /// How long after its attempt a request may still take effect.
    pub settling: Duration,
}

impl Settings {
    /// What stands in `User-Agent`.
    fn name(&self) -> &str {
        let default = concat!("cargo-batch/", env!("CARGO_PKG_VERSION"));
        self.user_agent.as_deref().unwrap_or(default)
    }
}
