//! Any `Retry-After` beside any `Date`, parted by a line: nothing, or a pause that can be counted with.
#![no_main]
#![forbid(unsafe_code)]

use std::sync::LazyLock;
use std::time::Duration;

use cargo_batch_client::{Client, RetryPolicy, fuzzing};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let mut patient = RetryPolicy::default();
    (patient.max_retry_after, patient.budget) = (Duration::MAX, u32::MAX / 10);
    let builder = Client::builder("token").base_url("http://127.0.0.1:1");
    builder.retry(patient).build().expect("a client")
});

fuzz_target!(|data: &[u8]| {
    let (after, date) = match data.iter().position(|byte| *byte == b'\n') {
        Some(line) => (&data[..line], &data[line + 1..]),
        None => (data, &[][..]),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in [("retry-after", after), ("date", date)] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(name, value);
        }
    }
    let asked = fuzzing::retry_after(&headers);
    let pause = fuzzing::pause(&CLIENT, 1, asked).expect("there is no limit");
    // Longer than that no program waits.
    let asked = asked
        .unwrap_or_default()
        .min(Duration::from_secs(10 * 365 * 24 * 3600));
    assert!(pause >= asked && pause < Duration::from_secs(100 * 365 * 24 * 3600));
});
