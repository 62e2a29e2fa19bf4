//! The body of an upload.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

/// How much is handed to the connection at once.
const CHUNK: usize = 64 << 10;

/// Returns bytes as a body that lets the connection read between any two chunks of it.
///
/// A server that refuses a large upload may respond and close the connection before it has read all of it.
/// A connection that only writes until then fails to write, and never sees the response.
pub(crate) fn body(content: Bytes) -> reqwest::Body {
    reqwest::Body::wrap_stream(Chunks {
        rest: content,
        is_turn_of_reader: false,
    })
}

struct Chunks {
    rest: Bytes,
    is_turn_of_reader: bool,
}

impl Stream for Chunks {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        self.is_turn_of_reader = !self.is_turn_of_reader;
        if !self.is_turn_of_reader {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = self.rest.len().min(CHUNK);
        Poll::Ready(Some(Ok(self.rest.split_to(length))))
    }
}
