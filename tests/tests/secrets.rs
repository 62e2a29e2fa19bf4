//! The token and the signatures of signed URLs are shown nowhere. Alone in its program: what is logged
//! is decided once for all threads.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use cargo_batch_client::types::{
    BatchUuid, CreateBatchData, CreateBatchRequest, DownloadBatchRequest, ListRunsRequest, Record,
};
use cargo_batch_client::{Client, Error, TokenFuture, TokenProvider};
use cargo_batch_sandbox::{Fault, FaultPlan, Origin, Rule, Sandbox};
use cargo_batch_tests::faults::failures;
use cargo_batch_tests::script::{Script, json, status, uuid};
use serde_json::json as value;

/// Keeps everything that any reader of logs could see.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<String>>);

impl Seen {
    fn add(&self, text: &str) {
        let mut all = self.0.lock().unwrap();
        all.push_str(text);
        all.push('\n');
    }

    fn debug(&self, value: &impl Debug) {
        self.add(&format!("{value:?} {value:#?}"));
    }

    /// In every way in which errors are shown.
    fn error(&self, error: &Error) {
        self.debug(error);
        self.add(&format!("{error} {error:#}"));
        self.add(error.advice().unwrap_or_default());
        self.add(error.message().unwrap_or_default());
        self.debug(&error.reason());
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            self.add(&format!("{error} {error:?} {error:#?}"));
            source = error.source();
        }
    }

    fn shown<T: Debug>(&self, done: &Result<T, Error>) {
        match done {
            Ok(value) => self.debug(value),
            Err(error) => self.error(error),
        }
    }

    /// What of it must not be there.
    fn found(&self, tokens: &[String], signatures: &[String]) -> Vec<String> {
        let text = self.0.lock().unwrap();
        let mut found = Vec::new();
        for secret in tokens
            .iter()
            .flat_map(|token| forms(token))
            .chain(signatures.iter().cloned())
        {
            assert!(secret.len() >= 8, "{secret} is nothing to look for");
            for (place, _) in text.match_indices(&secret).take(3) {
                let mut before = place.saturating_sub(100)..place;
                let start = before.find(|at| text.is_char_boundary(*at));
                let start = start.unwrap_or(place);
                found.push(format!("{secret}: …{}", &text[start..place + secret.len()]));
            }
        }
        found
    }
}

impl std::io::Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .lock()
            .unwrap()
            .push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl log::Log for Seen {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        self.add(&format!(
            "{} {}: {}",
            record.level(),
            record.target(),
            record.args()
        ));
    }
    fn flush(&self) {}
}

/// A token in all ways of writing it.
fn forms(token: &str) -> Vec<String> {
    let percent: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
    let header = format!("Bearer {token}");
    let basic = format!(":{token}");
    let mut forms = vec![token.to_owned(), percent, token.escape_debug().to_string()];
    // base64 writes three bytes as four letters: what it makes of the token depends on where that is.
    for text in [token, &header, &basic, &format!("{token}:")] {
        let whole = STANDARD_NO_PAD.encode(text);
        let inner: String = whole.chars().skip(12).take(12).collect();
        forms.extend([STANDARD.encode(text), URL_SAFE.encode(text), whole]);
        if inner.len() == 12 && text == token {
            forms.push(inner);
        }
    }
    forms
}

/// The signatures in signed URLs, as they are sent.
fn signature(link: &str) -> String {
    let (_, signature) = link.split_once("signature=").unwrap();
    signature.to_owned()
}

/// Asks the sandbox, which takes another token now and then.
struct Tokens(Arc<Sandbox>);

impl TokenProvider for Tokens {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async { Ok(self.0.token().into()) })
    }
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_in_a_log_an_error_a_debug_or_at_the_signed_host() {
    let seen = Seen::default();
    let writer = seen.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log::set_boxed_logger(Box::new(seen.clone())).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let (mut tokens, signatures) = the_life_of_a_batch(&seen).await;
    tokens.push(the_signed_host(&seen).await);
    let text = seen.0.lock().unwrap().clone();
    eprintln!("{} bytes to look through", text.len());
    // What is searched for would be found: both logs have been written to, as have all errors.
    for sign in [
        "cargo_batch.attempt",
        "hyper_util::client",
        "reqwest",
        "Interrupted",
        "[REDACTED]",
    ] {
        assert!(text.contains(sign), "{sign} is missing");
    }
    let found = seen.found(&tokens, &signatures);
    assert!(found.is_empty(), "{found:#?}");
    seen.add(&format!(
        "{} {}",
        STANDARD.encode(&tokens[0]),
        signatures[0]
    ));
    assert!(seen.found(&tokens, &signatures).len() > 1);
}

