//! Outputs of more runs than fit in one file arrive as one.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::{
    CreateBatchRequest, DownloadRunOutputsRequest, RunOutputsFormat, WorkflowUuid,
};
use cargo_batch_client::{Client, Download, Error, ErrorKind, Reason};
use cargo_batch_sandbox::Sandbox;
use cargo_batch_tests::sandbox::Checked;
use cargo_batch_tests::script::{Script, Seen, json, uuid};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json as value};

/// How storage writes the rows from one to another.
type Writes = fn(u64, u64) -> String;

fn csv(from: u64, to: u64) -> String {
    let rows = (from..to).map(|row| format!("{row},\"line\n{row}\"\n"));
    ["n,output\n".to_owned()].into_iter().chain(rows).collect()
}

fn list(from: u64, to: u64) -> String {
    Value::from_iter((from..to).map(|row| value!({ "n": row, "output": "],[" }))).to_string()
}

fn lines(from: u64, to: u64) -> String {
    let rows = (from..to).map(|row| value!({ "n": row }).to_string());
    rows.collect::<Vec<_>>().join("\n")
}

fn refusal(reason: &str) -> Response<Body> {
    let (mut parts, body) = json(value!({ "reason": reason })).into_parts();
    parts.status = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    Response::from_parts(parts, body)
}

/// An API whose files hold at most `cap` of `total` runs, and its storage.
struct Export {
    api: Script,
    storage: Script,
}

impl Export {
    async fn start(total: u64, cap: u64, writes: Writes) -> Self {
        Self::with_storage(total, cap, move |_, from, to| {
            Response::new(Body::from(writes(from, to)))
        })
        .await
    }

    async fn with_storage(
        total: u64,
        cap: u64,
        file: impl Fn(&Seen, u64, u64) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let storage = Script::start(move |seen| {
            let bound = |name: &str| seen.values(name)[0].parse().unwrap();
            file(seen, bound("from"), bound("to"))
        })
        .await;
        let url = storage.base_url().to_owned();
        let api = Script::start(move |seen| {
            let request = seen.json();
            let from = request["offset"].as_u64().unwrap_or(0).min(total);
            let to = from
                + request["limit"]
                    .as_u64()
                    .unwrap_or(u64::MAX)
                    .min(total - from);
            match to - from {
                0 => refusal("noRunsFound"),
                runs if runs > cap => refusal("tooManyRuns"),
                _ => json(value!({ "url": format!("{url}/outputs?from={from}&to={to}") })),
            }
        })
        .await;
        Self { api, storage }
    }

    fn outputs(
        &self,
        set: impl Fn(DownloadRunOutputsRequest) -> DownloadRunOutputsRequest,
    ) -> Download {
        let workflow: WorkflowUuid = uuid(7).parse().unwrap();
        let request = DownloadRunOutputsRequest::new(workflow);
        self.api.client().run_outputs(set(request))
    }

