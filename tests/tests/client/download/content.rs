//! The content of a download: as a reader, a stream or bytes, gzipped or not, and what is no content.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::ErrorKind;
use cargo_batch_tests::script::{Script, status};
use futures_util::stream;

use super::{content, file, id, servers, signed, to_file};

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
    // Cancelled repeatedly.
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
