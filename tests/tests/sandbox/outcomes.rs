//! What comes of each record may be decided by the test.

use cargo_batch_client::types::{CreateBatchRequest, Outcome, Record};
use cargo_batch_sandbox::Sandbox;
use cargo_batch_tests::sandbox::Checked;
use serde_json::{Value, json};

/// A company for an address at example.com, a failure for all others.
fn decide(record: &Record) -> Result<Record, String> {
    let email = record
        .get("email")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match email.split_once("@example.com") {
        Some((name, "")) => Ok(Record::from_iter([
            ("company", json!(format!("{name} Ltd"))),
            ("employees", json!(7)),
        ])),
        _ => Err(format!("{email:?} is nobody")),
    }
}

#[tokio::test(start_paused = true)]
async fn a_closure_decides_columns_and_failures() {
    let (sandbox, client) = Checked::set_up(Sandbox::builder().outcomes(decide)).await;
    let csv = "email\nada@example.com\nnobody\ngrace@example.com\n";
    let file = client.upload_file("leads.csv", csv).await.unwrap();
    let request = CreateBatchRequest::new(file).workflow(sandbox.fixtures().tool_workflow_uuid);
    let batch = client.create_batch(request).await.unwrap().batch;
    let finished = client.batch(batch.uuid).wait().await.unwrap();
    assert_eq!(
        finished.outcome(),
        Outcome::PartlyFailed { failed: 1, runs: 3 }
    );
    let failed = finished.failed_runs().try_collect().await.unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        failed[0].error_message.as_deref(),
        Some("\"nobody\" is nobody")
    );
    assert_eq!(failed[0].record_title, "nobody");
    let bytes = finished.download().bytes().await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(
        text,
        "email,company,employees,sandbox_status,sandbox_error_message\n\
         ada@example.com,ada Ltd,7,success,\n\
         nobody,,,error,\"\"\"nobody\"\" is nobody\"\n\
         grace@example.com,grace Ltd,7,success,\n"
    );
}
