//! Servers that are away for a while, or were never there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cargo_batch_client::{Client, ErrorKind};
use cargo_batch_tests::child;
use cargo_batch_tests::sandbox::{self, Checked};
use cargo_batch_tests::script::{Script, TOKEN};
use tokio::time::Instant;

use super::{at_once, id, one_batch, read, refused, runtime};

/// An outage of 6 seconds fails no call, whatever it looks like.
#[tokio::test(start_paused = true)]
async fn a_short_outage_fails_no_call() {
    for (code, after) in [
        (429, None),
        (429, Some(2)),
        (502, None),
        (503, Some(1)),
        (500, None),
    ] {
        let script = Script::start(move |seen| match seen.at.as_secs_f64() {
            0.0..6.0 => {
                let mut response = refused(after);
                *response.status_mut() = axum::http::StatusCode::from_u16(code).unwrap();
                response
            }
            _ => one_batch(),
        })
        .await;
        let client = script.client();
        for done in at_once(&client, 20, read).await {
            let at = done.unwrap_or_else(|error| panic!("{code} {after:?}: {error:#}"));
            assert!(at < Duration::from_secs(30), "{at:?}");
        }
    }
}

/// A port that is closed for a while, on a server that has been heard from.
#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_is_waited_for() {
    use cargo_batch_sandbox::{Fault, FaultPlan, Rule};
    for seconds in [6.0, 60.0] {
        let (sandbox, client) = Checked::start().await;
        let created = client
            .create_batch(sandbox::create(&sandbox))
            .await
            .unwrap();
        let plan = FaultPlan::new().rule(Rule::new(Fault::ConnectionRefused { seconds }).on("api"));
        sandbox.faults(plan).await.unwrap();
        let start = Instant::now();
        let id = created.batch.uuid;
        let request = sandbox::create(&sandbox);
        let call = move |client: Client, number: usize| {
            let request = request.clone();
            async move {
                match number % 2 {
                    0 => client.get_batch(id).await.map(drop),
                    // Not idempotent, and not received.
                    _ => client.create_batch(request).await.map(drop),
                }
            }
        };
        for done in at_once(&client, 20, call).await {
            done.unwrap();
        }
        assert!(start.elapsed().as_secs_f64() >= seconds);
        assert_eq!(sandbox::made(&sandbox), 11);
    }
}

/// An address that nothing listens at, and that has never responded.
#[tokio::test(start_paused = true)]
async fn a_server_that_was_never_there_is_given_up_after_the_attempts() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::builder(TOKEN).base_url(format!("http://{address}/v1"));
    let client = client.jitter_seed(1).build().unwrap();
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 6));
    // A watch doesn't wait for it, either: alone, among many, or in one expression.
    let start = Instant::now();
    client.watch(id()).await.unwrap_err();
    client.batch(id()).wait().await.unwrap_err();
    client.watch_many([id()]).next().await.unwrap().unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(60));
}

/// Real time: names aren't resolved by the clock of a test.
#[tokio::test]
async fn an_unknown_host_is_not_tried_again() {
    let client = Client::builder(TOKEN).base_url("https://no-such-host.invalid/v1");
    let client = client.build().unwrap();
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    // Where names can't be resolved at all, that may pass.
    let is_down = format!("{error:#}").contains("Temporary failure");
    assert_eq!(error.attempts(), if is_down { 6 } else { 1 }, "{error:#}");
}

/// A proxy that wants a password, by the variables of the environment; real time, as that of a connection.
#[test]
fn a_proxy_that_asks_for_a_password_is_asked_once() {
    const NAME: &str = "throttling::outages::a_proxy_that_asks_for_a_password_is_asked_once";
    if child::is_child() {
        return runtime().block_on(async {
            let client = Client::builder(TOKEN).base_url("https://api.example/v1");
            let error = client.build().unwrap().get_batch(id()).await.unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 1));
        });
    }
    let server = runtime();
    let connects = Arc::new(Mutex::new(0));
    let proxy = server.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connects = connects.clone();
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                *connects.lock().unwrap() += 1;
                let _read = stream.read(&mut [0; 4096]).await.unwrap();
                let refusal =
                    b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(refusal).await.unwrap();
            }
        });
        format!("http://{address}")
    });
    child::run(NAME, &[("HTTPS_PROXY", &proxy)]);
    assert_eq!(*connects.lock().unwrap(), 1);
}
