//! A body that comes in its own time, or not to its end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::{Connection, Ended, Extra};

/// Some bytes, in chunks, and an end that may be none.
///
/// It doesn't state its length, so that the `Content-Length` of the response is what its header says.
#[derive(Debug)]
pub struct ThrottledBody {
    rest: Bytes,
    chunk: usize,
    delay: Duration,
    waits: Option<Pin<Box<Sleep>>>,
    /// If it is cut: the connection, and how often it had been flushed when the last chunk was given.
    cut: Option<(Connection, u64)>,
    /// What comes after it.
    _then: Option<Then>,
}

/// Something that comes once the body has been handed over as a whole.
#[derive(Debug)]
struct Then {
    line: Connection,
    extra: Option<Extra>,
}

impl Drop for Then {
    fn drop(&mut self) {
        if let Some(extra) = self.extra.take() {
            self.line.then(extra);
        }
    }
}

impl ThrottledBody {
    /// A whole body in chunks of so many bytes, with delays in between.
    pub fn trickle(body: Bytes, chunk: usize, delay: Duration) -> Self {
        Self {
            rest: body,
            chunk: chunk.max(1),
            delay,
            waits: None,
            cut: None,
            _then: None,
        }
    }

    /// A whole body with something extra after it.
    pub fn followed(body: Bytes, line: &Connection, extra: Extra) -> Self {
        let extra = Some(extra);
        let line = line.clone();
        Self {
            _then: Some(Then { line, extra }),
            ..Self::trickle(body, usize::MAX, Duration::ZERO)
        }
    }

    /// A body after which the connection ends.
    pub fn cut(body: Bytes, line: &Connection) -> Self {
        Self {
            cut: Some((line.clone(), line.flushes())),
            ..Self::trickle(body, usize::MAX, Duration::ZERO)
        }
    }
}

impl Body for ThrottledBody {
    type Data = Bytes;
    type Error = Ended;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Ended>>> {
        if let Some(waits) = &mut self.waits {
            ready!(waits.as_mut().poll(cx));
            self.waits = None;
        }
        if self.rest.is_empty() {
            let Some((line, before)) = &self.cut else {
                return Poll::Ready(None);
            };
            // Not before everything has left the server's buffer.
            ready!(line.poll_flushed(*before, cx));
            return Poll::Ready(Some(Err(Ended::Reset)));
        }
        let length = self.chunk.min(self.rest.len());
        let chunk = self.rest.split_to(length);
        if !self.rest.is_empty() && !self.delay.is_zero() {
            self.waits = Some(Box::pin(sleep_until(Instant::now() + self.delay)));
        }
        if let Some((line, flushes)) = &mut self.cut {
            *flushes = line.flushes();
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }
}
