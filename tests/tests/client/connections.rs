//! Connections: which one a request goes to, and that none is used that has ended.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::sleep;
use std::time::Duration;

use cargo_batch_client::types::{BatchUuid, CreateBatchData, CreateBatchRequest};
use cargo_batch_client::{Blocking, Client, Error, ErrorKind, RetryPolicy};
use cargo_batch_tests::connections::Server;
use cargo_batch_tests::frames::{self, Act};
use cargo_batch_tests::script::{Script, TOKEN, batch, json, uuid};
use cargo_batch_tests::{child, sandbox};
use serde_json::json as value;
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};

/// How long a program computes.
const COMPUTES: Duration = Duration::from_millis(20);

fn id(n: usize) -> BatchUuid {
    uuid(n).parse().unwrap()
}

fn body(n: usize) -> String {
    value!({ "batch": batch(value!({ "uuid": uuid(n) })) }).to_string()
}

fn client(base_url: &str) -> Client {
    let builder = Client::builder(TOKEN).base_url(base_url).jitter_seed(1);
    builder.retry(RetryPolicy::never()).build().unwrap()
}

async fn create(client: &Client) -> Result<BatchUuid, Error> {
    let request = CreateBatchRequest::new(CreateBatchData::file("f.csv"));
    Ok(client.create_batch(request).await?.batch.uuid)
}

/// Where and how a program runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flavour {
    /// One thread, in `block_on`.
    CurrentThread,
    /// One thread, in a task.
    CurrentThreadTask,
    /// Beside a thread that drives connections.
    MultiThread,
    /// On the only thread that drives connections.
    OneWorker,
    /// On one of two.
    TwoWorkers,
    Blocking,
}

const FLAVOURS: [Flavour; 6] = [
    Flavour::CurrentThread,
    Flavour::CurrentThreadTask,
    Flavour::MultiThread,
    Flavour::OneWorker,
    Flavour::TwoWorkers,
    Flavour::Blocking,
];

impl Flavour {
    fn runtime(self) -> Runtime {
        let mut builder = match self {
            Self::CurrentThread | Self::CurrentThreadTask => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        let workers = if matches!(self, Self::OneWorker) {
            1
        } else {
            2
        };
        builder
            .worker_threads(workers)
            .enable_all()
            .build()
            .unwrap()
    }

    /// Creates batches, one after the other, and blocks the thread after each with what the program
    /// does then.
    fn creations(
        self,
        client: &Client,
        count: usize,
        then: impl Fn() + Send + 'static,
    ) -> Vec<Result<BatchUuid, Error>> {
        if let Self::Blocking = self {
            let blocking = Blocking::new(client.clone()).unwrap();
            let one = |_| {
                let done = blocking.block_on(create(client));
                then();
                done
            };
            return (0..count).map(one).collect();
        }
        let client = client.clone();
        let all = async move {
            let mut all = Vec::new();
            for _ in 0..count {
                all.push(create(&client).await);
                then();
            }
            all
        };
        let runtime = self.runtime();
        match self {
            Self::CurrentThread | Self::MultiThread => runtime.block_on(all),
            _ => runtime.block_on(runtime.spawn(all)).unwrap(),
        }
    }
}

#[test]
fn no_creation_goes_to_a_connection_that_the_server_has_closed() {
    for flavour in FLAVOURS {
        let server = Arc::new(Server::start("127.0.0.1:0", body(1)));
        let client = client(&server.base_url());
        let closes = server.clone();
        let done = flavour.creations(&client, 21, move || {
            closes.close();
            sleep(COMPUTES);
        });
        for result in done {
            assert_eq!(result.unwrap(), id(1), "{flavour:?}");
        }
        let received = server.received();
        let counts = (received.requests.len(), received.connections);
        assert_eq!(counts, (21, 21), "{flavour:?}");
    }
}

#[test]
fn no_creation_takes_a_response_that_came_before_it() {
    for flavour in FLAVOURS {
        let server = Arc::new(Server::start("127.0.0.1:0", body(1)));
        let client = client(&server.base_url());
        let writes = server.clone();
        let done = flavour.creations(&client, 11, move || {
            writes.write_stray(&body(2));
            sleep(COMPUTES);
        });
        for result in done {
            assert_eq!(result.unwrap(), id(1), "{flavour:?}");
        }
        assert_eq!(server.received().requests.len(), 11, "{flavour:?}");
    }
}

#[test]
fn a_closed_connection_is_seen_among_many_tasks() {
    let server = Server::start("127.0.0.1:0", body(1));
    let client = client(&server.base_url());
    Flavour::CurrentThread.runtime().block_on(async {
        create(&client).await.unwrap();
        // More than a runtime runs before it polls its connections.
        for _ in 0..1000 {
            tokio::spawn(async {
                loop {
                    tokio::task::yield_now().await;
                }
            });
        }
        for _ in 0..5 {
            server.close();
            sleep(COMPUTES);
            create(&client).await.unwrap();
        }
    });
    assert_eq!(server.received().requests.len(), 6);
}

#[test]
fn creations_share_a_connection() {
    for flavour in FLAVOURS {
        let server = Server::start("127.0.0.1:0", body(1));
        let client = client(&server.base_url());
        for result in flavour.creations(&client, 20, || {}) {
            result.unwrap();
        }
        let received = server.received();
        assert_eq!(received.requests.len(), 20, "{flavour:?}");
        // With other threads the next request may come before the connection is back in its pool.
        let most = if flavour == Flavour::MultiThread {
            4
        } else {
            1
        };
        assert!(
            received.connections <= most,
            "{flavour:?}: {}",
            received.connections
        );
    }
}

#[test]
fn a_client_works_in_any_number_of_runtimes() {
    let server = Server::start("127.0.0.1:0", body(1));
    let client = client(&server.base_url()).with_attempt_timeout(Duration::from_secs(5));
    // All of them live on, and none but the one in use is driven.
    let runtimes = FLAVOURS.map(Flavour::runtime);
    let blocking = [0, 1].map(|_| Blocking::new(client.clone()).unwrap());
    for _ in 0..3 {
        for runtime in &runtimes {
            runtime.block_on(create(&client)).unwrap();
        }
        for blocking in &blocking {
            blocking.block_on(create(&client)).unwrap();
        }
    }
    let received = server.received();
    assert_eq!((received.requests.len(), received.connections), (24, 8));
    // As with a client in a static, in many tests.
    drop((runtimes, blocking));
    for _ in 0..20 {
        let runtime = Flavour::CurrentThread.runtime();
        runtime.block_on(create(&client)).unwrap();
    }
    assert_eq!(server.received().connections, 28);
}

fn paused() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}

