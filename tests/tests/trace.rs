//! What a subscriber sees. Alone in its program: what is of interest is decided once for all threads.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::BatchUuid;
use cargo_batch_tests::script::{Script, TOKEN, batch, html, json, status, uuid};
use serde_json::json as value;

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
        "error.type=Refused",
    ] {
        assert!(
            ours.iter().any(|line| line.contains(field)),
            "{field}: {ours:#?}"
        );
    }
    assert!(!log.contains(TOKEN) && !log.contains("hush"), "{log}");
}
