//! Any bytes as a saved watch: refused, or gone on with and saved again.
#![no_main]
#![forbid(unsafe_code)]

use std::sync::LazyLock;

use cargo_batch_client::{Client, SavedWatch, SavedWatchMany};
use libfuzzer_sys::fuzz_target;

static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let builder = Client::builder("token").base_url("http://127.0.0.1:1");
    builder.build().expect("a client")
});

fuzz_target!(|json: &[u8]| {
    if let Ok(saved) = serde_json::from_slice::<SavedWatch>(json) {
        let again = CLIENT.resume(saved.clone()).save();
        assert_eq!(
            (again.batch, &again.last_status),
            (saved.batch, &saved.last_status)
        );
        assert!(again.watched_for >= saved.watched_for);
        assert_eq!(again.deadline.is_some(), saved.deadline.is_some());
        let written = serde_json::to_vec(&again).expect("what is saved can be written");
        let read: SavedWatch = serde_json::from_slice(&written).expect("and read");
        assert_eq!(again, read);
    }
    if let Ok(saved) = serde_json::from_slice::<SavedWatchMany>(json) {
        let again = CLIENT.resume_many(saved.clone()).save();
        assert!(again.batches.len() <= saved.batches.len());
        assert!(again.watched_for >= saved.watched_for);
        let written = serde_json::to_vec(&again).expect("what is saved can be written");
        let read: SavedWatchMany = serde_json::from_slice(&written).expect("and read");
        assert_eq!(again, read);
    }
});
