//! A server that reads so much of a request and then does what no HTTP server would, over HTTP/1 and
//! HTTP/2, byte by byte; it counts what it has read.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::frames;

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1 without encryption.
    Http1,
    /// HTTP/1 over TLS.
    Http1Tls,
    /// HTTP/2 over TLS.
    Http2,
}

/// What becomes of a connection before any request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Requests are read.
    Serve,
    /// It is closed at once.
    Close,
    /// It is reset at once.
    Reset,
    /// The server has a certificate that no client trusts.
    Untrusted,
    /// It is closed once a part of the first message of TLS has come.
    CutHandshake,
    /// Nothing is read or written.
    Silent,
    /// The end of the connection is sent together with the server's part of the TLS handshake.
    CloseInHandshake,
    /// Over HTTP/2: requests are read, but no frame of settings is sent.
    NoSettings,
}

/// How much is read of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Nothing, without waiting for it.
    Nothing,
    /// Nothing, once it has come: only where it is the first to come on a connection, or without TLS.
    Arrived,
    /// The first bytes.
    PartOfHead,
    /// The head.
    Head,
    /// The head, and half of the body.
    PartOfBody,
    /// The whole request.
    Whole,
}

/// The last stream that a GOAWAY says may have been processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// The one before that of the request.
    Below,
    /// That of the request.
    This,
    /// The highest that there can be.
    Highest,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, in small letters.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: String,
}

/// What is done once so much was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A response is sent.
    Respond(Reply),
    /// An informational response is sent.
    Interim(u16),
    /// The head of a response is sent, and half of its body.
    Half(Reply),
    /// Bytes are sent as they are.
    Bytes(Vec<u8>),
    /// The stream ends with a code.
    EndStream(u32),
    /// GOAWAY is sent.
    GoAway(Last, u32),
    /// What comes is read, belongs to no request, and gets no response.
    Ignore,
    /// The connection is closed; over TLS without saying so.
    Close,
    /// The connection is closed as TLS wants it.
    CloseNotify,
    /// The connection is reset.
    Reset,
    /// Nothing more is read or written, and the connection stays.
    Silence,
}

/// What has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many connections were accepted.
    pub connections: usize,
    /// Of how many requests something was read.
    pub begun: usize,
    /// How many requests were read completely.
    pub whole: usize,
}

/// What is done with connections and requests, in the order in which they come; those after the last
/// are served.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What becomes of connections.
    pub openings: VecDeque<Opening>,
    /// What becomes of requests.
    pub requests: VecDeque<(Until, Vec<Step>)>,
}

struct State {
    plan: Plan,
    counts: Counts,
}

/// A server on the runtime that it was started in.
pub struct Server {
    protocol: Protocol,
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// How it responds to requests that the plan says nothing about.
    usual: Reply,
    acted: Semaphore,
}

impl Server {
    /// Starts a server; one that speaks TLS only in a process of [`frames::in_child`].
    ///
    /// # Panics
    /// When it can't be started.
    pub async fn start(protocol: Protocol, plan: Plan, body: &str) -> Self {
        let server = Self::closed(protocol, plan, body);
        server.0.listen(server.1);
        server.0
    }

    /// Has a port whose connections are refused until [`listen`](Self::listen).
    ///
    /// # Panics
    /// When there is none.
    pub fn closed(protocol: Protocol, plan: Plan, body: &str) -> (Self, TcpSocket) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .expect("a port");
        let usual = Reply {
            status: 200,
            headers: vec![("content-type", "application/json")],
            body: body.to_owned(),
        };
        let server = Self {
            protocol,
            address: socket.local_addr().expect("an address"),
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    plan,
                    counts: Counts::default(),
                }),
                usual,
                acted: Semaphore::new(0),
            }),
        };
        (server, socket)
    }

    /// Accepts connections from now on.
    ///
    /// # Panics
    /// When the system doesn't let it.
    pub fn listen(&self, socket: TcpSocket) {
        let listener = socket.listen(64).expect("a listener");
        tokio::spawn(accept(listener, self.protocol, self.shared.clone()));
    }

    /// Where its API is.
    pub fn base_url(&self) -> String {
        let scheme = match self.protocol {
            Protocol::Http1 => "http",
            _ => "https",
        };
        format!("{scheme}://{}/v1", self.address)
    }

    /// What it has read.
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts
    }

    /// Waits until it has done what there is to do for so many further requests.
    ///
    /// # Panics
    /// Never: it counts as long as it is there.
    pub async fn acted(&self, requests: u32) {
        let acted = self.shared.acted.acquire_many(requests).await;
        acted.expect("a count that goes on").forget();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is done with the next request, of which nothing has been read.
    fn unread(&self) -> Option<(Until, Vec<Step>)> {
        let requests = &mut self.lock().plan.requests;
        match requests.front()?.0 {
            Until::Nothing | Until::Arrived => requests.pop_front(),
            _ => None,
        }
    }

    /// What is done with a request of which something has been read.
    fn begun(&self) -> (Until, Vec<Step>) {
        let mut state = self.lock();
        state.counts.begun += 1;
        let usual = || (Until::Whole, vec![Step::Respond(self.usual.clone())]);
        state.plan.requests.pop_front().unwrap_or_else(usual)
    }
}

