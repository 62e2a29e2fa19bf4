//! What an error answer says.

use cargo_batch_types::{ApiError, BatchDataErrorReason, CreateBatchError, from_json};

use crate::Reason;
use crate::operation::Operation;
use crate::redact::Redactor;
use crate::response::RawResponse;

/// What an error answer said, as far as it said anything.
#[derive(Clone, Default)]
pub(super) struct Refusal {
    pub reason: Option<Reason>,
    pub data_reason: Option<BatchDataErrorReason>,
    /// The server's words, without the token and the links that may be in them.
    pub message: Option<String>,
}

impl Refusal {
    /// Reads an error body as far as it can be read; a page of HTML says nothing here.
    pub fn read(
        operation: Option<&'static Operation>,
        answer: &RawResponse,
        hide: &Redactor,
    ) -> Self {
        // A list could be read as the fields of an object, in their order.
        let is_list = answer.body.trim_ascii_start().starts_with(b"[");
        let plain: ApiError = match is_list {
            true => ApiError::default(),
            false => from_json(&answer.body).unwrap_or_default(),
        };
        // Only creations carry `dataError`; the member is looked for wherever it may be.
        let data = from_json::<CreateBatchError>(&answer.body)
            .ok()
            .and_then(|error| error.data_error);
        let reason = plain.reason.filter(|reason| !reason.is_empty());
        Self {
            // Redaction is for what is shown: a reason that is known is read as it came.
            reason: reason.map(|text| {
                let read = |text: String| match operation {
                    Some(operation) => Reason::read(operation, &text),
                    None => Reason::Other(text),
                };
                let clean = hide.redact(&text);
                Some(read(text))
                    .filter(Reason::is_known)
                    .unwrap_or_else(|| read(clean))
            }),
            data_reason: data.and_then(|data| data.reason).map(|reason| {
                if reason.advice().is_some() {
                    return reason;
                }
                hide.redact(reason.as_str()).into()
            }),
            message: plain
                .error_message
                .filter(|message| !message.is_empty())
                .map(|message| hide.redact(&message)),
        }
    }
}
