//! Certificates, proxies, hosts and descriptors: what stands between a client and its server.

use std::sync::{Arc, Mutex};

use cargo_batch_client::types::BatchUuid;
use cargo_batch_client::{Client, ClientBuilder, Error, ErrorKind};
use cargo_batch_tests::child;
use cargo_batch_tests::script::{Script, TOKEN, batch, json, uuid};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::json as value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

/// A certificate for hosts, valid in some years, and the server side that has it.
fn certificate(hosts: &[&str], years: [i32; 2]) -> (String, ServerConfig) {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    (params.not_before, params.not_after) =
        (date_time_ymd(years[0], 1, 1), date_time_ymd(years[1], 1, 1));
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![made.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    (made.pem(), config)
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// A server that responds to everything with one batch; its base URL, and how many connections it had.
async fn serve(config: ServerConfig) -> (String, Arc<Mutex<u32>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("https://{}/v1", listener.local_addr().unwrap());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let connections = Arc::<Mutex<u32>>::default();
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            *counted.lock().unwrap() += 1;
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that doesn't trust it goes away.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                head(&mut stream).await;
                let body = value!({ "batch": batch(value!({ "uuid": uuid(1) })) }).to_string();
                let length = body.len();
                let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
                stream.write_all(response.as_bytes()).await.unwrap();
                stream.shutdown().await.ok();
            });
        }
    });
    (base_url, connections)
}

/// A proxy that connects to wherever it is asked to, or responds with a status; what it was sent.
async fn proxy(refusal: Option<&'static str>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let seen = heads.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let head = head(&mut stream).await;
                let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
                seen.lock().unwrap().push(head);
                if let Some(status) = refusal {
                    let response = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                    return stream.write_all(response.as_bytes()).await.unwrap();
                }
                let mut server = TcpStream::connect(target).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                tokio::io::copy_bidirectional(&mut stream, &mut server)
                    .await
                    .ok();
            });
        }
    });
    (address, heads)
}

fn client(base_url: &str) -> ClientBuilder {
    Client::builder(TOKEN).base_url(base_url).jitter_seed(1)
}

async fn fails(builder: ClientBuilder) -> Error {
    let error = builder.build().unwrap().get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:#}");
    error
}

fn says(error: &Error, what: &str, advice: &str) {
    let text = error.to_string();
    assert!(text.contains(what), "{text}");
    assert!(text.contains(advice), "{text}");
    assert!(error.advice().unwrap().contains(advice), "{text}");
}

#[tokio::test]
async fn a_root_certificate_is_trusted_beside_the_platforms() {
    let (pem, config) = certificate(&["127.0.0.1"], [2020, 2090]);
    let (other, _) = certificate(&["127.0.0.1"], [2020, 2090]);
    let (base_url, _) = serve(config).await;
    for pems in [
        vec![pem.clone()],
        vec![other.clone(), pem.clone()],
        vec![format!("A comment.\n{other}\n{pem}")],
    ] {
        let builder = pems.into_iter().fold(client(&base_url), |builder, pem| {
            builder.root_certificate(pem)
        });
        let client = builder.build().unwrap();
        assert_eq!(client.get_batch(id()).await.unwrap().batch.uuid, id());
    }
}

