//! Any status and body as an answer: an error that can be shown, in one line, without the token.
//!
//! The first two bytes are the status and the operation, the rest is the body.
#![no_main]
#![forbid(unsafe_code)]

use std::sync::LazyLock;

use bytes::Bytes;
use cargo_batch_client::operation::Operation;
use cargo_batch_client::types::{CreateBatchResponse, GetBatchResponse};
use cargo_batch_client::{Client, Error, fuzzing, operations};
use http::{HeaderMap, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;

// Begins with a letter that ends no escape: `\t` and `ok-very-secret` would look like a token that
// begins with a `t`, though nobody sent one.
const TOKEN: &str = "key-very-secret";

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let builder = Client::builder(TOKEN).base_url("http://127.0.0.1:1");
    builder.build().expect("a client")
});

static OPERATIONS: [Operation; 9] = [
    operations::CREATE_BATCH,
    operations::PREVIEW_BATCH,
    operations::CANCEL_BATCH,
    operations::DOWNLOAD_BATCH,
    operations::EXECUTE_ACTION_BATCH,
    operations::CANCEL_RUNS,
    operations::DOWNLOAD_RUN_OUTPUTS,
    operations::UPLOAD_FILE,
    operations::GET_BATCH,
];

fn show(error: &Error) {
    for text in [
        error.to_string(),
        format!("{error:#}"),
        format!("{error:?}"),
    ] {
        assert!(!text.contains(TOKEN), "{text}");
        assert!(text.len() < 16_000, "{} bytes", text.len());
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    // Never both: what may have been acted on isn't repeated.
    assert!(!(error.is_retryable() && error.is_ambiguous()));
    let _ = (error.reason(), error.data_reason(), error.message());
    let _ = (error.created(), error.field_path(), error.retry_after());
}

fuzz_target!(|data: &[u8]| {
    let [status, operation, body @ ..] = data else {
        return;
    };
    let body = Bytes::copy_from_slice(body);
    let operation = OPERATIONS.get(usize::from(*operation) % (OPERATIONS.len() + 1));
    let status = StatusCode::from_u16(300 + u16::from(*status)).expect("300 to 555 are statuses");
    let mut headers = HeaderMap::new();
    // A server may put the body's words in a header, too.
    let word = &body[..body.len().min(200)];
    if let Ok(word) = HeaderValue::from_bytes(word) {
        headers.insert("x-request-id", word.clone());
        headers.insert("retry-after", word);
    }
    let answer = (status, headers, body.clone());
    show(&fuzzing::refused(operation, TOKEN, answer));
    if let Err(error) = fuzzing::read::<GetBatchResponse>(&CLIENT, &OPERATIONS[8], body.clone()) {
        show(&error);
    }
    if let Err(error) = fuzzing::read::<CreateBatchResponse>(&CLIENT, &OPERATIONS[0], body) {
        show(&error);
    }
});
