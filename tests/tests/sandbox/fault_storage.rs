//! Faults of storage: a download and an upload come through all of them.

use cargo_batch_client::Client;
use cargo_batch_client::types::{CreateBatchData, CreateBatchRequest, Record};
use cargo_batch_sandbox::{Fault, FaultPlan, Rule, Sandbox};
use cargo_batch_tests::sandbox::Checked;

/// A finished batch whose results are a good deal longer than a packet.
async fn finished(sandbox: &Sandbox, client: &Client) -> cargo_batch_client::BatchHandle {
    let records = (0..2000).map(|n| Record::from_iter([("email", format!("{n}@example.com"))]));
    let request = CreateBatchRequest::new(CreateBatchData::records(records))
        .workflow(sandbox.fixtures().tool_workflow_uuid);
    let batch = client.create_batch(request).await.unwrap().batch;
    client.watch(batch.uuid).await.unwrap();
    client.batch(batch.uuid)
}

async fn downloaded(batch: &cargo_batch_client::BatchHandle) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    batch.download().to_file(&path).await.unwrap();
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_download_goes_on_after_a_cut() {
    let (sandbox, client) = Checked::start().await;
    let batch = finished(&sandbox, &client).await;
    let whole = downloaded(&batch).await;
    let cut = Fault::Truncate {
        bytes: Some(10_000),
    };
    sandbox
        .faults(Rule::new(cut).on("storage_get").count(3))
        .await
        .unwrap();
    assert_eq!(downloaded(&batch).await, whole);
    assert_eq!(sandbox.hits(), [3]);
}

/// The first download is cut, and the one that resumes it meets a fault.
fn cut_and(fault: Fault) -> FaultPlan {
    let cut = Fault::Truncate {
        bytes: Some(10_000),
    };
    let storage = |fault| Rule::new(fault).on("storage_get").count(1);
    FaultPlan::new()
        .rule(storage(cut))
        .rule(storage(fault).skip(1))
}

#[tokio::test(start_paused = true)]
async fn a_link_expires_on_the_way_and_another_is_asked_for() {
    let (sandbox, client) = Checked::start().await;
    let batch = finished(&sandbox, &client).await;
    let whole = downloaded(&batch).await;
    let before = sandbox.requests().len();
    sandbox.faults(cut_and(Fault::ExpiredUrl)).await.unwrap();
    assert_eq!(downloaded(&batch).await, whole);
    assert_eq!(sandbox.hits(), [1, 1]);
    let asked: Vec<_> = sandbox.requests()[before..]
        .iter()
        .map(|seen| (seen.operation.clone().unwrap(), seen.status.unwrap()))
        .collect();
    assert_eq!(asked[2], ("storage_get".to_owned(), 403));
    assert_eq!(asked[3].0, "download_batch");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_on_the_way_is_never_put_together_from_both() {
    let (sandbox, client) = Checked::start().await;
    let batch = finished(&sandbox, &client).await;
    let whole = downloaded(&batch).await;
    sandbox
        .faults(cut_and(Fault::ChangedContent))
        .await
        .unwrap();
    let changed = downloaded(&batch).await;
    assert_eq!(sandbox.hits(), [1, 1]);
    let (old, new): (Vec<_>, Vec<_>) = (whole.lines().collect(), changed.lines().collect());
    assert_eq!((new[0], new[1]), (old[0], old[1]));
    assert_eq!(new[2..], old[1..]);
}

#[tokio::test(start_paused = true)]
async fn a_part_is_sent_again() {
    let (sandbox, client) = Checked::start().await;
    let plan = FaultPlan::new()
        .rule(
            Rule::new(Fault::ResetAfterActing)
                .on("storage_put")
                .count(1),
        )
        .rule(
            Rule::new(Fault::Unavailable {
                retry_after: None,
                as_date: false,
                acted: false,
            })
            .on("storage_put")
            .skip(2)
            .count(1),
        );
    sandbox.faults(plan).await.unwrap();
    let content = [b"email\n".to_vec(), vec![b'x'; 17 << 20]].concat();
    let file = client
        .upload_from("a.csv", std::io::Cursor::new(content))
        .await
        .unwrap();
    assert_eq!(sandbox.hits(), [1, 1]);
    let columns = client
        .list_file_columns(file.s3_filename)
        .await
        .unwrap()
        .columns;
    assert_eq!(columns[0].name, "email");
}