/// Everything that can be done, on the sandbox, with every fault; the tokens there were, and some
/// signatures.
async fn the_life_of_a_batch(seen: &Seen) -> (Vec<String>, Vec<String>) {
    let builder = Sandbox::builder().validate_responses(false);
    let sandbox = Arc::new(builder.start().await.unwrap());
    let mut tokens = vec![sandbox.token()];
    let builder = Client::builder_with_token_provider(Tokens(sandbox.clone()))
        .base_url(sandbox.base_url())
        .jitter_seed(1);
    seen.debug(&builder);
    let client = builder.build().unwrap();
    seen.debug(&client);
    let fixed = Client::builder(sandbox.token()).base_url(sandbox.base_url());
    seen.debug(&fixed);
    seen.debug(&fixed.build().unwrap());

    // Without a fault.
    let content = format!("email\n{}", "a@example.com\n".repeat(700_000));
    let upload = client.upload_from("leads.csv", std::io::Cursor::new(content.into_bytes()));
    seen.debug(&upload);
    let file = upload.await.unwrap();
    seen.debug(&file);
    let tool = sandbox.fixtures().tool_workflow_uuid;
    let records = (0..5).map(|n| Record::from_iter([("email", format!("{n}@example.com"))]));
    let request = CreateBatchRequest::new(CreateBatchData::records(records)).workflow(tool);
    let batch = client.create_batch_once(request.clone()).await.unwrap();
    let handle = client.batch(batch.uuid);
    seen.debug(&handle);
    let watch = handle.watch();
    seen.debug(&watch);
    seen.debug(&watch.save());
    let finished = handle.wait().await.unwrap();
    seen.debug(&finished);
    let mut many = client.watch_many([batch.uuid]);
    seen.debug(&many);
    seen.shown(&many.next().await.unwrap());
    seen.shown(&finished.runs().try_collect().await);
    seen.shown(&handle.metrics().await);
    seen.shown(&handle.download().to_writer(Vec::new()).await);
    let mut rows = handle.download().rows::<serde_json::Value>();
    while let Some(row) = rows.next().await {
        seen.add(&format!("{row:?}"));
    }
    let mut signatures = Vec::new();
    let link = client.download_batch(batch.uuid, DownloadBatchRequest::new());
    seen.debug(&link);
    let link = link.send().await.unwrap();
    seen.debug(&link);
    signatures.push(signature(link.url.expose()));

    // With every fault, in everything that goes to the API and to storage.
    let repeats = Fault::ApiError {
        status: 401,
        reason: Some(sandbox.token()),
        data_reason: Some(sandbox.token()),
        message: Some(format!(
            "no such token: '{}', see {}",
            sandbox.token(),
            link.url.expose()
        )),
        acted: false,
    };
    let others = [
        repeats,
        Fault::ConnectionRefused { seconds: 1.0 },
        Fault::CloseOnAccept,
        Fault::UnknownStatus {
            status: "hibernating".to_owned(),
        },
        Fault::UnknownKind {
            value: "quantum".to_owned(),
        },
        Fault::ExtraFields,
        Fault::DuplicatePage { items: 1 },
        Fault::ReorderedPage,
        Fault::ExpiredUrl,
        Fault::ChangedContent,
    ];
    for fault in others.into_iter().chain(failures()) {
        for place in ["api", "storage_get", "storage_put", "storage"] {
            let rule = Rule::new(fault.clone()).on(place);
            if sandbox.faults(rule).await.is_err() {
                continue; // Not a fault of that place.
            }
            let client = client.with_timeout(Duration::from_secs(100));
            seen.shown(&client.get_batch(batch.uuid).send().await);
            seen.shown(&client.create_batch(request.clone()).send().await);
            seen.shown(&client.list_batches().limit(2).items().try_collect().await);
            let runs = ListRunsRequest::new().workflow(tool).batch(batch.uuid);
            seen.shown(&client.list_runs(runs).send().await);
            seen.shown(&client.upload_file("a.csv", "a\n1\n").send().await);
            seen.shown(
                &client
                    .batch(batch.uuid)
                    .download()
                    .to_writer(Vec::new())
                    .await,
            );
            if place == "storage_put" {
                let parts = std::io::Cursor::new(vec![b'a'; (8 << 20) + 1]);
                seen.shown(&client.upload_from("a.csv", parts).await);
            }
            let link = client.download_batch(batch.uuid, DownloadBatchRequest::new());
            if let Ok(link) = link.await {
                signatures.push(signature(link.url.expose()));
            }
            if tokens.last() != Some(&sandbox.token()) {
                tokens.push(sandbox.token());
            }
        }
    }
    sandbox.faults(FaultPlan::new()).await.unwrap();
    // Every fault that is of storage, and every token that was renewed.
    assert!(tokens.len() > 1 && signatures.len() > 20);
    let storage: Vec<_> = sandbox.requests();
    let storage: Vec<_> = storage
        .iter()
        .filter(|seen| seen.origin == Origin::Storage)
        .collect();
    assert!(storage.len() > 50);
    assert!(storage.iter().all(|seen| !seen.carried_token));
    (tokens, signatures)
}