    async fn whole(&self) -> Result<String, Error> {
        let bytes = self.outputs(|request| request).bytes().await?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// The bounds that the API was asked for.
    fn asked(&self) -> Vec<(Option<u64>, Option<u64>)> {
        let seen = self.api.seen();
        let bound = |seen: &Seen, name: &str| seen.json()[name].as_u64();
        seen.iter()
            .map(|seen| (bound(seen, "limit"), bound(seen, "offset")))
            .collect()
    }
}

#[tokio::test]
async fn outputs_that_fit_in_one_file_are_fetched_unchanged() {
    let export = Export::start(10_000, 10_000, csv).await;
    assert_eq!(export.whole().await.unwrap(), csv(0, 10_000));
    assert_eq!(export.asked(), [(None, None)]);
}

#[tokio::test]
async fn more_runs_than_fit_in_one_file_are_joined() {
    for (writes, whole) in [(csv as Writes, csv(0, 25_000)), (list, list(0, 25_000))] {
        let export = Export::start(25_000, 10_000, writes).await;
        assert_eq!(export.whole().await.unwrap(), whole);
        let some = |limit, offset| (Some(limit), Some(offset));
        assert_eq!(
            export.asked(),
            [
                (None, None),
                some(10_000, 0),
                some(10_000, 10_000),
                some(10_000, 20_000),
                some(10_000, 25_000),
            ]
        );
    }
    let export = Export::start(10_001, 10_000, lines).await;
    assert_eq!(export.whole().await.unwrap(), lines(0, 10_001) + "\n");
}

#[tokio::test]
async fn a_limit_and_an_offset_are_kept_to() {
    let export = Export::start(40_000, 10_000, csv).await;
    let outputs = export.outputs(|request| request.limit(12_345u64).offset(20_000u64));
    assert_eq!(outputs.bytes().await.unwrap(), csv(20_000, 32_345));
    assert_eq!(
        export.asked(),
        [(Some(10_000), Some(20_000)), (Some(2_345), Some(30_000))]
    );
    let outputs = export.outputs(|request| request.limit(5u64).offset(3u64));
    assert_eq!(outputs.bytes().await.unwrap(), csv(3, 8));
}

#[tokio::test]
async fn files_that_hold_fewer_runs_than_documented_lose_none() {
    // One that says so.
    let export = Export::start(9_000, 4_000, csv).await;
    assert_eq!(export.whole().await.unwrap(), csv(0, 9_000));
    // One that gives fewer rows than it was asked for.
    let export = Export::with_storage(12_000, 10_000, |_, from, to| {
        Response::new(Body::from(csv(from, to.min(from + 700))))
    })
    .await;
    assert_eq!(export.whole().await.unwrap(), csv(0, 12_000));
    // One that gives a header where there are no more rows.
    let api = Export::with_storage(10_001, 10_000, |_, from, to| match from {
        0 => Response::new(Body::from(csv(from, to))),
        _ => Response::new(Body::from("n,output\n")),
    })
    .await;
    assert_eq!(api.whole().await.unwrap(), csv(0, 10_000));
}

#[tokio::test]
async fn rows_go_on_from_file_to_file() {
    #[derive(serde::Deserialize)]
    struct Row {
        n: u64,
        output: String,
    }
    for (format, writes) in [
        (RunOutputsFormat::Csv, csv as Writes),
        (RunOutputsFormat::Json, list),
    ] {
        let export = Export::start(20_500, 10_000, writes).await;
        let outputs = export.outputs(|request| request.format(format.clone()));
        let mut rows = outputs.rows::<Row>();
        let mut next = 0;
        while let Some(row) = rows.next().await {
            let row = row.unwrap();
            assert_eq!(row.n, next);
            assert!(!row.output.is_empty());
            next += 1;
        }
        assert_eq!(next, 20_500);
        assert_eq!(export.api.seen()[3].json()["format"], format.as_str());
    }
}

#[tokio::test]
async fn files_that_are_gzipped_are_joined_by_their_text() {
    use std::io::Write;

    let export = Export::with_storage(15_000, 10_000, |_, from, to| {
        let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        zipped.write_all(csv(from, to).as_bytes()).unwrap();
        Response::new(Body::from(zipped.finish().unwrap()))
    })
    .await;
    assert_eq!(export.whole().await.unwrap(), csv(0, 15_000));
}

#[tokio::test(start_paused = true)]
async fn each_file_is_resumed_where_it_broke_off() {
    let export = Export::with_storage(15_000, 10_000, |seen, from, to| {
        let whole = csv(from, to).into_bytes();
        let etag = format!("\"{from}\"");
        let range = seen.headers.get("range").map(|range| {
            let range = range.to_str().unwrap();
            range["bytes=".len()..range.len() - 1]
                .parse::<usize>()
                .unwrap()
        });
        let response = Response::builder().header("etag", etag);
        match range {
            Some(start) => response
                .status(206)
                .header(
                    "content-range",
                    format!("bytes {start}-{}/{}", whole.len() - 1, whole.len()),
                )
                .body(Body::from(whole[start..].to_vec()))
                .unwrap(),
            None => {
                let part = stream::iter([Ok(whole[..whole.len() / 2].to_vec())]);
                // The delay lets what came before the cut out of the server's buffer.
                let cut = part.chain(stream::once(async {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
                }));
                response
                    .header("content-length", whole.len())
                    .body(Body::from_stream(cut))
                    .unwrap()
            }
        }
    })
    .await;
    assert_eq!(export.whole().await.unwrap(), csv(0, 15_000));
    assert_eq!(export.storage.seen().len(), 4);
}

#[tokio::test]
async fn different_columns_and_no_runs_are_errors() {
    let export = Export::with_storage(15_000, 10_000, |_, from, to| {
        let text = csv(from, to);
        Response::new(Body::from(match from {
            0 => text,
            _ => text.replace("n,output", "output,n"),
        }))
    })
    .await;
    let error = export.whole().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error:?}");
    assert!(error.to_string().contains("different columns"), "{error}");

    use cargo_batch_client::types::DownloadRunOutputsErrorReason::NoRunsFound;
    let export = Export::start(0, 10_000, csv).await;
    let error = export.whole().await.unwrap_err();
    assert_eq!(
        error.reason(),
        Some(&Reason::DownloadRunOutputs(NoRunsFound))
    );
}

#[tokio::test]
async fn a_batch_of_more_than_10_000_records_has_all_its_outputs_in_one_file() {
    let (sandbox, client): (Checked, Client) = Checked::set_up(Sandbox::builder()).await;
    let emails: String = (0..10_500).map(|n| format!("{n}@example.com\n")).collect();
    let file = client
        .upload_file("leads.csv", format!("email\n{emails}"))
        .await
        .unwrap();
    let workflow = sandbox.fixtures().tool_workflow_uuid;
    let request = CreateBatchRequest::new(file).workflow(workflow);
    let batch = client.create_batch(request).await.unwrap().batch;
    sandbox.advance(Duration::from_secs(7 * 24 * 3600));
    let finished = client.batch(batch.uuid).wait().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outputs.csv");
    finished.run_outputs().to_file(&path).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    for n in [0, 9_999, 10_000, 10_499] {
        assert!(text.contains(&format!("{n}@example.com")), "{n}");
    }
    assert_eq!(text.matches("_record_id").count(), 1);

    let outputs = client.batch(batch.uuid).run_outputs().await.unwrap();
    let mut rows = outputs.rows::<Value>();
    let mut ids = std::collections::HashSet::new();
    while let Some(row) = rows.next().await {
        let row = row.unwrap();
        assert!(ids.insert(row["_uuid"].as_str().unwrap().to_owned()));
    }
    assert_eq!(ids.len(), 10_500);
}
