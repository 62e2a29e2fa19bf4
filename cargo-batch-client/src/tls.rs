//! The TLS that a client of our own making uses.

use crate::Error;

/// The TLS of one client; what the platform trusts is read once, and not before it is needed.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    #[cfg(feature = "rustls")]
    platform: std::sync::OnceLock<rustls::ClientConfig>,
}

/// rustls on ring, trusting what the platform trusts, unless the application has installed another
/// provider for the process.
#[cfg(feature = "rustls")]
impl Tls {
    /// With what the platform trusts.
    pub fn platform(
        &self,
        builder: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, Error> {
        use rustls_platform_verifier::BuilderVerifierExt;

        let config = match self.platform.get() {
            Some(config) => config,
            None => {
                let mut config = versions()?
                    .with_platform_verifier()
                    .map_err(|error| {
                        Error::configuration(format!(
                            "no TLS: {error}. Install the certificates of the system \
                             (`ca-certificates`), or name a file of them in SSL_CERT_FILE"
                        ))
                    })?
                    .with_no_client_auth();
                config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
                self.platform.get_or_init(|| config)
            }
        };
        Ok(builder.tls_backend_preconfigured(config.clone()))
    }

    /// For what isn't encrypted: it needs no certificates, and there may be none on the machine.
    pub fn none(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, Error> {
        let config = versions()?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        Ok(builder.tls_backend_preconfigured(config))
    }
}

#[cfg(feature = "rustls")]
fn versions() -> Result<rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>, Error> {
    let provider = rustls::crypto::CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| std::sync::Arc::new(rustls::crypto::ring::default_provider()));
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::configuration(format!("no TLS: {error}")))
}

#[cfg(not(feature = "rustls"))]
impl Tls {
    #[cfg(feature = "native-tls")]
    pub fn platform(
        &self,
        builder: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, Error> {
        Ok(builder)
    }

    #[cfg(not(feature = "native-tls"))]
    pub fn platform(&self, _: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, Error> {
        Err(Error::configuration(
            "https needs TLS, which this build leaves out: switch on the feature `rustls` or \
             `native-tls`, or give an `http_client`",
        ))
    }

    pub fn none(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, Error> {
        Ok(builder)
    }
}
