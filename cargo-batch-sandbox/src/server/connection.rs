//! One connection, which what goes on above it can end, or write to beside the server.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// What a request knows of the connection it came by.
#[derive(Clone, Debug, Default)]
pub struct Connection(Arc<Mutex<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    /// How many requests have come by it.
    requests: u32,
    resets: bool,
    /// Whether what comes from now on is ignored.
    gone: bool,
    /// How often everything written had been sent.
    flushes: u64,
    /// Who waits for the next time.
    flushing: Option<Waker>,
    /// What comes beside the server's own bytes, and how often everything written must have been sent
    /// before it.
    extra: Option<(u64, Extra)>,
    /// Who reads, and so takes what is extra.
    reading: Option<Waker>,
}

/// What comes on a connection beside what the server writes.
#[derive(Debug, Default)]
pub struct Extra {
    pub bytes: Bytes,
    /// How long after what is under way has been sent; until then, another request takes it away.
    pub after: Duration,
    /// Whether the connection is closed then.
    pub closes: bool,
}

impl Connection {
    /// Counts a request; nothing if none is to be looked at any more.
    pub fn request(&self) -> Option<u32> {
        let mut shared = self.shared();
        shared.requests = shared.requests.saturating_add(1);
        (!shared.gone).then_some(shared.requests)
    }

    /// From now on the connection ends with a reset instead of a regular end: what has not been sent
    /// is lost, and the other side is notified.
    pub fn reset(&self) -> Ended {
        let mut shared = self.shared();
        shared.resets = true;
        wake(&mut shared.reading);
        Ended::Reset
    }

    /// Ends HTTP/2 with a `GOAWAY(NO_ERROR)` that leaves out a request and all later ones, which are
    /// ignored from now on.
    pub fn go_away(&self, request: u32) {
        // Clients number their streams 1, 3, 5…, of which the one before this is the last that was
        // processed; 0 is none.
        let last = request.saturating_mul(2).saturating_sub(3);
        // The length of what follows, the kind of frame, no flags, the stream 0 of the connection;
        // the last stream, and no error.
        let mut frame = vec![0, 0, 8, 7, 0, 0, 0, 0, 0];
        frame.extend(last.to_be_bytes());
        frame.extend(0_u32.to_be_bytes());
        let mut shared = self.shared();
        if shared.gone {
            return;
        }
        shared.gone = true;
        let extra = Extra {
            bytes: frame.into(),
            ..Extra::default()
        };
        shared.extra = Some((0, extra));
        wake(&mut shared.reading);
    }

    /// Adds something after what is being written now.
    pub fn then(&self, extra: Extra) {
        let mut shared = self.shared();
        shared.extra = Some((shared.flushes + 1, extra));
    }

    /// How often everything written had been sent.
    pub fn flushes(&self) -> u64 {
        self.shared().flushes
    }

    /// Waits until that has happened once more than so often.
    pub fn poll_flushed(&self, before: u64, cx: &mut Context<'_>) -> Poll<()> {
        let mut shared = self.shared();
        shared.flushing = Some(cx.waker().clone());
        match shared.flushes > before {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn flushed(&self) {
        let mut shared = self.shared();
        shared.flushes += 1;
        wake(&mut shared.flushing);
        if shared.extra.is_some() {
            wake(&mut shared.reading);
        }
    }

    /// What is extra and may come now.
    fn extra(&self) -> Option<Extra> {
        let mut shared = self.shared();
        let flushes = shared.flushes;
        let due = shared.extra.take_if(|(after, _)| flushes >= *after);
        due.map(|(_, extra)| extra)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// A request ends here, without a response.
#[derive(Debug)]
pub enum Ended {
    /// With its connection.
    Reset,
    /// By itself, with this reason of HTTP/2.
    Stream(h2::Error),
}

impl Ended {
    /// Says of a request over HTTP/2 that it was not processed.
    pub fn refused_stream() -> Self {
        Self::Stream(h2::Reason::REFUSED_STREAM.into())
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Reset => "the connection is reset on purpose",
            Self::Stream(_) => "the request is ended on purpose",
        })
    }
}

impl std::error::Error for Ended {
    /// The server takes the reason that it gives from here.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Reset => None,
            Self::Stream(reason) => Some(reason),
        }
    }
}

/// The connection itself.
#[derive(Debug)]
pub struct Stream {
    stream: TcpStream,
    line: Connection,
    /// Whether everything written has been sent, so that something else can come in between.
    sent: bool,
    extra: Option<Pending>,
    closed: bool,
}

/// Something extra that is waited for or under way.
#[derive(Debug)]
struct Pending {
    waits: Option<Pin<Box<Sleep>>>,
    rest: Bytes,
    closes: bool,
}

impl Stream {
    pub fn new(stream: TcpStream, line: Connection) -> Self {
        Self {
            stream,
            line,
            sent: true,
            extra: None,
            closed: false,
        }
    }

    /// Writes what is extra and due; pending while there is something that isn't.
    fn poll_extra(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.extra.is_none() && self.sent {
                self.extra = self.line.extra().map(|extra| Pending {
                    waits: (!extra.after.is_zero()).then(|| Box::pin(sleep(extra.after))),
                    rest: extra.bytes,
                    closes: extra.closes,
                });
            }
            let Some(extra) = &mut self.extra else {
                return Poll::Ready(Ok(()));
            };
            if let Some(waits) = &mut extra.waits {
                ready!(waits.as_mut().poll(cx));
                extra.waits = None;
            }
            while !extra.rest.is_empty() {
                let written = ready!(pin!(&mut self.stream).poll_write(cx, &extra.rest))?;
                let _ = extra.rest.split_to(written);
            }
            self.closed |= extra.closes;
            self.extra = None;
        }
    }

    /// Fails once the connection is to be reset.
    fn not_reset(&self) -> io::Result<()> {
        match self.line.shared().resets {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }

    /// Finishes what is extra and has been begun, before the server writes on.
    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.not_reset()?;
        if self
            .extra
            .as_ref()
            .is_some_and(|extra| extra.waits.is_none())
        {
            ready!(self.poll_extra(cx))?;
        }
        // What waits for an idle connection has waited in vain.
        self.extra = None;
        self.sent = false;
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.line.shared().resets {
            // Closing a socket that lingers for no time sends a reset. If it can't be set, the other
            // side sees a regular end without a response, which is the next best fault.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.line.shared().reading = Some(cx.waker().clone());
        self.not_reset()?;
        if let Poll::Ready(Err(error)) = self.poll_extra(cx) {
            return Poll::Ready(Err(error));
        }
        if self.closed {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(pin!(&mut self.stream).poll_read(cx, buffer))?;
        // The next request: the connection isn't idle any more.
        if buffer.filled().len() > before {
            self.extra.take_if(|extra| extra.waits.is_some());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_writable(cx))?;
        pin!(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_writable(cx))?;
        pin!(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(pin!(&mut self.stream).poll_flush(cx))?;
        self.sent = true;
        self.line.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.stream).poll_shutdown(cx)
    }
}