/// Storage that keeps all that it is sent; the token that it must not be sent.
async fn the_signed_host(seen: &Seen) -> String {
    let token = "tok/very+secret=<\"quoted\">-1234567";
    let storage = Script::start(|seen| match (seen.line.starts_with("PUT"), seen.number) {
        (_, 1) => status(503),
        (true, _) => {
            let response = Response::builder().header("etag", "\"1\"");
            response.body(Body::empty()).unwrap()
        }
        // Once it says that the URL has expired, once it leads elsewhere.
        (_, 2) => status(403),
        (_, 5) => {
            let response = Response::builder()
                .status(302)
                .header("location", "/elsewhere");
            response.body(Body::empty()).unwrap()
        }
        _ => Response::new(Body::from("email\na@example.com\n")),
    })
    .await;
    let link = format!("{}/x?signature=hushhush", storage.base_url());
    let api = Script::start(move |seen| match seen.line.rsplit('/').next() {
        Some("create") => json(value!({ "s3Filename": "f.csv", "uploadId": "1" })),
        Some("complete") => json(value!({ "s3Filename": "f.csv" })),
        _ => json(value!({ "url": link })),
    })
    .await;
    let client = Client::builder(token)
        .base_url(api.base_url())
        .jitter_seed(1);
    seen.debug(&client);
    let client = client.build().unwrap();
    let batch = client.batch(uuid(1).parse::<BatchUuid>().unwrap());
    for _ in 0..5 {
        seen.shown(&batch.download().to_writer(Vec::new()).await);
    }
    let parts = std::io::Cursor::new(vec![b'a'; 20 << 20]);
    seen.shown(&client.upload_from("a.csv", parts).await);
    // The API has been sent it, so that it would be found; storage has not, in whatever way.
    let read = |script: &Script| {
        let kept = Seen::default();
        for request in script.seen() {
            kept.add(&format!("{} {:?}", request.line, request.query));
            for (name, value) in &request.headers {
                kept.add(&format!(
                    "{name}: {}",
                    String::from_utf8_lossy(value.as_bytes())
                ));
            }
            kept.add(&String::from_utf8_lossy(
                &request.body[..request.body.len().min(1000)],
            ));
        }
        kept
    };
    let tokens = [token.to_owned()];
    assert!(!read(&api).found(&tokens, &[]).is_empty());
    let requests = storage.seen();
    let count = |method| {
        requests
            .iter()
            .filter(|seen| seen.line.starts_with(method))
            .count()
    };
    assert!(
        count("GET") >= 6 && count("PUT") == 3,
        "{} and {}",
        count("GET"),
        count("PUT")
    );
    let found = read(&storage).found(&tokens, &[]);
    assert!(found.is_empty(), "{found:#?}");
    assert!(
        requests
            .iter()
            .all(|seen| !seen.headers.contains_key("authorization"))
    );
    let found = seen.found(&[], &["hushhush".to_owned()]);
    assert!(found.is_empty(), "{found:#?}");
    token.to_owned()
}