async fn accept(listener: TcpListener, protocol: Protocol, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let opening = {
            let mut state = shared.lock();
            state.counts.connections += 1;
            state.plan.openings.pop_front().unwrap_or(Opening::Serve)
        };
        let shared = shared.clone();
        // A connection that breaks off is the client's business.
        tokio::spawn(async move { open(stream, opening, protocol, &shared).await });
    }
}

async fn open(
    mut stream: TcpStream,
    opening: Opening,
    protocol: Protocol,
    shared: &Shared,
) -> io::Result<()> {
    // Otherwise the system holds back what comes after an unacknowledged write.
    stream.set_nodelay(true)?;
    let alpn = match protocol {
        Protocol::Http2 => "h2",
        _ => "http/1.1",
    };
    let trusted = || match protocol {
        Protocol::Http1 => None,
        _ => Some(frames::config(alpn)),
    };
    let tls = match opening {
        Opening::Serve | Opening::NoSettings => trusted(),
        Opening::Close => return Ok(()),
        Opening::Reset => return stream.set_zero_linger(),
        Opening::Untrusted => Some(frames::untrusted(alpn)),
        Opening::CutHandshake => {
            stream.read_exact(&mut [0; 10]).await?;
            return Ok(());
        }
        Opening::Silent => std::future::pending().await,
        Opening::CloseInHandshake => return close_in_handshake(stream, frames::config(alpn)).await,
    };
    let stream = match tls {
        None => Stream::Plain(stream),
        Some(config) => {
            let accepted = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
            Stream::Tls(Box::new(accepted))
        }
    };
    match protocol {
        Protocol::Http1 | Protocol::Http1Tls => http1(stream, shared).await,
        Protocol::Http2 => http2(stream, opening == Opening::Serve, shared).await,
    }
}

async fn close_in_handshake(mut stream: TcpStream, config: ServerConfig) -> io::Result<()> {
    let mut tls = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
    let mut received = [0; 4096];
    while !tls.wants_write() {
        let count = stream.read(&mut received).await?;
        tls.read_tls(&mut received.get(..count).unwrap_or_default())?;
        tls.process_new_packets().map_err(io::Error::other)?;
    }
    tls.send_close_notify();
    let mut flight = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut flight)?;
    }
    stream.write_all(&flight).await?;
    // Not closed, which would take back what was sent.
    ignore(&mut stream).await
}

async fn ignore(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await?;
    Ok(())
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    async fn read(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.read_exact(bytes).await?,
            Self::Tls(stream) => stream.read_exact(bytes).await?,
        };
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes).await,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }

    /// Does what ends a connection, or at least its use.
    async fn end(mut self, step: &Step) -> io::Result<()> {
        match (step, &mut self) {
            (Step::Ignore, Self::Plain(stream)) => ignore(stream).await,
            (Step::Ignore, Self::Tls(stream)) => ignore(stream).await,
            (Step::CloseNotify, Self::Tls(stream)) => stream.shutdown().await,
            (Step::Reset, _) => self.tcp().set_zero_linger(),
            (Step::Silence, _) => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

async fn http1(mut stream: Stream, shared: &Shared) -> io::Result<()> {
    loop {
        let steps = match shared.unread() {
            Some((until, steps)) => {
                if until == Until::Arrived {
                    stream.tcp().peek(&mut [0]).await?;
                }
                steps
            }
            None => request1(&mut stream, shared).await?,
        };
        for step in steps {
            let bytes = match step {
                Step::Respond(reply) => written(&reply, reply.body.len()),
                Step::Half(reply) => written(&reply, reply.body.len() / 2),
                Step::Interim(status) => format!("HTTP/1.1 {status} Wait\r\n\r\n").into_bytes(),
                Step::Bytes(bytes) => bytes,
                step => {
                    let done = Box::pin(stream.end(&step));
                    shared.acted.add_permits(1);
                    return done.await;
                }
            };
            stream.write(&bytes).await?;
        }
        shared.acted.add_permits(1);
    }
}

/// Reads as much of a request as the plan says.
async fn request1(stream: &mut Stream, shared: &Shared) -> io::Result<Vec<Step>> {
    let mut head = vec![0];
    stream.read(&mut head).await?;
    let (until, steps) = shared.begun();
    if until == Until::PartOfHead {
        stream.read(&mut [0; 9]).await?;
        return Ok(steps);
    }
    while !head.ends_with(b"\r\n\r\n") {
        let mut next = [0];
        stream.read(&mut next).await?;
        head.extend(next);
    }
    if until == Until::Head {
        return Ok(steps);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0);
    let whole = until == Until::Whole;
    let mut body = vec![0; if whole { length } else { length / 2 }];
    stream.read(&mut body).await?;
    if whole {
        shared.lock().counts.whole += 1;
    }
    Ok(steps)
}

/// A response with so much of its body.
fn written(reply: &Reply, length: usize) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {} Said\r\n", reply.status);
    for (name, value) in &reply.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n", reply.body.len()));
    text.push_str(reply.body.get(..length).unwrap_or_default());
    text.into_bytes()
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(id.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A head of a response: the fields are written out, as HPACK permits.
fn head(status: u16, headers: &[(&str, &str)], flags: u8, id: u32) -> Vec<u8> {
    // Name 8 of the static table is `:status`.
    let mut block = vec![0x08, 3];
    block.extend(status.to_string().into_bytes());
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap_or(0));
            block.extend(text.as_bytes());
        }
    }
    frame(HEADERS, END_HEADERS | flags, id, &block)
}

