//! Why no connection comes up, where trying again won't help.

use std::error::Error;

/// What the libraries below say, as they have no types for it that can be reached from here.
const CAUSES: [&str; 9] = [
    // The certificate isn't trusted: rustls, OpenSSL.
    "invalid peer certificate",
    "certificate verify failed",
    // The proxy asks for a password, with 407.
    "proxy authorization required",
    // The host is unknown: glibc, musl, macOS, Windows. Not that names can't be resolved at the moment.
    "Name or service not known",
    "No address associated with hostname",
    "Name does not resolve",
    "nodename nor servname provided",
    "No such host is known",
    "no record found",
];

/// Returns whether a connection failed for a reason that won't pass.
pub(super) fn is_permanent(error: &(dyn Error + 'static)) -> bool {
    let mut next = error.source();
    while let Some(source) = next {
        let text = source.to_string();
        if CAUSES.iter().any(|cause| text.contains(cause)) {
            return true;
        }
        next = source.source();
    }
    false
}
