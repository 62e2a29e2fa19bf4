//! The main job against the sandbox: from a file to its results.

use std::time::Duration;

use cargo_batch_client::Reason;
use cargo_batch_client::types::{
    BatchStatus, CreateBatchData, CreateBatchErrorReason, CreateBatchRequest, Outcome, Record,
    RunStatus,
};
use cargo_batch_tests::sandbox::Checked;

const LEADS: &str = "email,company,fail\n\
    ada@example.com,\"Byron, Ltd\",false\n\
    grace@example.com,Navy,true\n\
    alan@example.com,\"Bletchley\nPark\",false\n";

#[tokio::test(start_paused = true)]
async fn a_file_is_run_and_its_results_come_back_whole() {
    let (sandbox, client) = Checked::start().await;
    let file = client.upload_file("leads.csv", LEADS).await.unwrap();
    let request = CreateBatchRequest::new(file).workflow(sandbox.fixtures().tool_workflow_uuid);
    let created = client.create_batch_once(request).await.unwrap();
    assert_eq!(created.status, BatchStatus::Pending);

    let mut watch = client.watch(created.uuid).interval(Duration::from_secs(1));
    let mut states = Vec::new();
    while let Some(state) = watch.next().await {
        let state = state.unwrap();
        assert!(state.failed_runs_count <= state.executed_runs_count);
        assert!(state.executed_runs_count <= state.runs_count);
        states.push(state);
    }
    let mut statuses: Vec<&str> = states.iter().map(|state| state.status.as_str()).collect();
    statuses.dedup();
    assert_eq!(statuses, ["pending", "querying", "running", "success"]);
    let last = states.last().unwrap();
    assert_eq!(
        last.outcome(),
        Some(Outcome::PartlyFailed { failed: 1, runs: 3 })
    );
    assert!(last.credits_used_count > 0.0 && last.credits_used_count.fract() > 0.0);

    let batch = client.batch(created.uuid);
    let failed = batch
        .failed_runs()
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        (failed[0].record_title.as_str(), &failed[0].status),
        ("grace@example.com", &RunStatus::Error)
    );
    assert!(failed[0].error_message.is_some());
    assert_eq!(
        batch
            .runs()
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap()
            .len(),
        3
    );
    let spent: f64 = batch
        .metrics()
        .await
        .unwrap()
        .iter()
        .map(|node| node.credits_used_count)
        .sum();
    assert!((spent - last.credits_used_count).abs() < 0.001, "{spent}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.csv");
    let bytes = batch.download().to_file(&path).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.len() as u64, bytes);
    assert!(text.starts_with("email,company,fail,"), "{text}");
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no .part is left"
    );
}

