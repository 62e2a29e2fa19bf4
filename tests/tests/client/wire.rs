//! What goes over the wire, and how responses are read.

use std::time::Duration;

use cargo_batch_client::types::{
    BatchDataErrorReason, BatchStatus, BatchUuid, CreateBatchData, CreateBatchErrorReason,
    CreateBatchRequest, DownloadBatchRequest, SegmentUuid,
};
use cargo_batch_client::{
    Client, Error, ErrorKind, Reason, RetryPolicy, TokenFuture, TokenProvider,
};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const TOKEN: &str = "tok-very-secret";
const ID: &str = "7a1d7f0c-58a2-4d2a-9e0a-0f5f3ad3a001";

fn id() -> BatchUuid {
    ID.parse().unwrap()
}

fn client(server: &MockServer) -> Client {
    Client::builder(TOKEN)
        .base_url(format!("{}/v1", server.uri()))
        .retry(RetryPolicy::never())
        .build()
        .unwrap()
}

fn request() -> CreateBatchRequest {
    let segment: SegmentUuid = ID.parse().unwrap();
    CreateBatchRequest::new(CreateBatchData::segment(segment))
}

fn batch() -> Value {
    serde_json::from_str(include_str!("../../fixtures/batch.json")).unwrap()
}

/// A server that responds to everything alike.
async fn responding(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(response)
        .mount(&server)
        .await;
    server
}

async fn refused(response: ResponseTemplate) -> Error {
    let server = responding(response).await;
    client(&server).create_batch(request()).await.unwrap_err()
}

async fn received(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

#[tokio::test]
async fn the_token_is_sent_and_nothing_the_api_does_not_know() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/orchestration/batches"))
        .and(header("authorization", format!("Bearer {TOKEN}")))
        .and(header("content-type", "application/json"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "batch": batch() })))
        .mount(&server)
        .await;
    let created = client(&server).create_batch(request()).await.unwrap();
    assert_eq!(created.batch.status, BatchStatus::Pending);
    let sent = &received(&server).await[0];
    assert!(!sent.headers.contains_key("api-version"));
    assert!(!sent.headers.contains_key("selected-workspace-uuid"));
    assert_eq!(
        sent.body_json::<Value>().unwrap(),
        json!({ "data": { "kind": "segment", "segmentUuid": ID } }),
    );
}

#[tokio::test]
async fn the_workspace_is_selected_when_it_is_configured() {
    let server =
        responding(ResponseTemplate::new(200).set_body_json(json!({ "batches": [] }))).await;
    let workspace: cargo_batch_client::types::WorkspaceUuid = ID.parse().unwrap();
    let client = Client::builder(TOKEN)
        .base_url(server.uri())
        .workspace(workspace)
        .build()
        .unwrap();
    client.list_batches().await.unwrap();
    assert_eq!(
        received(&server).await[0].headers["selected-workspace-uuid"],
        ID
    );
}

#[tokio::test]
async fn query_arrays_are_repeated_with_brackets() {
    let server =
        responding(ResponseTemplate::new(200).set_body_json(json!({ "batches": [] }))).await;
    client(&server)
        .list_batches()
        .statuses([BatchStatus::Pending, BatchStatus::from("odd one")])
        .is_finished(false)
        .limit(10)
        .await
        .unwrap();
    let url = &received(&server).await[0].url;
    let mut pairs: Vec<&str> = url.query().unwrap().split('&').collect();
    pairs.sort_unstable();
    assert_eq!(
        pairs,
        [
            "isFinished=false",
            "limit=10",
            "statuses%5B%5D=odd+one",
            "statuses%5B%5D=pending"
        ],
    );
}

#[tokio::test]
async fn a_request_outlives_its_client_and_runs_as_a_task() {
    let body = ResponseTemplate::new(200).set_body_json(json!({ "batch": batch() }));
    let server = responding(body).await;
    let client = client(&server);
    let (one, list) = (
        client.get_batch(id()),
        client.list_batches().limit(1).items(),
    );
    drop(client);
    let one = tokio::spawn(one.into_future()).await.unwrap();
    assert_eq!(one.unwrap().batch.uuid, id());
    let list = tokio::spawn(list.try_collect()).await.unwrap();
    assert!(list.is_err(), "the server has one response for everything");
}

#[tokio::test]
async fn any_success_is_a_success() {
    for status in [200, 201, 202, 204] {
        let server = responding(ResponseTemplate::new(status)).await;
        let sent = client(&server).cancel_batch(id()).send().await.unwrap();
        assert_eq!(sent.status().as_u16(), status);
        assert!(received(&server).await[0].body.is_empty());
    }
}

