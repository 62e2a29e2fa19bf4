//! What a batch would run over, by the request that creates it.

use cargo_batch_client::ErrorKind;
use cargo_batch_client::types::{
    Batch, BatchUuid, ChangeKind, CreateBatchData, CreateBatchRequest, CreateFilterData,
    CreateScheduleData, PreviewBatchErrorReason, Record, RunStatus, RunsFilter, RunsFilterByRuns,
    RunsReset,
};
use cargo_batch_client::{Client, Reason};
use cargo_batch_tests::sandbox::{Checked, made};
use serde_json::json as value;

fn leads(count: usize) -> CreateBatchData {
    CreateBatchData::records(
        (0..count).map(|n| Record::from_iter([("email", format!("{n}@example.com"))])),
    )
}

/// The batch once it has finished.
async fn finished(client: &Client, batch: BatchUuid) -> Batch {
    client.batch(batch).wait().await.unwrap();
    client.get_batch(batch).await.unwrap().batch
}

async fn file(client: &Client) -> CreateBatchData {
    let text = "email,country\nada@example.com,France\nbob@example.com,Spain\n";
    client.upload_file("leads.csv", text).await.unwrap().into()
}

#[tokio::test(start_paused = true)]
async fn a_preview_counts_what_the_batch_then_has() {
    let (sandbox, client) = Checked::start().await;
    let fixtures = sandbox.fixtures().clone();
    let (model, tool, play) = (
        fixtures.model_uuid,
        fixtures.tool_workflow_uuid,
        fixtures.play_workflow_uuid,
    );
    let file = file(&client).await;
    for (workflow, data) in [
        (tool, file),
        (tool, leads(3)),
        (play, CreateBatchData::segment(fixtures.segment_uuid)),
        (
            play,
            CreateBatchData::change(fixtures.change_uuid, [ChangeKind::Added]),
        ),
        (play, CreateFilterData::whole_model(model).limit(7).into()),
        (
            play,
            CreateBatchData::record_ids(model, fixtures.record_ids[..2].to_vec()),
        ),
        (
            play,
            CreateScheduleData::new(model, fixtures.play_segment_uuid, [ChangeKind::Updated])
                .into(),
        ),
    ] {
        let request = CreateBatchRequest::new(data).workflow(workflow);
        let kind = request.data.tag().to_owned();
        let before = made(&sandbox);
        let preview = client.preview(&request).await.unwrap();
        assert_eq!(made(&sandbox), before, "a preview creates nothing");
        assert!(preview.unknown.is_none(), "{kind}");
        assert_eq!(Some(preview.sample.len() as u64), preview.count, "{kind}");
        assert!(
            preview.columns.iter().any(|column| column.slug == "email"),
            "{kind}"
        );
        let batch = client.create_batch(request).await.unwrap().batch;
        let batch = finished(&client, batch.uuid).await;
        assert_eq!(preview.count, Some(batch.runs_count), "{kind}");
        assert_ne!(batch.runs_count, 0, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_workflow_it_says_what_is_known_and_what_is_not() {
    let (_sandbox, client) = Checked::start().await;
    let file = CreateBatchRequest::new(file(&client).await);
    let preview = client.preview(&file).await.unwrap();
    assert_eq!((preview.count, preview.sample.len()), (None, 0));
    let slugs: Vec<&str> = preview.columns.iter().map(|it| it.slug.as_str()).collect();
    assert_eq!(slugs, ["email", "country"]);
    assert_eq!(
        preview.to_string(),
        "an unknown number of records with 2 columns: email, country (unknown: the number of rows and the rows \
         themselves: a preview needs `workflowUuid`)"
    );
    let mixed = [
        Record::from_iter([("n", value!(1)), ("x", value!("a"))]),
        Record::from_iter([("n", value!(2)), ("x", value!(3)), ("y", value!(null))]),
    ];
    for data in [
        CreateBatchData::records(mixed.clone()),
        CreateBatchData::form(mixed),
    ] {
        let preview = client
            .preview(&CreateBatchRequest::new(data))
            .await
            .unwrap();
        assert_eq!((preview.count, preview.sample.len()), (Some(2), 2));
        let columns: Vec<(&str, &str)> = preview
            .columns
            .iter()
            .map(|it| (it.slug.as_str(), it.type_.as_str()))
            .collect();
        assert_eq!(columns, [("n", "number"), ("x", "any"), ("y", "any")]);
        assert!(preview.unknown.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn runs_are_previewed_by_their_ids() {
    let (sandbox, client) = Checked::start().await;
    let tool = sandbox.fixtures().tool_workflow_uuid;
    let request = CreateBatchRequest::new(leads(3)).workflow(tool);
    let batch = client.create_batch(request).await.unwrap().batch;
    let batch = finished(&client, batch.uuid).await;
    let runs = client.batch(batch.uuid).runs().await.unwrap();
    let uuids: Vec<_> = runs
        .try_collect()
        .await
        .unwrap()
        .iter()
        .map(|run| run.uuid)
        .collect();
    let again = |by: RunsFilterByRuns| {
        let data = CreateBatchData::runs(RunsFilter::new(by), RunsReset::FirstNode);
        CreateBatchRequest::new(data).workflow(tool)
    };
    let by_ids = RunsFilterByRuns::new().uuids(uuids[..2].to_vec());
    let preview = client.preview(&again(by_ids.clone())).await.unwrap();
    assert_eq!(preview.count, Some(2));
    let before = sandbox.requests().len();
    for by in [
        RunsFilterByRuns::new().statuses([RunStatus::Error]),
        by_ids.statuses([RunStatus::Error]),
    ] {
        let error = client.preview(&again(by)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains("by their ids only"), "{error}");
    }
    assert_eq!(sandbox.requests().len(), before, "nothing was sent");
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_workflow_says_so_and_a_refusal_is_typed() {
    let (sandbox, client) = Checked::start().await;
    let fixtures = sandbox.fixtures();
    let segment = CreateBatchData::segment(fixtures.segment_uuid);
    let error = client
        .preview(&CreateBatchRequest::new(segment.clone()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("workflowUuid"), "{error}");
    let request = CreateBatchRequest::new(segment).workflow(fixtures.tool_workflow_uuid);
    let error = client.preview(&request).await.unwrap_err();
    assert_eq!(
        error.reason(),
        Some(&Reason::PreviewBatch(
            PreviewBatchErrorReason::NoModelLinkedToWorkflow
        ))
    );
}

#[tokio::test(start_paused = true)]
async fn a_creation_may_have_so_many_records() {
    let (sandbox, client) = Checked::start().await;
    let fixtures = sandbox.fixtures();
    let all = CreateFilterData::whole_model(fixtures.model_uuid);
    let all = CreateBatchRequest::new(all).workflow(fixtures.play_workflow_uuid);
    let count = client.preview(&all).await.unwrap().count.unwrap();
    let creation = client.prepare_batch(all).await.unwrap();
    let error = creation
        .clone()
        .max_records(count - 1)
        .create()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyRecords);
    assert!(error.to_string().contains(&count.to_string()), "{error}");
    assert_eq!(made(&sandbox), 0);
    let batch = creation.max_records(count).create().await.unwrap();
    let batch = finished(&client, batch.uuid).await;
    assert_eq!(batch.runs_count, count);
    // Records that became a file.
    let leads = CreateBatchRequest::new(leads(3)).workflow(fixtures.tool_workflow_uuid);
    let creation = client.prepare_batch(leads).await.unwrap();
    let error = creation.max_records(2).create().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyRecords);
    assert_eq!(made(&sandbox), 1);
}