async fn http2(mut stream: Stream, settings: bool, shared: &Shared) -> io::Result<()> {
    stream.read(&mut [0; 24]).await?;
    if settings {
        stream.write(&frame(SETTINGS, 0, 0, &[])).await?;
    }
    // Each request gets the next odd number.
    let mut next = 1;
    loop {
        let (id, steps) = match shared.unread() {
            Some((_, steps)) => (next, steps),
            None => request2(&mut stream, settings, shared).await?,
        };
        next = id + 2;
        for step in steps {
            let data = |reply: &Reply, flags, length| {
                let mut bytes = head(reply.status, &reply.headers, 0, id);
                let body = reply.body.as_bytes().get(..length).unwrap_or_default();
                bytes.extend(frame(DATA, flags, id, body));
                bytes
            };
            let bytes = match step {
                Step::Respond(reply) => data(&reply, END_STREAM, reply.body.len()),
                Step::Half(reply) => data(&reply, 0, reply.body.len() / 2),
                Step::Interim(status) => head(status, &[], 0, id),
                Step::Bytes(bytes) => bytes,
                Step::EndStream(code) => frame(RST_STREAM, 0, id, &code.to_be_bytes()),
                Step::GoAway(last, code) => {
                    let last = match last {
                        Last::Below => id.saturating_sub(2),
                        Last::This => id,
                        Last::Highest => u32::MAX >> 1,
                    };
                    let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
                    frame(GO_AWAY, 0, 0, &payload)
                }
                step => {
                    let done = Box::pin(stream.end(&step));
                    shared.acted.add_permits(1);
                    return done.await;
                }
            };
            stream.write(&bytes).await?;
        }
        shared.acted.add_permits(1);
    }
}

/// Reads as much of a request as the plan says.
async fn request2(
    stream: &mut Stream,
    responses: bool,
    shared: &Shared,
) -> io::Result<(u32, Vec<Step>)> {
    let mut request: Option<(u32, Until, Vec<Step>)> = None;
    loop {
        let mut start = [0; 9];
        stream.read(&mut start).await?;
        let [a, b, c, kind, flags, id @ ..] = start;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let id = u32::from_be_bytes(id);
        if kind == HEADERS {
            let (until, steps) = shared.begun();
            request = Some((id, until, steps));
        }
        let of = request.as_ref().filter(|(stream, ..)| *stream == id);
        let until = of.map(|(_, until, _)| *until);
        let part = match (kind, until) {
            (HEADERS, Some(Until::PartOfHead)) => Some(length / 2),
            (HEADERS, Some(Until::Head)) => Some(length),
            (DATA, Some(Until::PartOfBody)) => Some(length / 2),
            _ => None,
        };
        let mut payload = vec![0; part.unwrap_or(length)];
        stream.read(&mut payload).await?;
        let is_whole = matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0;
        if part.is_some() || (is_whole && until.is_some()) {
            if part.is_none() {
                shared.lock().counts.whole += 1;
            }
            if let Some((id, _, steps)) = request {
                return Ok((id, steps));
            }
        }
        match kind {
            SETTINGS if flags & ACK == 0 && responses => {
                stream.write(&frame(SETTINGS, ACK, 0, &[])).await?;
            }
            PING if flags & ACK == 0 && responses => {
                stream.write(&frame(PING, ACK, 0, &payload)).await?;
            }
            _ => {}
        }
    }
}