#[tokio::test]
async fn the_raw_body_is_available_beside_the_typed_one() {
    let body = json!({ "batch": batch(), "newInTheApi": 7 });
    let response = ResponseTemplate::new(200)
        .set_body_json(&body)
        .insert_header("x-request-id", "r-1");
    let server = responding(response).await;
    let got = client(&server).get_batch(id()).send().await.unwrap();
    assert_eq!(got.request_id(), Some("r-1"));
    assert_eq!(serde_json::from_slice::<Value>(got.body()).unwrap(), body);
}

#[tokio::test]
async fn a_refusal_has_its_typed_reason_and_says_what_to_do() {
    let error = refused(
        ResponseTemplate::new(400)
            .set_body_json(json!({ "reason": "notEnoughCredits", "errorMessage": "0 left" }))
            .insert_header("x-request-id", "r-2"),
    )
    .await;
    assert_eq!(error.kind(), ErrorKind::Status);
    assert_eq!(error.status().unwrap().as_u16(), 400);
    assert_eq!(
        error.reason(),
        Some(&Reason::CreateBatch(
            CreateBatchErrorReason::NotEnoughCredits
        ))
    );
    assert_eq!(error.message(), Some("0 left"));
    assert_eq!(error.request_id(), Some("r-2"));
    assert!(!error.is_ambiguous() && !error.is_retryable());
    let text = error.to_string();
    let advice = CreateBatchErrorReason::NotEnoughCredits.advice().unwrap();
    for part in [
        "create_batch",
        "400",
        "notEnoughCredits",
        "0 left",
        "r-2",
        advice.trim_end_matches('.'),
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

#[tokio::test]
async fn the_reason_inside_the_data_error_is_typed_too() {
    let body = json!({ "reason": "dataError", "dataError": { "reason": "segmentLinkedToPlay" } });
    let error = refused(ResponseTemplate::new(400).set_body_json(body)).await;
    assert_eq!(
        error.data_reason(),
        Some(&BatchDataErrorReason::SegmentLinkedToPlay)
    );
    assert_eq!(
        error.advice(),
        BatchDataErrorReason::SegmentLinkedToPlay.advice()
    );
}

#[tokio::test]
async fn a_reason_newer_than_the_crate_is_kept() {
    let error =
        refused(ResponseTemplate::new(402).set_body_json(json!({ "reason": "moonPhase" }))).await;
    assert_eq!(error.reason().unwrap().as_str(), "moonPhase");
    assert_eq!(error.status().unwrap().as_u16(), 402);
}

#[tokio::test]
async fn an_error_of_any_body_keeps_its_status_and_text() {
    let html = "<html><body>502 Bad Gateway</body></html>";
    let bodies: [&[u8]; 8] = [
        b"",
        html.as_bytes(),
        b"[1, 2]",
        b"{\"reason\": {}, \"errorMessage\": 7}",
        b"{\"reason\": null, \"errorMessage\": null}",
        b"\"text\"",
        b"{\"reason\": \"notEnough",
        b"\xff\xfe",
    ];
    for status in [400, 401, 403, 404, 409, 422, 429, 499, 500, 502, 503, 504] {
        for body in bodies {
            let error = refused(ResponseTemplate::new(status).set_body_bytes(body)).await;
            assert_eq!(error.status().unwrap().as_u16(), status);
            assert_eq!(error.body(), Some(body));
            assert_eq!(error.reason(), None);
            assert!(error.to_string().contains(&status.to_string()), "{error}");
        }
    }
}

#[tokio::test]
async fn a_gateway_error_leaves_a_creation_ambiguous_but_not_a_reading() {
    for status in [500, 502, 503, 504] {
        let server = responding(ResponseTemplate::new(status)).await;
        let created = client(&server).create_batch(request()).await.unwrap_err();
        assert!(
            created.is_ambiguous() && !created.is_retryable(),
            "{status}"
        );
        let got = client(&server).get_batch(id()).await.unwrap_err();
        assert!(!got.is_ambiguous() && got.is_retryable(), "{status}");
    }
}

#[tokio::test]
async fn a_creation_that_says_why_it_refused_is_not_ambiguous_unless_it_had_started() {
    for (reason, ambiguous) in [("notEnoughCredits", false), ("failedToStart", true)] {
        let error =
            refused(ResponseTemplate::new(500).set_body_json(json!({ "reason": reason }))).await;
        assert_eq!(error.is_ambiguous(), ambiguous, "{reason}");
    }
}

#[tokio::test]
async fn an_unreadable_success_names_the_field() {
    let mut odd = batch();
    odd["nodes"] = json!([{}, {}]);
    let server =
        responding(ResponseTemplate::new(200).set_body_json(json!({ "batch": odd }))).await;
    let error = client(&server).get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert_eq!(error.field_path(), Some("batch.nodes[0]"));
    assert_eq!(error.status().unwrap().as_u16(), 200);
    assert!(error.body().is_some());
}

#[tokio::test]
async fn an_endless_response_is_an_error() {
    let server = responding(ResponseTemplate::new(200).set_body_bytes(vec![b' '; 4096])).await;
    let client = Client::builder(TOKEN)
        .base_url(server.uri())
        .max_response_bytes(1024)
        .build()
        .unwrap();
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(error.to_string().contains("max_response_bytes"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = responding(ResponseTemplate::new(200)).await;
    let response = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
    let error = refused(response).await;
    assert_eq!(error.status().unwrap().as_u16(), 307);
    assert!(received(&elsewhere).await.is_empty());
}

#[tokio::test]
async fn a_closed_port_means_not_received() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::builder(TOKEN)
        .base_url(url)
        .retry(RetryPolicy::never())
        .build()
        .unwrap();
    let error = client.create_batch(request()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.is_retryable() && !error.is_ambiguous());
}

#[tokio::test]
async fn a_reading_is_repeated_and_a_creation_is_not() {
    let policy = || {
        let mut policy = RetryPolicy::default();
        policy.base_delay = Duration::from_millis(1);
        policy
    };
    let server = responding(ResponseTemplate::new(502)).await;
    let client = Client::builder(TOKEN)
        .base_url(server.uri())
        .retry(policy())
        .build()
        .unwrap();
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!((error.attempts(), received(&server).await.len()), (6, 6));
    server.reset().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(502))
        .mount(&server)
        .await;
    let error = client.create_batch(request()).await.unwrap_err();
    assert_eq!((error.attempts(), received(&server).await.len()), (1, 1));
}

#[tokio::test]
async fn a_creation_that_was_throttled_is_repeated() {
    for throttled in [
        ResponseTemplate::new(429),
        ResponseTemplate::new(429).insert_header("retry-after", "0"),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(throttled)
            .up_to_n_times(2)
            .mount(&server)
            .await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(201).set_body_json(json!({ "batch": batch() })))
            .mount(&server)
            .await;
        let mut policy = RetryPolicy::default();
        policy.base_delay = Duration::from_millis(1);
        let client = Client::builder(TOKEN)
            .base_url(server.uri())
            .retry(policy)
            .build()
            .unwrap();
        client.create_batch(request()).await.unwrap();
        assert_eq!(received(&server).await.len(), 3);
    }
}

/// Varnish writes `Retry-After` on every failure of the server behind it, also after that has acted.
#[tokio::test]
async fn a_creation_that_is_to_come_back_later_may_have_been_acted_on() {
    for after in ["0", "5", "Fri, 15 Jan 2100 10:00:00 GMT", "soon"] {
        let response = ResponseTemplate::new(503)
            .insert_header("retry-after", after)
            .insert_header("via", "1.1 varnish");
        let server = responding(response).await;
        let client = Client::builder(TOKEN)
            .base_url(server.uri())
            .build()
            .unwrap();
        let error = client.create_batch(request()).await.unwrap_err();
        assert!(
            error.is_ambiguous() && !error.is_retryable(),
            "{after}: {error}"
        );
        assert_eq!(received(&server).await.len(), 1, "{after}");
    }
}

#[tokio::test]
async fn a_server_that_asks_for_too_long_a_pause_is_taken_at_its_word() {
    let response = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    let server = responding(response).await;
    let client = Client::builder(TOKEN)
        .base_url(server.uri())
        .build()
        .unwrap();
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(received(&server).await.len(), 1);
}

/// Gives another token each time it is asked.
struct Counting(std::sync::atomic::AtomicU32);

impl TokenProvider for Counting {
    fn token(&self) -> TokenFuture<'_> {
        let n = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Box::pin(async move { Ok(format!("token-{n}").into()) })
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer token-1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "batches": [] })))
        .mount(&server)
        .await;
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    let client = Client::builder_with_token_provider(Counting(0.into()))
        .base_url(server.uri())
        .build()
        .unwrap();
    client.list_batches().await.unwrap();
    client.list_batches().await.unwrap();
    let tokens: Vec<_> = received(&server)
        .await
        .iter()
        .map(|r| r.headers["authorization"].clone())
        .collect();
    assert_eq!(
        tokens,
        ["Bearer token-0", "Bearer token-1", "Bearer token-1"]
    );

    server.reset().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    let error = client.list_batches().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(received(&server).await.len(), 2);
}

