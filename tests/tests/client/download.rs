//! Results come back whole, whatever happens on the way, or not at all.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Response};
use cargo_batch_client::types::BatchUuid;
use cargo_batch_client::{Client, ErrorKind};
use cargo_batch_tests::script::{Script, Seen, TOKEN, json, status, uuid};
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
    let mut answer = Response::builder()
        .header("etag", etag)
        .header("content-length", rest.len());
    if let Some(start) = start {
        let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
        answer = answer.status(206).header("content-range", range);
    }
    if rest.len() <= cut {
        return answer.body(Body::from(rest.to_vec())).unwrap();
    }
    // The pause lets what came before the cut out of the server's buffer.
    let before = stream::iter([Ok(rest[..cut].to_vec())]);
    let cut = stream::once(async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    answer.body(Body::from_stream(before.chain(cut))).unwrap()
}

/// A range of a file, whatever was asked for.
fn part(content: &[u8], range: Range<usize>) -> Response<Body> {
    let told = format!("bytes {}-{}/{}", range.start, range.end - 1, content.len());
    Response::builder()
        .status(206)
        .header("etag", "\"v1\"")
        .header("content-length", range.len())
        .header("content-range", told)
        .body(Body::from(content[range].to_vec()))
        .unwrap()
}

/// Storage on a port of its own, and an API that gives numbered links to it.
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

