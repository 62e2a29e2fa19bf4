//! What a subscriber sees. Alone in its program: what is of interest is decided once for all threads.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::BatchUuid;
use cargo_batch_sandbox::{Fault, FaultPlan, Rule};
use cargo_batch_tests::sandbox::{self, Checked};
use cargo_batch_tests::script::{Script, TOKEN, batch, html, json, status, uuid};
use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use serde_json::json as value;
use tracing_subscriber::layer::SubscriberExt;

/// Keeps what a subscriber writes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_has_a_span_and_none_has_a_secret() {
    let id: BatchUuid = uuid(1).parse().unwrap();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let script = Script::start(|seen| match seen.number {
        0 => status(503),
        1 => html(),
        _ => json(value!({ "batch": batch(value!({})) })),
    })
    .await;
    script.client().get_batch(id).await.unwrap();
    let storage = Script::start(|_| Response::new(Body::from("a\n1\n"))).await;
    let link = format!("{}/r?X-Sig=hush", storage.base_url());
    let api = Script::start(move |_| json(value!({ "url": link }))).await;
    let sink = api.client().batch(id).download().to_writer(Vec::new());
    sink.await.unwrap();
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("cargo_batch."))
        .collect();
    let spans = |name: &str| {
        let of_it = ours
            .iter()
            .filter(|line| line.contains("get_batch") && line.contains(": close "));
        let last = of_it.filter_map(|line| line.rsplit("cargo_batch.").next());
        last.filter(|span| span.starts_with(name)).count()
    };
    assert_eq!((spans("operation"), spans("attempt")), (1, 3), "{ours:#?}");
    for field in [
        "http.request.resend_count=0",
        "http.request.resend_count=1",
        "http.response.status_code=503",
        "http.response.status_code=200",
        "http.request.method=\"GET\"",
        "url.template=\"/orchestration/batches/{uuid}\"",
        "error.type=Status",
    ] {
        assert!(
            ours.iter().any(|line| line.contains(field)),
            "{field}: {ours:#?}"
        );
    }
    assert!(!log.contains(TOKEN) && !log.contains("hush"), "{log}");
}

/// Exports what a job does to memory, as a program would to a collector.
async fn exported<F: Future>(job: F) -> Vec<SpanData> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    job.await;
    drop(guard);
    provider.force_flush().unwrap();
    exporter.get_finished_spans().unwrap()
}

fn attribute<'a>(span: &'a SpanData, name: &str) -> Option<&'a Value> {
    let found = span.attributes.iter().find(|one| one.key.as_str() == name);
    found.map(|one| &one.value)
}

fn text(span: &SpanData, name: &str) -> String {
    attribute(span, name).map_or_else(String::new, |value| value.as_str().into_owned())
}

fn events(span: &SpanData) -> Vec<&str> {
    span.events.iter().map(|event| &*event.name).collect()
}

fn named<'a>(spans: &'a [SpanData], name: &str) -> Vec<&'a SpanData> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[tokio::test(start_paused = true)]
async fn exported_spans_follow_opentelemetry_conventions() {
    let (sandbox, client) = Checked::start().await;
    let plan = FaultPlan::new()
        .rule(
            Rule::new(Fault::ResetAfterActing)
                .on("create_batch")
                .count(1),
        )
        .rule(Rule::new(UNAVAILABLE).on("get_batch").count(1))
        .rule(Rule::new(UNAVAILABLE).on("storage_get").count(1));
    sandbox.faults(plan).await.unwrap();
    let request = sandbox::create(&sandbox);
    let mut id = None;
    let spans = exported(async {
        let batch = client.create_batch_once(request).await.unwrap();
        id = Some(batch.uuid.to_string());
        let finished = client.batch(batch.uuid).wait().await.unwrap();
        finished.download().bytes().await.unwrap();
        client
            .get_batch(uuid(9).parse::<BatchUuid>().unwrap())
            .await
            .unwrap_err();
    })
    .await;
    let id = id.unwrap();

    let [creation] = named(&spans, "create")[..] else {
        panic!("one creation")
    };
    assert_eq!(text(creation, "cargo.batch.uuid"), id);
    assert_eq!(
        attribute(creation, "cargo.batch.adopted"),
        Some(&Value::Bool(true))
    );
    assert_eq!(events(creation), ["creation unclear", "creation adopted"]);
    assert_eq!(creation.status, Status::Unset);
    // Its requests are below it.
    let [create] = named(&spans, "create_batch")[..] else {
        panic!("one request")
    };
    assert_eq!(create.parent_span_id, creation.span_context.span_id());
    assert!(matches!(create.status, Status::Error { .. }), "{create:?}");
    assert_eq!(text(create, "error.type"), "Interrupted");

    let [watch] = named(&spans, "watch")[..] else {
        panic!("one watch")
    };
    assert_eq!(text(watch, "cargo.batch.uuid"), id);
    assert_eq!(text(watch, "cargo.batch.status"), "success");
    let polls = named(&spans, "get_batch");
    let retried: Vec<_> = polls
        .iter()
        .filter(|poll| events(poll) == ["retrying"])
        .collect();
    let [retried] = retried[..] else {
        panic!("one poll was retried: {polls:#?}")
    };
    assert_eq!(retried.parent_span_id, watch.span_context.span_id());
    let of_event = &retried.events.events[0].attributes;
    assert!(
        of_event.iter().any(|one| one.key.as_str() == "because"),
        "{of_event:?}"
    );

    let attempts = named(&spans, "GET /orchestration/batches/{uuid}");
    assert!(attempts.len() > polls.len());
    for span in attempts.iter().chain(&polls) {
        assert_eq!(span.span_kind, SpanKind::Client);
        assert_eq!(text(span, "server.address"), "127.0.0.1");
        let port = i64::from(sandbox.address().port());
        assert_eq!(attribute(span, "server.port"), Some(&Value::I64(port)));
        let status = attribute(span, "http.response.status_code");
        let is_error = status != Some(&Value::I64(200));
        assert_eq!(
            matches!(span.status, Status::Error { .. }),
            is_error,
            "{span:?}"
        );
    }

    let [download] = named(&spans, "download")[..] else {
        panic!("one download")
    };
    assert_eq!(text(download, "cargo.batch.uuid"), id);
    let gets = named(&spans, "GET");
    assert_eq!(gets.len(), 2, "the first was refused");
    for get in &gets {
        assert_eq!(get.parent_span_id, download.span_context.span_id());
        assert_eq!(get.span_kind, SpanKind::Client);
        assert_eq!(text(get, "server.address"), "127.0.0.1");
    }
    assert!(matches!(gets[0].status, Status::Error { .. }));

    let shown = format!("{spans:?}");
    assert!(!shown.contains(&sandbox.token()), "{shown}");
    assert!(!shown.contains("signature="), "{shown}");
}

const UNAVAILABLE: Fault = Fault::Unavailable {
    retry_after: None,
    as_date: false,
    acted: false,
};