#[tokio::test]
async fn an_upload_has_one_part_named_file_and_takes_both_responses() {
    let file = json!({ "s3Filename": "in/1.csv", "contentType": "text/csv", "name": "1.csv" });
    for response in [file.clone(), json!({ "files": [file] })] {
        let server = responding(ResponseTemplate::new(200).set_body_json(response)).await;
        let uploaded = client(&server)
            .upload_file("1.csv", "a,b\n1,2\n")
            .await
            .unwrap();
        assert_eq!(uploaded.s3_filename, "in/1.csv");
        let sent = &received(&server).await[0];
        assert_eq!(sent.url.path(), "/v1/workspaceManagement/files/upload");
        let kind = sent.headers["content-type"].to_str().unwrap();
        assert!(kind.starts_with("multipart/form-data; boundary="), "{kind}");
        let body = String::from_utf8(sent.body.clone()).unwrap();
        assert!(body.contains("name=\"file\"; filename=\"1.csv\""), "{body}");
        assert!(body.contains("\r\n\r\na,b\n1,2\n\r\n"), "{body}");
    }
}

#[tokio::test]
async fn a_download_asks_for_a_node_or_for_none() {
    let response = json!({ "url": "https://storage.example/r.csv?X-Sig=abc" });
    let server = responding(ResponseTemplate::new(200).set_body_json(response)).await;
    let link = client(&server)
        .download_batch(id(), DownloadBatchRequest::new())
        .await
        .unwrap();
    assert!(!format!("{link:?}").contains("X-Sig"), "{link:?}");
    let slug = DownloadBatchRequest::new().output_node_slug("end");
    client(&server).download_batch(id(), slug).await.unwrap();
    let bodies: Vec<Value> = received(&server)
        .await
        .iter()
        .map(|r| r.body_json().unwrap())
        .collect();
    assert_eq!(bodies, [json!({}), json!({ "outputNodeSlug": "end" })]);
}

