//! What is retried, when, and what is reported of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::{BatchUuid, CreateBatchData, CreateBatchRequest};
use cargo_batch_client::{Blocking, Client, ErrorKind, RetryPolicy};
use cargo_batch_tests::script::{Script, TOKEN, batch, html, json, status, uuid};
use serde_json::{Value, json as value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

fn one_batch() -> Response<Body> {
    json(value!({ "batch": batch(value!({ "status": "success" })) }))
}

fn busy(after: &str) -> Response<Body> {
    let mut response = status(429);
    let after = after.parse().unwrap();
    response.headers_mut().insert("retry-after", after);
    response
}

#[tokio::test(start_paused = true)]
async fn a_server_is_not_called_before_the_time_it_asks_for() {
    for (after, seconds) in [("7", 7), ("Thu, 15 Jan 2026 10:00:30 GMT", 30)] {
        let script = Script::start(move |seen| match seen.number {
            0 => {
                let mut response = busy(after);
                let date = "Thu, 15 Jan 2026 10:00:00 GMT".parse().unwrap();
                response.headers_mut().insert("date", date);
                response
            }
            _ => one_batch(),
        })
        .await;
        script.client().get_batch(id()).await.unwrap();
        let at = script.seen()[1].at.as_secs_f64();
        let (least, most) = (f64::from(seconds), f64::from(seconds) * 1.1);
        assert!((least..=most + 0.01).contains(&at), "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_ends_after_the_deadline_is_not_taken() {
    let script = Script::start(|_| busy("50")).await;
    let client = script.client().with_timeout(Duration::from_secs(40));
    let start = Instant::now();
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!((start.elapsed(), script.seen().len()), (Duration::ZERO, 1));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(50)));
    // Nor one that is longer than the policy allows, or than there is time in the fixtures.
    for after in ["61", "18446744073709551615"] {
        let script = Script::start(move |_| busy(after)).await;
        script.client().get_batch(id()).await.unwrap_err();
        assert_eq!(script.seen().len(), 1);
    }
    let mut patient = RetryPolicy::default();
    patient.max_retry_after = Duration::MAX;
    patient.max_delay = Duration::MAX;
    patient.base_delay = Duration::MAX;
    let client = script.client().with_retry(patient);
    client.get_batch(id()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn all_attempts_together_keep_to_the_deadline() {
    // Every response comes after the client has stopped listening.
    let script = Script::start(|_| {
        let late = futures_util::stream::once(async {
            tokio::time::sleep(Duration::from_secs(9999)).await;
            Ok::<_, std::io::Error>("{}")
        });
        Response::new(Body::from_stream(late))
    })
    .await;
    let client = script
        .client()
        .with_timeout(Duration::from_secs(100))
        .with_attempt_timeout(Duration::from_secs(40));
    let start = Instant::now();
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(error.attempts() >= 2 && start.elapsed() <= Duration::from_secs(100));
    assert_eq!(error.elapsed(), start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_call_can_have_another_policy() {
    let script = Script::start(|_| status(500)).await;
    let client = script.client();
    client
        .with_retry(RetryPolicy::never())
        .get_batch(id())
        .await
        .unwrap_err();
    assert_eq!(script.seen().len(), 1);
    client.get_batch(id()).await.unwrap_err();
    assert_eq!(script.seen().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_broken_server_is_not_hammered() {
    let script = Script::start(|_| status(500)).await;
    let client = script.client();
    for call in 0..100 {
        let error = client.get_batch(id()).await.unwrap_err();
        // Five retries for each of the first twenty; of the others the error says why there are none.
        let is_spent = error.to_string().contains("budget");
        assert_eq!(
            (error.attempts(), is_spent),
            if call < 20 { (6, false) } else { (1, true) }
        );
    }
    // One request each, and the 100 retries of the budget.
    assert_eq!(script.seen().len(), 200);
}

/// The text of a value without its end.
fn cut(value: &Value) -> String {
    let mut text = value.to_string();
    text.pop();
    text
}

#[tokio::test(start_paused = true)]
async fn a_success_without_json_is_asked_for_again() {
    let responses: [fn() -> Response<Body>; 3] = [
        html,
        || status(200),
        || Response::new(Body::from(cut(&value!({ "batch": batch(value!({})) })))),
    ];
    for response in responses {
        let script = Script::start(move |seen| match seen.number {
            0..2 => response(),
            _ => one_batch(),
        })
        .await;
        let start = Instant::now();
        script.client().get_batch(id()).await.unwrap();
        assert_eq!(script.seen().len(), 3);
        assert!(start.elapsed() > Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_whose_json_does_not_fit_is_not() {
    let script = Script::start(|_| json(value!({ "batch": {} }))).await;
    let error = script.client().get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert_eq!((script.seen().len(), error.attempts()), (1, 1));
    assert!(!error.is_retryable());
}

/// The beginning of a response that never ends.
const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"batch\":";

/// A server that reads a request, and then treats the connection as the test says.
async fn raw(responses: &'static [&'static str]) -> (Client, Arc<Mutex<Vec<usize>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = requests.clone();
    tokio::spawn(async move {
        let mut number = 0;
        for connection in 0.. {
            let (mut socket, _) = listener.accept().await.unwrap();
            loop {
                let mut request = vec![0; 1 << 16];
                // The requests are small enough to come in one or two chunks.
                let mut read = 0;
                while !String::from_utf8_lossy(&request[..read]).contains("\"f.csv\"}}") {
                    match socket.read(&mut request[read..]).await {
                        Ok(0) | Err(_) => break,
                        Ok(more) => read += more,
                    }
                }
                if read == 0 {
                    break;
                }
                seen.lock().unwrap().push(connection);
                let response = responses.get(number).copied().unwrap_or_default();
                number += 1;
                socket.write_all(response.as_bytes()).await.unwrap();
                if response.is_empty() || response == HALF {
                    break;
                }
            }
        }
    });
    let client = Client::builder(TOKEN).base_url(format!("http://{address}/v1"));
    (client.build().unwrap(), requests)
}

#[tokio::test]
async fn a_creation_on_a_connection_that_is_cut_is_never_sent_again() {
    const REFUSED: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}";
    // On a fresh connection, on one that was used before, and in the middle of the response.
    for (responses, calls) in [(&[][..], 1), (&[REFUSED][..], 2), (&[HALF, ""][..], 1)] {
        let (client, requests) = raw(responses).await;
        let mut last = None;
        for _ in 0..calls {
            let request = CreateBatchRequest::new(CreateBatchData::file("f.csv"));
            let within = client.with_attempt_timeout(Duration::from_secs(2));
            last = Some(within.create_batch(request).await.unwrap_err());
        }
        let error = last.unwrap();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error:#}");
        assert!(error.is_ambiguous() && !error.is_retryable());
        let requests = requests.lock().unwrap().clone();
        assert_eq!(requests.len(), calls, "{requests:?}");
        assert!(
            requests.iter().all(|connection| *connection == 0),
            "{requests:?}"
        );
    }
}

#[test]
fn programs_without_a_runtime_do_the_same() {
    let server = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let script = server.block_on(Script::start(|_| one_batch()));
    // All of it is created outside any runtime.
    let cargo = Blocking::new(script.client()).unwrap();
    let watch = cargo.client().watch(id());
    let saved = watch.save();
    assert_eq!(cargo.block_on(watch).unwrap().status.as_str(), "success");
    let states: Vec<_> = cargo.iter(cargo.client().resume(saved)).collect();
    assert_eq!(states.len(), 1);
    assert_eq!(
        cargo
            .block_on(cargo.client().get_batch(id()))
            .unwrap()
            .batch
            .runs_count,
        123
    );
}
