//! What errors say, in full: each is of a real call to the sandbox or to a scripted server.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::operation::{Method, Operation};
use cargo_batch_client::types::{
    BatchUuid, CreateBatchData, CreateBatchRequest, CreateRunRequest, Record, RunUuid, SegmentUuid,
    WorkflowUuid, WorkspaceUuid,
};
use cargo_batch_client::{Client, Error, ErrorKind, RetryPolicy};
use cargo_batch_sandbox::{Fault, FaultPlan, Rule, Sandbox};
use cargo_batch_tests::sandbox::{self, Checked};
use cargo_batch_tests::script::{Script, Seen, TOKEN, batch, html, json, status, uuid};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json as value};

const CREATE: &str = "POST /v1/orchestration/batches";
const LIST: &str = "GET /v1/orchestration/batches/list";

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

fn file() -> CreateBatchRequest {
    CreateBatchRequest::new(CreateBatchData::file("f.csv"))
}

/// Returns a text with `HOST` in place of each address of loopback, whose port is another in each test.
fn pinned(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut pinned = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        pinned.push_str("HOST");
        pinned.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_digit()));
    }
    pinned
}

/// Returns the message of an error, which every form of it must keep to.
fn message(error: &Error) -> String {
    let text = error.to_string();
    let report = format!("{error:#}");
    // One line without an end, so that a report of the chain can continue.
    for text in [&text, &report] {
        assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
        assert!(!text.contains(".:") && !text.contains(") ("), "{text}");
        assert!(!text.contains(TOKEN) && !text.contains("hush"), "{text}");
    }
    if let Some(advice) = error.advice() {
        for text in [&text, &report] {
            assert!(text.ends_with(advice.trim_end_matches('.')), "{text}");
        }
    }
    // What `main` prints.
    assert_eq!(format!("{error:?}"), report);
    pinned(&text)
}

/// Returns the message of a `get_batch` to a server that responds so.
async fn get(response: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static) -> String {
    let script = Script::start(response).await;
    message(&script.client().get_batch(id()).await.unwrap_err())
}

/// Returns the message of a `create_batch` to a server that responds so.
async fn create(response: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static) -> String {
    let script = Script::start(response).await;
    message(&script.client().create_batch(file()).await.unwrap_err())
}

fn with_status(code: u16, body: Value) -> Response<Body> {
    let mut response = json(body);
    *response.status_mut() = axum::http::StatusCode::from_u16(code).unwrap();
    response
}

fn with_text(code: u16, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = axum::http::StatusCode::from_u16(code).unwrap();
    response
}

fn with_header(mut response: Response<Body>, name: &'static str, value: &str) -> Response<Body> {
    response.headers_mut().insert(name, value.parse().unwrap());
    response
}

/// Returns a response of which only so many of 100,000 bytes arrive.
fn cut(bytes: usize) -> Response<Body> {
    // The delay lets what came before the cut out of the server's buffer.
    let before = stream::iter([Ok(vec![b'x'; bytes])]);
    let cut = stream::once(async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    let response = Response::builder()
        .header("etag", "\"v1\"")
        .header("content-length", 100_000);
    response.body(Body::from_stream(before.chain(cut))).unwrap()
}

/// Returns a response that never begins.
fn silent() -> Response<Body> {
    Response::new(Body::from_stream(
        stream::pending::<std::io::Result<Vec<u8>>>(),
    ))
}

/// Returns an address where nothing listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/v1", listener.local_addr().unwrap())
}

/// Starts a storage, and an API whose signed URLs lead there.
async fn servers(
    storage: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
) -> (Script, Script) {
    let storage = Script::start(storage).await;
    let url = storage.base_url().to_owned();
    let api =
        Script::start(move |_| json(value!({ "url": format!("{url}/r.csv?X-Sig=hush") }))).await;
    (storage, api)
}

/// Returns the message of a download from a storage that responds so.
async fn download(response: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static) -> String {
    let (_storage, api) = servers(response).await;
    message(
        &api.client()
            .batch(id())
            .download()
            .bytes()
            .await
            .unwrap_err(),
    )
}

