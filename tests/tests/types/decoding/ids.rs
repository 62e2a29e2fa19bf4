//! Ids: parsed, shown, and of one kind each.

use cargo_batch_types::{Batch, BatchUuid, SegmentUuid, WorkflowUuid};

use super::{ID, batch, read, written};

#[test]
fn an_id_is_parsed_and_shown() {
    let id: BatchUuid = ID.parse().unwrap();
    assert_eq!(id.to_string(), ID);
    assert_eq!(format!("{id:?}"), format!("BatchUuid({ID})"));
    assert_eq!(written(&id), ID);
    assert_eq!(BatchUuid::try_from(ID), Ok(id));
    assert_eq!(BatchUuid::from(uuid::Uuid::from(id)), id);
    assert_eq!(ID.to_uppercase().parse(), Ok(id));
}

#[test]
fn an_invalid_id_says_what_was_expected() {
    let error = "batch-7".parse::<BatchUuid>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"batch-7\" is not a BatchUuid: expected a UUID such as 67e55044-10b1-426f-9247-bb680e5fe0c8"
    );
    assert!(
        "".parse::<WorkflowUuid>()
            .unwrap_err()
            .to_string()
            .contains("WorkflowUuid")
    );
    assert!(SegmentUuid::try_from("x".to_owned()).is_err());
}

/// Ids of different kinds are of different types; that one doesn't compile for another is a doctest's
/// business.
#[test]
fn objects_convert_to_their_ids() {
    let batch: Batch = read(batch());
    let request = cargo_batch_types::ListRunsRequest::new().batch(&batch);
    assert_eq!(request.batch_uuid, Some(batch.uuid));
}

#[test]
fn ids_of_two_kinds_are_two_types() {
    use std::any::TypeId;
    assert_ne!(TypeId::of::<SegmentUuid>(), TypeId::of::<WorkflowUuid>());
}