/// What a future comes to without a runtime.
fn at_once<T>(future: impl IntoFuture<Output = T>) -> T {
    let future = pin!(future.into_future());
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn without_a_runtime_there_is_an_error_that_says_what_to_do() {
    let server = Server::start("127.0.0.1:0", body(1));
    let client = client(&server.base_url());
    let request = || CreateBatchRequest::new(CreateBatchData::file("f.csv"));
    let batch = client.batch(id(1));
    let errors = [
        at_once(client.get_batch(id(1))).unwrap_err(),
        at_once(client.create_batch(request())).unwrap_err(),
        at_once(client.create_batch_once(request())).unwrap_err(),
        at_once(client.upload("leads.csv")).unwrap_err(),
        at_once(client.upload_from("leads.csv", &b"email\n"[..])).unwrap_err(),
        at_once(client.list_batches().items().try_collect()).unwrap_err(),
        at_once(batch.download().to_writer(Vec::new())).unwrap_err(),
        at_once(batch.download().to_file("never.csv")).unwrap_err(),
        at_once(batch.watch().next()).unwrap().unwrap_err(),
        at_once(client.watch_many([id(1)]).next())
            .unwrap()
            .unwrap_err(),
        at_once(batch.wait()).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error:?}");
        assert!(!error.is_ambiguous() && !error.is_retryable(), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("tokio runtime") && text.contains("Blocking"),
            "{text}"
        );
    }
    assert_eq!(server.received().connections, 0);
}

#[test]
fn a_connection_takes_less_time_than_an_attempt() {
    paused().block_on(async {
        // It accepts, and never says anything.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = Client::builder(TOKEN)
            .base_url(format!("https://{}/v1", listener.local_addr().unwrap()))
            .retry(RetryPolicy::never())
            .attempt_timeout(Duration::from_secs(8))
            .build()
            .unwrap();
        let start = tokio::time::Instant::now();
        let error = create(&client).await.unwrap_err();
        assert_eq!(start.elapsed().as_secs(), 6);
        assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
        assert!(!error.is_ambiguous());
    });
}

#[test]
fn no_lower_layer_retries_a_refused_creation() {
    if !child::is_child() {
        return frames::in_child("connections::no_lower_layer_retries_a_refused_creation");
    }
    paused().block_on(async {
        let server = frames::Server::start(Act::Refuse, body(1)).await;
        let client = client(&server.base_url());
        let error = create(&client).await.unwrap_err();
        assert_eq!(
            (server.requests(), server.connections()),
            (1, 1),
            "{error:?}"
        );
        assert!(error.is_ambiguous(), "{error:?}");
    });
}

#[test]
fn no_creation_goes_to_an_http2_connection_that_the_server_has_ended() {
    const NAME: &str = "no_creation_goes_to_an_http2_connection_that_the_server_has_ended";
    if !child::is_child() {
        return frames::in_child(&format!("connections::{NAME}"));
    }
    let others = Flavour::MultiThread.runtime();
    for flavour in FLAVOURS {
        let server = Arc::new(others.block_on(frames::Server::start(Act::Respond, body(1))));
        // A busy machine may deliver the end after the request was handed to its connection: the server
        // says then that it has not read it, which is a reason to retry it.
        let client = client(&server.base_url()).with_retry(RetryPolicy::default());
        let (ends, handle) = (server.clone(), others.handle().clone());
        let done = flavour.creations(&client, 5, move || {
            ends.go_away();
            let (ends, (reported, ended)) = (ends.clone(), std::sync::mpsc::channel());
            handle.spawn(async move {
                ends.ended().await;
                reported.send(())
            });
            ended.recv().unwrap();
            sleep(COMPUTES);
        });
        for result in done {
            assert_eq!(result.unwrap(), id(1), "{flavour:?}");
        }
        assert_eq!(
            (server.requests(), server.connections()),
            (5, 5),
            "{flavour:?}"
        );
    }
}

