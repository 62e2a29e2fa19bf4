//! What the response of an error says.

use cargo_batch_types::{ApiError, BatchDataErrorReason, CreateBatchError, from_json};

use crate::Reason;
use crate::operation::Operation;
use crate::redact::Redactor;
use crate::response::RawResponse;

/// What the response of an error says, as far as it says anything.
#[derive(Clone, Default)]
pub(super) struct Refusal {
    pub reason: Option<Reason>,
    pub data_reason: Option<BatchDataErrorReason>,
    /// The server's message, without the token and the signed URLs that may be in it.
    pub message: Option<String>,
}

impl Refusal {
    /// Reads an error body as far as it can be read; a page of HTML says nothing here.
    pub fn read(
        operation: Option<&'static Operation>,
        response: &RawResponse,
        hide: &Redactor,
    ) -> Self {
        // A list could be read as the fields of an object, in their order.
        let is_list = response.body.trim_ascii_start().starts_with(b"[");
        let plain: ApiError = match is_list {
            true => ApiError::default(),
            false => from_json(&response.body).unwrap_or_default(),
        };
        // Only creations carry `dataError`; the field is read wherever it may be.
        let data = from_json::<CreateBatchError>(&response.body)
            .ok()
            .and_then(|error| error.data_error);
        let reason = plain.reason.filter(|reason| !reason.is_empty());
        Self {
            // Redaction is for what is shown: a reason that is known is read as it was received.
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
