//! Results come back complete, whatever happens to the transfer, or not at all.

mod content;
mod file;
mod resuming;
mod storage;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::Client;
use cargo_batch_client::types::BatchUuid;
use cargo_batch_tests::script::{Script, Seen, json, uuid};
use futures_util::{StreamExt, stream};
use serde_json::json as value;

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

fn content(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..size).map(next).collect()
}

/// What storage sends of a file: from where it is asked, up to a cut.
fn file(seen: &Seen, content: &[u8], etag: &str, cut: usize) -> Response<Body> {
    let header = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap());
    let start = header("range")
        .filter(|_| header("if-range").is_none_or(|tag| tag == etag))
        .map(|range| {
            range
                .trim_start_matches("bytes=")
                .trim_end_matches('-')
                .parse::<usize>()
                .unwrap()
        });
    let rest = &content[start.unwrap_or(0)..];
    let mut response = Response::builder()
        .header("etag", etag)
        .header("content-length", rest.len());
    if let Some(start) = start {
        let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
        response = response.status(206).header("content-range", range);
    }
    if rest.len() <= cut {
        return response.body(Body::from(rest.to_vec())).unwrap();
    }
    // The delay lets what came before the cut out of the server's buffer.
    let before = stream::iter([Ok(rest[..cut].to_vec())]);
    let cut = stream::once(async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    response.body(Body::from_stream(before.chain(cut))).unwrap()
}

/// A range of a file, whatever was asked for.
fn part(content: &[u8], range: Range<usize>) -> Response<Body> {
    let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, content.len());
    Response::builder()
        .status(206)
        .header("etag", "\"v1\"")
        .header("content-length", range.len())
        .header("content-range", content_range)
        .body(Body::from(content[range].to_vec()))
        .unwrap()
}

/// Storage on a port of its own, and an API that gives numbered URLs to it.
async fn servers(
    storage: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
) -> (Script, Script, Client) {
    let storage = Script::start(storage).await;
    let links = Arc::new(AtomicUsize::new(0));
    let url = storage.base_url().to_owned();
    let api = Script::start(move |_| {
        let link = links.fetch_add(1, Ordering::SeqCst);
        json(value!({ "url": format!("{url}/r.csv?link={link}&X-Sig=very-secret") }))
    })
    .await;
    let client = api.client();
    (storage, api, client)
}

/// Downloads to a file in a folder of its own; what is in the folder afterwards.
async fn to_file(
    client: &Client,
) -> (
    Result<u64, cargo_batch_client::Error>,
    Vec<(String, Vec<u8>)>,
) {
    let folder = tempfile::tempdir().unwrap();
    let done = client
        .batch(id())
        .download()
        .to_file(folder.path().join("r.csv"))
        .await;
    let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| {
        let entry = entry.unwrap();
        (
            entry.file_name().into_string().unwrap(),
            std::fs::read(entry.path()).unwrap(),
        )
    });
    (done, left.collect())
}

/// A signed URL, as the API gives it.
fn signed(url: &str) -> cargo_batch_client::types::SignedUrl {
    serde_json::from_value(value!(url)).unwrap()
}