#[test]
fn a_dead_connection_is_replaced_within_30_seconds() {
    if !child::is_child() {
        return frames::in_child("connections::a_dead_connection_is_replaced_within_30_seconds");
    }
    for idle in [0, 25] {
        paused().block_on(async {
            let server = frames::Server::start(Act::Respond, body(1)).await;
            let builder = Client::builder(TOKEN).base_url(server.base_url());
            let client = builder.build().unwrap();
            client.get_batch(id(1)).await.unwrap();
            server.freeze();
            tokio::time::sleep(Duration::from_secs(idle)).await;
            let start = tokio::time::Instant::now();
            client.get_batch(id(1)).await.unwrap();
            let took = start.elapsed().as_secs();
            assert!(took < 30, "{took} s");
            // One that is idle has been replaced before anything is sent on it.
            assert!(idle == 0 || took == 0, "{took} s");
            assert_eq!((server.requests(), server.connections()), (2, 2));
        });
    }
}

/// Starts a server on a port at which nothing listens on the other address of `localhost`, as long as the
/// socket is kept.
fn alone(address: &str, other: &str) -> (Server, TcpSocket) {
    loop {
        let server = Server::start(&format!("{address}:0"), body(1));
        let other: SocketAddr = format!("{other}:{}", server.address().port())
            .parse()
            .unwrap();
        let socket = match other {
            SocketAddr::V4(_) => TcpSocket::new_v4().unwrap(),
            SocketAddr::V6(_) => TcpSocket::new_v6().unwrap(),
        };
        if socket.bind(other).is_ok() {
            return (server, socket);
        }
    }
}

/// A proxy that nothing may be sent to.
const PROXY: &str = "http://127.0.0.1:9";

#[test]
fn loopback_needs_neither_a_proxy_nor_certificates() {
    if !child::is_child() {
        let proxies = [
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
            "HTTPS_PROXY",
        ];
        let mut variables = proxies.map(|name| (name, PROXY)).to_vec();
        variables.push(("SSL_CERT_FILE", "/nowhere/certificates.pem"));
        return child::run(
            "connections::loopback_needs_neither_a_proxy_nor_certificates",
            &variables,
        );
    }
    paused().block_on(async {
        let (sandbox, client) = sandbox::Checked::start().await;
        let request = sandbox::create(&sandbox);
        let batch = client.create_batch_once(request).await.unwrap();
        let batch = client.batch(batch.uuid);
        batch.wait().await.unwrap();
        // From a signed URL on loopback, too.
        batch.download().to_writer(Vec::new()).await.unwrap();
        // What is encrypted needs certificates, and says so: when it is built, or when it is used.
        let link = value!({ "url": "https://127.0.0.1:9/r.csv" });
        let script = Script::start(move |_| json(link.clone())).await;
        let download = script.client().batch(id(1)).download();
        let used = download.to_writer(Vec::new()).await.unwrap_err();
        for error in [Client::new(TOKEN).unwrap_err(), used] {
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().contains("SSL_CERT_FILE"), "{error}");
        }
    });
    for [address, other] in [["127.0.0.1", "[::1]"], ["[::1]", "127.0.0.1"]] {
        let (server, _nobody) = alone(address, other);
        let named = format!("http://localhost:{}/v1", server.address().port());
        for base_url in [named, server.base_url()] {
            let runtime = Flavour::CurrentThread.runtime();
            runtime.block_on(create(&client(&base_url))).unwrap();
        }
        assert_eq!(server.received().requests.len(), 2);
    }
}

#[test]
fn a_signed_url_may_be_encrypted_where_the_base_url_is_not_and_the_reverse() {
    const NAME: &str = "a_signed_url_may_be_encrypted_where_the_base_url_is_not_and_the_reverse";
    if !child::is_child() {
        return frames::in_child(&format!("connections::{NAME}"));
    }
    paused().block_on(async {
        let fetched = |client: Client| async move {
            let mut file = Vec::new();
            let download = client.batch(id(1)).download();
            download.to_writer(&mut file).await.unwrap();
            file
        };
        let storage = frames::Server::start(Act::Respond, "encrypted").await;
        let link = value!({ "url": storage.base_url() });
        let api = Script::start(move |_| json(link.clone())).await;
        assert_eq!(fetched(api.client()).await, b"encrypted");

        let storage = Script::start(|_| axum::http::Response::new("plain".into())).await;
        let link = value!({ "url": storage.base_url() }).to_string();
        let api = frames::Server::start(Act::Respond, link).await;
        assert_eq!(fetched(client(&api.base_url())).await, b"plain");
        assert_eq!((storage.seen().len(), api.requests()), (1, 1));
    });
}
