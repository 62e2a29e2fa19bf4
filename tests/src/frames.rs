//! HTTP/2 over TLS, frame by frame: what no HTTP server would do to a client, and proxies do.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;
use axum::http::{Request, Response};
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, broadcast};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::child;

const KEY: &str = "CARGO_BATCH_TEST_KEY";
/// The variable that names the certificates that a process trusts.
pub const CERTIFICATES: &str = "SSL_CERT_FILE";

/// Runs a test in a process that trusts a certificate of its own for loopback, with which
/// [`Server::start`] serves there.
///
/// # Panics
/// When the test fails there.
pub fn in_child(test: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
    write_certificate(&certificate, &key);
    let [certificate, key] = [certificate, key].map(|path| path.to_string_lossy().into_owned());
    child::run(test, &[(CERTIFICATES, &certificate), (KEY, &key)]);
}

/// Writes a new self-signed certificate for loopback, and its key.
///
/// # Panics
/// When a file can't be written.
pub fn write_certificate(certificate: &Path, key: &Path) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let created = rcgen::generate_simple_self_signed(names).expect("a certificate");
    std::fs::write(certificate, created.cert.pem()).expect("a file");
    std::fs::write(key, created.signing_key.serialize_pem()).expect("a file");
}

/// What is done with requests: each is read completely first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Respond.
    Respond,
    /// End the stream with `REFUSED_STREAM`.
    Refuse,
}

#[derive(Clone, Copy, Debug)]
enum Command {
    Freeze,
    GoAway,
}

/// A server on the runtime that it was started in.
pub struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    ended: Arc<Notify>,
    commands: broadcast::Sender<Command>,
}

impl Server {
    /// Starts a server that does the same with every request.
    ///
    /// # Panics
    /// When it can't be started, or not in a process of [`in_child`].
    pub async fn start(act: Act, body: impl Into<Bytes>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            connections: Arc::default(),
            requests: Arc::default(),
            ended: Arc::default(),
            commands: broadcast::channel(9).0,
        };
        let acceptor = TlsAcceptor::from(Arc::new(config("h2")));
        let (connections, requests) = (server.connections.clone(), server.requests.clone());
        let (commands, ended) = (server.commands.clone(), server.ended.clone());
        let body = body.into();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, requests) = (acceptor.clone(), requests.clone());
                let (commands, ended) = (commands.subscribe(), ended.clone());
                let body = body.clone();
                tokio::spawn(async move {
                    // Otherwise the system holds back what comes after an unacknowledged write.
                    stream.set_nodelay(true).expect("a socket");
                    let stream = acceptor.accept(stream).await.expect("a TLS handshake");
                    let connection = h2::server::handshake(stream).await.expect("HTTP/2");
                    serve(connection, commands, move |request, respond| {
                        respond_to(request, respond, act, requests.clone(), body.clone())
                    })
                    .await;
                    ended.notify_one();
                });
            }
        });
        server
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its API is.
    pub fn base_url(&self) -> String {
        format!("https://{}/v1", self.address)
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many requests it has read completely.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Reads no frame any more from the connections there are, and keeps them.
    ///
    /// # Panics
    /// When there are none.
    pub fn freeze(&self) {
        self.commands.send(Command::Freeze).expect("a connection");
    }

    /// Sends `GOAWAY(NO_ERROR)` on the connections there are, and ends them.
    ///
    /// # Panics
    /// When there are none.
    pub fn go_away(&self) {
        self.commands.send(Command::GoAway).expect("a connection");
    }

    /// Waits until a connection has ended.
    pub async fn ended(&self) {
        self.ended.notified().await;
    }
}

async fn serve<F: Future<Output = ()> + Send + 'static>(
    mut connection: Connection<TlsStream<TcpStream>, Bytes>,
    mut commands: broadcast::Receiver<Command>,
    respond_to: impl Fn(Request<RecvStream>, SendResponse<Bytes>) -> F,
) {
    loop {
        tokio::select! {
            next = connection.accept() => match next {
                Some(Ok((request, respond))) => drop(tokio::spawn(respond_to(request, respond))),
                _ => return,
            },
            command = commands.recv() => match command {
                Ok(Command::Freeze) => std::future::pending().await,
                Ok(Command::GoAway) => {
                    connection.abrupt_shutdown(Reason::NO_ERROR);
                    // Drives it until that is written.
                    while let Some(Ok(_)) = connection.accept().await {}
                    return;
                }
                Err(_) => return,
            },
        }
    }
}

async fn respond_to(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    act: Act,
    requests: Arc<AtomicUsize>,
    body: Bytes,
) {
    let mut received = request.into_body();
    while let Some(Ok(data)) = received.data().await {
        // A window that isn't opened again is the sender's trouble.
        let _ = received.flow_control().release_capacity(data.len());
    }
    requests.fetch_add(1, Ordering::SeqCst);
    match act {
        Act::Refuse => respond.send_reset(Reason::REFUSED_STREAM),
        Act::Respond => {
            // A client that is gone needs no response.
            if let Ok(mut stream) = respond.send_response(Response::default(), false) {
                let _ = stream.send_data(body, true);
            }
        }
    }
}

/// Starts a server that decrypts what comes, and passes it on to one that speaks HTTP/2 without TLS;
/// returns where its API is.
///
/// # Panics
/// When it can't be started, or not in a process of [`in_child`].
pub async fn decrypt(upstream: SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let acceptor = TlsAcceptor::from(Arc::new(config("h2")));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(upstream).await?;
                // Otherwise the system holds back what comes after an unacknowledged write.
                stream.set_nodelay(true)?;
                server.set_nodelay(true)?;
                let mut client = acceptor.accept(stream).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    format!("https://{address}/v1")
}

/// What a server needs to speak TLS, with the certificate that the process trusts.
pub(crate) fn config(protocol: &str) -> ServerConfig {
    let file = |name: &str| std::env::var_os(name).expect("a process of `in_child`");
    let certificate = CertificateDer::from_pem_file(file(CERTIFICATES)).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file(KEY)).expect("a key");
    configured(certificate, key, protocol)
}

/// The same with a certificate that no process trusts.
pub(crate) fn untrusted(protocol: &str) -> ServerConfig {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    configured(made.cert.into(), key.into(), protocol)
}

fn configured(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    protocol: &str,
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key of the certificate");
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    config
}
