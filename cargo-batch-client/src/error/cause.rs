//! What is at the bottom of a failed connection, where a person can do something about it.

use std::fmt;

use super::chain::sources;

/// Why something failed, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    UntrustedCertificate,
    ExpiredCertificate,
    CertificateNotYetValid,
    CertificateOfAnotherHost,
    OtherCertificate,
    /// The other end doesn't speak TLS.
    NoTls,
    ProxyAuthentication,
    ProxyRefusal,
    UnknownHost,
    LookupFailed,
    TooManyOpenFiles,
}

/// What libraries say, and what it means: the first that occurs counts. The TLS libraries have types of their
/// own, the platform's others on each platform; their messages are the same in all.
const MESSAGES: [(&str, Cause); 33] = [
    // rustls.
    ("unknownissuer", Cause::UntrustedCertificate),
    // An issuer of the same name that isn't it.
    (
        "invalid peer certificate: badsignature",
        Cause::UntrustedCertificate,
    ),
    ("causedasendentity", Cause::UntrustedCertificate),
    ("certificate expired", Cause::ExpiredCertificate),
    ("certificate not valid yet", Cause::CertificateNotYetValid),
    (
        "certificate not valid for name",
        Cause::CertificateOfAnotherHost,
    ),
    (
        "certificate is only valid for",
        Cause::CertificateOfAnotherHost,
    ),
    ("notvalidforname", Cause::CertificateOfAnotherHost),
    (
        "invalid peer certificate: expired",
        Cause::ExpiredCertificate,
    ),
    (
        "invalid peer certificate: notvalidyet",
        Cause::CertificateNotYetValid,
    ),
    ("invalid peer certificate", Cause::OtherCertificate),
    ("invalidcontenttype", Cause::NoTls),
    // OpenSSL.
    ("self-signed certificate", Cause::UntrustedCertificate),
    ("self signed certificate", Cause::UntrustedCertificate),
    ("unable to get local issuer", Cause::UntrustedCertificate),
    ("certificate has expired", Cause::ExpiredCertificate),
    (
        "certificate is not yet valid",
        Cause::CertificateNotYetValid,
    ),
    ("hostname mismatch", Cause::CertificateOfAnotherHost),
    ("ip address mismatch", Cause::CertificateOfAnotherHost),
    ("certificate verify failed", Cause::OtherCertificate),
    ("wrong version number", Cause::NoTls),
    ("packet length too long", Cause::NoTls),
    // Schannel and Secure Transport.
    (
        "not trusted by the trust provider",
        Cause::UntrustedCertificate,
    ),
    ("certificate was not trusted", Cause::UntrustedCertificate),
    // hyper and reqwest.
    ("proxy authorization required", Cause::ProxyAuthentication),
    ("proxy authentication required", Cause::ProxyAuthentication),
    ("tunnel error", Cause::ProxyRefusal),
    ("unsuccessful tunnel", Cause::ProxyRefusal),
    // The systems' resolvers.
    ("name or service not known", Cause::UnknownHost),
    ("nodename nor servname", Cause::UnknownHost),
    ("no such host is known", Cause::UnknownHost),
    ("failed to lookup address", Cause::LookupFailed),
    ("dns error", Cause::LookupFailed),
];

impl Cause {
    /// Finds the cause in an error and its sources.
    pub fn of(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        // From the bottom up: what comes first says the most.
        let all: Vec<_> = sources(error).collect();
        if all.iter().any(|error| is_out_of_files(*error)) {
            return Some(Self::TooManyOpenFiles);
        }
        all.iter().rev().find_map(|error| {
            let text = error.to_string().to_ascii_lowercase();
            let found = MESSAGES.iter().find(|(message, _)| text.contains(message));
            found.map(|(_, cause)| *cause)
        })
    }

    /// Returns whether another attempt would fail in the same way.
    pub fn is_permanent(self) -> bool {
        !matches!(
            self,
            Self::LookupFailed | Self::TooManyOpenFiles | Self::ProxyRefusal
        )
    }

