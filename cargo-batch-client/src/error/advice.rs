//! What to do about an error.

use cargo_batch_types::BatchDataErrorReason;
use reqwest::StatusCode;

use super::{Error, ErrorKind};
use crate::Reason;

impl Error {
    /// What to do about it, in a sentence.
    pub fn advice(&self) -> Option<&'static str> {
        if self.created().is_some() {
            return Some(
                "The batch exists and spends credits: go on with it, and don't create another one.",
            );
        }
        if self.created_run().is_some() {
            return Some(
                "The run exists and spends credits: go on with it, and don't create another one.",
            );
        }
        match self.kind() {
            ErrorKind::Superseded => {
                return Some("Nothing was sent: leave the job to whoever holds it now.");
            }
            ErrorKind::TooManyRecords => {
                return Some(
                    "Nothing was sent: give data that selects fewer records, or raise `max_records`.",
                );
            }
            ErrorKind::CreatedTwice => {
                return Some("Both batches run and spend credits: cancel one of them.");
            }
            ErrorKind::NotFound => {
                return Some("Check the name, and that the token is of the workspace you mean.");
            }
            ErrorKind::NotUnique => {
                return Some("Search by one of these uuids in place of the name.");
            }
            ErrorKind::CreditsExceeded if self.0.source.is_some() => {
                return Some("Cancel the batch: until then it goes on and spends credits.");
            }
            ErrorKind::CreditsExceeded => {
                return Some(
                    "What has run by then is paid for; watch the batch again, with a higher limit or none, \
                     to see it end.",
                );
            }
            ErrorKind::InvalidRequest if !self.candidates().is_empty() => {
                return Some(
                    "Continue with that batch, or call `again()` on the request to run the file once more.",
                );
            }
            _ => {}
        }
        if let Some(cause) = self.0.cause {
            return Some(cause.advice());
        }
        if self.0.is_of_storage {
            return self.advice_on_storage();
        }
        if self.is_ambiguous() {
            let of_run = self
                .operation()
                .is_some_and(|operation| operation.path_of_run().is_some());
            return Some(match self.may_have_spent() {
                true if of_run => {
                    "It may have been acted on: look for the run before creating another one, which would \
                     spend credits again."
                }
                true => {
                    "It may have been acted on: look for the batch before creating another one, \
                     which would spend credits again."
                }
                false => "It may have been acted on; sending it again costs no credits.",
            });
        }
        if let Some(advice) = self.data_reason().and_then(BatchDataErrorReason::advice) {
            return Some(advice);
        }
        if let Some(advice) = self.reason().and_then(Reason::advice) {
            return Some(advice);
        }
        Some(match (self.kind(), self.status()) {
            (ErrorKind::Unauthorized, Some(_)) => {
                "Check that the API token is right, not expired, and of the workspace you mean."
            }
            (ErrorKind::Status, Some(StatusCode::FORBIDDEN)) => {
                "Give the API token the permission for this operation."
            }
            (ErrorKind::Status, Some(StatusCode::NOT_FOUND)) if self.0.is_base_unusual => {
                "Check the base URL, which has no `/v1` in its path, and then the id, and that it \
                 belongs to the token's workspace."
            }
            (ErrorKind::Status, Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED)) => {
                super::Cause::ProxyAuthentication.advice()
            }
            (ErrorKind::Status, Some(StatusCode::PAYLOAD_TOO_LARGE)) => {
                "Send less at once: split the file or the list."
            }
            (ErrorKind::Status, Some(StatusCode::NOT_MODIFIED)) => {
                "Something on the way answered from what it had stored: check the proxy."
            }
            (ErrorKind::Status, Some(StatusCode::NOT_FOUND)) => {
                "Check the id, and that it belongs to the token's workspace."
            }
            (ErrorKind::Status, Some(StatusCode::TOO_MANY_REQUESTS)) => "Call less often.",
            (ErrorKind::Status, Some(status)) if status.is_redirection() => {
                "Check the base URL: no redirect is followed, because the token must not be."
            }
            (ErrorKind::Connect, _) => "Check the base URL, the network and the proxy.",
            (ErrorKind::DeadlineExceeded, _) => "The batch goes on: wait for it again by its id.",
            (ErrorKind::InvalidResponse, _) if self.is_encoded() => {
                "Something on the way compresses responses unasked: switch that off there."
            }
            (ErrorKind::Status, Some(StatusCode::BAD_REQUEST)) if self.is_about_tls() => {
                "Check the base URL: its port speaks TLS, which is `https`."
            }
            (ErrorKind::InvalidResponse, _) if self.is_no_json() && self.0.is_base_unusual => {
                "Something else may have answered: check the base URL, which has no `/v1` in its path, \
                 and the proxy; the raw body is in the error."
            }
            (ErrorKind::InvalidResponse, _) if self.0.is_of_item => {
                "Its JSON is in the error; a newer version may read it."
            }
            (ErrorKind::InvalidResponse, _) if self.is_no_json() => {
                "Something else may have answered: check the base URL and the proxy; the raw body is \
                 in the error."
            }
            (ErrorKind::InvalidResponse, _) if self.body().is_some() => {
                "The raw body is in the error; a newer version may read it."
            }
            _ => return None,
        })
    }

    /// Returns whether a server says that it got plain HTTP where it speaks TLS.
    fn is_about_tls(&self) -> bool {
        // nginx; Go; Apache.
        const WORDS: [&str; 3] = [
            "plain HTTP request was sent to HTTPS port",
            "HTTP request to an HTTPS server",
            "plain HTTP to an SSL-enabled server port",
        ];
        let body = String::from_utf8_lossy(self.body().unwrap_or_default());
        WORDS.iter().any(|words| body.contains(words))
    }

    /// Says what to do about an error of storage, which knows no tokens and no ids of the API.
    fn advice_on_storage(&self) -> Option<&'static str> {
        match (self.kind(), self.status()) {
            (ErrorKind::Status, Some(StatusCode::TOO_MANY_REQUESTS)) => Some("Call less often."),
            (ErrorKind::Connect, _) => Some("Check the network and the proxy."),
            _ => None,
        }
    }
}
