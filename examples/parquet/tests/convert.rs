//! What is in the Parquet file is what is in the results.

use std::fs::File;

use cargo_batch_client::Client;
use cargo_batch_client::types::{CreateBatchData, CreateBatchRequest, Record};
use cargo_batch_sandbox::Sandbox;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

#[tokio::test(start_paused = true)]
async fn every_result_is_a_row() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::builder(sandbox.token()).base_url(sandbox.base_url());
    let client = client.build().unwrap();
    let emails: Vec<String> = (0..200).map(|n| format!("lead{n}@acme.example")).collect();
    let records = emails
        .iter()
        .map(|email| Record::from_iter([("email", email.as_str())]));
    let request = CreateBatchRequest::new(CreateBatchData::records(records));
    let request = request.workflow(sandbox.fixtures().tool_workflow_uuid);
    let batch = client.create_batch_once(request).await.unwrap();
    let finished = client.batch(batch.uuid).wait().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.parquet");
    let file = File::create(&path).unwrap();
    let rows = cargo_batch_parquet::convert(finished.download(), file)
        .await
        .unwrap();
    assert_eq!(rows, emails.len());

    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let read: Vec<_> = reader
        .get_row_iter(None)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut written: Vec<&String> = read.iter().map(|row| row.get_string(0).unwrap()).collect();
    let mut expected: Vec<&String> = emails.iter().collect();
    written.sort();
    expected.sort();
    assert_eq!(written, expected);
    let scores = read.iter().filter(|row| row.get_double(1).is_ok()).count();
    // Runs that failed have none.
    let failed = finished.batch().failed_runs_count as usize;
    assert_eq!(scores, emails.len() - failed);
    assert!(failed > 0);
}