#[tokio::test(start_paused = true)]
async fn a_download_that_is_cut_again_and_again_goes_on_where_it_was() {
    let whole = content(1_000_000, 1);
    let served = whole.clone();
    let (storage, api, client) = servers(move |seen| file(seen, &served, "\"v1\"", 45_000)).await;
    let (done, left) = to_file(&client).await;
    assert_eq!(done.unwrap(), 1_000_000);
    assert_eq!(left, [("r.csv".to_owned(), whole)]);
    let seen = storage.seen();
    assert!(seen.len() > 20, "{}", seen.len());
    assert!(!seen[0].headers.contains_key("range"));
    assert!(
        seen[1..]
            .iter()
            .all(|seen| seen.headers["if-range"] == "\"v1\"")
    );
    assert_eq!(api.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_on_the_way_is_fetched_anew() {
    let (old, new) = (content(200_000, 1), content(150_000, 2));
    let whole = new.clone();
    let (_, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &old, "\"old\"", 120_000),
        _ => file(seen, &new, "\"new\"", 100_000),
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!(done.unwrap(), 150_000);
    assert_eq!(left, [("r.csv".to_owned(), whole)]);
}

#[tokio::test(start_paused = true)]
async fn a_writer_cannot_take_back_what_changed_and_says_so() {
    let (old, new) = (content(200_000, 1), content(150_000, 2));
    let (_, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &old, "\"old\"", 120_000),
        _ => file(seen, &new, "\"new\"", 100_000),
    })
    .await;
    let error = client
        .batch(id())
        .download()
        .to_writer(&mut Vec::new())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("changed at its source"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_shorter_than_what_is_missing_is_followed_by_the_next() {
    let whole = content(200_000, 1);
    let served = whole.clone();
    let (storage, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &served, "\"v1\"", 80_000),
        // A server may give less than the range it was asked for, and ends its answer properly.
        1 => part(&served, 80_000..90_000),
        _ => file(seen, &served, "\"v1\"", usize::MAX),
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!(done.unwrap(), 200_000);
    assert_eq!(left, [("r.csv".to_owned(), whole)]);
    assert_eq!(storage.seen()[2].headers["range"], "bytes=90000-");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_longer_than_what_is_missing_is_an_error() {
    let whole = content(200_000, 1);
    let (_storage, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &whole[..100_000], "\"v1\"", 80_000),
        _ => part(&whole, 80_000..200_000),
    })
    .await;
    let (done, left) = to_file(&client).await;
    let error = done.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(
        error
            .to_string()
            .contains("is 200000 bytes long, but was announced with 100000"),
        "{error}"
    );
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_part_of_another_place_is_not_taken_for_the_one_that_is_missing() {
    let whole = content(200_000, 1);
    let served = whole.clone();
    let (storage, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &served, "\"v1\"", 80_000),
        1 => part(&served, 0..200_000),
        _ => file(seen, &served, "\"v1\"", usize::MAX),
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!(done.unwrap(), 200_000);
    assert_eq!(left, [("r.csv".to_owned(), whole)]);
    let seen = storage.seen();
    assert!(seen[1].headers.contains_key("range") && !seen[2].headers.contains_key("range"));
}

#[tokio::test(start_paused = true)]
async fn a_range_that_can_not_be_had_is_not_asked_for_again() {
    let whole = content(200_000, 1);
    let served = whole.clone();
    let (storage, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &served, "\"v1\"", 80_000),
        1 => status(416),
        _ => file(seen, &served, "\"v1\"", usize::MAX),
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!((done.unwrap(), &left[0].1), (200_000, &whole));
    assert!(!storage.seen()[2].headers.contains_key("range"));
}

#[tokio::test(start_paused = true)]
async fn storage_that_says_whether_it_has_ranges_is_believed() {
    for (ranges, resumed) in [("bytes", true), ("none", false)] {
        let whole = content(200_000, 1);
        let (storage, _, client) = servers(move |seen| {
            let cut = [80_000, usize::MAX][seen.number.min(1)];
            let mut answer = file(seen, &whole, "\"v1\"", cut);
            let headers = answer.headers_mut();
            headers.insert("accept-ranges", ranges.parse().unwrap());
            answer
        })
        .await;
        to_file(&client).await.0.unwrap();
        let asked = storage.seen()[1].headers.contains_key("range");
        assert_eq!(asked, resumed, "{ranges}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_length_nothing_is_resumed() {
    let whole = content(200_000, 1);
    let served = whole.clone();
    let (storage, _, client) = servers(move |seen| {
        let cut = [80_000, usize::MAX][seen.number.min(1)];
        let mut answer = file(seen, &served, "\"v1\"", cut);
        answer.headers_mut().remove("content-length");
        answer
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!((done.unwrap(), &left[0].1), (200_000, &whole));
    assert!(!storage.seen()[1].headers.contains_key("range"));
}

#[tokio::test(start_paused = true)]
async fn without_a_tag_nothing_is_resumed() {
    let whole = content(200_000, 1);
    let served = whole.clone();
    let (storage, _, client) = servers(move |seen| {
        let cut = if seen.number == 0 {
            120_000
        } else {
            usize::MAX
        };
        let mut answer = file(seen, &served, "\"v1\"", cut);
        answer.headers_mut().remove("etag");
        answer
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!((done.unwrap(), &left[0].1), (200_000, &whole));
    assert!(
        storage
            .seen()
            .iter()
            .all(|seen| !seen.headers.contains_key("range"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_link_that_expires_on_the_way_is_asked_for_again() {
    let whole = content(300_000, 1);
    let served = whole.clone();
    let (storage, api, client) = servers(move |seen| {
        let fresh = seen.values("link") == ["1"];
        match (seen.number, fresh) {
            (0, _) => file(seen, &served, "\"v1\"", 100_000),
            (_, false) => status(403),
            (_, true) => file(seen, &served, "\"v1\"", usize::MAX),
        }
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!((done.unwrap(), &left[0].1), (300_000, &whole));
    assert_eq!((api.seen().len(), storage.seen().len()), (2, 3));
    assert_eq!(storage.seen()[2].headers["range"], "bytes=100000-");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_link_that_is_refused_is_an_error() {
    let (storage, api, client) = servers(|_| status(403)).await;
    let (done, left) = to_file(&client).await;
    assert_eq!(done.unwrap_err().status().unwrap().as_u16(), 403);
    assert!(left.is_empty());
    assert_eq!((api.seen().len(), storage.seen().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_never_gives_a_byte_ends_it() {
    let (storage, _, client) = servers(|_| status(503)).await;
    let (done, left) = to_file(&client).await;
    assert_eq!(done.unwrap_err().kind(), ErrorKind::Refused);
    assert!(left.is_empty());
    assert_eq!(storage.seen().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_token_stays_away_from_storage_and_the_link_out_of_errors() {
    let (storage, _, client) = servers(|_| status(500)).await;
    let (done, _) = to_file(&client).await;
    let error = done.unwrap_err();
    let shown = format!("{error} {error:?} {error:#?}");
    assert!(
        !shown.contains("very-secret") && !shown.contains(TOKEN),
        "{shown}"
    );
    for seen in storage.seen() {
        let headers: &HeaderMap = &seen.headers;
        assert!(!headers.contains_key("authorization"));
        assert!(!format!("{headers:?}").contains(TOKEN));
    }
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_and_a_restart_with_it() {
    let served = content(100_000, 1);
    let (_, _, client) = servers(move |seen| file(seen, &served, "\"v1\"", 40_000)).await;
    let (send, progress) = std::sync::mpsc::channel();
    let download = client
        .batch(id())
        .download()
        .on_progress(move |step| send.send(step).unwrap());
    let mut sink = Vec::new();
    download.to_writer(&mut sink).await.unwrap();
    let steps: Vec<_> = progress.iter().collect();
    assert!(steps.windows(2).all(|pair| pair[0].bytes < pair[1].bytes));
    assert!(steps.iter().all(|step| step.total == Some(100_000)));
    assert_eq!(steps.last().unwrap().bytes, 100_000);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let (_, _, client) = servers(|_| status(500)).await;
    let error = client
        .batch(id())
        .download()
        .to_file("/nowhere/at/all/r.csv")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(
        error.to_string().contains("/nowhere/at/all/r.csv.part"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn downloads_to_one_place_do_not_meet_and_replace_what_was_there() {
    let whole = content(300_000, 1);
    let served = whole.clone();
    let (_, _, client) = servers(move |seen| file(seen, &served, "\"v1\"", 45_000)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    std::fs::write(&path, "of yesterday").unwrap();
    let to_file = || client.batch(id()).download().to_file(path.clone());
    let (left, right) = tokio::join!(to_file(), to_file());
    assert_eq!((left.unwrap(), right.unwrap()), (300_000, 300_000));
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    // One that fails, or is dropped on the way, changes nothing.
    let (_, _, client) = servers(|_| status(404)).await;
    let to_file = client.batch(id()).download().to_file(&path);
    to_file.await.unwrap_err();
    let served = whole.clone();
    let (_, _, client) = servers(move |seen| file(seen, &served, "\"v1\"", 45_000)).await;
    let (send, moved) = tokio::sync::mpsc::unbounded_channel();
    let mut moved = moved;
    let download = client.batch(id()).download();
    let download = download.on_progress(move |_| send.send(()).unwrap());
    tokio::select! {
        _ = download.to_file(&path) => panic!("it is slower than its first piece"),
        _ = moved.recv() => {}
    }
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_never_stands_still_or_can_never_be_resumed_is_an_error() {
    let served = content(100_000, 1);
    let changing = served.clone();
    let (storage, _, client) =
        servers(move |seen| file(seen, &changing, &format!("\"{}\"", seen.number), 40_000)).await;
    let (done, left) = to_file(&client).await;
    let error = done.unwrap_err().to_string();
    assert!(error.contains("begin anew 5 times"), "{error}");
    // The first, and five anew: the answer that would begin it once more isn't read.
    assert_eq!((left.len(), storage.seen().len()), (0, 7));
    let (storage, _, client) = servers(move |seen| {
        let mut answer = file(seen, &served, "W/\"weak\"", 40_000);
        answer
            .headers_mut()
            .insert("accept-ranges", "none".parse().unwrap());
        answer
    })
    .await;
    to_file(&client).await.0.unwrap_err();
    assert!(storage.seen().len() < 10);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_not_encrypted_is_not_followed() {
    for link in [
        "http://s3.example/r?X-Sig=hush",
        "ftp://127.0.0.1/r",
        "/r.csv",
        "file:///etc/passwd",
    ] {
        let api = Script::start(move |_| json(value!({ "url": link }))).await;
        let (done, left) = to_file(&api.client()).await;
        let error = done.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(!format!("{error} {error:?}").contains("hush"));
        assert!(left.is_empty());
    }
    // One that is, is: but nobody listens there.
    let link = "https://127.0.0.1:1/r";
    let api = Script::start(move |_| json(value!({ "url": link }))).await;
    let error = to_file(&api.client()).await.0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_an_error() {
    let served = content(100_000, 1);
    let (_, _, client) = servers(move |seen| file(seen, &served, "\"v1\"", usize::MAX)).await;
    let full = tokio::fs::File::options()
        .write(true)
        .open("/dev/full")
        .await
        .unwrap();
    let error = client
        .batch(id())
        .download()
        .to_writer(full)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("no storage space"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_storage_keeps_gzipped_arrives_gzipped() {
    let (storage, _, client) = servers(|_| {
        let answer = Response::builder().header("content-encoding", "gzip");
        answer.body(Body::from(&b"\x1f\x8bnot really"[..])).unwrap()
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!(
        (done.unwrap(), left[0].1.as_slice()),
        (12, &b"\x1f\x8bnot really"[..])
    );
    assert!(!storage.seen()[0].headers.contains_key("accept-encoding"));
}
