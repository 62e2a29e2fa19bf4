//! What another server that responds in the place of the real one could try: the threats of SECURITY.md that no other
//! test shows.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::BatchUuid;
use cargo_batch_client::{Client, ErrorKind, RetryPolicy, RowError};
use cargo_batch_tests::script::{Script, Seen, batch, json, status, uuid};
use cargo_batch_tests::{document, root};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json as value};
use tokio::time::timeout;

const LIST: &str = "GET /v1/orchestration/batches/list";
const HOUR: Duration = Duration::from_secs(3600);

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

/// A client whose downloads lead to a storage that responds as it likes; the path is that of the URL.
async fn storage(
    path: &'static str,
    response: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
) -> Client {
    let storage = Script::start(response).await;
    let url = format!("{}{path}", storage.base_url());
    let api = Script::start(move |_| json(value!({ "url": url }))).await;
    api.client()
}

/// Everything below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut all: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path)
            } else {
                vec![path.file_name().unwrap().to_str().unwrap().to_owned()]
            }
        })
        .collect();
    all.sort();
    all
}

// ---- bodies ----

#[tokio::test(start_paused = true)]
async fn a_compressed_response_is_neither_asked_for_nor_unpacked() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        bomb.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 17);
    let script = Script::start(move |_| {
        Response::builder()
            .header("content-encoding", "gzip")
            .body(Body::from(bomb.clone()))
            .unwrap()
    })
    .await;
    let error = script.client().get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(error.body().unwrap().starts_with(&[0x1f, 0x8b]));
    assert!(!script.seen()[0].headers.contains_key("accept-encoding"));
}

/// Lists within lists: opened only, or closed again as well.
fn nested(closed: bool) -> String {
    const DEEP: usize = 200_000;
    let close = if closed {
        "]".repeat(DEEP)
    } else {
        String::new()
    };
    format!("{}{close}", "[".repeat(DEEP))
}

