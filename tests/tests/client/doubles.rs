//! Batches and errors that no server has sent behave as those that one has.

use cargo_batch_client::types::{
    BatchStatus, CreateBatchErrorReason, CreateBatchRequest, DownloadBatchErrorReason, Outcome,
};
use cargo_batch_client::{ErrorKind, Reason, operations, testing};
use cargo_batch_sandbox::{Fault, FaultPlan, Rule, Sandbox};
use cargo_batch_tests::sandbox::{self, Checked};
use serde_json::json;

#[test]
fn a_refusal_has_its_reason_and_operation() {
    let error = testing::refused(CreateBatchErrorReason::NotEnoughCredits);
    let reason = Reason::CreateBatch(CreateBatchErrorReason::NotEnoughCredits);
    assert_eq!(error.kind(), ErrorKind::Status);
    assert_eq!(error.reason(), Some(&reason));
    assert_eq!(error.status().unwrap(), 422);
    assert!(error.to_string().contains("create_batch"), "{error}");
    assert!(!error.is_ambiguous() && error.is_final());

    let error = testing::refused(CreateBatchErrorReason::FailedToStart);
    assert!(error.may_have_spent(), "{error:?}");
    let error = testing::refused(DownloadBatchErrorReason::from("somethingNew"));
    assert_eq!(error.reason().unwrap().as_str(), "somethingNew");
    let error = testing::refused(Reason::Other("odd".to_owned()));
    assert_eq!(error.reason(), Some(&Reason::Other("odd".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_double_is_what_the_sandbox_provokes() {
    let of = |error: &cargo_batch_client::Error| {
        (
            error.kind(),
            error.reason().cloned(),
            error.is_ambiguous(),
            error.may_have_spent(),
            error.is_retryable(),
            error.is_final(),
        )
    };
    let (broke, client) = Checked::set_up(Sandbox::builder().credits(0.0)).await;
    let error = client
        .create_batch(sandbox::create(&broke))
        .await
        .unwrap_err();
    let double = testing::refused(CreateBatchErrorReason::NotEnoughCredits);
    assert_eq!(of(&error), of(&double));

    let stall = Fault::Stall {
        seconds: None,
        acted: true,
    };
    let plan = FaultPlan::new().rule(Rule::new(stall).on("create_batch"));
    let (silent, client) = Checked::set_up(Sandbox::builder().faults(plan)).await;
    let error = client
        .create_batch(sandbox::create(&silent))
        .await
        .unwrap_err();
    assert_eq!(
        of(&error),
        of(&testing::interrupted(&operations::CREATE_BATCH))
    );

    let body = json!({ "reason": "batchNotFound", "errorMessage": "There is no such batch." });
    let error = testing::response(&operations::GET_BATCH, 404, &body);
    let missing = client.get_batch(testing::batch().uuid).await.unwrap_err();
    assert_eq!(of(&error), of(&missing));
    assert_eq!(error.message(), Some("There is no such batch."));
    let error = testing::unreachable(&operations::CREATE_BATCH);
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.is_retryable() && !error.is_ambiguous());
    assert_eq!(
        testing::deadline_exceeded().kind(),
        ErrorKind::DeadlineExceeded
    );
}

#[test]
fn an_ambiguous_error_names_its_candidates() {
    let error = testing::ambiguous([testing::batch(), testing::batch()]);
    assert!(error.is_ambiguous() && error.may_have_spent() && error.is_final());
    assert_eq!(error.candidates(), [testing::batch(), testing::batch()]);
    let text = error.to_string();
    assert!(text.contains(&testing::batch().uuid.to_string()), "{text}");
}

#[tokio::test]
async fn a_finished_batch_can_be_made_and_reaches_no_server() {
    let mut batch = testing::batch();
    assert!(testing::finished(batch.clone()).is_none());
    (batch.status, batch.runs_count, batch.failed_runs_count) = (BatchStatus::Success, 10, 2);
    let finished = testing::finished(batch.clone()).unwrap();
    assert_eq!(finished.batch(), &batch);
    assert_eq!(
        finished.outcome(),
        Outcome::PartlyFailed {
            failed: 2,
            runs: 10
        }
    );
    let error = finished.download().bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_in_hand_is_finished_without_a_request() {
    let (sandbox, client) = Checked::start().await;
    let request: CreateBatchRequest = sandbox::create(&sandbox);
    let created = client.create_batch(request).await.unwrap().batch;
    assert!(client.finished(created.clone()).is_none());
    let ended = client.watch(created.uuid).await.unwrap();
    let requests = sandbox.requests().len();
    let finished = client.finished(ended.clone()).unwrap();
    assert_eq!(Some(finished.outcome()), ended.outcome());
    assert_eq!(sandbox.requests().len(), requests);
    finished.download().bytes().await.unwrap();
}
