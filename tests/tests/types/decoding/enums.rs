//! Values of enums, known and unknown.

use cargo_batch_tests::pinned;
use cargo_batch_types::{Batch, BatchStatus};
use serde_json::json;

use super::{batch, read, with, written};

#[test]
fn a_status_newer_than_the_crate_is_kept() {
    let batch: Batch = read(with(batch(), "/status", json!("hibernating")));
    assert!(
        matches!(&batch.status, BatchStatus::Unknown(value) if value.as_str() == "hibernating")
    );
    assert_eq!(batch.status.as_str(), "hibernating");
    assert_eq!(batch.status.to_string(), "hibernating");
    assert_eq!(format!("{:?}", batch.status), r#"Unknown("hibernating")"#);
    assert_eq!(format!("[{:>13}]", batch.status), "[  hibernating]");
    assert!(!batch.status.is_terminal(), "an unknown status is no end");
    assert_eq!(written(&batch)["status"], "hibernating");
}

#[test]
fn a_known_status_never_hides_as_an_unknown_one() {
    assert_eq!(BatchStatus::from("success"), BatchStatus::Success);
    assert_eq!(
        BatchStatus::from("success".to_owned()),
        BatchStatus::Success
    );
    assert_eq!("success".parse(), Ok(BatchStatus::Success));
    for status in BatchStatus::KNOWN {
        assert_eq!(&BatchStatus::from(status.as_str()), status);
        assert_eq!(&read::<BatchStatus>(json!(status.as_str())), status);
    }
}

#[test]
fn values_are_case_sensitive() {
    assert!(matches!(
        BatchStatus::from("Success"),
        BatchStatus::Unknown(_)
    ));
}

#[test]
fn a_status_has_an_end_where_the_specification_says_so() {
    let ends = BatchStatus::KNOWN
        .iter()
        .filter(|status| status.is_terminal());
    pinned(
        concat!(file!(), ":", line!()),
        ends.map(BatchStatus::as_str),
        ["skipped", "success", "error", "cancelled"],
    );
}
