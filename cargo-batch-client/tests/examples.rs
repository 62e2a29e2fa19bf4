//! The examples do what they say, in virtual time.

#![cfg(feature = "rows")]
// Each brings the account it runs on.
#![allow(clippy::duplicate_mod)]

#[allow(dead_code)]
#[path = "../examples/enrich_csv.rs"]
mod enrich_csv;
#[allow(dead_code)]
#[path = "../examples/join_results.rs"]
mod join_results;
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
#[allow(dead_code)]
#[path = "../examples/web_service.rs"]
mod web_service;

use cargo_batch_client::types::Outcome;
use tower_service::Service;

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

#[tokio::test(start_paused = true)]
async fn join_results() {
    let account = join_results::account::Account::sandbox().await.unwrap();
    let input = std::fs::read_to_string(join_results::account::leads()).unwrap();
    let joined = join_results::run(&account, &input).await.unwrap();
    assert_eq!(joined.lines().count(), input.lines().count());
    let columns = input.lines().next().unwrap().split(',').count();
    let (mut scores, mut errors) = (0, 0);
    for (line, original) in joined.lines().zip(input.lines()).skip(1) {
        assert!(line.starts_with(original), "{line}");
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), columns + 2, "{line}");
        scores += usize::from(cells[columns].parse::<f64>().is_ok());
        errors += usize::from(!cells[columns + 1].is_empty());
    }
    // A run has one or the other.
    assert_eq!(scores + errors, input.lines().count() - 1);
    assert!(scores > 0 && errors > 0, "{scores} {errors}");
}

#[tokio::test(start_paused = true)]
async fn web_service() {
    let account = web_service::account::Account::sandbox().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let job = async |method: &str, name: &str| {
        // A service for each request: nothing is known but what is in the folder, as after a restart.
        let mut service = web_service::service(&account, folder.path().to_owned());
        let request = axum::http::Request::builder()
            .method(method)
            .uri(format!("/jobs/{name}"))
            .body("email\nada@lovelace.example\n".to_owned())
            .unwrap();
        let response = service.call(request).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await;
        (status, String::from_utf8(body.unwrap().to_vec()).unwrap())
    };
    assert_eq!(job("GET", "monday").await.0, 404);
    assert_eq!(job("PUT", "mon%2Fday").await.0, 400);
    let (status, first) = job("PUT", "monday").await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(job("PUT", "monday").await, (200, first.clone()));
    let (status, report) = job("GET", "monday").await;
    assert_eq!(status, 200, "{report}");
    let first: serde_json::Value = serde_json::from_str(&first).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["batch"], first["batch"]);
    assert!(report["status"].is_string(), "{report}");
    let batches = account.client.list_batches().items().try_collect().await;
    assert_eq!(batches.unwrap().len(), 1);
}