/// A stack that overflows ends the process: what is left to show is that each is an error, or read.
#[tokio::test(start_paused = true)]
async fn json_nested_without_end_is_an_error_wherever_it_stands() {
    for closed in [true, false] {
        let deep = nested(closed);
        let whole = batch(value!({})).to_string();
        let within = |field: &str| {
            let end = whole.rfind('}').unwrap();
            format!("{{\"batch\": {},{field}: {deep}}}}}", &whole[..end])
        };
        for body in [
            deep.clone(),
            within("\"data\""),
            within("\"nodes\""),
            within("\"errorMessage\""),
            format!("{{\"batch\": {whole}, \"unknown\": {deep}}}"),
            format!("{{\"batch\": {{\"data\": {{\"kind\": \"new\", \"a\": {deep}}}}}}}"),
        ] {
            let response = body.clone();
            let script = Script::start(move |_| Response::new(Body::from(response.clone()))).await;
            match script.client().get_batch(id()).await {
                // Passed over without being kept, so it needs no stack.
                Ok(_) => assert!(closed),
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidResponse),
            }
            let script = Script::start(move |_| {
                let body = Body::from(body.clone());
                Response::builder().status(400).body(body).unwrap()
            })
            .await;
            let error = script.client().get_batch(id()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Status);
            assert_eq!(error.status().unwrap().as_u16(), 400);
        }
    }
    let rows = format!("[1,\n{},\n2]", nested(true));
    let client = storage("/r", move |_| Response::new(Body::from(rows.clone()))).await;
    let mut rows = client.batch(id()).download().rows::<Value>();
    assert_eq!(rows.next().await.unwrap().unwrap(), 1);
    let error = rows.next().await.unwrap().unwrap_err();
    assert!(
        matches!(error, RowError::Deserialize { line: 2, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("recursion limit"), "{error}");
    assert_eq!(rows.next().await.unwrap().unwrap(), 2);
    assert!(rows.next().await.is_none());
}

// ---- loops ----

#[tokio::test(start_paused = true)]
async fn a_status_nobody_knows_is_looked_at_no_more_often_than_any_other() {
    let script = Script::start(|seen| {
        let strange = batch(value!({ "uuid": uuid(1), "status": "reticulating" }));
        match seen.line.as_str() {
            LIST => json(value!({ "batches": [strange] })),
            _ => json(value!({ "batch": strange })),
        }
    })
    .await;
    let client = script.client();
    let error = client.watch(id()).deadline(HOUR).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(error.to_string().contains("reticulating"), "{error}");
    let looks = script.seen().len();
    assert!((640..=801).contains(&looks), "{looks}");
    let mut watch = client.watch_many([id()]).deadline(HOUR);
    while let Some(Ok(_)) = watch.next().await {}
    let looks = script.seen().len() - looks;
    assert!((640..=801).contains(&looks), "{looks}");
}

#[tokio::test(start_paused = true)]
async fn no_interval_is_short_enough_to_be_a_loop() {
    let script =
        Script::start(|_| json(value!({ "batch": batch(value!({ "status": "running" })) }))).await;
    let minute = Duration::from_secs(60);
    let watch = script.client().watch(id()).interval(Duration::ZERO);
    watch.deadline(minute).await.unwrap_err();
    let looks = script.seen().len();
    assert!((500..700).contains(&looks), "{looks}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_come_back_at_once_is_not_hammered() {
    for after in ["0", "-1", "Thu, 01 Jan 1970 00:00:00 GMT", "never"] {
        let script = Script::start(move |_| {
            let response = Response::builder().status(503).header("retry-after", after);
            response.body(Body::empty()).unwrap()
        })
        .await;
        let watch = script.client().watch(id()).deadline(HOUR);
        assert_eq!(watch.await.unwrap_err().kind(), ErrorKind::Status);
        // One poll each five seconds for ten minutes, and the budget of repeats.
        let budget = RetryPolicy::default().budget as usize;
        let looks = script.seen().len();
        assert!(looks <= 135 + budget, "{after}: {looks}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_made_up_as_it_goes_costs_a_watch_a_bounded_number_of_requests() {
    let script = Script::start(|seen| match seen.line.as_str() {
        // Never what was asked for, never the same, never an end.
        LIST => {
            let new =
                (0..100).map(|n| batch(value!({ "uuid": uuid(1000 + seen.number * 100 + n) })));
            json(value!({ "batches": new.collect::<Vec<_>>() }))
        }
        _ => json(value!({ "batch": batch(value!({ "uuid": uuid(1), "status": "running" })) })),
    })
    .await;
    let mut watch = script.client().watch_many([id()]);
    watch.next().await.unwrap().unwrap();
    let first_tick = script.seen().len();
    assert!(first_tick <= 1 + 100 + 1, "{first_tick}");
}

// ---- files ----

/// The names that storage gives are never used: neither in the URL nor in the headers.
#[tokio::test(start_paused = true)]
async fn a_name_given_by_storage_names_no_file() {
    for name in [
        "../evil",
        "/tmp/evil",
        "..\\evil",
        "a\u{e9}\u{202e}gpj.exe",
        "",
    ] {
        let client = storage("/..%2f..%2fevil?name=../evil", move |_| {
            Response::builder()
                .header(
                    "content-disposition",
                    format!("attachment; filename=\"{name}\"").as_bytes(),
                )
                .body(Body::from("email\na@b.c\n"))
                .unwrap()
        })
        .await;
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("results");
        std::fs::create_dir(&folder).unwrap();
        let wanted = folder.join("mine.csv");
        client
            .batch(id())
            .download()
            .to_file(&wanted)
            .await
            .unwrap();
        assert_eq!(files(outside.path()), ["mine.csv"]);
        assert_eq!(std::fs::read(&wanted).unwrap(), b"email\na@b.c\n");
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_that_fails_or_is_given_up_leaves_what_was_there() {
    async fn left_after(response: fn() -> Response<Body>) {
        let client = storage("/r", move |_| response()).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        std::fs::write(&path, "before").unwrap();
        let download = client.batch(id()).download().to_file(&path);
        let done = timeout(Duration::from_secs(5), download).await;
        assert!(!matches!(done, Ok(Ok(_))), "{done:?}");
        assert_eq!(files(folder.path()), ["r.csv"]);
        assert_eq!(std::fs::read(&path).unwrap(), b"before");
    }
    // Refused.
    left_after(|| status(403)).await;
    // Begun, and never gone on with: dropped while it waits.
    left_after(|| {
        let some = stream::iter([Ok::<_, std::io::Error>("x".repeat(1 << 16))]);
        Response::new(Body::from_stream(some.chain(stream::pending())))
    })
    .await;
    // Shorter than it says, each time.
    left_after(|| {
        let response = Response::builder().header("content-length", "100");
        let some = stream::iter([Ok::<_, std::io::Error>("x")]);
        response.body(Body::from_stream(some)).unwrap()
    })
    .await;
}

// ---- what it is made of ----

/// Nothing comes from a fork, a folder outside or an unchecked archive.
#[test]
fn every_dependency_is_an_archive_of_the_registry_with_its_checksum() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let members: Vec<&str> = vec![
        "cargo-batch-benches",
        "cargo-batch-client",
        "cargo-batch-sandbox",
        "cargo-batch-tests",
        "cargo-batch-types",
        "xtask",
    ];
    let (mut ours, mut others, mut registries) = (Vec::new(), 0, Vec::new());
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line = package.lines().find(|line| line.starts_with(key))?;
            Some(line.split('"').nth(1).unwrap())
        };
        let name = value("name = ").unwrap();
        let Some(source) = value("source = ") else {
            ours.push(name);
            continue;
        };
        assert!(source.starts_with("registry+https://"), "{name}: {source}");
        let checksum = value("checksum = ").unwrap_or_default();
        assert_eq!(checksum.len(), 64, "{name} has no checksum");
        registries.push(source);
        others += 1;
    }
    registries.dedup();
    assert_eq!(registries.len(), 1, "{registries:?}");
    assert_eq!(ours, members);
    assert!(others > 100);
}

/// Neither by itself nor in a test, an example or a bench.
#[test]
fn no_crate_of_ours_may_be_unsafe() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let workspace = read("Cargo.toml");
    assert!(workspace.contains("[workspace.lints.rust]\nunsafe_code = \"forbid\"\n"));
    let members = workspace
        .lines()
        .find(|line| line.starts_with("members = "))
        .unwrap();
    let members: Vec<&str> = members.split('"').skip(1).step_by(2).collect();
    assert!(members.len() >= 6);
    for member in members {
        let manifest = read(&format!("{member}/Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true\n"), "{member}");
    }
    for entry in std::fs::read_dir(root().join("fuzz/fuzz_targets")).unwrap() {
        let source = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(source.contains("#![forbid(unsafe_code)]"));
    }
}

/// What a secret is called in the specification is hidden in `Debug`: no type is forgotten.
#[test]
fn every_type_that_is_marked_sensitive_hides_itself() {
    let sensitive: Vec<&String> = document()
        .schemas()
        .iter()
        .filter(|(_, schema)| schema["x-sensitive"] == true)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(sensitive, ["SignedUrl", "WebhookUrl", "WebhookSecret"]);
    let link: cargo_batch_client::types::SignedUrl = "https://x/?sig=hush".into();
    let secret: cargo_batch_client::types::WebhookSecret = "hush".into();
    let address: cargo_batch_client::types::WebhookUrl = "https://x/hush".into();
    assert!(!format!("{link:?}{secret:?}{address:?}").contains("hush"));
}

/// SECURITY.md names no test that isn't there.
#[test]
fn every_test_that_security_md_names_exists() {
    let text = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let folders = [
        "",
        "codegen/",
        "types/",
        "client/",
        "client/creation/",
        "sandbox/",
    ];
    let table = text.lines().filter(|line| line.starts_with('|'));
    let (mut missing, mut named) = (Vec::new(), 0);
    for column in table.filter_map(|line| line.split('|').nth(3)) {
        for (file, test) in column.split('`').filter_map(|word| word.rsplit_once("::")) {
            named += 1;
            let is_there = folders.iter().any(|folder| {
                let file = file.replace("::", "/");
                let path = root().join(format!("tests/tests/{folder}{file}.rs"));
                let source = std::fs::read_to_string(path);
                source.is_ok_and(|source| source.contains(&format!("fn {test}()")))
            });
            if !is_there {
                missing.push(format!("{file}::{test}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
    assert!(named > 30, "only {named} tests are named");
}
