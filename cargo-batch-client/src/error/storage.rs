//! Errors of storage, where files are sent and fetched by signed URLs.

use super::classify::{Failure, classify};
use super::refusal::Refusal;
use super::{Error, ErrorKind};
use crate::Reason;
use crate::redact::Redactor;
use crate::response::RawResponse;
use crate::storage::may_be_expired;

impl Error {
    /// A signed URL that nothing should be sent to.
    pub(crate) fn bad_signed_url(why: &str) -> Self {
        let what = format!("the API returned a signed URL that {why}");
        Self::text(ErrorKind::InvalidResponse, None, what)
    }

    /// A file that holds no rows, or none that can be read as it is.
    #[cfg(feature = "rows")]
    pub(crate) fn not_rows(what: impl Into<String>) -> Self {
        Self::text(ErrorKind::InvalidResponse, None, what)
    }

    /// A transfer to or from storage that ended before it was complete.
    pub(crate) fn incomplete(what: impl Into<String>) -> Self {
        Self::text(ErrorKind::Interrupted, None, what).of_storage()
    }

    /// A transfer that can't be resumed, and not be restarted, as its bytes were returned already.
    pub(crate) fn unresumable(what: impl Into<String>) -> Self {
        let mut error = Self::incomplete(what);
        error.0.is_unresumable = true;
        error
    }

    /// A success of storage that is not what was requested.
    pub(crate) fn unexpected_content(what: impl Into<String>) -> Self {
        Self::text(ErrorKind::InvalidResponse, None, what).of_storage()
    }

    /// A status of storage that is not a success; it says why in a code and a message. `is_new` says that the URL was
    /// issued for this very request.
    pub(crate) fn status_of_storage(
        response: RawResponse,
        (code, message): (Option<&str>, Option<&str>),
        is_new: bool,
    ) -> Self {
        let hide = Redactor::default();
        let status = response.status;
        let of = match (may_be_expired(status), is_new) {
            (true, true) => " for a newly issued URL",
            (true, false) => " for a signed URL that may have expired",
            (false, _) => "",
        };
        let what = format!("storage returned {status}{of}");
        let mut error = Self::text(ErrorKind::Status, None, what).of_storage();
        error.0.is_url_old = may_be_expired(status) && !is_new;
        error.0.effect = classify(Failure::Status(response.status.as_u16(), None));
        error.0.refusal = Some(Refusal {
            reason: code.map(|code| Reason::Other(hide.redact(code))),
            data_reason: None,
            message: message.map(|message| hide.redact(message)),
        });
        error.0.response = Some(response);
        error
    }

    /// Notes that it is about storage.
    pub(crate) fn of_storage(mut self) -> Self {
        self.0.is_of_storage = true;
        self
    }

    /// Notes how many bytes of a transfer had arrived.
    pub(crate) fn after_bytes(mut self, received: u64, total: Option<u64>) -> Self {
        self.0.position = Some((received, total));
        self
    }
}
