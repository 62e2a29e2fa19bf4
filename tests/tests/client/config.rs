//! How a client is set up, and what it can't be made to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::operation::{Method, Operation};
use cargo_batch_client::secrecy::SecretString;
use cargo_batch_client::types::{
    BatchUuid, CancelBatchErrorReason, CreateBatchData, CreateBatchRequest, WorkspaceUuid,
};
use cargo_batch_client::{BASE_URL, Client, ErrorKind, Reason, TokenFuture, TokenProvider};
use cargo_batch_tests::script::{Script, TOKEN, batch, json, status, uuid};
use serde_json::json as value;

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

fn one_batch() -> Response<Body> {
    json(value!({ "batch": batch(value!({})) }))
}

#[test]
fn a_token_goes_to_https_or_to_loopback() {
    for url in [
        "https://api.getcargo.io/v1",
        "https://example.com",
        "http://localhost:8080/v1",
        "http://127.0.0.1:8080/v1",
        "http://127.9.9.9/v1",
        "http://[::1]:8080/v1",
    ] {
        Client::builder("t").base_url(url).build().unwrap();
    }
    for url in [
        "http://api.getcargo.io/v1",
        "http://localhost.evil.com/v1",
        "http://127.0.0.1.evil.com/v1",
        "http://localhost@evil.com/v1",
        "http://127.0.0.1:80@evil.com/v1",
        "https://user:hush@example.com/v1",
        "https://:hush@example.com/v1",
        "http://10.0.0.1/v1",
        "http://0.0.0.0/v1",
        "ftp://127.0.0.1/v1",
        "file:///etc/passwd",
        "api.getcargo.io/v1",
        "https://example.com/v1?key=hush",
        "https://example.com/v1#hush",
        "",
    ] {
        let error = Client::builder("t").base_url(url).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
        assert!(error.to_string().contains("base URL"), "{error}");
        let open = url.starts_with("http://") && !url.contains(['@', '?', '#']);
        assert_eq!(error.to_string().contains("unencrypted"), open, "{error}");
        let text = format!("{error} {error:?}");
        assert!(
            url.ends_with('#') || !text.contains("hush") || url.contains('#'),
            "{text}"
        );
    }
}

