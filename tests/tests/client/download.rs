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
    // The pause lets what came before the cut out of the server's buffer.
    let before = stream::iter([Ok(rest[..cut].to_vec())]);
    let cut = stream::once(async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    response.body(Body::from_stream(before.chain(cut))).unwrap()
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
        // A server may give less than the range it was asked for, and ends its response properly.
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
        _ => {
            let mut longer = part(&whole, 80_000..200_000);
            let range = "bytes 80000-99999/100000".parse().unwrap();
            longer.headers_mut().insert("content-range", range);
            longer
        }
    })
    .await;
    let (done, left) = to_file(&client).await;
    let error = done.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(
        error.to_string().contains("but was announced with 100000"),
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
            let mut response = file(seen, &whole, "\"v1\"", cut);
            let headers = response.headers_mut();
            headers.insert("accept-ranges", ranges.parse().unwrap());
            response
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
        let mut response = file(seen, &served, "\"v1\"", cut);
        response.headers_mut().remove("content-length");
        response
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
        let mut response = file(seen, &served, "\"v1\"", cut);
        response.headers_mut().remove("etag");
        response
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
    assert_eq!(done.unwrap_err().kind(), ErrorKind::Status);
    assert!(left.is_empty());
    assert_eq!(storage.seen().len(), 6);
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
        error.to_string().contains("/nowhere/at/all/r.csv"),
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
    assert!(error.contains("started over 5 times"), "{error}");
    // None came farther than the first.
    assert_eq!((left.len(), storage.seen().len()), (0, 6));
    let (storage, _, client) = servers(move |seen| {
        let mut response = file(seen, &served, "W/\"weak\"", 40_000);
        response
            .headers_mut()
            .insert("accept-ranges", "none".parse().unwrap());
        response
    })
    .await;
    to_file(&client).await.0.unwrap_err();
    assert_eq!(storage.seen().len(), 6);
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
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        assert!(!format!("{error} {error:?}").contains("hush"));
        assert!(left.is_empty());
    }
    // One that is, is: but nobody listens there.
    let link = "https://127.0.0.1:1/r";
    let api = Script::start(move |_| json(value!({ "url": link }))).await;
    let error = to_file(&api.client()).await.0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
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
async fn files_stored_gzipped_arrive_gzipped() {
    let (storage, _, client) = servers(|_| {
        let response = Response::builder().header("content-encoding", "gzip");
        response
            .body(Body::from(&b"\x1f\x8bnot really"[..]))
            .unwrap()
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!(
        (done.unwrap(), left[0].1.as_slice()),
        (12, &b"\x1f\x8bnot really"[..])
    );
    assert!(!storage.seen()[0].headers.contains_key("accept-encoding"));
}

/// Serves bytes as they are, one connection after the other, and closes each; returns the requests.
async fn raw(responses: Vec<Vec<u8>>) -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/r.csv", listener.local_addr().unwrap());
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = seen.clone();
    tokio::spawn(async move {
        for response in responses {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).await.unwrap();
                head.push(byte[0]);
            }
            kept.lock().unwrap().push(String::from_utf8(head).unwrap());
            stream.write_all(&response).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (url, seen)
}

/// A signed URL, as the API gives it.
fn signed(url: &str) -> cargo_batch_client::types::SignedUrl {
    serde_json::from_value(value!(url)).unwrap()
}

// ---- identity ----

#[tokio::test(start_paused = true)]
async fn a_range_of_another_file_is_never_put_behind_the_first_bytes() {
    let (old, new) = (content(100_000, 1), content(100_000, 2));
    // What the response to the range says of itself, and what the error says of it.
    for (etag, range, cause) in [
        (Some("\"v2\""), "bytes 40000-99999/100000", "changed"),
        (Some("W/\"v1\""), "bytes 40000-99999/100000", "changed"),
        (
            None,
            "bytes 40000-99999/100000",
            "doesn't say of which file",
        ),
        (Some("\"v1\""), "bytes 40000-99999/100001", "changed"),
        (Some("\"v1\""), "bytes 39999-99998/100000", "another range"),
        (Some("\"v1\""), "lines 40000-99999/100000", "another range"),
    ] {
        let (old, whole) = (old.clone(), new.clone());
        let served = new.clone();
        let (storage, _, client) = servers(move |seen| match seen.number {
            0 => file(seen, &old, "\"v1\"", 40_000),
            _ if seen.headers.contains_key("range") => {
                let mut rest = part(&served, 40_000..100_000);
                let headers = rest.headers_mut();
                headers.remove("etag");
                headers.extend(etag.map(|etag| (axum::http::header::ETAG, etag.parse().unwrap())));
                headers.insert("content-range", range.parse().unwrap());
                rest
            }
            _ => file(seen, &served, "\"v2\"", usize::MAX),
        })
        .await;
        let (done, left) = to_file(&client).await;
        assert_eq!(done.unwrap(), 100_000, "{etag:?} {range}");
        assert!(left == [("r.csv".to_owned(), whole)], "{etag:?} {range}");
        assert_eq!(storage.seen().len(), 3);

        let (old, served) = (content(100_000, 1), new.clone());
        let (storage, _, client) = servers(move |seen| match seen.number {
            0 => file(seen, &old, "\"v1\"", 40_000),
            _ => {
                let mut rest = part(&served, 40_000..100_000);
                let headers = rest.headers_mut();
                headers.remove("etag");
                headers.extend(etag.map(|etag| (axum::http::header::ETAG, etag.parse().unwrap())));
                headers.insert("content-range", range.parse().unwrap());
                rest
            }
        })
        .await;
        let mut written = Vec::new();
        let download = client.batch(id()).download();
        let error = download.to_writer(&mut written).await.unwrap_err();
        assert!(error.to_string().contains(cause), "{error} for {cause}");
        assert!(written == content(100_000, 1)[..40_000]);
        assert_eq!((storage.seen().len(), error.attempts()), (2, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_range_is_the_same_in_any_case_and_without_a_total() {
    for range in ["Bytes 40000-99999/100000", "bytes 40000-99999/*"] {
        let whole = content(100_000, 1);
        let served = whole.clone();
        let (storage, _, client) = servers(move |seen| match seen.number {
            0 => file(seen, &served, "\"v1\"", 40_000),
            _ => {
                let mut rest = part(&served, 40_000..100_000);
                let headers = rest.headers_mut();
                headers.insert("content-range", range.parse().unwrap());
                rest
            }
        })
        .await;
        let (done, left) = to_file(&client).await;
        assert_eq!((done.unwrap(), &left[0].1), (100_000, &whole));
        assert_eq!(storage.seen().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_that_cannot_be_resumed_is_not_reported_as_changed() {
    type Change = fn(&mut HeaderMap);
    let cases: [(Change, &str); 4] = [
        (|headers| drop(headers.remove("etag")), "gives no ETag"),
        (
            |headers| drop(headers.insert("etag", "W/\"v1\"".parse().unwrap())),
            "only a weak ETag",
        ),
        (
            |headers| drop(headers.insert("accept-ranges", "None".parse().unwrap())),
            "sends no ranges",
        ),
        (
            |headers| drop(headers.remove("content-length")),
            "its length is unknown",
        ),
    ];
    for (change, cause) in cases {
        let served = content(100_000, 1);
        let (storage, _, client) = servers(move |seen| {
            let mut response = file(seen, &served, "\"v1\"", 40_000);
            change(response.headers_mut());
            response
        })
        .await;
        let download = client.batch(id()).download();
        let error = download.to_writer(&mut Vec::new()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(cause) && !text.contains("changed"), "{text}");
        assert!(text.contains("40000"), "{text}");
        assert!(
            text.contains(&format!("download of batch {}", id())),
            "{text}"
        );
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        // What would be of no use isn't fetched.
        assert_eq!(storage.seen().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_lost_after_the_last_byte_is_success() {
    let whole = content(100_000, 1);
    let served = whole.clone();
    let (storage, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &served, "\"v1\"", 40_000),
        _ => {
            let rest = stream::iter([Ok(served[40_000..].to_vec())]);
            let cut = stream::once(async {
                tokio::time::sleep(Duration::from_millis(10)).await;
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
            });
            let mut response = part(&served, 40_000..100_000);
            response.headers_mut().remove("content-length");
            *response.body_mut() = Body::from_stream(rest.chain(cut));
            response
        }
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!((done.unwrap(), &left[0].1), (100_000, &whole));
    assert_eq!(storage.seen().len(), 2);
}

#[tokio::test]
async fn a_file_without_a_sign_of_its_end_is_refused_unless_that_is_accepted() {
    let response = b"HTTP/1.1 200 OK\r\netag: \"v1\"\r\n\r\nemail\na@b.c\nd@e";
    let (url, seen) = raw(vec![response.to_vec(); 2]).await;
    let api = Script::start(|_| status(500)).await;
    let link = || {
        api.client()
            .download_url(signed(&format!("{url}?X-Sig=hush")))
    };
    let error = link().bytes().await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains("neither a length nor chunks"), "{text}");
    assert!(text.contains("/r.csv") && !text.contains("hush"), "{text}");
    assert!(!error.is_retryable());
    let all = link().accept_unknown_length().bytes().await.unwrap();
    assert_eq!(all, &b"email\na@b.c\nd@e"[..]);
    assert_eq!((seen.lock().unwrap().len(), api.seen().len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_page_in_place_of_the_file_is_an_error() {
    const S3: &str = "<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>at \
                      https://s3.example/a?X-Sig=hush</Message></Error>";
    for (media_type, body, says) in [
        ("text/html; charset=utf-8", "hello", "a page of HTML"),
        ("Application/XHTML+xml", "hello", "a page of HTML"),
        ("text/csv", "\n <!doctype html><p>", "a page of HTML"),
        ("application/octet-stream", S3, "SlowDown"),
    ] {
        for chunk in [1, 1000] {
            let (storage, _, client) = servers(move |_| {
                let chunks: Vec<_> = body.as_bytes().chunks(chunk).map(<[u8]>::to_vec).collect();
                let chunks = stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>));
                let response = Response::builder().header("content-type", media_type);
                response.body(Body::from_stream(chunks)).unwrap()
            })
            .await;
            let (done, left) = to_file(&client).await;
            let error = done.unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(says) && !text.contains("hush"), "{text}");
            assert_eq!(error.kind(), ErrorKind::InvalidResponse);
            assert!(left.is_empty());
            let mut rows = client.batch(id()).download().rows::<serde_json::Value>();
            let row = rows.next().await.unwrap().unwrap_err();
            assert!(!row.is_row(), "{row}");
            assert_eq!(storage.seen().len(), 2);
        }
    }
}

// ---- storage ----

#[tokio::test(start_paused = true)]
async fn redirects_of_storage_are_followed_without_a_referer() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own = reqwest::Client::builder();
    let own = own.redirect(reqwest::redirect::Policy::none()).build();
    let own = own.unwrap();
    for code in [301, 302, 303, 307, 308] {
        let whole = content(10_000, 1);
        let served = whole.clone();
        let (storage, api, client) = servers(move |seen| match seen.number % 3 {
            2 => file(seen, &served, "\"v1\"", usize::MAX),
            turn => Response::builder()
                .status(code)
                .header("location", format!("/moved/{turn}?X-Sig=other-secret"))
                .body(Body::empty())
                .unwrap(),
        })
        .await;
        let with_own = api.builder().http_client(own.clone()).build().unwrap();
        for client in [client, with_own] {
            let (done, left) = to_file(&client).await;
            assert_eq!((done.unwrap(), &left[0].1), (10_000, &whole), "{code}");
        }
        assert_eq!(storage.seen().len(), 6);
        for seen in storage.seen() {
            assert!(!format!("{:?}", seen.headers).contains("secret"));
            assert!(!seen.headers.contains_key("referer"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_without_end_or_to_the_open_are_not_followed() {
    for (to, requests, says) in [
        ("/again?X-Sig=hush", 6, "redirected more than 5 times"),
        ("http://s3.example/r?X-Sig=hush", 1, "isn't encrypted"),
        ("ftp://127.0.0.1/r?X-Sig=hush", 1, "isn't encrypted"),
        // Nothing to follow.
        ("", 1, "302 Found"),
    ] {
        let (storage, _, client) = servers(move |_| {
            let mut response = status(302);
            if !to.is_empty() {
                let headers = response.headers_mut();
                headers.insert("location", to.parse().unwrap());
            }
            response
        })
        .await;
        let error = to_file(&client).await.0.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(says) && !text.contains("hush"), "{text}");
        assert!(!text.contains("base URL"), "{text}");
        assert_eq!(storage.seen().len(), requests, "{to}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_storage_speaks_of_storage() {
    for (code, says) in [
        (400, "for a newly issued URL"),
        (401, "for a newly issued URL"),
        (403, "for a newly issued URL"),
        (404, "for a newly issued URL"),
        (304, "storage returned 304"),
        (416, "storage returned 416"),
        (501, "storage returned 501"),
        (505, "storage returned 505"),
    ] {
        let (storage, _, client) = servers(move |_| {
            let mut response = status(code);
            if code != 304 {
                *response.body_mut() = Body::from(
                    "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request &lt;has \
                     expired: https://s3.example/a?X-Sig=hush</Message><Signature>hush</Signature></Error>",
                );
            }
            response
        })
        .await;
        let error = to_file(&client).await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Status);
        let text = format!("{error} {error:?}");
        assert!(
            text.contains(says) && text.contains("download of batch"),
            "{text}"
        );
        for wrong in ["token", "Check the id", "base URL", "hush"] {
            assert!(!text.contains(wrong), "{text}");
        }
        if code != 304 {
            assert!(
                text.contains("(AccessDenied): Request <has expired"),
                "{text}"
            );
            assert!(error.body().unwrap().ends_with(b"</Error>"));
        }
        assert_eq!(storage.seen().len(), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_keeps_to_the_retry_policy_and_to_what_storage_asks_for() {
    use cargo_batch_client::RetryPolicy;

    let unavailable = |code, after: &'static str| {
        move |_: &Seen| {
            let mut response = status(code);
            let headers = response.headers_mut();
            headers.insert("retry-after", after.parse().unwrap());
            response
        }
    };
    for code in [408, 425, 500, 502, 503, 504, 507, 520, 599] {
        let (storage, api, _) = servers(unavailable(code, "8")).await;
        let mut policy = RetryPolicy::default();
        policy.max_attempts = 7;
        let client = api.builder().retry(policy).build().unwrap();
        let error = to_file(&client).await.0.unwrap_err();
        let at: Vec<Duration> = storage.seen().iter().map(|seen| seen.at).collect();
        assert_eq!((at.len(), error.attempts()), (7, 7), "{code}");
        for pair in at.windows(2) {
            let delay = pair[1] - pair[0];
            assert!(delay >= Duration::from_secs(8), "{delay:?}");
            assert!(delay < Duration::from_secs(9), "{delay:?}");
        }
        assert_ne!(at[1] - at[0], at[2] - at[1], "jitter");
    }
    // Longer than is waited for.
    let (storage, api, client) = servers(unavailable(503, "61")).await;
    assert!(to_file(&client).await.0.is_err());
    assert_eq!(storage.seen().len(), 1);
    drop(api);
    // Never means never: not after a refusal, not after a cut.
    let (storage, api, _) = servers(unavailable(503, "1")).await;
    let client = api.builder().retry(RetryPolicy::never()).build().unwrap();
    assert_eq!(to_file(&client).await.0.unwrap_err().attempts(), 1);
    assert_eq!(storage.seen().len(), 1);
    let served = content(100_000, 1);
    let (storage, api, _) = servers(move |seen| file(seen, &served, "\"v1\"", 40_000)).await;
    let client = api.builder().retry(RetryPolicy::never()).build().unwrap();
    let error = to_file(&client).await.0.unwrap_err();
    assert!(
        error.to_string().contains("after 40000 of 100000 bytes"),
        "{error}"
    );
    assert_eq!(storage.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn progress_costs_nothing_of_the_budget_and_a_lack_of_it_does() {
    use cargo_batch_client::RetryPolicy;

    let mut policy = RetryPolicy::default();
    policy.budget = 2;
    let served = content(1_000_000, 1);
    let (storage, api, _) = servers(move |seen| file(seen, &served, "\"v1\"", 45_000)).await;
    let client = api.builder().retry(policy.clone()).build().unwrap();
    to_file(&client).await.0.unwrap();
    assert!(storage.seen().len() > 20);
    policy.max_attempts = 50;
    let (storage, api, _) = servers(|_| status(503)).await;
    let client = api.builder().retry(policy).build().unwrap();
    to_file(&client).await.0.unwrap_err();
    assert_eq!(storage.seen().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_byte_now_and_then_is_not_a_transfer() {
    let drops = || {
        stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Some((Ok::<_, std::io::Error>("x"), ()))
        })
    };
    let (storage, _, client) = servers(move |_| {
        let response = Response::builder().header("content-length", 1_000_000);
        let response = response.header("etag", "\"v1\"");
        response.body(Body::from_stream(drops())).unwrap()
    })
    .await;
    let begin = tokio::time::Instant::now();
    let (done, left) = to_file(&client).await;
    let error = done.unwrap_err();
    assert!(
        error.to_string().contains("less than 1 KiB a second"),
        "{error}"
    );
    assert!(left.is_empty());
    assert_eq!(storage.seen().len(), 6);
    assert!(
        begin.elapsed() < Duration::from_secs(450),
        "{:?}",
        begin.elapsed()
    );
    // Four times as much is one.
    let (_storage, _, client) = servers(move |_| {
        let chunks = stream::unfold(0, |sent| async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            (sent < 1000).then_some((Ok::<_, std::io::Error>(vec![b'x'; 400]), sent + 1))
        });
        let response = Response::builder().header("content-length", 400_000);
        response.body(Body::from_stream(chunks)).unwrap()
    })
    .await;
    assert_eq!(to_file(&client).await.0.unwrap(), 400_000);
}

// ---- the file ----

/// Serves the same to all.
async fn serving(content: &'static [u8]) -> (Script, Script, Client) {
    servers(move |seen| file(seen, content, "\"v1\"", usize::MAX)).await
}

#[tokio::test]
async fn invalid_target_paths_are_rejected_before_the_request() {
    let (storage, api, client) = serving(b"email\n").await;
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let slash = format!("{}/", folder.path().join("new").display());
    let not_a_folder = folder.path().join("file");
    std::fs::write(&not_a_folder, "").unwrap();
    let mut paths = vec![
        inner.clone(),
        slash.into(),
        "".into(),
        "/".into(),
        inner.join(".."),
        not_a_folder.join("r.csv"),
        folder.path().join("nowhere").join("r.csv"),
        folder.path().join("x".repeat(256)),
    ];
    #[cfg(unix)]
    {
        let around = folder.path().join("around");
        std::os::unix::fs::symlink(&around, &around).unwrap();
        let socket = folder.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        paths.extend([around, socket]);
    }
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    for path in paths {
        let download = client.batch(id()).download().to_file(&path);
        let error = download.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{path:?}");
        let named = format!("cannot write {}", path.display());
        assert!(error.to_string().contains(&named), "{error}");
        let is_of_folder = path == inner || path.as_os_str().as_encoded_bytes().ends_with(b"/");
        let text = format!("{error:#}");
        assert_eq!(
            text.contains("it is a folder, not a file"),
            is_of_folder || path.ends_with(".."),
            "{text}"
        );
    }
    assert_eq!((storage.seen().len(), api.seen().len()), (0, 0));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before);
}

#[cfg(unix)]
#[tokio::test]
async fn special_files_are_written_in_place() {
    use std::os::unix::fs::FileTypeExt;

    let (_storage, _api, client) = serving(b"email\n").await;
    let to_file = async |path: &std::path::Path| {
        let download = client.batch(id()).download().to_file(path);
        download.await.unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    // Whoever may replace the machine's own `/dev/null` may also create another one to try it on.
    let null = folder.path().join("null");
    let created = std::process::Command::new("mknod")
        .args([null.as_os_str(), "c".as_ref(), "1".as_ref(), "3".as_ref()])
        .output();
    let is_created = created.is_ok_and(|created| created.status.success());
    let is_device = is_created && std::fs::write(&null, "").is_ok();
    let device = match is_device {
        true => null.as_path(),
        false => "/dev/null".as_ref(),
    };
    assert_eq!(to_file(device).await, 6);
    let there = std::fs::symlink_metadata(device).unwrap();
    assert!(there.file_type().is_char_device());
    if is_created {
        std::fs::remove_file(&null).unwrap();
    }
    // A pipe, whose reader comes later.
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let reader = pipe.clone();
    let reading = tokio::task::spawn_blocking(move || std::fs::read(reader).unwrap());
    assert_eq!(to_file(&pipe).await, 6);
    assert_eq!(reading.await.unwrap(), b"email\n");
    assert!(
        std::fs::symlink_metadata(&pipe)
            .unwrap()
            .file_type()
            .is_fifo()
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_permissions_stay_as_they_are() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    let (_storage, _api, client) = serving(b"email\n").await;
    let to_file = async |path: &std::path::Path| {
        let download = client.batch(id()).download().to_file(path);
        download.await.unwrap();
    };
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let read = |name: &str| std::fs::read(other.join(name)).unwrap();
    // Over two links, both relative.
    std::fs::write(other.join("r.csv"), "before").unwrap();
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(other.join("r.csv"), mode).unwrap();
    symlink("r.csv", other.join("link")).unwrap();
    symlink("other/link", folder.path().join("link")).unwrap();
    to_file(&folder.path().join("link")).await;
    assert!(folder.path().join("link").is_symlink() && other.join("link").is_symlink());
    let replaced = std::fs::symlink_metadata(other.join("r.csv")).unwrap();
    assert_eq!(
        (read("r.csv"), replaced.mode() & 0o777),
        (b"email\n".to_vec(), 0o640)
    );
    // To nothing yet.
    symlink("other/new.csv", folder.path().join("dangling")).unwrap();
    to_file(&folder.path().join("dangling")).await;
    assert!(folder.path().join("dangling").is_symlink());
    assert_eq!(read("new.csv"), b"email\n");
    // Of two names of one file both lead to the new one.
    std::fs::write(other.join("one"), "much longer than what comes").unwrap();
    std::fs::hard_link(other.join("one"), other.join("two")).unwrap();
    to_file(&other.join("one")).await;
    assert_eq!(
        (read("one"), read("two")),
        (b"email\n".to_vec(), b"email\n".to_vec())
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 5);
}

/// A folder in which even the superuser creates nothing.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_in_a_folder_that_takes_none_is_written_in_place() {
    let (_storage, _api, client) = serving(b"renamed").await;
    let thread = std::thread::Builder::new();
    let (send, path) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let thread = thread.spawn(move || {
        let comm = std::fs::read_link("/proc/thread-self").unwrap();
        send.send(std::path::Path::new("/proc").join(comm).join("comm"))
            .unwrap();
        let _ = ended.recv();
    });
    let path = path.recv().unwrap();
    let download = client.batch(id()).download().to_file(&path);
    assert_eq!(download.await.unwrap(), 7);
    assert_eq!(std::fs::read(&path).unwrap(), b"renamed\n");
    drop(end);
    thread.unwrap().join().unwrap();
}

#[tokio::test]
async fn a_name_may_be_as_long_as_names_may_be() {
    let (_storage, _api, client) = serving(b"email\n").await;
    let folder = tempfile::tempdir().unwrap();
    for name in ["x".repeat(241), "y".repeat(255), "\u{e9}".repeat(127)] {
        let path = folder.path().join(name);
        // Also where there is one.
        for _ in 0..2 {
            let download = client.batch(id()).download().to_file(&path);
            assert_eq!(download.await.unwrap(), 6);
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

/// Copies what a download has written until it is dropped, as if its process had been killed.
async fn killed(client: &Client, folder: &std::path::Path) {
    let (send, mut moved) = tokio::sync::mpsc::unbounded_channel();
    let running = tempfile::tempdir().unwrap();
    let download = client.batch(id()).download();
    let download = download.on_progress(move |step| send.send(step.bytes).unwrap());
    let mut download = std::pin::pin!(download.to_file(running.path().join("r.csv")));
    loop {
        tokio::select! {
            done = &mut download => panic!("{done:?}"),
            bytes = moved.recv() => if bytes.unwrap() >= 40_000 {
                break;
            }
        }
    }
    // What has arrived is written while the rest is waited for.
    let _ = tokio::time::timeout(Duration::from_secs(1), &mut download).await;
    for entry in std::fs::read_dir(running.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
}

/// A file of which 40,000 bytes come, and then nothing, until it is asked for again.
fn stalling(seen: &Seen, content: &[u8], etag: &str) -> Response<Body> {
    let mut response = file(seen, content, etag, usize::MAX);
    if seen.number == 0 {
        let some = stream::iter([Ok::<_, std::io::Error>(content[..40_000].to_vec())]);
        *response.body_mut() = Body::from_stream(some.chain(stream::pending()));
    }
    response
}

#[tokio::test(start_paused = true)]
async fn the_partial_file_of_a_killed_process_is_resumed() {
    let whole = content(100_000, 1);
    for (etag, now, range) in [
        ("\"v1\"", "\"v1\"", Some("bytes=40000-")),
        ("\"v1\"", "\"v2\"", Some("bytes=40000-")),
        ("W/\"v1\"", "W/\"v1\"", None),
    ] {
        let (old, new) = (content(100_000, 2), whole.clone());
        let (storage, api, client) = servers(move |seen| match (seen.number, etag == now) {
            (0, false) => stalling(seen, &old, etag),
            _ => stalling(seen, &new, now),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        killed(&client, folder.path()).await;
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(
            left,
            1 + usize::from(range.is_some()),
            "the part and what it is of"
        );
        let path = folder.path().join("r.csv");
        let download = client.batch(id()).download().to_file(&path);
        assert_eq!(download.await.unwrap(), 100_000);
        assert!(std::fs::read(&path).unwrap() == whole, "{etag} {now}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let seen = storage.seen();
        let asked = seen[1].headers.get("range");
        assert_eq!(asked.map(|range| range.to_str().unwrap()), range);
        assert_eq!((seen.len(), api.seen().len()), (2, 2));
    }
    // Another batch's results to the same place are not.
    let served = whole.clone();
    let (storage, _api, client) = servers(move |seen| stalling(seen, &served, "\"v1\"")).await;
    let folder = tempfile::tempdir().unwrap();
    killed(&client, folder.path()).await;
    let other: BatchUuid = uuid(2).parse().unwrap();
    let path = folder.path().join("r.csv");
    client.batch(other).download().to_file(&path).await.unwrap();
    assert!(std::fs::read(&path).unwrap() == whole);
    assert!(!storage.seen()[1].headers.contains_key("range"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

// ---- other ways ----

#[tokio::test(start_paused = true)]
async fn a_download_is_a_reader_a_stream_or_bytes() {
    use tokio::io::AsyncReadExt;

    let whole = content(300_000, 1);
    let served = whole.clone();
    let (_storage, api, client) = servers(move |seen| file(seen, &served, "\"v1\"", 45_000)).await;
    let download = || client.batch(id()).download();
    assert!(download().bytes().await.unwrap() == whole);
    let mut read = Vec::new();
    download().reader().read_to_end(&mut read).await.unwrap();
    assert!(read == whole);
    let mut chunks = download().bytes_stream();
    let mut read = Vec::new();
    // Given up again and again.
    loop {
        match tokio::time::timeout(Duration::from_millis(1), chunks.next()).await {
            Ok(Some(chunk)) => read.extend_from_slice(&chunk.unwrap()),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert!(read == whole);
    assert!(chunks.next().await.is_none());
    let client = api.builder().max_response_bytes(299_999).build().unwrap();
    let error = client.batch(id()).download().bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);

    let (_storage, _api, client) = servers(|_| status(403)).await;
    let mut reader = client.batch(id()).download().reader();
    let error = reader.read_to_end(&mut Vec::new()).await.unwrap_err();
    let error = error.get_ref().unwrap();
    let error = error.downcast_ref::<cargo_batch_client::Error>().unwrap();
    assert_eq!(error.status().unwrap().as_u16(), 403);
    let mut chunks = client.batch(id()).download().bytes_stream();
    assert!(chunks.next().await.unwrap().is_err());
    assert!(chunks.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn gzipped_content_is_decompressed_on_request() {
    use std::io::Write;

    let text: Vec<u8> = (0..20_000)
        .flat_map(|n| format!("{n},a\n").into_bytes())
        .collect();
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    zip.write_all(&text).unwrap();
    let zipped = zip.finish().unwrap();
    assert!(zipped.len() > 30_000);
    for (etag, content) in [
        ("\"v1\"", zipped.clone()),
        // Started over.
        ("W/\"v1\"", zipped.clone()),
        ("\"v1\"", text.clone()),
    ] {
        let served = content.clone();
        let (_storage, _api, client) = servers(move |seen| {
            let cut = [25_000, usize::MAX][seen.number.min(1)];
            file(seen, &served, etag, cut)
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        let download = client.batch(id()).download().decompressed();
        assert_eq!(download.to_file(&path).await.unwrap(), text.len() as u64);
        assert!(std::fs::read(&path).unwrap() == text);
        let download = client.batch(id()).download().decompressed();
        assert!(download.bytes().await.unwrap() == text);
        let download = client.batch(id()).download();
        assert!(download.bytes().await.unwrap() == content);
    }
    let cut = zipped[..zipped.len() - 4].to_vec();
    let (_storage, _api, client) =
        servers(move |seen| file(seen, &cut, "\"v1\"", usize::MAX)).await;
    let download = client.batch(id()).download().decompressed();
    assert_eq!(download.bytes().await.unwrap_err().kind(), ErrorKind::Io);
}

#[tokio::test(start_paused = true)]
async fn any_signed_url_is_a_download() {
    let served = content(100_000, 1);
    let whole = served.clone();
    let (storage, api, client) = servers(move |seen| match seen.number {
        0 | 1 => file(seen, &served, "\"v1\"", 60_000),
        _ => status(403),
    })
    .await;
    let url = format!("{}/runs.csv?X-Sig=hush", storage.base_url());
    let link = client.download_url(signed(&url));
    assert!(link.bytes().await.unwrap() == whole);
    // It can't be asked for again.
    let error = client.download_url(signed(&url)).bytes().await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("may have expired") && !text.contains("hush"),
        "{text}"
    );
    assert_eq!((storage.seen().len(), api.seen().len()), (3, 0));
}