#[test]
fn a_token_is_never_sent_in_the_open() {
    for url in [
        "http://api.getcargo.io/v1",
        "http://10.0.0.1",
        "ftp://x",
        "api.getcargo.io",
    ] {
        let error = Client::builder(TOKEN).base_url(url).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
        // A name and a password are not shown.
        let shown = url.rsplit('@').next().unwrap();
        assert!(error.to_string().contains(shown), "{error}");
        assert!(!error.to_string().contains("a:b"), "{error}");
    }
    let secret = Client::builder(TOKEN)
        .base_url("https://a:secret@c")
        .build();
    assert!(!secret.unwrap_err().to_string().contains("secret"));
    for url in [
        "http://127.0.0.1:1",
        "http://localhost:1/v1",
        "http://[::1]:1",
        "https://x.example",
    ] {
        Client::builder(TOKEN).base_url(url).build().unwrap();
    }
}

#[test]
fn a_token_that_cannot_be_one_says_why() {
    for token in ["", "  ", "two\nlines"] {
        let error = Client::new(token).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("token"), "{error}");
    }
}

#[tokio::test]
async fn the_token_is_never_shown() {
    let builder = Client::builder(TOKEN)
        .base_url("http://127.0.0.1:1")
        .retry(RetryPolicy::never());
    assert!(!format!("{builder:?}").contains(TOKEN));
    let client = builder.build().unwrap();
    assert!(!format!("{client:?}{:?}", client.create_batch(request())).contains(TOKEN));
    let error = client.get_batch(id()).await.unwrap_err();
    assert!(!format!("{error:?}{error:#?}{error}").contains(TOKEN));
}

#[test]
fn an_error_fits_everywhere() {
    fn fits<T: std::error::Error + Send + Sync + 'static>() {}
    fits::<Error>();
    assert!(size_of::<Error>() <= 8);
}

#[tokio::test]
async fn a_byte_order_mark_and_a_field_written_twice_change_nothing() {
    let body = json!({ "batch": batch() }).to_string();
    let twice = body.replacen("\"uuid\":", &format!("\"uuid\":\"{ID}\",\"uuid\":"), 1);
    assert_ne!(body, twice);
    for body in [format!("\u{feff}{body}"), twice] {
        let server =
            responding(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
        let client = client(&server);
        assert_eq!(client.get_batch(id()).await.unwrap().batch.uuid, id());
        assert_eq!(
            client.create_batch(request()).await.unwrap().batch.uuid,
            id()
        );
        assert_eq!(received(&server).await.len(), 2);
    }
    // What a refusal says is read as well.
    let body = "\u{feff}{\"reason\": \"notEnoughCredits\"}";
    let error = refused(ResponseTemplate::new(400).set_body_raw(body, "application/json")).await;
    let reason = Reason::CreateBatch(CreateBatchErrorReason::NotEnoughCredits);
    assert_eq!(error.reason(), Some(&reason));
}
