//! Whether a connection has ever come up.
//!
//! A layer around reqwest's connector would say it of every connection, and is cloned for every request:
//! 18 allocations.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a server has ever responded to a handshake of TLS. Shared by its clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connected(Arc<AtomicBool>);

impl Connected {
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    #[cfg(feature = "rustls")]
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A verifier of certificates that notes each handshake: nothing is sent to a server before it.
#[cfg(feature = "rustls")]
#[derive(Debug)]
pub(crate) struct NotingVerifier<V> {
    pub verifier: V,
    pub connected: Connected,
}

#[cfg(feature = "rustls")]
mod verifier {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

    use super::NotingVerifier;

    impl<V: ServerCertVerifier> ServerCertVerifier for NotingVerifier<V> {
        fn verify_server_cert(
            &self,
            end_entity: &CertificateDer<'_>,
            intermediates: &[CertificateDer<'_>],
            server_name: &ServerName<'_>,
            ocsp_response: &[u8],
            now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            self.connected.set();
            self.verifier.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            )
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.verifier.verify_tls12_signature(message, cert, dss)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.verifier.verify_tls13_signature(message, cert, dss)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.verifier.supported_verify_schemes()
        }

        fn requires_raw_public_keys(&self) -> bool {
            self.verifier.requires_raw_public_keys()
        }

        fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
            self.verifier.root_hint_subjects()
        }
    }
}