    /// What to do about it, in a sentence.
    pub fn advice(self) -> &'static str {
        match self {
            Self::UntrustedCertificate => {
                "Give the certificate of its issuer to `ClientBuilder::root_certificate`, add it to \
                 those of the system, or name a file of certificates in SSL_CERT_FILE."
            }
            Self::ExpiredCertificate => {
                "Check the clock of this machine; where it is right, the server needs a new certificate."
            }
            Self::CertificateNotYetValid => "Check the clock of this machine: it may be slow.",
            Self::CertificateOfAnotherHost => {
                "Check the host of the base URL, and whether something on the way responds in its place."
            }
            Self::OtherCertificate => {
                "Check the certificate of the server, and whether something on the way responds in its \
                 place."
            }
            Self::NoTls => {
                "Check the scheme and the port of the base URL, and the proxy: what responds there \
                 doesn't speak TLS."
            }
            Self::ProxyAuthentication => {
                "Give the proxy a user name and password: `http://user:password@host:port`, in \
                 HTTPS_PROXY or `ClientBuilder::proxy`."
            }
            Self::ProxyRefusal => {
                "Check that the proxy lets this host through; hosts in NO_PROXY are connected to \
                 without it."
            }
            Self::UnknownHost | Self::LookupFailed => {
                "Check the spelling of the host, and the network's name servers."
            }
            Self::TooManyOpenFiles => {
                "Raise the limit of open files (`ulimit -n`), or do less at once."
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UntrustedCertificate => "its certificate is not trusted",
            Self::ExpiredCertificate => "its certificate has expired",
            Self::CertificateNotYetValid => "its certificate is not valid yet",
            Self::CertificateOfAnotherHost => "its certificate is of another host",
            Self::OtherCertificate => "its certificate is not accepted",
            Self::NoTls => "it does not speak TLS",
            Self::ProxyAuthentication => "the proxy asks for a user name and password, 407",
            Self::ProxyRefusal => "the proxy refused the connection",
            Self::UnknownHost => "unknown host",
            Self::LookupFailed => "the address of the host can't be looked up",
            Self::TooManyOpenFiles => "too many open files",
        })
    }
}

/// Returns whether the process, or the system, has no file descriptor left.
fn is_out_of_files(error: &(dyn std::error::Error + 'static)) -> bool {
    const CODES: &[i32] = match cfg!(windows) {
        // WSAEMFILE and ERROR_TOO_MANY_OPEN_FILES.
        true => &[10024, 4],
        // EMFILE and ENFILE.
        false => &[24, 23],
    };
    let error = error.downcast_ref::<std::io::Error>();
    let code = error.and_then(std::io::Error::raw_os_error);
    code.is_some_and(|code| CODES.contains(&code))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn cause(text: &str) -> Option<Cause> {
        // As TLS errors come: an error of the system that wraps another.
        Cause::of(&io::Error::other(io::Error::other(text.to_owned())))
    }

    #[test]
    fn messages_of_tls_libraries_are_understood() {
        for (text, expected) in [
            (
                "invalid peer certificate: UnknownIssuer",
                Cause::UntrustedCertificate,
            ),
            ("invalid peer certificate: Revoked", Cause::OtherCertificate),
            (
                "invalid peer certificate: NotValidForName",
                Cause::CertificateOfAnotherHost,
            ),
            (
                "received corrupt message of type InvalidContentType",
                Cause::NoTls,
            ),
            (
                "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify \
                 failed:ssl/statem/statem_clnt.c:1889: (self-signed certificate)",
                Cause::UntrustedCertificate,
            ),
            (
                "certificate verify failed: (certificate has expired)",
                Cause::ExpiredCertificate,
            ),
            (
                "certificate verify failed: (invalid CA certificate)",
                Cause::OtherCertificate,
            ),
        ] {
            assert_eq!(cause(text), Some(expected), "{text}");
        }
        assert_eq!(cause("connection reset by peer"), None);
    }

    #[test]
    fn a_process_without_descriptors_is_told_by_the_code() {
        let code = if cfg!(windows) { 10024 } else { 24 };
        let error = io::Error::other(io::Error::from_raw_os_error(code));
        assert_eq!(Cause::of(&error), Some(Cause::TooManyOpenFiles));
        assert_eq!(Cause::of(&io::Error::from_raw_os_error(2)), None);
    }
}