#[test]
fn a_setting_that_is_wrong_is_quoted() {
    let base_url = |url: &str| {
        let built = Client::builder(TOKEN).base_url(url).build();
        message(&built.unwrap_err())
    };
    insta::assert_snapshot!(base_url("api.getcargo.io"), @r#"the base URL "api.getcargo.io" is not an absolute URL (relative URL without a base); expected e.g. https://api.getcargo.io/v1"#);
    insta::assert_snapshot!(base_url("http://example.com"), @r#"the base URL "http://example.com" would send the token unencrypted: use https (http is for loopback)"#);
    insta::assert_snapshot!(base_url("https://me:hush@example.com"), @r#"the base URL "[REDACTED]@example.com" must be just a scheme, a host and a path"#);
    let token = Client::builder("two\nlines").build().unwrap_err();
    insta::assert_snapshot!(message(&token), @"the token has a character that can't be in a token, after 3 others: is it broken over lines, or copied with something else?");
    let id = "mine".parse::<WorkspaceUuid>().unwrap_err();
    insta::assert_snapshot!(id, @r#""mine" is not a WorkspaceUuid: expected a UUID such as 67e55044-10b1-426f-9247-bb680e5fe0c8"#);
    let proxy = Client::builder(TOKEN).proxy("proxy.example:3128").build();
    insta::assert_snapshot!(message(&proxy.unwrap_err()), @r#"the proxy URL "proxy.example:3128" must begin with http:// or https://; expected e.g. http://proxy.example:3128"#);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_fails_names_the_host() {
    let client = Client::builder(TOKEN)
        .base_url(nowhere())
        .jitter_seed(1)
        .build()
        .unwrap();
    let error = client.upload_file("f.csv", "a").send().await.unwrap_err();
    assert!(error.is_connect() && !error.is_timeout());
    insta::assert_snapshot!(message(&error), @"upload_file: could not connect to HOST: connection refused (6 attempts in 10.0 s). Check the base URL, the network and the proxy");
    let storage = nowhere();
    let api =
        Script::start(move |_| json(value!({ "url": format!("{storage}/r.csv?X-Sig=hush") })))
            .await;
    let error = api.client().batch(id()).download().bytes().await;
    insta::assert_snapshot!(message(&error.unwrap_err()), @"download of batch 00000000-0000-4000-8000-000000000001: could not connect to storage at HOST: connection refused (6 attempts in 10.0 s). Check the network and the proxy");
    // A handshake that never ends.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    let client = Client::builder(TOKEN).base_url(url).build().unwrap();
    let client = client.with_retry(RetryPolicy::never());
    let error = client.get_batch(id()).await.unwrap_err();
    assert!(error.is_connect() && error.is_timeout());
    insta::assert_snapshot!(message(&error), @"get_batch (00000000-0000-4000-8000-000000000001): could not connect to HOST within `connect_timeout`. Check the base URL, the network and the proxy");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_names_the_host_and_how_much_arrived() {
    let script = Script::start(|_| cut(10)).await;
    let client = script.client().with_retry(RetryPolicy::never());
    let error = client.get_batch(id()).await.unwrap_err();
    assert!(!error.is_connect() && !error.is_timeout());
    insta::assert_snapshot!(message(&error), @"get_batch (00000000-0000-4000-8000-000000000001): connection to HOST lost: unexpected end of file");
    insta::assert_snapshot!(download(|_| cut(0)).await, @"download of batch 00000000-0000-4000-8000-000000000001: connection to storage at HOST lost: unexpected end of file after 0 of 100000 bytes (6 attempts in 10.1 s)");
    insta::assert_snapshot!(download(|_| cut(40_000)).await, @"download of batch 00000000-0000-4000-8000-000000000001, started over 5 times: connection to storage at HOST lost: unexpected end of file after 40000 of 100000 bytes (6 attempts in 10.1 s)");
    // Without an `ETag` it can't be resumed, and the bytes of a stream can't be taken back.
    let (_storage, api) = servers(|_| {
        let mut response = cut(40_000);
        response.headers_mut().remove("etag");
        response
    })
    .await;
    let mut stream = api.client().batch(id()).download().bytes_stream();
    let error = loop {
        if let Err(error) = stream.next().await.unwrap() {
            break error;
        }
    };
    insta::assert_snapshot!(message(&error), @"download of batch 00000000-0000-4000-8000-000000000001: connection to storage at HOST lost: unexpected end of file; it can't be resumed, as storage gives no ETag (after 40000 of 100000 bytes). Fetch it again from its start");
}

#[tokio::test(start_paused = true)]
async fn a_status_comes_with_reason_and_message_and_nothing_twice() {
    let says = |code, text: &'static str| {
        get(move |_| with_status(code, value!({ "errorMessage": text })))
    };
    insta::assert_snapshot!(says(401, "Unauthorized").await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 401 Unauthorized. Check that the API token is correct, not expired, and belongs to the intended workspace");
    insta::assert_snapshot!(says(404, "404 not found.").await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 404 Not Found. Check the id, and that it belongs to the token's workspace");
    insta::assert_snapshot!(says(404, "There is none.").await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 404 Not Found: There is none. Check the id, and that it belongs to the token's workspace");
    insta::assert_snapshot!(says(403, " ").await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 403 Forbidden. Give the API token the permission for this operation");
    let repeats = value!({ "reason": "somethingNew", "errorMessage": "somethingNew" });
    insta::assert_snapshot!(get(move |_| with_status(400, repeats.clone())).await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 400 Bad Request (somethingNew)");
    let named = |_: &Seen| with_header(status(502), "cf-ray", "ray-1");
    insta::assert_snapshot!(get(named).await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 502 Bad Gateway (6 attempts in 10.0 s, request ray-1)");

    let (sandbox, client) = Checked::set_up(Sandbox::builder().credits(0.0)).await;
    let error = client.create_batch(sandbox::create(&sandbox)).await;
    insta::assert_snapshot!(message(&error.unwrap_err()), @"create_batch: server returned 422 Unprocessable Entity (notEnoughCredits): The batch would cost more than the credits of the workspace. Add credits to the workspace or send fewer records, then create the batch again");
    let workflow: WorkflowUuid = uuid(7).parse().unwrap();
    let request = sandbox::create(&sandbox).workflow(workflow);
    let error = client.create_batch(request).await.unwrap_err();
    insta::assert_snapshot!(message(&error), @"create_batch: server returned 404 Not Found (workflowNotFound): There is no workflow 00000000-0000-4000-8000-000000000007. Check `workflowUuid`, and that the token belongs to the workspace of the workflow");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_data_has_advice_only_where_there_is_some() {
    let refused = |data: Value| {
        create(move |_| {
            let body = value!({ "reason": "dataError", "dataError": data });
            with_status(400, body)
        })
    };
    insta::assert_snapshot!(refused(value!({ "reason": "fileNotFound" })).await, @"create_batch: server returned 400 Bad Request (dataError: fileNotFound). This version of the crate has no advice for this reason: check the data of the batch");
    insta::assert_snapshot!(refused(value!({ "reason": "noRecords" })).await, @"create_batch: server returned 400 Bad Request (dataError: noRecords). Widen the selection; if the segment belongs to a play, use data of kind filter instead");
    insta::assert_snapshot!(refused(Value::Null).await, @"create_batch: server returned 400 Bad Request (dataError). The server doesn't say what is wrong: check the data of the batch");
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_is_too_long_names_the_limit() {
    let asks = |code, seconds: &'static str| {
        get(move |_| with_header(status(code), "retry-after", seconds))
    };
    insta::assert_snapshot!(asks(429, "120").await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 429 Too Many Requests; not retried: the server asks to wait 120.0 s, longer than 60.0 s (`max_retry_after`). Retry after that time, or raise `max_retry_after`");
    insta::assert_snapshot!(asks(503, "90").await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 503 Service Unavailable; not retried: the server asks to wait 90.0 s, longer than 60.0 s (`max_retry_after`). Retry after that time, or raise `max_retry_after`");
    // Longer than the call may take.
    let script = Script::start(|_| with_header(status(429), "retry-after", "50")).await;
    let client = script.client().with_timeout(Duration::from_secs(30));
    let error = client.get_batch(id()).await.unwrap_err();
    insta::assert_snapshot!(message(&error), @"get_batch (00000000-0000-4000-8000-000000000001): server returned 429 Too Many Requests; not retried: the server asks to wait 50.0 s, longer than what is left of 30.0 s (`timeout`). Call less often, or raise `timeout`");
    // Another call of the same client isn't sent.
    let error = client.get_batch(id()).await.unwrap_err();
    assert!(error.is_timeout() && error.is_retryable());
    insta::assert_snapshot!(message(&error), @"get_batch (00000000-0000-4000-8000-000000000001): not sent within 30.0 s, as HOST asks for fewer requests with 429 (`timeout`). Raise `timeout` if the server is known to take longer for this");
    let script = Script::start(|_| status(429)).await;
    let client = script.client().with_timeout(Duration::from_secs(2));
    let error = client.get_batch(id()).await.unwrap_err();
    insta::assert_snapshot!(message(&error), @"get_batch (00000000-0000-4000-8000-000000000001): server returned 429 Too Many Requests (9 attempts in 1.9 s); not retried: the next attempt would begin after 2.0 s (`timeout`). Call less often, or raise `timeout`");
    let client = script.client().with_retry(RetryPolicy::never());
    let error = client.get_batch(id()).await.unwrap_err();
    insta::assert_snapshot!(message(&error), @"get_batch (00000000-0000-4000-8000-000000000001): server returned 429 Too Many Requests. Call less often");
    // Storage asks as well.
    let storage = |_: &Seen| with_header(status(503), "retry-after", "120");
    insta::assert_snapshot!(download(storage).await, @"download of batch 00000000-0000-4000-8000-000000000001: storage returned 503 Service Unavailable; not retried: the server asks to wait 120.0 s, longer than 60.0 s (`max_retry_after`). Retry after that time, or raise `max_retry_after`");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_have_taken_effect_says_what_that_costs() {
    let script = Script::start(|_| status(502)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.csv");
    std::fs::write(&path, "a\n1\n").unwrap();
    let error = script.client().upload(&path).await.unwrap_err();
    assert_eq!(error.attempts() as usize, script.seen().len());
    insta::assert_snapshot!(message(&error), @"upload_file: server returned 502 Bad Gateway (6 attempts in 10.0 s). The upload may have completed; uploading again costs no credits");
    insta::assert_snapshot!(create(|_| status(502)).await, @"create_batch: server returned 502 Bad Gateway. A batch may exist: search for it before creating another one, which would spend credits again");
    let run = script
        .client()
        .create_run(CreateRunRequest::new(Record::default()));
    insta::assert_snapshot!(message(&run.await.unwrap_err()), @"create_run: server returned 502 Bad Gateway. A run may exist: search for it before creating another one, which would spend credits again");
    // What an operation of the caller's costs isn't known.
    static POST: Operation = Operation::new("add_tag", Method::POST, "/tags/{name}/add", false);
    let client = script.client();
    let error = client.request::<Value>(&POST, "/tags/red/add?token=hush", None);
    insta::assert_snapshot!(message(&error.await.unwrap_err()), @"add_tag (red): server returned 502 Bad Gateway. The request may have taken effect: check that before sending it again");
}

#[tokio::test(start_paused = true)]
async fn a_download_is_named_and_what_storage_says() {
    let denied = |_: &Seen| {
        with_text(
            403,
            "<Error><Code>AccessDenied</Code><Message>Request has expired.</Message></Error>",
        )
    };
    insta::assert_snapshot!(download(|_| status(403)).await, @"download of batch 00000000-0000-4000-8000-000000000001: storage returned 403 Forbidden for a newly issued URL");
    insta::assert_snapshot!(download(denied).await, @"download of batch 00000000-0000-4000-8000-000000000001: storage returned 403 Forbidden for a newly issued URL (AccessDenied): Request has expired");
    insta::assert_snapshot!(download(|_| status(404)).await, @"download of batch 00000000-0000-4000-8000-000000000001: storage returned 404 Not Found for a newly issued URL");
    let (storage, api) = servers(|_| status(403)).await;
    let url = format!("{}/r.csv?X-Sig=hush", storage.base_url());
    let error = api.client().download_url(url.into()).bytes().await;
    insta::assert_snapshot!(message(&error.unwrap_err()), @"download of http://HOST/v1/r.csv: storage returned 403 Forbidden for a signed URL that may have expired. Get a new signed URL");
    // The API refuses the signed URL itself.
    let api = Script::start(|_| status(404)).await;
    let error = api.client().batch(id()).download().bytes().await;
    insta::assert_snapshot!(message(&error.unwrap_err()), @"download_batch (00000000-0000-4000-8000-000000000001): server returned 404 Not Found. Check the id, and that it belongs to the token's workspace");
    let (sandbox, client) = Checked::start().await;
    let request = sandbox::create(&sandbox);
    let finished = client.create_batch(request).await.unwrap().batch.uuid;
    client.watch(finished).await.unwrap();
    let fault = Rule::new(Fault::ExpiredUrl).on("storage_get");
    sandbox.faults(fault).await.unwrap();
    let error = client.batch(finished).download().bytes().await;
    let text = message(&error.unwrap_err()).replace(&finished.to_string(), "ID");
    insta::assert_snapshot!(text, @"download of batch ID: storage returned 403 Forbidden for a newly issued URL (AccessDenied): Request has expired");
}

#[tokio::test(start_paused = true)]
async fn parameters_of_the_path_are_named() {
    let script = Script::start(|_| status(403)).await;
    let client = script.client();
    let cancelled = client.cancel_batch(id()).await.unwrap_err();
    insta::assert_snapshot!(message(&cancelled), @"cancel_batch (00000000-0000-4000-8000-000000000001): server returned 403 Forbidden. Give the API token the permission for this operation");
    let run: RunUuid = uuid(3).parse().unwrap();
    insta::assert_snapshot!(message(&client.get_run(run).await.unwrap_err()), @"get_run (00000000-0000-4000-8000-000000000003): server returned 403 Forbidden. Give the API token the permission for this operation");
    // In a watch the batch is named once.
    insta::assert_snapshot!(message(&client.watch(id()).await.unwrap_err()), @"get_batch: batch 00000000-0000-4000-8000-000000000001, poll 1 after 0.0 s: server returned 403 Forbidden. Give the API token the permission for this operation");
    static GET: Operation = Operation::new("get_tag", Method::GET, "/tags/{name}/at/{day}", true);
    let error = client.request::<Value>(&GET, "/tags/a%2Fb/at/2026-01-15?x=hush", None);
    insta::assert_snapshot!(message(&error.await.unwrap_err()), @"get_tag (a%2Fb, 2026-01-15): server returned 403 Forbidden. Give the API token the permission for this operation");
    // A token in the place of an id is redacted.
    let path = format!("/tags/{TOKEN}/at/2026-01-15");
    let error = client.request::<Value>(&GET, &path, None);
    insta::assert_snapshot!(message(&error.await.unwrap_err()), @"get_tag ([REDACTED], 2026-01-15): server returned 403 Forbidden. Give the API token the permission for this operation");
}

#[tokio::test(start_paused = true)]
async fn a_success_that_cannot_be_read_says_what_is_wrong_and_what_exists() {
    let created = |cut: usize| {
        let body = value!({ "batch": batch(value!({ "uuid": uuid(1) })) }).to_string();
        create(move |_| Response::new(Body::from(body[..body.len() - cut].to_owned())))
    };
    insta::assert_snapshot!(created(40).await, @"create_batch: server returned 200 OK with incomplete or invalid JSON, but batch 00000000-0000-4000-8000-000000000001 was created. The batch exists and spends credits: continue with it, and don't create another one");
    let run = Script::start(|_| json(value!({ "run": { "uuid": uuid(1), "status": 7 } }))).await;
    let request = CreateRunRequest::new(Record::default());
    let error = run.client().create_run(request).await;
    insta::assert_snapshot!(message(&error.unwrap_err()), @"create_run: server returned 200 OK with an invalid field `run.status`, but run 00000000-0000-4000-8000-000000000001 was created. The run exists and spends credits: continue with it, and don't create another one");
    insta::assert_snapshot!(create(|_| html()).await, @"create_batch: server returned 200 OK with a body that is not JSON (host HOST). A batch may exist: search for it before creating another one, which would spend credits again");
    insta::assert_snapshot!(get(|_| html()).await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 200 OK with a body that is not JSON (6 attempts in 10.0 s, host HOST). Something else may have responded: check the base URL and the proxy; the raw body is in the error");
    insta::assert_snapshot!(get(|_| with_text(200, "{\"batch\": {")).await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 200 OK with incomplete or invalid JSON (6 attempts in 10.0 s, host HOST). Something else may have responded: check the base URL and the proxy; the raw body is in the error");
    insta::assert_snapshot!(get(|_| with_text(200, "")).await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 200 OK with an empty body (6 attempts in 10.0 s, host HOST). Something else may have responded: check the base URL and the proxy; the raw body is in the error");
    insta::assert_snapshot!(get(|_| json(value!({ "batch": { "uuid": 7 } }))).await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 200 OK with an invalid field `batch.uuid`. The raw body is in the error; a newer version may read it");
    let encoded = |_: &Seen| with_header(with_text(200, "\u{1f}"), "content-encoding", "br");
    insta::assert_snapshot!(get(encoded).await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 200 OK with the encoding `br`, which was not requested. Something on the way compresses responses unasked: switch that off there");
    insta::assert_snapshot!(get(|_| status(302)).await, @"get_batch (00000000-0000-4000-8000-000000000001): server returned 302 Found (host HOST). Check the base URL: no redirect is followed, because the token must not be");
    let script = Script::start(|_| json(value!({ "batches": [{ "uuid": uuid(1) }] }))).await;
    let mut items = script.client().list_batches().items();
    insta::assert_snapshot!(message(&items.next().await.unwrap().unwrap_err()), @"list_batches: server returned 200 OK with an invalid field `batches[0]` of 00000000-0000-4000-8000-000000000001. Its JSON is in the error; a newer version may read it");
}

#[tokio::test(start_paused = true)]
async fn a_creation_of_unknown_outcome_says_what_was_searched_for() {
    let segment: SegmentUuid = uuid(5).parse().unwrap();
    let request = CreateBatchRequest::new(CreateBatchData::segment(segment));
    let (sandbox, client) = Checked::start().await;
    let plan = FaultPlan::new()
        .rule(Rule::new(Fault::ResetAfterActing).on("create_batch"))
        .rule(Rule::new(refusal(403)).on("list_batches"));
    sandbox.faults(plan).await.unwrap();
    let error = client.create_batch_once(sandbox::create(&sandbox)).await;
    let error = error.unwrap_err();
    assert!(error.may_have_spent() && error.elapsed() >= Duration::from_secs(60));
    insta::assert_snapshot!(message(&error), @"create_batch: connection to HOST lost: connection reset (1 attempt and a search in 60.0 s); the search for the batch failed: list_batches: server returned 403 Forbidden. Give the API token the permission for this operation. A batch may exist: search for it before creating another one, which would spend credits again");
    // A batch with the same data, which anyone may have created.
    let script = Script::start(move |seen| match seen.line.as_str() {
        CREATE => status(502),
        LIST if seen.values("offset") == ["0"] && seen.number > 1 => {
            let data = value!({ "kind": "segment", "segmentUuid": uuid(5) });
            json(value!({ "batches": [batch(value!({ "uuid": uuid(9), "data": data }))] }))
        }
        _ => json(value!({ "batches": [] })),
    })
    .await;
    let error = script
        .client()
        .create_batch_once(request)
        .await
        .unwrap_err();
    insta::assert_snapshot!(message(&error), @"create_batch: server returned 502 Bad Gateway (it may be 00000000-0000-4000-8000-000000000009, 1 attempt and a search in 1.0 s). Check whether it is one of these before creating another one, which would spend credits again");
    // What never comes into being isn't created for ever.
    let script = Script::start(move |seen| match seen.line.as_str() {
        CREATE => status(502),
        _ => json(value!({ "batches": [] })),
    })
    .await;
    let error = script.client().create_batch_once(file()).await.unwrap_err();
    assert!(!error.is_ambiguous());
    insta::assert_snapshot!(message(&error), @"create_batch: server returned 502 Bad Gateway (no batch was created, 5 attempts in 300.0 s)");
}

fn refusal(status: u16) -> Fault {
    Fault::ApiError {
        status,
        reason: None,
        data_reason: None,
        message: Some("Forbidden".to_owned()),
        acted: false,
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_is_named() {
    let script = Script::start(|_| silent()).await;
    let client = script.client().with_retry(RetryPolicy::never());
    let error = client.get_batch(id()).await.unwrap_err();
    assert!(error.is_timeout() && !error.is_connect());
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    insta::assert_snapshot!(message(&error), @"get_batch (00000000-0000-4000-8000-000000000001): no complete response from HOST within 60.0 s (`attempt_timeout`). Raise `attempt_timeout` if the server is known to take longer for this");
    let short = client.with_timeout(Duration::from_secs(20));
    insta::assert_snapshot!(message(&short.get_batch(id()).await.unwrap_err()), @"get_batch (00000000-0000-4000-8000-000000000001): no complete response from HOST within 20.0 s (`timeout`). Raise `timeout` if the server is known to take longer for this");
    let short = script.client().with_timeout(Duration::from_secs(90));
    let error = short.get_batch(id()).await.unwrap_err();
    insta::assert_snapshot!(message(&error), @"get_batch (00000000-0000-4000-8000-000000000001): no complete response from HOST within 29.6 s (the rest of the `timeout` of 90.0 s, 2 attempts in 90.0 s). Raise `timeout` if the server is known to take longer for this");
    let none = client.with_timeout(Duration::ZERO);
    let error = none.get_batch(id()).await.unwrap_err();
    assert!(error.is_timeout());
    insta::assert_snapshot!(message(&error), @"get_batch (00000000-0000-4000-8000-000000000001): not sent within 0.0 s (`timeout`). Raise `timeout` if the server is known to take longer for this");
    let error = client.create_batch(file()).await.unwrap_err();
    assert!(error.is_timeout() && error.is_ambiguous());
    insta::assert_snapshot!(message(&error), @"create_batch: no complete response from HOST within 60.0 s (`attempt_timeout`). A batch may exist: search for it before creating another one, which would spend credits again");
    // A download that stalls.
    let (_storage, api) = servers(|_| {
        let first = stream::iter([Ok::<_, std::io::Error>(vec![b'x'; 5000])]);
        let body = Body::from_stream(first.chain(stream::pending()));
        let response = Response::builder().header("content-length", 9000);
        response.body(body).unwrap()
    })
    .await;
    let client = api.client().with_retry(RetryPolicy::never());
    let error = client.batch(id()).download().bytes().await.unwrap_err();
    assert!(error.is_timeout());
    insta::assert_snapshot!(message(&error), @"download of batch 00000000-0000-4000-8000-000000000001: no complete response from storage at HOST within 60.0 s after 5000 of 9000 bytes (`attempt_timeout`). Raise `attempt_timeout` if the server is known to take longer for this");
    // A timeout of a server is a status.
    let script = Script::start(|_| status(504)).await;
    let error = script.client().get_batch(id()).await.unwrap_err();
    assert!(!error.is_timeout());
    insta::assert_snapshot!(message(&error), @"get_batch (00000000-0000-4000-8000-000000000001): server returned 504 Gateway Timeout (6 attempts in 10.0 s)");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_says_that_the_batch_continues() {
    let running = || json(value!({ "batch": batch(value!({ "status": "running" })) }));
    let script = Script::start(move |_| running()).await;
    let watch = script.client().watch(id()).deadline(Duration::from_secs(7));
    let error = watch.await.unwrap_err();
    assert!(error.is_timeout());
    insta::assert_snapshot!(message(&error), @"deadline exceeded: batch 00000000-0000-4000-8000-000000000001 is still running (poll 3 after 7.0 s). The batch continues on the server: watch it again by its id");
    let failing = Script::start(|_| status(503)).await;
    let watch = failing
        .client()
        .watch(id())
        .deadline(Duration::from_secs(7));
    insta::assert_snapshot!(message(&watch.await.unwrap_err()), @"deadline exceeded: batch 00000000-0000-4000-8000-000000000001 has not been seen, as no poll has succeeded (poll 1 after 7.0 s). The batch continues on the server: watch it again by its id");
    let script = Script::start(|_| {
        let open = value!({ "uuid": uuid(1), "status": "running", "finishedAt": null });
        json(value!({ "batches": [batch(open.clone())], "batch": batch(open) }))
    })
    .await;
    let watch = script.client().watch_many([id()]);
    let mut watch = watch.deadline(Duration::from_secs(7));
    let error = loop {
        if let Err(error) = watch.next().await.unwrap() {
            break error;
        }
    };
    insta::assert_snapshot!(message(&error), @"deadline exceeded: 1 batch has not finished (poll 3 after 7.0 s). The batches continue on the server: watch them again by their ids");
}

#[tokio::test(start_paused = true)]
async fn a_length_and_a_file_are_said_in_short() {
    let script = Script::start(|_| with_text(200, "[1, 2, 3]")).await;
    let client = |bytes| script.builder().max_response_bytes(bytes).build().unwrap();
    let error = client(5).get_batch(id()).await.unwrap_err();
    insta::assert_snapshot!(message(&error), @"get_batch (00000000-0000-4000-8000-000000000001): the response is longer than 5 bytes (`max_response_bytes`). Raise `max_response_bytes` if that is expected");
    let large = Script::start(|_| Response::new(Body::from(vec![b' '; 2049]))).await;
    let client = large.builder().max_response_bytes(2048).build().unwrap();
    let error = client.get_batch(id()).await.unwrap_err();
    insta::assert_snapshot!(message(&error), @"get_batch (00000000-0000-4000-8000-000000000001): the response is longer than 2 KiB (`max_response_bytes`). Raise `max_response_bytes` if that is expected");
    let error = client.create_batch(file()).await.unwrap_err();
    insta::assert_snapshot!(message(&error), @"create_batch: the response is longer than 2 KiB (`max_response_bytes`). A batch may exist: search for it before creating another one, which would spend credits again");
    let error = client.upload("nothere.csv").await.unwrap_err();
    insta::assert_snapshot!(message(&error), @"cannot read nothere.csv: not found");
    // The source says it better.
    insta::assert_snapshot!(format!("{error:#}"), @"cannot read nothere.csv: No such file or directory (os error 2)");
}

#[tokio::test(start_paused = true)]
async fn main_prints_message_chain_and_advice_in_one_line() {
    let client = Client::builder(TOKEN).base_url(nowhere()).build().unwrap();
    let client = client.with_retry(RetryPolicy::never());
    let error = client.get_batch(id()).await.unwrap_err();
    insta::assert_snapshot!(pinned(&format!("Error: {error:?}")), @"Error: get_batch (00000000-0000-4000-8000-000000000001): could not connect to HOST: connection refused: error sending request: client error (Connect): tcp connect error: Connection refused (os error 111). Check the base URL, the network and the proxy");
    let script = Script::start(|_| json(value!({ "batch": { "uuid": TOKEN } }))).await;
    let error = script.client().get_batch(id()).await.unwrap_err();
    insta::assert_snapshot!(pinned(&format!("Error: {error:?}")), @"Error: get_batch (00000000-0000-4000-8000-000000000001): server returned 200 OK with an invalid field `batch.uuid`: UUID parsing failed: invalid character: found `t` at 0 at line 1 column 34. The raw body is in the error; a newer version may read it");
    let body =
        value!({ "errorMessage": format!("Bearer {TOKEN} at https://s3.example/?X-Sig=hush") });
    let script = Script::start(move |_| with_status(400, body.clone())).await;
    let error = script.client().get_batch(id()).await.unwrap_err();
    insta::assert_snapshot!(pinned(&format!("Error: {error:?}")), @"Error: get_batch (00000000-0000-4000-8000-000000000001): server returned 400 Bad Request: Bearer [REDACTED] at https://s3.example/?[REDACTED]");
    // The fields, where they are asked for.
    let fields = format!("{error:#?}");
    insta::assert_snapshot!(fields, @r#"
    Error {
        kind: Status,
        operation: Some(
            "get_batch",
        ),
        status: Some(
            400,
        ),
        text: "get_batch (00000000-0000-4000-8000-000000000001): server returned 400 Bad Request: Bearer [REDACTED] at https://s3.example/?[REDACTED]",
        attempts: 1,
        elapsed: 0ns,
        candidates: [],
        source: None,
        ..
    }
    "#);
}