#[test]
fn a_token_that_cannot_be_sent_is_refused_without_being_shown() {
    for (token, cure) in [
        ("", "API token"),
        ("  ", "API token"),
        ("one\nhush", "after 3 others"),
        ("h\u{fc}sh-hush", "after 1 others"),
        ("caf\u{e9}hush\u{0}", "after 3 others"),
        ("two hush", "after 3 others"),
        ("Bearer hush", "what comes after `Bearer `"),
        ("bearer hush", "what comes after `Bearer `"),
        ("Authorization: Bearer hush", "what comes after `Bearer `"),
        ("\"hush\"", "without them"),
        ("'hush'", "without them"),
        (
            "CARGO_API_TOKEN=hush",
            "what comes after `CARGO_API_TOKEN=`",
        ),
        (
            "export CARGO_API_TOKEN=hush",
            "what comes after `CARGO_API_TOKEN=`",
        ),
        (
            "CARGO_API_TOKEN=hush=",
            "what comes after `CARGO_API_TOKEN=`",
        ),
        (
            "CARGO_API_TOKEN: hush",
            "what comes after `CARGO_API_TOKEN=`",
        ),
        ("API_TOKEN=hush", "what comes after `CARGO_API_TOKEN=`"),
        (
            "set CARGO_API_TOKEN=hush",
            "what comes after `CARGO_API_TOKEN=`",
        ),
        ("Basic hush", "of another kind"),
        ("$HUSH_hush", "was not filled in"),
        ("${CARGO_API_hush}", "was not filled in"),
        ("%CARGO_hush%", "was not filled in"),
        ("{{hush}}", "was not filled in"),
        ("[hush]", "in its place"),
        ("<your hush>", "in its place"),
        ("<hush>", "in its place"),
    ] {
        let error = Client::new(token).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let text = format!("{error} {error:?}");
        assert!(text.contains(cure), "{token:?}: {text}");
        assert!(!text.contains("hush"), "{text}");
    }
    // Only as a whole.
    for token in [
        "to<ke>n",
        "a=b==",
        "to\"ken",
        "Bearer-1",
        "TOKEN==",
        "1TOKEN-a=b",
    ] {
        Client::new(token).unwrap();
    }
    let client = Client::builder("hush");
    assert!(!format!("{client:?}").contains("hush"));
    let shown = format!("{:?}", client.build().unwrap());
    assert!(
        !shown.contains("hush") && shown.contains(BASE_URL),
        "{shown}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_of_a_provider_that_cannot_be_sent_is_refused_before_anything_is() {
    struct Umlaut;
    impl TokenProvider for Umlaut {
        fn token(&self) -> TokenFuture<'_> {
            Box::pin(async { Ok(SecretString::from("h\u{fc}sh-hush")) })
        }
    }
    let script = Script::start(|_| one_batch()).await;
    let client = Client::builder_with_token_provider(Umlaut).base_url(script.base_url());
    let error = client.build().unwrap().get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(!format!("{error} {error:?}").contains("hush"));
    assert!(script.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_token_changes_what_a_known_reason_is() {
    let script = Script::start(|_| {
        let mut refused = json(value!({
            "reason": "batchAlreadyFinished",
            "errorMessage": "the batch has already finished",
        }));
        *refused.status_mut() = axum::http::StatusCode::BAD_REQUEST;
        refused
    })
    .await;
    for token in ["t", "a", "batch", "finished", "batchAlreadyFinished"] {
        let client = Client::builder(token).base_url(script.base_url());
        let cancel = client.build().unwrap().cancel_batch(id()).await;
        let error = cancel.unwrap_err();
        let known = Reason::CancelBatch(CancelBatchErrorReason::BatchAlreadyFinished);
        assert_eq!(error.reason(), Some(&known), "{token}");
        assert!(error.advice().is_some());
        // What is long enough to be one is still redacted where it is shown.
        let text = format!("{error} {error:?} {}", error.message().unwrap());
        let is_long = token.len() >= 8;
        assert_eq!(text.contains("[REDACTED]"), is_long, "{text}");
        assert!(!is_long || !text.contains(token), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_base_url_may_end_in_a_slash_and_the_workspace_is_sent() {
    let script = Script::start(|_| one_batch()).await;
    let workspace: WorkspaceUuid = uuid(4).parse().unwrap();
    let client = Client::builder(TOKEN)
        .base_url(format!("{}/", script.base_url()))
        .workspace(workspace)
        .user_agent("mine/1")
        .build()
        .unwrap();
    client.get_batch(id()).await.unwrap();
    let seen = &script.seen()[0];
    assert_eq!(seen.line, format!("GET /v1/orchestration/batches/{}", id()));
    assert_eq!(seen.headers["selected-workspace-uuid"], uuid(4).as_str());
    assert_eq!(
        seen.headers["authorization"],
        format!("Bearer {TOKEN}").as_str()
    );
    assert_eq!(seen.headers["user-agent"], "mine/1");
}

#[tokio::test(start_paused = true)]
async fn no_name_changes_the_path_or_the_query() {
    let script = Script::start(|_| json(value!({ "columns": [] }))).await;
    let client = script.client();
    for name in [
        "../../batches",
        "a&s3Filename=b",
        "a#b",
        "a?b",
        "",
        "%2e%2e/",
        "\u{e9} +",
    ] {
        client.list_file_columns(name).await.unwrap();
        let seen = script.seen().pop().unwrap();
        assert_eq!(seen.line, "GET /v1/workspaceManagement/files/listColumns");
        assert_eq!(seen.values("s3Filename"), [name]);
        assert_eq!(seen.query.len(), 1);
    }
}

static COUNT: Operation = Operation::new(
    "count_batches",
    Method::GET,
    "/orchestration/batches/count",
    true,
);

#[tokio::test(start_paused = true)]
async fn a_newer_operation_is_called_with_everything_as_usual() {
    let script = Script::start(|seen| match seen.number {
        0 => status(503),
        _ => json(value!({ "count": 7 })),
    })
    .await;
    let path = "/orchestration/batches/count?isFinished=true&after=https://x";
    let client = script.client();
    let response = client.request::<serde_json::Value>(&COUNT, path, None);
    let response = response.await.unwrap();
    assert_eq!(
        (response["count"].as_u64(), script.seen().len()),
        (Some(7), 2)
    );
    assert_eq!(response.body().as_ref(), br#"{"count":7}"#);
    for path in [
        "",
        "orchestration",
        "//evil.com/x",
        "/a//b",
        "/a/../../b",
        "/a/%2e%2E/b",
        "/a/./b",
        "/a\\b",
        "/a b",
        "/a#b",
        "@evil.com/",
    ] {
        let refused = client.request::<serde_json::Value>(&COUNT, path, None);
        let error = refused.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{path}");
    }
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_response_of_the_callers_own_type_and_the_raw_body() {
    #[derive(serde::Deserialize)]
    struct Newer {
        batch: NewerBatch,
    }
    #[derive(serde::Deserialize)]
    struct NewerBatch {
        mood: String,
    }
    let script =
        Script::start(|_| json(value!({ "batch": batch(value!({ "mood": "good" })) }))).await;
    let client = script.client();
    let newer = client.get_batch(id()).send_as::<Newer>().await.unwrap();
    assert_eq!(newer.batch.mood, "good");
    let plain = client.get_batch(id()).send().await.unwrap();
    let raw: serde_json::Value = serde_json::from_slice(plain.body()).unwrap();
    assert_eq!(
        (&raw["batch"]["mood"], plain.batch.status.as_str()),
        (&value!("good"), "pending")
    );
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed_and_never_takes_the_token_along() {
    let other = Script::start(|_| one_batch()).await;
    let target = format!("{}/stolen", other.base_url());
    let script = Script::start(move |_| {
        let mut response = status(307);
        response
            .headers_mut()
            .insert("location", target.parse().unwrap());
        response
    })
    .await;
    let error = script.client().get_batch(id()).await.unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 307);
    assert!(error.advice().unwrap().contains("redirect"));
    assert!(other.seen().is_empty());
    // A client of the user's own follows it, but not with the token.
    let provider = rustls::crypto::ring::default_provider();
    let _ = provider.install_default();
    let own = script.builder().http_client(reqwest::Client::new());
    own.build().unwrap().get_batch(id()).await.unwrap();
    let seen = other.seen();
    assert_eq!(seen.len(), 1);
    assert!(!format!("{:?}", seen[0].headers).contains(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn an_endless_response_is_an_error() {
    for code in [200, 400] {
        let script = Script::start(move |_| {
            let chunks =
                futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("{".repeat(1 << 16)));
            let mut response = Response::new(Body::from_stream(chunks));
            *response.status_mut() = axum::http::StatusCode::from_u16(code).unwrap();
            response
        })
        .await;
        let client = script
            .builder()
            .max_response_bytes(1 << 20)
            .build()
            .unwrap();
        let error = client.get_batch(id()).await.unwrap_err();
        assert!(error.to_string().contains("longer than 1 MiB"), "{error}");
        // There is none to read.
        assert!(!error.to_string().contains("raw body"), "{error}");
        assert_eq!(script.seen().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_response_of_just_the_size_allowed_is_read() {
    let text = value!({ "batch": batch(value!({})) }).to_string();
    let size = text.len();
    let script = Script::start(move |_| Response::new(Body::from(text.clone()))).await;
    for (allowed, is_read) in [(size, true), (size - 1, false)] {
        let client = script
            .builder()
            .max_response_bytes(allowed)
            .build()
            .unwrap();
        assert_eq!(client.get_batch(id()).await.is_ok(), is_read);
    }
}

/// Gives a token that has to be renewed after a while.
struct Renewed {
    asked: Arc<AtomicUsize>,
    slow: bool,
}

impl TokenProvider for Renewed {
    fn token(&self) -> TokenFuture<'_> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        let slow = self.slow;
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(if slow { 9999 } else { 1 })).await;
            Ok(SecretString::from(format!("token-{number}")))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_is_asked_again_once_after_a_401() {
    let script = Script::start(
        |seen| match seen.headers["authorization"].to_str().unwrap() {
            "Bearer token-0" => status(401),
            _ => one_batch(),
        },
    )
    .await;
    let asked = Arc::new(AtomicUsize::new(0));
    let provider = Renewed {
        asked: asked.clone(),
        slow: false,
    };
    let client = Client::builder_with_token_provider(provider)
        .base_url(script.base_url())
        .build()
        .unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        tasks.spawn(async move { client.get_batch(id()).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2, "one for all, twice");
    // A token that is refused again is an error, and nothing is tried for ever.
    let script = Script::start(|_| status(401)).await;
    let client = Client::builder_with_token_provider(Renewed { asked, slow: false });
    let client = client.base_url(script.base_url()).build().unwrap();
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_a_401_is_retried_with_a_new_token() {
    for code in [400, 403, 500] {
        let script = Script::start(move |_| status(code)).await;
        let asked = Arc::new(AtomicUsize::new(0));
        let provider = Renewed {
            asked: asked.clone(),
            slow: false,
        };
        let client = Client::builder_with_token_provider(provider).base_url(script.base_url());
        let client = client.build().unwrap();
        let request = CreateBatchRequest::new(CreateBatchData::file("f.csv"));
        client.create_batch(request).await.unwrap_err();
        let asked = asked.load(Ordering::SeqCst);
        assert_eq!((script.seen().len(), asked), (1, 1), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_respond_ends_with_the_call() {
    let script = Script::start(|_| one_batch()).await;
    let provider = Renewed {
        asked: Arc::default(),
        slow: true,
    };
    let client = Client::builder_with_token_provider(provider)
        .base_url(script.base_url())
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap();
    let start = tokio::time::Instant::now();
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!(
        (error.kind(), start.elapsed().as_secs()),
        (ErrorKind::Unauthorized, 30)
    );
}

#[tokio::test(start_paused = true)]
async fn no_limit_is_written_as_the_longest_time() {
    let script = Script::start(|_| one_batch()).await;
    let client = script
        .builder()
        .timeout(Duration::MAX)
        .attempt_timeout(Duration::MAX)
        .connect_timeout(Duration::from_secs(5))
        .settling_time(Duration::MAX)
        .build()
        .unwrap();
    client.get_batch(id()).await.unwrap();
    let mut watch = client
        .watch(id())
        .deadline(Duration::MAX)
        .interval(Duration::MAX);
    watch.next().await.unwrap().unwrap();
    let saved = serde_json::to_value(watch.save()).unwrap();
    let _ = client.resume(serde_json::from_value(saved).unwrap());
}

/// A provider that fails in words of its own.
struct Failing;

impl TokenProvider for Failing {
    fn token(&self) -> TokenFuture<'_> {
        #[derive(Debug)]
        struct Outer(std::io::Error);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("\u{1b}[31mthe grant failed:\nclient_secret=hush&grant=x")
            }
        }
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let inner = r#"https://me:hush@id.example/token?sig=hush said {"refresh_token": "hush"}"#;
        Box::pin(async move { Err(Outer(std::io::Error::other(inner)).into()) })
    }
}

#[tokio::test]
async fn the_words_of_a_provider_are_cleaned_like_those_of_a_server() {
    let client = Client::builder_with_token_provider(Failing).base_url("http://127.0.0.1:1/v1");
    let error = client.build().unwrap().get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let source = std::error::Error::source(&error).unwrap().to_string();
    for text in [format!("{error:#}"), format!("{error:?}"), source.clone()] {
        assert!(text.contains("the grant failed"), "{text}");
        assert!(!text.contains("hush"), "{text}");
        assert!(!text.contains(['\n', '\u{1b}']), "{text}");
    }
    assert!(source.contains("client_secret=[REDACTED]"), "{source}");
    assert!(source.contains("said"), "{source}");
}

#[tokio::test(start_paused = true)]
async fn a_base_url_without_its_version_is_suspected() {
    let script = Script::start(|seen| match seen.line.contains("/list") {
        true => cargo_batch_tests::script::html(),
        false => status(404),
    })
    .await;
    let root = script.base_url().trim_end_matches("/v1").to_owned();
    for (base_url, is_suspect) in [
        (root.clone(), true),
        (format!("{root}/"), true),
        (format!("{root}/api"), true),
        (format!("{root}/v10"), true),
        (format!("{root}/v1"), false),
        (format!("{root}/api/v1/"), false),
    ] {
        let client = Client::builder(TOKEN).base_url(&base_url).build().unwrap();
        let missing = client.get_batch(id()).await.unwrap_err();
        let page = client.list_batches().await.unwrap_err();
        for error in [missing, page] {
            let text = error.to_string();
            assert_eq!(
                text.contains("has no `/v1`"),
                is_suspect,
                "{base_url}: {text}"
            );
        }
    }
}

#[tokio::test]
async fn a_post_without_a_body_says_that_it_has_none() {
    let script = Script::start(|_| json(value!({ "batch": batch(value!({})) }))).await;
    let client = script.client();
    client.cancel_batch(id()).await.ok();
    static ANY: Operation = Operation::new("any", Method::POST, "/any", true);
    client
        .request::<serde_json::Value>(&ANY, "/any", None)
        .await
        .unwrap();
    client
        .request::<serde_json::Value>(&ANY, "/any", Some(&value!({})))
        .await
        .unwrap();
    client.get_batch(id()).await.unwrap();
    let lengths = script.seen().into_iter().map(|seen| {
        let length = seen.headers.get("content-length").cloned();
        (
            seen.line,
            length.map(|length| length.to_str().unwrap().to_owned()),
        )
    });
    for (line, length) in lengths.clone() {
        match line.starts_with("GET") {
            true => assert_eq!(length, None, "{line}"),
            false => assert!(length.is_some(), "{line}"),
        }
    }
    let lengths: Vec<_> = lengths.filter(|(line, _)| line.ends_with("/any")).collect();
    assert_eq!(lengths[0].1.as_deref(), Some("0"));
    assert_eq!(lengths[1].1.as_deref(), Some("2"));
}
