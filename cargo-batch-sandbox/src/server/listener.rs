//! A port that can be closed for a while, and the connections that come by it.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::connection::{Connection, Stream};
use super::request::Exchange;

/// How long requests may go on once the sandbox ends.
const GRACE: Duration = Duration::from_secs(1);

/// How long to wait before a refused system call is retried.
const PAUSE: Duration = Duration::from_millis(50);

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Open,
    ClosedUntil(Instant),
    Gone,
}

/// Opens and closes a port.
#[derive(Clone, Debug)]
pub struct Listener {
    state: watch::Sender<State>,
    /// Whether the port listens, which is a moment later.
    listens: watch::Sender<bool>,
}

impl State {
    /// Whether connections are to end.
    fn closes(&self) -> bool {
        match self {
            Self::Open => false,
            Self::ClosedUntil(until) => *until > Instant::now(),
            Self::Gone => true,
        }
    }
}

impl Listener {
    pub fn new() -> Self {
        Self {
            state: watch::Sender::new(State::Open),
            listens: watch::Sender::new(true),
        }
    }

    /// From now on connections are refused, for so long. Those there are end after the request they
    /// are at.
    pub async fn close_for(&self, time: Duration) {
        // A time too long to be counted is as good as for ever.
        let until = Instant::now().checked_add(time);
        self.set(until.map_or(State::Gone, State::ClosedUntil))
            .await;
    }

    /// Takes connections again.
    pub async fn open(&self) {
        self.set(State::Open).await;
    }

    async fn set(&self, new: State) {
        self.state.send_if_modified(|state| {
            let changes = *state != State::Gone && *state != new;
            if changes {
                *state = new;
            }
            changes
        });
        let listening = !self.state.borrow().closes();
        // Can't fail: this holds a receiver.
        let _ = self
            .listens
            .subscribe()
            .wait_for(|listens| *listens == listening)
            .await;
    }

    /// Ends it for good.
    pub fn close(&self) {
        self.state.send_replace(State::Gone);
    }

    /// Waits until the last connection of a closed listener has ended.
    pub async fn closed(&self) {
        self.state.closed().await;
    }

    /// Takes connections, until it is closed.
    pub fn serve(&self, listener: TcpListener, exchange: Exchange) -> io::Result<()> {
        let port = Port {
            address: listener.local_addr()?,
            listener: self.state.subscribe(),
            listens: self.listens.clone(),
            exchange: Arc::new(exchange),
        };
        tokio::spawn(port.accept(listener));
        Ok(())
    }
}

/// What is behind a listener.
struct Port {
    address: SocketAddr,
    listener: watch::Receiver<State>,
    listens: watch::Sender<bool>,
    exchange: Arc<Exchange>,
}

impl Port {
    async fn accept(mut self, mut listener: TcpListener) {
        loop {
            let state = *self.listener.borrow_and_update();
            match state {
                State::Gone => break,
                State::ClosedUntil(until) if state.closes() => {
                    drop(listener);
                    // Bound, but not listening: no other process gets the port meanwhile, and a client that
                    // connects is refused.
                    let kept = bind(self.address).ok();
                    self.listens.send_replace(false);
                    tokio::select! {
                        () = sleep_until(until) => {}
                        _ = self.listener.changed() => {}
                    }
                    let Some(reopened) = self.reopen(kept).await else {
                        return;
                    };
                    listener = reopened;
                    self.listens.send_replace(true);
                }
                State::Open | State::ClosedUntil(_) => tokio::select! {
                    accepted = listener.accept() => match accepted {
                        Ok((stream, _)) => self.welcome(stream),
                        // Of the connection, or of a process with too many files: neither ends us.
                        Err(_) => sleep(PAUSE).await,
                    },
                    changed = self.listener.changed() => if changed.is_err() { break },
                },
            }
        }
        drop(listener);
        self.listens.send_replace(false);
    }

    fn welcome(&self, stream: TcpStream) {
        if !self.exchange.turns_away() {
            tokio::spawn(converse(
                stream,
                self.listener.clone(),
                self.exchange.clone(),
            ));
        }
    }

    /// Listens again, after another process has freed the port if need be.
    async fn reopen(&mut self, kept: Option<TcpSocket>) -> Option<TcpListener> {
        if let Some(listener) = kept.and_then(|socket| socket.listen(BACKLOG).ok()) {
            return Some(listener);
        }
        while *self.listener.borrow_and_update() != State::Gone {
            match bind(self.address).and_then(|socket| socket.listen(BACKLOG)) {
                Ok(listener) => return Some(listener),
                Err(_) => sleep(PAUSE).await,
            }
        }
        None
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address.is_ipv4() {
        true => TcpSocket::new_v4()?,
        false => TcpSocket::new_v6()?,
    };
    // Elsewhere this says that connections of before don't keep the port; on Windows, where they
    // don't anyway, it would let others share it.
    if cfg!(not(windows)) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    Ok(socket)
}

/// One connection, to its end.
async fn converse(
    stream: TcpStream,
    mut listener: watch::Receiver<State>,
    exchange: Arc<Exchange>,
) {
    // Responses are small and waited for.
    let _ = stream.set_nodelay(true);
    let line = Connection::default();
    let service = service_fn(|request: Request<Incoming>| {
        exchange
            .clone()
            .handle(line.clone(), request.map(Body::new))
    });
    let stream = TokioIo::new(Stream::new(stream, line.clone()));
    // With prior knowledge it is HTTP/2.
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .auto_date_header(false)
        .header_read_timeout(None);
    builder.http2().auto_date_header(false);
    let connection = builder.serve_connection(stream, service);
    let mut connection = pin!(connection);
    tokio::select! {
        // The client sees how its connection ends.
        _ = connection.as_mut() => return,
        () = becomes(&mut listener, State::closes) => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection.as_mut() => {}
        () = becomes(&mut listener, |state| *state == State::Gone) => {
            let _ = timeout(GRACE, connection).await;
        }
    }
}

async fn becomes(listener: &mut watch::Receiver<State>, wanted: impl FnMut(&State) -> bool) {
    // An error means that no sender is left that could change it.
    let _ = listener.wait_for(wanted).await;
}
