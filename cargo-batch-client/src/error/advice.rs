//! What to do about an error.

use cargo_batch_types::{
    BatchDataErrorReason, CreateBatchErrorReason, ExecuteActionBatchErrorReason,
};
use reqwest::StatusCode;

use super::what::What;
use super::{Error, ErrorKind};
use crate::operation::Operation;
use crate::{Reason, operations};

/// Operations that are not idempotent, and of which a second request costs nothing.
const UPLOADS: [&Operation; 3] = [
    &operations::UPLOAD_FILE,
    &operations::CREATE_MULTIPART_UPLOAD,
    &operations::COMPLETE_MULTIPART_UPLOAD,
];

impl Error {
    /// Returns what to do about it, as a sentence for a person; `None` where there is nothing to say. It is the end of
    /// the message, too.
    pub fn advice(&self) -> Option<&'static str> {
        self.advice_on_creation()
            .or_else(|| self.0.cause.map(super::Cause::advice))
            .or_else(|| self.advice_on_effect())
            .or_else(|| Some(self.0.not_retried.as_ref()?.advice))
            .or_else(|| match self.0.is_of_storage {
                true => self.advice_on_storage(),
                false => self.advice_on_response(),
            })
            .or_else(|| self.advice_on_limit())
    }

    /// Says what to do about what was created, searched for or watched.
    fn advice_on_creation(&self) -> Option<&'static str> {
        if self.created().is_some() {
            return Some(
                "The batch exists and spends credits: continue with it, and don't create another one.",
            );
        }
        if self.created_run().is_some() {
            return Some(
                "The run exists and spends credits: continue with it, and don't create another one.",
            );
        }
        Some(match self.kind() {
            ErrorKind::Superseded => {
                "Nothing was sent: leave the job to the worker that holds it now."
            }
            ErrorKind::TooManyRecords => {
                "Nothing was sent: give data that selects fewer records, or raise `max_records`."
            }
            ErrorKind::CreatedTwice => "Both batches run and spend credits: cancel one of them.",
            ErrorKind::NotFound => {
                "Check the name, and that the token belongs to the intended workspace."
            }
            ErrorKind::NotUnique => "Search by one of these UUIDs instead of the name.",
            ErrorKind::CreditsExceeded if self.0.source.is_some() => {
                "Cancel the batch: until then it continues and spends credits."
            }
            ErrorKind::CreditsExceeded => {
                "What has run so far is paid for; to see the batch end, watch it again with a higher limit or none."
            }
            ErrorKind::DeadlineExceeded if self.operation() == Some(&operations::GET_BATCH) => {
                "The batch continues on the server: watch it again by its id."
            }
            ErrorKind::DeadlineExceeded => {
                "The batches continue on the server: watch them again by their ids."
            }
            ErrorKind::InvalidRequest if !self.candidates().is_empty() => {
                "Continue with that batch, or call `again()` on the request to run the file once more."
            }
            _ => return None,
        })
    }

    /// Says what to do where the request may have taken effect.
    fn advice_on_effect(&self) -> Option<&'static str> {
        if !self.is_ambiguous() {
            return None;
        }
        let of_run = self
            .operation()
            .is_some_and(|operation| operation.path_of_run().is_some());
        let is_upload = self
            .operation()
            .is_some_and(|operation| UPLOADS.contains(&operation));
        Some(match self.may_have_spent() {
            true if !self.candidates().is_empty() => {
                "Check whether it is one of these before creating another one, which would spend credits again."
            }
            true if of_run => {
                "A run may exist: search for it before creating another one, which would spend credits again."
            }
            true => {
                "A batch may exist: search for it before creating another one, which would spend credits \
                 again."
            }
            false if is_upload => {
                "The upload may have completed; uploading again costs no credits."
            }
            false => "The request may have taken effect: check that before sending it again.",
        })
    }

    /// Says what to do about a response of the API, or about none.
    fn advice_on_response(&self) -> Option<&'static str> {
        if let Some(advice) = self.data_reason().and_then(BatchDataErrorReason::advice) {
            return Some(advice);
        }
        if self.is_about_data() {
            return Some(match self.data_reason() {
                Some(_) => {
                    "This version of the crate has no advice for this reason: check the data of the batch."
                }
                None => "The server doesn't say what is wrong: check the data of the batch.",
            });
        }
        if let Some(advice) = self.reason().and_then(Reason::advice) {
            return Some(advice);
        }
        Some(match (self.kind(), self.status()) {
            (ErrorKind::Unauthorized, Some(_)) => {
                "Check that the API token is correct, not expired, and belongs to the intended workspace."
            }
            (ErrorKind::Unauthorized, None) => "Check the token provider, and what it depends on.",
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
                "Something on the way responded from what it had stored: check the proxy."
            }
            (ErrorKind::Status, Some(StatusCode::NOT_FOUND)) => {
                "Check the id, and that it belongs to the token's workspace."
            }
            (ErrorKind::Status, Some(StatusCode::TOO_MANY_REQUESTS)) => "Call less often.",
            (ErrorKind::Status, Some(status)) if status.is_redirection() => {
                "Check the base URL: no redirect is followed, because the token must not be."
            }
            (ErrorKind::Connect, _) => "Check the base URL, the network and the proxy.",
            (ErrorKind::InvalidResponse, _) if self.is_encoded() => {
                "Something on the way compresses responses unasked: switch that off there."
            }
            (ErrorKind::Status, Some(StatusCode::BAD_REQUEST)) if self.is_about_tls() => {
                "Check the base URL: its port speaks TLS, which is `https`."
            }
            (ErrorKind::InvalidResponse, _) if self.is_no_json() && self.0.is_base_unusual => {
                "Something else may have responded: check the base URL, which has no `/v1` in its path, \
                 and the proxy; the raw body is in the error."
            }
            (ErrorKind::InvalidResponse, _) if self.0.is_of_item => {
                "Its JSON is in the error; a newer version may read it."
            }
            (ErrorKind::InvalidResponse, _) if self.is_no_json() => {
                "Something else may have responded: check the base URL and the proxy; the raw body is \
                 in the error."
            }
            (ErrorKind::InvalidResponse, _) if self.body().is_some() => {
                "The raw body is in the error; a newer version may read it."
            }
            _ => return None,
        })
    }

    /// Says what to do about an error of storage, which knows no tokens and no ids of the API.
    fn advice_on_storage(&self) -> Option<&'static str> {
        match (self.kind(), self.status()) {
            (ErrorKind::Status, Some(StatusCode::TOO_MANY_REQUESTS)) => Some("Call less often."),
            (ErrorKind::Connect, _) => Some("Check the network and the proxy."),
            _ if self.0.is_unresumable => Some("Fetch it again from its start."),
            _ if self.0.is_url_old => Some("Get a new signed URL."),
            _ => None,
        }
    }

    /// Says which limit may be too low.
    fn advice_on_limit(&self) -> Option<&'static str> {
        match &self.0.what {
            What::TimedOut(limit) | What::HeldBack(limit) => Some(limit.advice()),
            _ if self.0.is_too_long => Some("Raise `max_response_bytes` if that is expected."),
            _ => None,
        }
    }

    /// Returns whether the server says that the data of a batch is wrong.
    fn is_about_data(&self) -> bool {
        matches!(
            self.reason(),
            Some(
                Reason::CreateBatch(CreateBatchErrorReason::DataError)
                    | Reason::ExecuteActionBatch(ExecuteActionBatchErrorReason::DataError)
            )
        )
    }

    /// Returns whether the base URL may be the wrong one, of which the message doesn't name the host.
    pub(super) fn blames_address(&self) -> bool {
        let is_redirect = self.status().is_some_and(|status| status.is_redirection());
        let is_missing = self.status() == Some(StatusCode::NOT_FOUND) && self.reason().is_none();
        !self.0.is_of_storage
            && self.created().is_none()
            && (is_redirect
                || self.is_about_tls()
                || self.is_no_json()
                || is_missing && self.0.is_base_unusual)
    }

    /// Returns whether a server says that it got plain HTTP where it speaks TLS.
    fn is_about_tls(&self) -> bool {
        // nginx; Go; Apache.
        const MESSAGES: [&str; 3] = [
            "plain HTTP request was sent to HTTPS port",
            "HTTP request to an HTTPS server",
            "plain HTTP to an SSL-enabled server port",
        ];
        if self.status() != Some(StatusCode::BAD_REQUEST) {
            return false;
        }
        let body = String::from_utf8_lossy(self.body().unwrap_or_default());
        MESSAGES.iter().any(|message| body.contains(message))
    }
}