#[tokio::test(start_paused = true)]
async fn rows_are_read_typed_and_a_bad_one_does_not_end_them() {
    #[derive(Debug, serde::Deserialize)]
    struct Row {
        email: String,
        company: String,
        sandbox_score: f64,
    }
    let (sandbox, client) = Checked::start().await;
    let file = client.upload_file("leads.csv", LEADS).await.unwrap();
    let request = CreateBatchRequest::new(file).workflow(sandbox.fixtures().tool_workflow_uuid);
    let batch = client.create_batch(request).await.unwrap().batch;
    client.watch(batch.uuid).await.unwrap();
    let mut rows = client.batch(batch.uuid).download().rows::<Row>();
    let first = rows.next().await.unwrap().unwrap();
    assert_eq!(
        (first.email.as_str(), first.company.as_str()),
        ("ada@example.com", "Byron, Ltd")
    );
    assert!(first.sandbox_score >= 0.0);
    // The run of the second record failed, so that it has no score.
    let error = rows.next().await.unwrap().unwrap_err();
    assert!(error.is_row(), "{error}");
    assert!(
        error.to_string().contains("line 3") && error.to_string().contains("score"),
        "{error}"
    );
    assert_eq!(
        rows.next().await.unwrap().unwrap().company,
        "Bletchley\nPark"
    );
    assert!(rows.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn records_are_sent_as_a_file_to_have_a_key() {
    let (sandbox, client) = Checked::start().await;
    let records = (0..5).map(|n| Record::from_iter([("email", format!("{n}@example.com"))]));
    let request = CreateBatchRequest::new(CreateBatchData::records(records))
        .workflow(sandbox.fixtures().tool_workflow_uuid);
    let plain = client.create_batch(request.clone()).await.unwrap().batch;
    assert_eq!(plain.data.tag(), "records");
    let once = client.create_batch_once(request).await.unwrap();
    assert_eq!(once.data.tag(), "file");
    assert_eq!(client.watch(once.uuid).await.unwrap().runs_count, 5);
}

#[tokio::test(start_paused = true)]
async fn a_batch_knows_its_own_runs_and_no_others() {
    let (sandbox, client) = Checked::start().await;
    let start = async |rows: &str| {
        let text = format!("email,fail\n{rows}");
        let file = client.upload_file("leads.csv", text).await.unwrap();
        let request = CreateBatchRequest::new(file).workflow(sandbox.fixtures().tool_workflow_uuid);
        client.create_batch_once(request).await.unwrap().uuid
    };
    let one = start("a@example.com,true\nb@example.com,false\n").await;
    start("c@example.com,true\nd@example.com,true\n").await;
    let batch = client.batch(one);
    let finished = batch.clone().wait().await.unwrap();
    // The other one has run, too.
    tokio::time::sleep(Duration::from_secs(3600)).await;

    let lists = [
        (batch.runs().await.unwrap(), 2),
        (batch.failed_runs().await.unwrap(), 1),
        (finished.runs(), 2),
        (finished.failed_runs(), 1),
    ];
    for (list, expected) in lists {
        let runs = list.try_collect().await.unwrap();
        assert_eq!(runs.len(), expected);
        assert!(runs.iter().all(|run| run.batch_uuid == Some(one)));
    }
    for again in [
        batch.retry_failed().await.unwrap(),
        finished.retry_failed().await.unwrap(),
    ] {
        let again = client.batch(again.uuid).wait().await.unwrap();
        assert_eq!(again.batch().runs_count, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_batch_keeps_what_had_ended() {
    let (sandbox, client) = Checked::start().await;
    let fixtures = sandbox.fixtures();
    let data = CreateBatchData::record_ids(fixtures.model_uuid, fixtures.record_ids.clone());
    let request = CreateBatchRequest::new(data).workflow(fixtures.play_workflow_uuid);
    let batch = client.batch(client.create_batch(request).await.unwrap().batch.uuid);
    tokio::time::sleep(Duration::from_secs(40)).await;
    batch.cancel().await.unwrap();
    assert_eq!(batch.get().await.unwrap().status, BatchStatus::Cancelling);
    let ended = batch.watch().await.unwrap();
    assert_eq!(ended.outcome(), Some(Outcome::Cancelled));
    assert!(ended.executed_runs_count > 0 && ended.executed_runs_count < ended.runs_count);
    let again = batch.cancel().await.unwrap_err();
    assert_eq!(again.reason().unwrap().as_str(), "batchAlreadyFinished");
}

#[tokio::test(start_paused = true)]
async fn api_errors_say_why_and_what_to_do() {
    let (sandbox, client) = Checked::start().await;
    let fixtures = sandbox.fixtures();
    let segment = CreateBatchData::segment(fixtures.play_segment_uuid);
    let request = CreateBatchRequest::new(segment).workflow(fixtures.play_workflow_uuid);
    let error = client.create_batch_once(request).await.unwrap_err();
    assert_eq!(
        error.reason(),
        Some(&Reason::CreateBatch(CreateBatchErrorReason::DataError))
    );
    assert_eq!(error.data_reason().unwrap().as_str(), "segmentLinkedToPlay");
    let advice = error.advice().unwrap().trim_end_matches('.');
    assert!(error.to_string().ends_with(advice), "{error}");

    let request = CreateBatchRequest::new(CreateBatchData::segment(fixtures.segment_uuid))
        .workflow(fixtures.tool_workflow_uuid);
    let error = client.create_batch(request).await.unwrap_err();
    assert_eq!(
        error.reason(),
        Some(&Reason::CreateBatch(
            CreateBatchErrorReason::InvalidDataKind
        ))
    );
}

#[tokio::test(start_paused = true)]
async fn results_are_not_there_before_the_end() {
    let (sandbox, client) = Checked::start().await;
    let file = client.upload_file("leads.csv", LEADS).await.unwrap();
    let request = CreateBatchRequest::new(file).workflow(sandbox.fixtures().tool_workflow_uuid);
    let batch = client.batch(client.create_batch(request).await.unwrap().batch.uuid);
    let folder = tempfile::tempdir().unwrap();
    let error = batch
        .download()
        .to_file(folder.path().join("r.csv"))
        .await
        .unwrap_err();
    assert_eq!(error.reason().unwrap().as_str(), "batchNotFinished");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_large_file_goes_up_in_parts() {
    let (_sandbox, client) = Checked::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.csv");
    let row = "ada@example.com,Byron\n";
    let content = format!("email,company\n{}", row.repeat((51 << 20) / row.len() + 1));
    std::fs::write(&path, &content).unwrap();
    let (sent, progress) = std::sync::mpsc::channel();
    let file = client
        .upload(&path)
        .on_progress(move |progress| sent.send(progress).unwrap())
        .await
        .unwrap();
    let steps: Vec<u64> = progress.iter().map(|step| step.bytes).collect();
    assert_eq!(steps.len(), content.len().div_ceil(8 << 20));
    assert_eq!(steps.last(), Some(&(content.len() as u64)));
    let columns = client
        .list_file_columns(file.s3_filename)
        .await
        .unwrap()
        .columns;
    assert_eq!(
        columns
            .iter()
            .map(|column| column.name.as_str())
            .collect::<Vec<_>>(),
        ["email", "company"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_of_unknown_length_goes_up_too() {
    let (_sandbox, client) = Checked::start().await;
    for size in [10, 8 << 20, (8 << 20) + 1, 20 << 20] {
        let mut content = b"email\n".to_vec();
        content.resize(size, b'x');
        let file = client
            .upload_from("any.csv", std::io::Cursor::new(content))
            .await
            .unwrap();
        let columns = client
            .list_file_columns(file.s3_filename)
            .await
            .unwrap()
            .columns;
        assert_eq!(columns[0].name, "email", "{size}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_names_its_nodes() {
    let (sandbox, client) = Checked::start().await;
    let release = client
        .get_release(sandbox.fixtures().release_uuid)
        .await
        .unwrap()
        .release;
    let slugs: Vec<&str> = release
        .nodes
        .iter()
        .map(|node| node.slug.as_str())
        .collect();
    assert_eq!(slugs, ["start", "enrich", "end"]);
}
