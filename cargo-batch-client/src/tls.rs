//! The TLS of this crate's own HTTP client.

use crate::Error;
use crate::http::Connected;
#[cfg(feature = "rustls")]
use crate::http::NotingVerifier;
#[cfg(feature = "rustls")]
use rustls_platform_verifier::Verifier;

/// Certificates, as PEM, that are trusted in addition to those of the platform.
#[derive(Clone, Default)]
pub(crate) struct Roots(Vec<Vec<u8>>);

impl Roots {
    pub fn add(&mut self, pem: &[u8]) {
        self.0.push(pem.to_vec());
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fails where one is no certificate.
    pub fn check(&self) -> Result<(), Error> {
        const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
        let has_one = |pem: &Vec<u8>| pem.windows(BEGIN.len()).any(|part| part == BEGIN);
        match self.0.iter().all(has_one) {
            true => Ok(()),
            false => Err(wrong_root(
                "there is no `-----BEGIN CERTIFICATE-----` in it",
            )),
        }
    }
}

impl std::fmt::Debug for Roots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} given", self.0.len())
    }
}

fn wrong_root(why: impl std::fmt::Display) -> Error {
    Error::configuration(format!(
        "a root certificate can't be used, {why}: give a certificate as PEM"
    ))
}

/// The TLS of one client; what the platform trusts is read once, and not before it is needed.
#[derive(Debug)]
pub(crate) struct Tls {
    #[cfg_attr(not(any(feature = "rustls", feature = "native-tls")), allow(dead_code))]
    roots: Roots,
    #[cfg_attr(not(feature = "rustls"), allow(dead_code))]
    connected: Connected,
    #[cfg(feature = "rustls")]
    platform: std::sync::OnceLock<rustls::ClientConfig>,
}

impl Tls {
    /// Returns the TLS that notes connections in `connected`.
    pub fn new(roots: Roots, connected: Connected) -> Self {
        Self {
            roots,
            connected,
            #[cfg(feature = "rustls")]
            platform: std::sync::OnceLock::new(),
        }
    }
}

/// rustls on ring, trusting what the platform trusts, unless the application has installed another
/// provider for the process.
#[cfg(feature = "rustls")]
impl Tls {
    /// Configures what the platform trusts and the roots given.
    pub fn platform(
        &self,
        builder: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, Error> {
        // A caller who enables `native-tls` means it, but a feature can't disable another.
        if cfg!(feature = "native-tls") {
            return Err(Error::configuration(
                "the features `rustls`, which is on by default, and `native-tls` are both on: set \
                 `default-features = false` beside `native-tls`, or leave that out (`cargo tree -e \
                 features -i cargo-batch-client` shows what switches them on), or give an `http_client`",
            ));
        }
        let config = match self.platform.get() {
            Some(config) => config,
            None => {
                let mut config = self.trusting()?;
                config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
                self.platform.get_or_init(|| config)
            }
        };
        Ok(builder.tls_backend_preconfigured(config.clone()))
    }

    fn trusting(&self) -> Result<rustls::ClientConfig, Error> {
        let failed = |error| {
            Error::configuration(format!(
                "no TLS: {error}. Install the certificates of the system (`ca-certificates`), or name \
                 a file of them in SSL_CERT_FILE"
            ))
        };
        let builder = versions()?;
        let provider = builder.crypto_provider().clone();
        let verifier = match self.roots.is_empty() {
            true => Verifier::new(provider).map_err(failed)?,
            #[cfg(target_os = "android")]
            false => return Err(wrong_root("Android trusts those of the system only")),
            #[cfg(not(target_os = "android"))]
            false => Verifier::new_with_extra_roots(self.certificates()?, provider)
                .map_err(wrong_root)?,
        };
        let verifier = NotingVerifier {
            verifier,
            connected: self.connected.clone(),
        };
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(std::sync::Arc::new(verifier));
        Ok(builder.with_no_client_auth())
    }

    #[cfg(not(target_os = "android"))]
    fn certificates(&self) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, Error> {
        use rustls::pki_types::{CertificateDer, pem::PemObject};

        let all = self.roots.0.iter();
        all.flat_map(|pem| CertificateDer::pem_slice_iter(pem))
            .collect::<Result<_, _>>()
            .map_err(wrong_root)
    }

    /// Configures what isn't encrypted: it needs no certificates, and there may be none on the machine.
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
    /// Configures the platform's library and the roots given.
    #[cfg(feature = "native-tls")]
    pub fn platform(
        &self,
        builder: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, Error> {
        let mut roots = Vec::new();
        for pem in &self.roots.0 {
            roots.extend(reqwest::Certificate::from_pem_bundle(pem).map_err(wrong_root)?);
        }
        Ok(builder.tls_certs_merge(roots))
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