#[tokio::test]
async fn certificate_errors_are_named_and_not_retried() {
    let (other, _) = certificate(&["127.0.0.1"], [2020, 2090]);
    for (hosts, years, is_known, what, advice) in [
        (
            ["127.0.0.1"],
            [2020, 2090],
            false,
            "is not trusted",
            "root_certificate",
        ),
        (
            ["127.0.0.1"],
            [2010, 2020],
            true,
            "has expired",
            "Check the clock",
        ),
        (
            ["127.0.0.1"],
            [2080, 2090],
            true,
            "is not valid yet",
            "Check the clock",
        ),
        (
            ["x.example"],
            [2020, 2090],
            true,
            "is of another host",
            "Check the host",
        ),
    ] {
        let (pem, config) = certificate(&hosts, years);
        let (base_url, connections) = serve(config).await;
        let root = if is_known { pem } else { other.clone() };
        let error = fails(client(&base_url).root_certificate(root)).await;
        says(&error, what, advice);
        assert_eq!((error.attempts(), *connections.lock().unwrap()), (1, 1));
    }
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_is_gone() {
    let script = Script::start(|_| json(value!({}))).await;
    let base_url = script.base_url().replace("http:", "https:");
    let (pem, _) = certificate(&["127.0.0.1"], [2020, 2090]);
    let error = fails(client(&base_url).root_certificate(pem)).await;
    says(&error, "does not speak TLS", "the port of the base URL");
}

#[test]
fn an_invalid_root_certificate_is_refused() {
    let (pem, _) = certificate(&["127.0.0.1"], [2020, 2090]);
    let cut = &pem[..pem.len() / 2];
    for base_url in ["https://x.example/v1", "http://127.0.0.1:1/v1"] {
        for odd in [
            "",
            "company-ca.pem",
            "-----BEGIN RSA PRIVATE KEY-----\nhush\n",
        ] {
            let error = client(base_url).root_certificate(odd).build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            let text = format!("{error:#} {error:?}");
            assert!(
                text.contains("a certificate as PEM") && !text.contains("hush"),
                "{text}"
            );
        }
    }
    let builder = client("https://x.example/v1").root_certificate(cut);
    assert_eq!(
        builder.build().unwrap_err().kind(),
        ErrorKind::Configuration
    );
}

#[tokio::test]
async fn a_proxy_carries_what_is_encrypted_and_nothing_else() {
    let (pem, config) = certificate(&["127.0.0.1"], [2020, 2090]);
    let (base_url, _) = serve(config).await;
    let (address, heads) = proxy(None).await;
    let builder = client(&base_url).root_certificate(pem);
    let client = builder
        .proxy(format!("http://me:hu%40sh@{address}"))
        .build()
        .unwrap();
    client.get_batch(id()).await.unwrap();
    let heads = heads.lock().unwrap().clone();
    assert_eq!(heads.len(), 1, "{heads:?}");
    assert!(heads[0].starts_with("CONNECT 127.0.0.1:"), "{heads:?}");
    // me:hu@sh
    assert!(heads[0].contains("Basic bWU6aHVAc2g="), "{heads:?}");
    assert!(!heads[0].contains(TOKEN), "{heads:?}");

    let script = Script::start(|_| json(value!({ "batch": batch(value!({})) }))).await;
    let builder = script.builder().proxy("http://127.0.0.1:9");
    builder.build().unwrap().get_batch(id()).await.unwrap();
}

#[tokio::test]
async fn errors_of_a_proxy_are_named() {
    for (status, what, advice, attempts) in [
        (
            "407 Proxy Authentication Required",
            "407",
            "http://user:password@host:port",
            1,
        ),
        (
            "403 Forbidden",
            "the proxy refused",
            "lets this host through",
            6,
        ),
    ] {
        let (address, heads) = proxy(Some(status)).await;
        let (pem, _) = certificate(&["x.example"], [2020, 2090]);
        let builder = client("https://x.example/v1").root_certificate(pem);
        let builder = builder.proxy(format!("http://me:hush@{address}"));
        assert!(!format!("{builder:?}").contains("hush"));
        let error = fails(builder).await;
        says(&error, what, advice);
        assert_eq!(
            (error.attempts(), heads.lock().unwrap().len()),
            (attempts, attempts as usize)
        );
        let text = format!("{error:#} {error:?} {error:#?}");
        assert!(!text.contains("hush") && !text.contains("bWU6"), "{text}");
    }
}

#[test]
fn a_proxy_url_that_is_none_is_refused_without_its_password() {
    for url in [
        "",
        "proxy.example:3128",
        "me:hush@proxy.example:3128",
        "socks5://me:hush@proxy.example",
        "http://me:hush@",
        "http://me:hu@sh@pro xy",
        "http://me:hush@proxy.example:port",
    ] {
        for base_url in ["https://x.example/v1", "http://127.0.0.1:1/v1"] {
            let error = client(base_url).proxy(url).build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
            let text = format!("{error:#} {error:?}");
            assert!(text.contains("http://proxy.example:3128"), "{text}");
            assert!(!text.contains("hush") && !text.contains("hu@sh"), "{text}");
        }
    }
    // It is an HTTP client of its own.
    for builder in [
        client("http://127.0.0.1:1/v1").proxy("http://p.example:1"),
        client("http://127.0.0.1:1/v1").root_certificate(certificate(&["x"], [2020, 2090]).0),
    ] {
        let error = builder
            .http_client(cargo_batch_tests::calls::plain_client())
            .build()
            .unwrap_err();
        assert!(
            error.to_string().contains("on the `http_client`"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_host_that_is_not_found_is_named() {
    let (pem, _) = certificate(&["x.example"], [2020, 2090]);
    // A name that is never given to anything.
    let builder = client("https://api.getcargo.invalid/v1").root_certificate(pem);
    let error = fails(builder.retry(cargo_batch_client::RetryPolicy::never())).await;
    says(&error, "host", "Check the spelling of the host");
    assert!(!error.to_string().contains("uncategorized"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_process_without_descriptors_says_so() {
    if !child::is_child() {
        return child::run_with_files("network::a_process_without_descriptors_says_so", &[], 40);
    }
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().unwrap();
    runtime.block_on(async {
        let script = Script::start(|_| json(value!({ "batch": batch(value!({})) }))).await;
        let client = script.builder().build().unwrap();
        let path = std::env::current_exe().unwrap();
        let held: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
        let called = client
            .with_retry(cargo_batch_client::RetryPolicy::never())
            .get_batch(id())
            .await
            .unwrap_err();
        let read = client.upload(&path).await.unwrap_err();
        drop(held);
        assert_eq!(called.kind(), ErrorKind::Connect);
        assert_eq!(read.kind(), ErrorKind::Io);
        for error in [called, read] {
            says(&error, "too many open files", "ulimit -n");
        }
        client.get_batch(id()).await.unwrap();
    });
}
