//! Uploads: in parts where they are large, and nothing left behind.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::UploadedFile;
use cargo_batch_client::{Error, ErrorKind};
use cargo_batch_tests::script::{Script, Seen, TOKEN, json, status};
use serde_json::json as value;

const CREATE: &str = "POST /v1/workspaceManagement/files/multipart/create";
const SIGN: &str = "POST /v1/workspaceManagement/files/multipart/sign";
const COMPLETE: &str = "POST /v1/workspaceManagement/files/multipart/complete";
const ABORT: &str = "POST /v1/workspaceManagement/files/multipart/abort";
const COLUMNS: &str = "GET /v1/workspaceManagement/files/listColumns";
const SINGLE: &str = "POST /v1/workspaceManagement/files/upload";
const MIB: usize = 1 << 20;

/// The parts that storage has received.
type Parts = Arc<Mutex<BTreeMap<u64, Vec<u8>>>>;

/// An API and a storage; `fault` responds instead of either where it has something to say.
async fn servers(
    fault: impl Fn(&Seen) -> Option<Response<Body>> + Send + Sync + 'static,
) -> (Script, Script, Parts) {
    cargo_batch_tests::clock::steady();
    let fault = Arc::new(fault);
    let parts = Parts::default();
    let (kept, faults) = (parts.clone(), fault.clone());
    let storage = Script::start(move |seen| {
        if let Some(response) = faults(seen) {
            return response;
        }
        let number: u64 = seen.values("part")[0].parse().unwrap();
        kept.lock().unwrap().insert(number, seen.body.to_vec());
        let tag = format!("\"tag-{number}\"");
        Response::builder()
            .header("etag", tag)
            .body(Body::empty())
            .unwrap()
    })
    .await;
    let url = storage.base_url().to_owned();
    let api = Script::start(move |seen| {
        if let Some(response) = fault(seen) {
            return response;
        }
        match seen.line.as_str() {
            SINGLE => {
                json(value!({ "s3Filename": "one.csv", "contentType": "text/csv", "name": "n" }))
            }
            CREATE => json(value!({ "s3Filename": "large.csv", "uploadId": "up-1" })),
            SIGN => {
                let part = &seen.json()["partNumber"];
                json(value!({ "url": format!("{url}/put?part={part}&X-Sig=hush") }))
            }
            COMPLETE => json(value!({ "s3Filename": "large.csv" })),
            _ => json(value!({})),
        }
    })
    .await;
    (api, storage, parts)
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

async fn upload(api: &Script, content: Vec<u8>) -> Result<String, Error> {
    let reader = std::io::Cursor::new(content);
    Ok(api
        .client()
        .upload_from("large.csv", reader)
        .await?
        .s3_filename)
}

#[tokio::test(start_paused = true)]
async fn every_length_arrives_whole() {
    for length in [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 16 * MIB, 20 * MIB] {
        let (api, storage, parts) = servers(|_| None).await;
        let content = bytes(length);
        let name = upload(&api, content.clone()).await.unwrap();
        if length < 8 * MIB {
            assert_eq!((name.as_str(), storage.seen().len()), ("one.csv", 0));
            let sent = api.seen_at(SINGLE)[0].body.len();
            assert!((length..length + 500).contains(&sent));
            continue;
        }
        let parts: Vec<Vec<u8>> = parts.lock().unwrap().values().cloned().collect();
        assert_eq!(parts.len(), length.div_ceil(8 * MIB), "{length}");
        assert!(parts.concat() == content, "{length}");
        let complete = api.seen_at(COMPLETE)[0].json();
        let numbers = complete["parts"].as_array().unwrap().iter();
        let numbers: Vec<u64> = numbers
            .map(|part| part["partNumber"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (1..=parts.len() as u64).collect::<Vec<_>>());
        assert!(api.seen_at(ABORT).is_empty());
        for seen in storage.seen() {
            assert!(!format!("{:?}", seen.headers).contains(TOKEN));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_part_that_failed_is_sent_again() {
    let failed = Mutex::new(0);
    let (api, storage, parts) = servers(move |seen| {
        let mut failed = failed.lock().unwrap();
        let fails = seen.values("part") == ["2"] && *failed < 2;
        *failed += usize::from(fails);
        fails.then(|| status(500))
    })
    .await;
    let content = bytes(20 * MIB);
    upload(&api, content.clone()).await.unwrap();
    let parts: Vec<Vec<u8>> = parts.lock().unwrap().values().cloned().collect();
    assert!(parts.concat() == content);
    assert_eq!(storage.seen().len(), 3 + 2);
    assert_eq!(
        api.seen_at(SIGN).len(),
        5,
        "each attempt has a URL of its own"
    );
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_fails_is_given_up_before_it_says_so() {
    for line in ["/put", SIGN, COMPLETE] {
        let (api, _, _) = servers(move |seen| seen.line.ends_with(line).then(|| status(400))).await;
        let error = upload(&api, bytes(20 * MIB)).await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), 400);
        let abort = api.seen_at(ABORT);
        assert_eq!(abort.len(), 1, "{line}");
        assert_eq!(
            abort[0].json(),
            value!({ "s3Filename": "large.csv", "uploadId": "up-1" })
        );
        assert!(!format!("{error} {error:?} {error:#}").contains("hush"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_dropped_is_given_up() {
    let (api, _, _) = servers(|seen| (seen.values("part") == ["2"]).then(|| status(500))).await;
    let uploading = upload(&api, bytes(20 * MIB));
    // In the delay before the second attempt.
    let dropped = tokio::time::timeout(Duration::from_millis(100), uploading).await;
    assert!(dropped.is_err());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(api.seen_at(ABORT).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn uploads_are_retried() {
    for (line, length) in [(SINGLE, 10), (CREATE, 9 * MIB), (COMPLETE, 9 * MIB)] {
        let lost = Mutex::new(0);
        let (api, _, _) = servers(move |seen| {
            let mut lost = lost.lock().unwrap();
            let fails = seen.line == line && *lost < 2;
            *lost += usize::from(fails);
            fails.then(|| status(502))
        })
        .await;
        upload(&api, bytes(length)).await.unwrap();
        assert_eq!(api.seen_at(line).len(), 3);
    }
    // Not for ever, and not what was refused.
    for (code, times) in [(502, 6), (400, 1)] {
        let (api, _, _) = servers(move |_| Some(status(code))).await;
        upload(&api, bytes(10)).await.unwrap_err();
        assert_eq!(api.seen_at(SINGLE).len(), times, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_name_says_what_kind_of_file_it_is() {
    for (name, media_type) in [
        ("leads.csv", "text/csv"),
        ("leads.JSON", "application/json"),
        ("leads.ndjson", "application/x-ndjson"),
        ("leads.jsonl", "application/x-ndjson"),
        ("leads.csv.gz", "application/gzip"),
        ("leads", "text/csv"),
        ("leads.tsv", "text/tab-separated-values"),
        ("leads.zip", "application/zip"),
        (
            "Leads.of.May.XLSX",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        ("leads.parquet", "application/vnd.apache.parquet"),
        ("leads.unheard-of", "application/octet-stream"),
    ] {
        let (api, _, _) = servers(|_| None).await;
        let reader = std::io::Cursor::new(bytes(9 * MIB));
        api.client().upload_from(name, reader).await.unwrap();
        let created = &api.seen_at(CREATE)[0].json();
        assert_eq!(created["contentType"], media_type, "{name}");
        assert_eq!(created["filename"], name);
        api.client().upload_from(name, &b"small"[..]).await.unwrap();
        let sent = api.seen_at(SINGLE)[0].body.clone();
        api.client().upload_file(name, "small").await.unwrap();
        let head = format!("filename=\"{name}\"\r\nContent-Type: {media_type}\r\n");
        for sent in [sent, api.seen_at(SINGLE)[1].body.clone()] {
            let sent = String::from_utf8_lossy(&sent).replace("content-type", "Content-Type");
            assert!(sent.contains(&head), "{sent}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_was_lost_is_looked_for_where_it_can_not_be_asked_for_again() {
    for (first, exists, is_there) in [(502, true, true), (502, false, false), (400, true, false)] {
        let responses = Mutex::new(vec![404, first]);
        let (api, _, _) = servers(move |seen| match seen.line.as_str() {
            COMPLETE => Some(status(responses.lock().unwrap().pop().unwrap_or(404))),
            COLUMNS if exists => Some(json(value!({ "columns": [] }))),
            COLUMNS => Some(status(404)),
            _ => None,
        })
        .await;
        let done = upload(&api, bytes(9 * MIB)).await;
        assert_eq!(done.is_ok(), is_there, "{done:?}");
        // A refusal leaves nothing open.
        let asked = usize::from(first == 502);
        assert_eq!(api.seen_at(COLUMNS).len(), asked);
        assert_eq!(api.seen_at(ABORT).len(), usize::from(!is_there));
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_file_goes_in_parts_and_says_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.csv");
    let content = bytes(50 * MIB);
    std::fs::write(&path, &content).unwrap();
    let (api, _, parts) = servers(|_| None).await;
    let reported = Arc::new(Mutex::new(Vec::new()));
    let kept = reported.clone();
    let upload = api.client().upload(&path);
    let upload = upload.on_progress(move |progress| kept.lock().unwrap().push(progress));
    assert_eq!(upload.await.unwrap().s3_filename, "large.csv");
    let parts: Vec<Vec<u8>> = parts.lock().unwrap().values().cloned().collect();
    assert!(parts.concat() == content);
    let reported = reported.lock().unwrap();
    let far: Vec<u64> = reported.iter().map(|progress| progress.bytes).collect();
    assert_eq!(far.len(), 7);
    assert!(far.is_sorted(), "{far:?}");
    assert_eq!(far[6], content.len() as u64);
    assert!(
        reported
            .iter()
            .all(|progress| progress.total == Some(content.len() as u64))
    );
}

/// A server that makes the file longer once the upload has begun.
#[tokio::test(start_paused = true)]
async fn a_file_that_changes_while_it_is_read_is_not_uploaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("growing.csv");
    std::fs::write(&path, bytes(50 * MIB)).unwrap();
    let grown = path.clone();
    let (api, _, _) = servers(move |seen| {
        if seen.line == CREATE {
            let file = std::fs::OpenOptions::new().append(true).open(&grown);
            std::io::Write::write_all(&mut file.unwrap(), b"more").unwrap();
        }
        None
    })
    .await;
    let error = api.client().upload(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(error.to_string().contains("52428800 bytes"), "{error}");
    assert!(api.seen_at(COMPLETE).is_empty());
    assert_eq!(api.seen_at(ABORT).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn files_that_cannot_be_uploaded_are_named() {
    let (api, _, _) = servers(|_| None).await;
    let client = api.client();
    let error = client.upload("/nowhere/leads.csv").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    let text = error.to_string();
    assert!(
        text.contains("/nowhere/leads.csv") && text.contains("not found"),
        "{text}"
    );
    let error = client
        .upload_file("a.csv", "a")
        .content_type("no type")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("no type"));
    let folder = tempfile::tempdir().unwrap();
    let error = client.upload(folder.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(api.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn storage_that_gives_no_tag_is_an_error() {
    let (api, _, _) = servers(|seen| seen.line.ends_with("/put").then(Response::default)).await;
    let error = upload(&api, bytes(9 * MIB)).await.unwrap_err();
    assert!(error.to_string().contains("no ETag for part"), "{error}");
    assert_eq!(api.seen_at(ABORT).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn file_names_are_escaped_in_headers() {
    for (name, written) in [
        ("a\r\nb.csv", "a%0D%0Ab.csv"),
        ("a\rb\nc.csv", "a%0Db%0Ac.csv"),
        ("\"quoted\".csv", "%22quoted%22.csv"),
        ("100% \u{e9};a.csv", "100% \u{e9};a.csv"),
        (
            "x\"\r\nX-Evil: 1\r\n\r\n.csv",
            "x%22%0D%0AX-Evil: 1%0D%0A%0D%0A.csv",
        ),
    ] {
        let (api, _, _) = servers(|_| None).await;
        api.client().upload_file(name, "small").await.unwrap();
        let sent = api.seen_at(SINGLE)[0].body.clone();
        let sent = String::from_utf8(sent.to_vec()).unwrap();
        let line = sent.lines().nth(1).unwrap();
        assert!(
            line.ends_with(&format!("; filename=\"{written}\"")),
            "{line:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_tells_all_attempts() {
    use cargo_batch_client::RetryPolicy;

    for (attempts, length, line) in [
        (4, 10, SINGLE),
        (7, 10, SINGLE),
        (1, 10, SINGLE),
        (4, 9 * MIB, CREATE),
        (7, 9 * MIB, "PUT /v1/put"),
        (1, 9 * MIB, "PUT /v1/put"),
    ] {
        let (api, storage, _) = servers(move |seen| (seen.line == line).then(|| status(502))).await;
        let mut policy = RetryPolicy::default();
        policy.max_attempts = attempts;
        let client = api.builder().retry(policy).build().unwrap();
        let reader = std::io::Cursor::new(bytes(length));
        let error = client.upload_from("l.csv", reader).await.unwrap_err();
        assert_eq!(error.attempts(), attempts, "{error}");
        let of_storage = storage.seen_at(line).len();
        let sent = (api.seen_at(line).len() + of_storage) as u32;
        // Of the two parts both are sent until one is given up.
        let parts = if of_storage > 0 { 1..=2 } else { 1..=1 };
        assert!(
            (attempts..=parts.end() * attempts).contains(&sent),
            "{line} {sent}"
        );
        let said = format!("{attempts} attempts in");
        assert_eq!(error.to_string().contains(&said), attempts > 1, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_waits_as_long_as_storage_asks_for() {
    let (api, storage, parts) = servers(|seen| {
        (seen.line == "PUT /v1/put" && seen.number == 0).then(|| {
            let mut response = status(503);
            let headers = response.headers_mut();
            headers.insert("retry-after", "8".parse().unwrap());
            response
        })
    })
    .await;
    upload(&api, bytes(8 * MIB)).await.unwrap();
    let at: Vec<Duration> = storage.seen().iter().map(|seen| seen.at).collect();
    assert_eq!((at.len(), parts.lock().unwrap().len()), (2, 1));
    let delay = at[1] - at[0];
    assert!(
        delay >= Duration::from_secs(8) && delay < Duration::from_secs(9),
        "{delay:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_part_that_storage_refuses_is_named_in_its_words() {
    let (api, storage, _) = servers(|seen| {
        (seen.line == "PUT /v1/put").then(|| {
            let mut response = status(403);
            *response.body_mut() = Body::from(
                "<Error><Code>SignatureDoesNotMatch</Code><Message>No &amp; no</Message></Error>",
            );
            response
        })
    })
    .await;
    let error = upload(&api, bytes(8 * MIB)).await.unwrap_err();
    let text = format!("{error} {error:?}");
    let said = "part 1 of an upload: storage returned 403 Forbidden for a newly issued URL \
                (SignatureDoesNotMatch): No & no";
    assert!(text.contains(said) && !text.contains("token"), "{text}");
    // Each with a URL of its own.
    assert_eq!((storage.seen().len(), api.seen_at(SIGN).len()), (6, 6));
}

#[tokio::test(start_paused = true)]
async fn a_part_is_put_where_storage_redirects_it_to() {
    for (code, is_followed) in [
        (301, true),
        (302, true),
        (303, false),
        (307, true),
        (308, true),
    ] {
        let (api, storage, parts) = servers(move |seen| {
            (seen.line == "PUT /v1/put").then(|| {
                let mut response = status(code);
                let to = "/moved?part=1&X-Sig=hush".parse().unwrap();
                response.headers_mut().insert("location", to);
                response
            })
        })
        .await;
        let content = bytes(8 * MIB);
        let done = upload(&api, content.clone()).await;
        assert_eq!(done.is_ok(), is_followed, "{code} {done:?}");
        if is_followed {
            assert!(parts.lock().unwrap()[&1] == content);
            let moved = &storage.seen_at("PUT /moved")[0];
            assert!(!moved.headers.contains_key("referer"));
            assert_eq!(moved.headers["content-length"], "8388608");
        }
    }
}

/// Reads the head of a request, refuses it and closes, with the body unread; on the runtime of the client,
/// which has written all it could by then.
async fn refusing(requests: usize) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for _ in 0..requests {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).await.unwrap();
                head.push(byte[0]);
            }
            let response = "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 67\r\n\r\n\
                            <Error><Code>EntityTooLarge</Code><Message>no</Message></Error>    ";
            stream.write_all(response.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_refusal_before_the_body_was_read_is_seen() {
    for _ in 0..20 {
        let client = cargo_batch_client::Client::builder(TOKEN);
        let client = client.base_url(refusing(1).await).build().unwrap();
        let error = client
            .upload_file("a.csv", bytes(40 * MIB))
            .await
            .unwrap_err();
        assert_eq!(
            error.status().map(|status| status.as_u16()),
            Some(413),
            "{error:#}"
        );
        let storage = refusing(1).await;
        let (api, _, _) = servers(move |seen| {
            (seen.line == SIGN).then(|| json(value!({ "url": format!("{storage}/put") })))
        })
        .await;
        let error = upload(&api, bytes(8 * MIB)).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("413 Payload Too Large (EntityTooLarge): no"),
            "{error:#}"
        );
    }
}

/// A response to the single request: what it is read as, or the field and the cause that the error names.
#[tokio::test(start_paused = true)]
async fn an_invalid_response_to_an_upload_names_the_field() {
    let file = || value!({ "s3Filename": "a.csv", "contentType": "text/csv" });
    let empty = "expected";
    for (response, expected) in [
        (file(), Ok("a.csv")),
        (
            value!({ "contentType": null, "s3Filename": "a.csv" }),
            Ok("a.csv"),
        ),
        (value!({ "s3Filename": 7 }), Ok("7")),
        (value!({ "status": "ok", "file": file() }), Ok("a.csv")),
        (value!({ "files": [file()], "count": 1 }), Ok("a.csv")),
        (value!({}), Err((".", "missing field `s3Filename`"))),
        (
            value!({ "uuid": "x" }),
            Err((".", "missing field `s3Filename`")),
        ),
        (
            value!({ "s3Filename": "" }),
            Err((".", "`s3Filename` is empty")),
        ),
        (
            value!({ "s3Filename": "  " }),
            Err((".", "`s3Filename` is empty")),
        ),
        (value!({ "s3Filename": null }), Err(("s3Filename", empty))),
        (
            value!({ "name": "n", "s3Filename": {} }),
            Err(("s3Filename", empty)),
        ),
        (
            value!({ "file": {} }),
            Err(("file", "missing field `s3Filename`")),
        ),
        (
            value!({ "file": { "s3Filename": "" } }),
            Err(("file", "`s3Filename` is empty")),
        ),
        (value!({ "file": null }), Err(("file", empty))),
        (
            value!({ "files": [] }),
            Err(("files", "a list of one file")),
        ),
        (
            value!({ "files": [file(), file()] }),
            Err(("files", "a list of one file")),
        ),
        (
            value!({ "files": [{}] }),
            Err(("files[0]", "missing field `s3Filename`")),
        ),
        (
            value!({ "files": file() }),
            Err(("files", "a list of one file")),
        ),
        (value!([file()]), Err((".", "an uploaded file"))),
        (value!("a.csv"), Err((".", "an uploaded file"))),
        (value!(null), Err((".", "an uploaded file"))),
    ] {
        let sent = response.clone();
        let (api, _, _) =
            servers(move |seen| (seen.line == SINGLE).then(|| json(sent.clone()))).await;
        for (uploaded, requests) in each_way(&api).await {
            // The same response would come the next time.
            assert_eq!(requests, 1, "{response}");
            let (place, cause) = match expected {
                Ok(name) => {
                    assert_eq!(uploaded.unwrap().s3_filename, name, "{response}");
                    continue;
                }
                Err(expected) => expected,
            };
            let error = uploaded.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{response}");
            assert_eq!(error.field_path(), Some(place), "{response}: {error:#}");
            assert_eq!(error.attempts(), 1, "{response}");
            let text = format!("{error:#}");
            assert!(text.contains(cause), "{response}: {text}");
            assert!(
                text.contains("uploading again costs no credits"),
                "{response}: {text}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_in_place_of_an_uploaded_file_is_an_error() {
    let page = "<!doctype html><title>Welcome</title>";
    let (api, _, _) =
        servers(move |seen| (seen.line == SINGLE).then(|| Response::new(Body::from(page)))).await;
    // `upload` retries what may be a proxy's page, as another upload costs nothing.
    for ((uploaded, requests), expected) in each_way(&api).await.into_iter().zip([1, 6]) {
        let error = uploaded.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        assert_eq!((requests, error.attempts() as usize), (expected, expected));
        assert_eq!(
            (error.field_path(), error.body()),
            (None, Some(page.as_bytes()))
        );
        let text = format!("{error:#}");
        assert!(text.contains("a body that is not JSON"), "{text}");
        assert!(text.contains("uploading again costs no credits"), "{text}");
    }
}

/// Uploads the same with `upload_file` and with `upload`, and returns what became of each, and its requests.
async fn each_way(api: &Script) -> [(Result<UploadedFile, Error>, usize); 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, "email\n").unwrap();
    let client = api.client();
    let before = api.seen_at(SINGLE).len();
    let single = client.upload_file("a.csv", "email\n").await;
    let between = api.seen_at(SINGLE).len();
    let of_path = client.upload(&path).await;
    let after = api.seen_at(SINGLE).len();
    [(single, between - before), (of_path, after - between)]
}

/// The end of a large upload with a response that doesn't fit: the file may be there all the same.
#[tokio::test(start_paused = true)]
async fn an_invalid_response_to_the_end_of_an_upload_is_looked_up() {
    for (response, exists, searches) in [
        (value!({}), true, 1),
        (value!({}), false, 1),
        // The name is known.
        (value!({ "s3Filename": " " }), true, 0),
    ] {
        let (api, _, _) = servers(move |seen| match seen.line.as_str() {
            COMPLETE => Some(json(response.clone())),
            COLUMNS if exists => Some(json(value!({ "columns": [] }))),
            COLUMNS => Some(status(404)),
            _ => None,
        })
        .await;
        let done = upload(&api, bytes(9 * MIB)).await;
        assert_eq!(api.seen_at(COMPLETE).len(), 1);
        assert_eq!(api.seen_at(COLUMNS).len(), searches);
        match done {
            Ok(name) => assert_eq!((name.as_str(), exists), ("large.csv", true)),
            Err(error) => {
                assert!(!exists, "{error:#}");
                assert!(format!("{error:#}").contains("missing field `s3Filename`"));
            }
        }
    }
}
