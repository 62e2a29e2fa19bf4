//! Errors: what they say, what they keep to themselves, and what they work with.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::{
    BatchDataErrorReason, BatchUuid, CreateBatchData, CreateBatchErrorReason, CreateBatchRequest,
};
use cargo_batch_client::{Client, Error, ErrorKind, RetryPolicy};
use cargo_batch_tests::script::{Script, TOKEN, batch, html, json, status, uuid};
use serde_json::{Value, json as value};

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

fn refused(code: u16, body: Value) -> Response<Body> {
    let mut response = json(body);
    *response.status_mut() = axum::http::StatusCode::from_u16(code).unwrap();
    response
}

/// Everything a log may show of an error.
fn shown(error: &Error) -> String {
    let mut text = format!("{error}\n{error:#}\n{error:?}\n{error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(&format!("\n{error}\n{error:?}"));
        source = error.source();
    }
    text
}

async fn get(script: &Script) -> Error {
    script.client().get_batch(id()).await.unwrap_err()
}

#[test]
fn they_are_small_and_go_anywhere() {
    fn goes_anywhere<T: std::error::Error + Send + Sync + 'static>() {}
    goes_anywhere::<Error>();
    goes_anywhere::<cargo_batch_client::RowError>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[tokio::test(start_paused = true)]
async fn they_work_with_what_reports_errors() {
    async fn by_anyhow(client: &Client) -> anyhow::Result<()> {
        client.get_batch(id()).await?;
        Ok(())
    }
    async fn by_miette(client: &Client) -> miette::Result<()> {
        use miette::IntoDiagnostic;
        client.get_batch(id()).await.into_diagnostic()?;
        Ok(())
    }
    async fn by_box(client: &Client) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        client.get_batch(id()).await?;
        Ok(())
    }
    let script = Script::start(|_| status(404)).await;
    let client = script.client();
    let report = by_anyhow(&client).await.unwrap_err();
    assert!(report.downcast_ref::<Error>().is_some());
    assert!(by_miette(&client).await.is_err() && by_box(&client).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_report_of_the_whole_chain_says_nothing_twice() {
    // Nothing listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::builder(TOKEN)
        .base_url(format!("http://{address}/v1"))
        .build()
        .unwrap();
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    let text = error.to_string();
    assert!(
        text.contains("connection refused") && text.contains("6 attempts"),
        "{text}"
    );
    assert!(error.elapsed() > Duration::ZERO);
    let unreadable = Script::start(|_| json(value!({ "batch": { "uuid": 7 } }))).await;
    for error in [error, get(&unreadable).await] {
        let mut said = vec![error.to_string()];
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            let words = error.to_string();
            assert!(
                !said.iter().any(|text| text.contains(&words)),
                "{words}: {said:?}"
            );
            said.push(words);
            source = error.source();
        }
        assert!(said.len() > 1, "{said:?}");
        let whole = format!("{error:#}");
        assert!(
            said[1..].iter().all(|words| whole.contains(words)),
            "{whole}"
        );
        let report = format!("{:#}", anyhow::Error::from(error));
        assert!(
            said.iter().all(|words| report.matches(words).count() == 1),
            "{report}"
        );
        assert!(!report.contains(".: "), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_attempted_comes_first() {
    let script = Script::start(|_| refused(404, value!({ "errorMessage": "There is none" }))).await;
    let client = script.client();
    let error = get(&script).await;
    assert_eq!(error.operation().unwrap().id, "get_batch");
    assert_eq!(error.message(), Some("There is none"));
    let text = error.to_string();
    let begin = format!("get_batch ({}): server returned 404", id());
    assert!(text.starts_with(&begin), "{text}");
    assert_eq!(format!("{error:?}"), text);
    let text = client.cancel_batch(id()).await.unwrap_err().to_string();
    let begin = format!("cancel_batch ({}): server returned 404", id());
    assert!(text.starts_with(&begin), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_sentence_of_the_server_ends_once() {
    let script =
        Script::start(|_| refused(404, value!({ "errorMessage": "There is none." }))).await;
    let text = get(&script).await.to_string();
    assert!(text.contains("There is none. Check"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_field_that_cannot_be_read_is_named() {
    let script = Script::start(|_| {
        let mut batch = batch(value!({}));
        batch["nodes"][0]["childrenUuids"] = value!(7);
        json(value!({ "batch": batch }))
    })
    .await;
    let error = get(&script).await;
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert_eq!(error.field_path(), Some("batch.nodes[0].childrenUuids"));
    assert!(
        error.to_string().contains("`batch.nodes[0].childrenUuids`"),
        "{error}"
    );
    assert_eq!(error.status().unwrap().as_u16(), 200);
    assert!(error.body().unwrap().starts_with(b"{"));
    assert_eq!(error.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_json_at_all_points_to_the_way_there() {
    let script = Script::start(|_| html()).await;
    let error = get(&script).await;
    assert_eq!(
        (error.kind(), error.field_path()),
        (ErrorKind::InvalidResponse, None)
    );
    assert_eq!(error.body().unwrap(), b"<h1>Back soon</h1>");
    assert_eq!(error.attempts(), 6);
    let text = format!("{error:#}");
    assert!(
        text.contains("returned 200 OK with a body that is not JSON (6 "),
        "{text}"
    );
    assert!(text.contains("check the base URL and the proxy"), "{text}");
    let elapsed = format!("6 attempts in {:.1} s", error.elapsed().as_secs_f64());
    assert!(text.contains(&elapsed), "{text}");
}

/// A proxy that compresses what was not asked for will do so the next time.
#[tokio::test(start_paused = true)]
async fn an_encoding_that_was_not_asked_for_is_named() {
    for encoding in ["gzip", "br", "zstd, gzip"] {
        let script = Script::start(move |_| {
            let response = Response::builder().header("content-encoding", encoding);
            response.body(Body::from("\x1f\u{8b}\x08 ")).unwrap()
        })
        .await;
        let error = get(&script).await;
        assert_eq!(
            (error.kind(), error.attempts()),
            (ErrorKind::InvalidResponse, 1)
        );
        let text = error.to_string();
        assert!(text.contains(&format!("encoding `{encoding}`")), "{text}");
        assert!(text.contains("compresses responses unasked"), "{text}");
        // What may have spent credits says that first.
        let request = CreateBatchRequest::new(CreateBatchData::file("f.csv"));
        let error = script.client().create_batch(request).await.unwrap_err();
        assert!(error.is_ambiguous() && error.to_string().contains("search for it before"));
    }
    // Said, and not done: read as it is.
    for encoding in ["identity", "gzip"] {
        let script = Script::start(move |_| {
            let mut response = json(value!({ "batch": batch(value!({})) }));
            let headers = response.headers_mut();
            headers.insert("content-encoding", encoding.parse().unwrap());
            response
        })
        .await;
        script.client().get_batch(id()).await.unwrap();
    }
    let script = Script::start(|_| {
        let response = Response::builder().header("content-encoding", "identity");
        response.body(Body::from("<h1>Back soon</h1>")).unwrap()
    })
    .await;
    let text = get(&script).await.to_string();
    assert!(text.contains("not JSON"), "{text}");
}

/// Plain HTTP at a port that speaks TLS, in the words of nginx, Go and Apache.
#[tokio::test(start_paused = true)]
async fn plain_http_at_a_port_of_tls_is_told() {
    for (page, is_told) in [
        (
            "<center>The plain HTTP request was sent to HTTPS port</center>",
            true,
        ),
        ("Client sent an HTTP request to an HTTPS server.\n", true),
        (
            "You're speaking plain HTTP to an SSL-enabled server port.",
            true,
        ),
        ("<h1>400 Bad Request</h1>", false),
    ] {
        let script = Script::start(move |_| {
            let mut response = Response::new(Body::from(page));
            *response.status_mut() = axum::http::StatusCode::BAD_REQUEST;
            response
        })
        .await;
        let text = get(&script).await.to_string();
        assert_eq!(text.contains("its port speaks TLS"), is_told, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_refused_creation_leaves_open() {
    let reason = |code, reason: &str| refused(code, value!({ "reason": reason }));
    let later = |code: u16| {
        let mut response = status(code);
        let headers = response.headers_mut();
        headers.insert("retry-after", "1".parse().unwrap());
        response
    };
    for (response, is_ambiguous) in [
        (status(400), false),
        (status(404), false),
        (status(401), false),
        (status(408), true),
        (status(499), true),
        (status(429), false),
        (status(500), true),
        (status(503), true),
        (later(503), true),
        (later(502), true),
        (reason(400, "notEnoughCredits"), false),
        // Decided on, whatever the status.
        (reason(500, "notEnoughCredits"), false),
        // Unknown: whether there is a batch that was not started.
        (reason(400, "failedToStart"), true),
        (reason(400, "brandNew"), false),
        (reason(500, "brandNew"), true),
    ] {
        let text = format!("{response:?}");
        let response = std::sync::Mutex::new(Some(response));
        let script = Script::start(move |_| response.lock().unwrap().take().unwrap()).await;
        let request = CreateBatchRequest::new(CreateBatchData::file("f.csv"));
        let client = script.client().with_retry(RetryPolicy::never());
        let error = client.create_batch(request).await.unwrap_err();
        assert_eq!(error.is_ambiguous(), is_ambiguous, "{text}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_trouble_says_what_to_do() {
    for (code, says) in [
        (401, "Check that the API token is correct"),
        (403, "the permission for this operation"),
        (404, "Check the id"),
        (429, "Call less often"),
        (302, "Check the base URL"),
        (304, "from what it had stored"),
        (407, "http://user:password@host:port"),
        (413, "Send less at once"),
    ] {
        let script = Script::start(move |_| status(code)).await;
        let text = get(&script).await.to_string();
        assert!(text.contains(says), "{code}: {text}");
    }
    // A refusal names no batch, whatever it repeats.
    let body = value!({ "batch": { "uuid": uuid(1) } });
    let script = Script::start(move |_| refused(500, body.clone())).await;
    let request = CreateBatchRequest::new(CreateBatchData::file("f.csv"));
    let error = script.client().create_batch(request).await.unwrap_err();
    assert_eq!(error.created(), None);
    // Only where something was created.
    let script = Script::start(|_| json(value!({ "batch": { "uuid": uuid(1) } }))).await;
    let error = get(&script).await;
    assert_eq!(error.created(), None);
    assert!(error.to_string().contains("a newer version may read it"));
    let script = Script::start(|_| status(500)).await;
    let upload = script.client().upload_file("f.csv", "a").send().await;
    let error = upload.unwrap_err();
    assert!(error.is_ambiguous());
    let text = error.to_string();
    assert!(text.contains("costs no credits"), "{text}");
    // Where there is nothing to say, nothing is said.
    let script = Script::start(|_| status(400)).await;
    assert_eq!(get(&script).await.advice(), None);
    let client = Client::builder(TOKEN).base_url("http://127.0.0.1:1/v1");
    let error = client.build().unwrap().get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    let text = error.to_string();
    assert!(text.contains("Check the base URL, the network"), "{text}");
    let script =
        Script::start(|_| json(value!({ "batch": batch(value!({ "status": "running" })) }))).await;
    let watch = script.client().watch(id()).deadline(Duration::from_secs(7));
    let text = watch.await.unwrap_err().to_string();
    assert!(text.contains("watch it again by its id"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn every_documented_reason_says_what_to_do() {
    for reason in CreateBatchErrorReason::KNOWN {
        let text = reason.as_str();
        let script = Script::start(move |_| refused(400, value!({ "reason": text }))).await;
        let request = CreateBatchRequest::new(CreateBatchData::file("f"));
        let error = script.client().create_batch(request).await.unwrap_err();
        assert_eq!(error.reason().unwrap().as_str(), text);
        let advice = error.advice().unwrap();
        assert!(
            error.to_string().ends_with(advice.trim_end_matches('.')),
            "{error}"
        );
        // Whether there is a batch matters more; and what is wrong with the data has reasons of its own.
        if !matches!(text, "failedToStart" | "dataError") {
            assert_eq!(Some(advice), reason.advice());
        }
    }
    for reason in BatchDataErrorReason::KNOWN {
        let text = reason.as_str();
        let body = value!({ "reason": "dataError", "dataError": { "reason": text } });
        let script = Script::start(move |_| refused(400, body.clone())).await;
        let request = CreateBatchRequest::new(CreateBatchData::file("f"));
        let error = script.client().create_batch(request).await.unwrap_err();
        assert_eq!(error.data_reason(), Some(reason));
        assert_eq!(error.advice(), reason.advice());
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_of_a_proxy_is_a_typed_error_with_its_text_kept() {
    let script = Script::start(|_| {
        let mut response = Response::new(Body::from("<html>Bad Gateway</html>"));
        *response.status_mut() = axum::http::StatusCode::BAD_GATEWAY;
        response
            .headers_mut()
            .insert("cf-ray", "ray-1".parse().unwrap());
        response
    })
    .await;
    let error = get(&script).await;
    assert_eq!(error.status().unwrap().as_u16(), 502);
    assert_eq!(error.body(), Some(&b"<html>Bad Gateway</html>"[..]));
    assert_eq!(error.request_id(), Some("ray-1"));
    assert!(error.reason().is_none() && error.message().is_none());
    assert!(error.to_string().contains("request ray-1"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_repeats_is_not_shown() {
    let link = "https://s3.example/r.csv?X-Amz-Signature=hush";
    let bodies = [
        refused(
            400,
            value!({ "reason": TOKEN, "errorMessage": format!("Bearer {TOKEN} at {link}") }),
        ),
        refused(401, value!({ "errorMessage": format!("no token {TOKEN}") })),
        refused(
            400,
            value!({ "reason": "dataError", "dataError": { "reason": TOKEN } }),
        ),
        // Secrets where something else should be: the reader quotes what it can't read.
        refused(200, value!({ "batch": link })),
        refused(200, value!({ "batch": TOKEN })),
        refused(200, value!(format!("{TOKEN} {link}"))),
        refused(
            200,
            value!({ "batch": { "uuid": format!("{TOKEN} {link}") } }),
        ),
    ];
    for body in bodies {
        let (parts, body) = body.into_parts();
        let body = axum::body::to_bytes(body, 9999).await.unwrap();
        let script = Script::start(move |_| {
            let mut response = Response::new(Body::from(body.clone()));
            *response.status_mut() = parts.status;
            response
                .headers_mut()
                .insert("x-request-id", TOKEN.parse().unwrap());
            response
        })
        .await;
        let request = CreateBatchRequest::new(CreateBatchData::file("f"));
        for error in [
            get(&script).await,
            script.client().create_batch(request).await.unwrap_err(),
        ] {
            let text = shown(&error);
            assert!(!text.contains(TOKEN) && !text.contains("hush"), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_can_neither_flood_nor_break_a_log() {
    let long = "x".repeat(1 << 20);
    let texts = [
        long.clone(),
        "\u{1b}[2J\r\nINFO all is well\u{202e}".to_owned(),
    ];
    for text in texts {
        let bodies = [
            refused(400, value!({ "reason": text, "errorMessage": text })),
            refused(400, value!({ "dataError": { "reason": text } })),
            refused(200, value!({ "batch": text })),
            refused(200, value!({ "batch": { "uuid": text } })),
        ];
        for body in bodies {
            let status = body.status();
            let body = axum::body::to_bytes(body.into_body(), 9 << 20)
                .await
                .unwrap();
            let script = Script::start(move |_| {
                let mut response = Response::new(Body::from(body.clone()));
                *response.status_mut() = status;
                response
            })
            .await;
            let error = get(&script).await;
            for text in [
                error.to_string(),
                format!("{error:#}"),
                format!("{error:?}"),
            ] {
                assert!(text.len() < 3000, "{} bytes", text.len());
                assert!(!text.contains(['\u{1b}', '\r', '\n', '\u{202e}']), "{text}");
            }
        }
    }
}

/// A creation whose batch is named, and then asked for until it can be read.
#[tokio::test(start_paused = true)]
async fn all_requests_for_a_batch_that_was_named_are_counted() {
    let script = Script::start(|seen| match seen.line.as_str() {
        "POST /v1/orchestration/batches" => json(value!({ "batch": { "uuid": uuid(1) } })),
        "GET /v1/orchestration/batches/list" => json(value!({ "batches": [] })),
        _ => status(400),
    })
    .await;
    let request = CreateBatchRequest::new(CreateBatchData::file("f.csv"));
    let creation = script.client().prepare_batch(request).await.unwrap();
    assert_eq!(
        creation.create().await.unwrap_err().created(),
        Some(id()),
        "it is named"
    );
    let before = script.seen().len();
    let error = creation.create().await.unwrap_err();
    assert_eq!(error.operation().unwrap().id, "get_batch");
    assert_eq!(error.attempts() as usize, script.seen().len() - before);
    assert!(error.attempts() > 1 && error.elapsed() > Duration::from_secs(60));
}

/// A signed URL that has expired, in place of which there is no other.
#[tokio::test(start_paused = true)]
async fn all_requests_of_a_download_are_counted() {
    let storage = Script::start(|seen| status(if seen.number == 0 { 503 } else { 403 })).await;
    let url = storage.base_url().to_owned();
    let api = Script::start(move |seen| match seen.number {
        0 => json(value!({ "url": format!("{url}/r.csv") })),
        _ => status(404),
    })
    .await;
    let error = api.client().batch(id()).download().bytes().await;
    let error = error.unwrap_err();
    assert_eq!(error.operation().unwrap().id, "download_batch");
    // All but the one that brought the first URL.
    assert_eq!(error.attempts(), 3);
    assert_eq!((storage.seen().len(), api.seen().len()), (2, 2));
}
