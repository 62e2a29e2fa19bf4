//! A port that can be closed for a while, and the connections that come by it.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::exchange::Exchange;
use super::line::{Line, Stream};

/// How long requests may go on once the sandbox ends.
const GRACE: Duration = Duration::from_secs(1);

/// How long to wait before something the system has refused is asked for again.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Open,
    ClosedUntil(Instant),
    Gone,
}

/// Opens and closes a port.
#[derive(Clone, Debug)]
pub struct Door(watch::Sender<State>);

impl Door {
    pub fn new() -> Self {
        Self(watch::Sender::new(State::Open))
    }

    /// From now on connections are refused, for so long. Those there are end after the request they
    /// are at.
    pub fn close_for(&self, time: Duration) {
        // A time too long to be counted is as good as for ever.
        let until = Instant::now().checked_add(time);
        self.0.send_if_modified(|state| {
            let gone = *state == State::Gone;
            if !gone {
                *state = until.map_or(State::Gone, State::ClosedUntil);
            }
            !gone
        });
    }

    /// Ends it for good.
    pub fn close(&self) {
        self.0.send_replace(State::Gone);
    }

    /// Waits until the last connection of a closed door has ended.
    pub async fn closed(&self) {
        self.0.closed().await;
    }

    /// Takes connections, until it is closed.
    pub fn serve(&self, listener: TcpListener, exchange: Exchange) -> io::Result<()> {
        let address = listener.local_addr()?;
        tokio::spawn(accept(
            listener,
            address,
            self.0.subscribe(),
            Arc::new(exchange),
        ));
        Ok(())
    }
}

async fn accept(
    mut listener: TcpListener,
    address: SocketAddr,
    mut door: watch::Receiver<State>,
    exchange: Arc<Exchange>,
) {
    loop {
        let state = *door.borrow_and_update();
        match state {
            State::Gone => return,
            State::ClosedUntil(until) if until > Instant::now() => {
                drop(listener);
                // Bound, but not listening: nobody else gets the port meanwhile, and whoever
                // connects is refused.
                let kept = bind(address).ok();
                tokio::select! {
                    () = sleep_until(until) => {}
                    _ = door.changed() => {}
                }
                let listens = kept.and_then(|socket| socket.listen(1024).ok());
                listener = match listens {
                    Some(listener) => listener,
                    None => match again(address, &mut door).await {
                        Some(listener) => listener,
                        None => return,
                    },
                };
            }
            State::Open | State::ClosedUntil(_) => tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        tokio::spawn(converse(stream, door.clone(), exchange.clone()));
                    }
                    // Of the connection, or of a process with too many files: neither ends us.
                    Err(_) => sleep(PAUSE).await,
                },
                changed = door.changed() => if changed.is_err() { return },
            },
        }
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

/// Gets a port back that somebody else may have taken for a moment.
async fn again(address: SocketAddr, door: &mut watch::Receiver<State>) -> Option<TcpListener> {
    loop {
        if *door.borrow_and_update() == State::Gone {
            return None;
        }
        match bind(address).and_then(|socket| socket.listen(1024)) {
            Ok(listener) => return Some(listener),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// One connection, to its end.
async fn converse(stream: TcpStream, mut door: watch::Receiver<State>, exchange: Arc<Exchange>) {
    // Answers are small and waited for.
    let _ = stream.set_nodelay(true);
    let line = Line::default();
    let service = service_fn(|request| {
        let (line, exchange) = (line.clone(), exchange.clone());
        async move { exchange.handle(&line, request).await }
    });
    let stream = TokioIo::new(Stream::new(stream, line.clone()));
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    let known = *door.borrow_and_update();
    if known != State::Gone {
        tokio::select! {
            // How a connection ends is the business of whoever made the request.
            _ = connection.as_mut() => return,
            _ = door.changed() => {}
        }
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection.as_mut() => {}
        () = gone(&mut door) => {
            let _ = timeout(GRACE, connection).await;
        }
    }
}

/// Waits until the door has been closed for good.
async fn gone(door: &mut watch::Receiver<State>) {
    // An error says that there is nobody left who could open it.
    let _ = door.wait_for(|state| *state == State::Gone).await;
}
