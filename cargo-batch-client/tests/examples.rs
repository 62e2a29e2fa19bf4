//! The examples do what they say, in virtual time.

#![cfg(feature = "rows")]
// Each brings the account it runs on.
#![allow(clippy::duplicate_mod)]

#[allow(dead_code)]
#[path = "../examples/enrich_csv.rs"]
mod enrich_csv;
#[allow(dead_code)]
#[path = "../examples/resume_after_restart.rs"]
mod resume_after_restart;
#[allow(dead_code)]
#[path = "../examples/retry_failed.rs"]
mod retry_failed;
#[allow(dead_code)]
#[path = "../examples/start_and_wait.rs"]
mod start_and_wait;
#[allow(dead_code)]
#[path = "../examples/watch_many.rs"]
mod watch_many;

use cargo_batch_client::types::Outcome;

#[tokio::test(start_paused = true)]
async fn start_and_wait() {
    let account = start_and_wait::account::Account::sandbox().await.unwrap();
    start_and_wait::run(&account).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn enrich_csv() {
    let account = enrich_csv::account::Account::sandbox().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("enriched.csv");
    let input = enrich_csv::account::leads();
    enrich_csv::run(&account, input.as_ref(), &output)
        .await
        .unwrap();
    let (input, output) = (
        std::fs::read_to_string(input),
        std::fs::read_to_string(output),
    );
    let (input, output) = (input.unwrap(), output.unwrap());
    assert_eq!(output.lines().count(), input.lines().count());
    assert!(output.lines().next().unwrap().contains("score"));
}

#[tokio::test(start_paused = true)]
async fn watch_many() {
    let account = watch_many::account::Account::sandbox().await.unwrap();
    assert!(watch_many::run(&account).await.unwrap() > 10);
}

#[tokio::test(start_paused = true)]
async fn resume_after_restart() {
    let account = resume_after_restart::account::Account::sandbox()
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job.json");
    let creation = resume_after_restart::creation(&account, &file)
        .await
        .unwrap();
    // The program ends before it writes the batch down.
    creation.create().await.unwrap();
    drop(creation);
    let outcome = resume_after_restart::run(&account, &file).await.unwrap();
    assert!(matches!(
        outcome,
        Outcome::Succeeded | Outcome::PartlyFailed { .. }
    ));
    assert!(!file.exists());
    assert_eq!(
        account
            .client
            .list_batches()
            .items()
            .try_collect()
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn retry_failed() {
    let account = retry_failed::account::Account::sandbox().await.unwrap();
    let outcomes = retry_failed::run(&account).await.unwrap();
    let [first, second, ..] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    let Outcome::PartlyFailed { failed, runs } = first else {
        panic!("{first:?}")
    };
    assert!(failed < runs);
    // Only those that failed were run again.
    let again = account
        .client
        .list_batches()
        .items()
        .try_collect()
        .await
        .unwrap();
    assert!(
        again.iter().any(|batch| batch.runs_count == *failed),
        "{second:?}"
    );
}
