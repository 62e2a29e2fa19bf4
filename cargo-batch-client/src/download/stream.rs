//! A file as a stream and as a reader.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use tokio::io::{AsyncRead, ReadBuf};

use super::content::Content;
use super::transfer::Event;
use crate::Error;
use crate::pending::Pending;

/// The bytes of a file as a [`Stream`] of chunks, as they arrive; returned by
/// [`Download::bytes_stream`](super::Download::bytes_stream). It ends after the first error.
#[must_use = "a stream does nothing until it is polled"]
pub struct ByteStream(State);

enum State {
    Idle(Box<Content>),
    Waiting(Pending<(Box<Content>, Option<Bytes>)>),
    /// A file on this machine.
    #[cfg(all(feature = "rows", not(target_arch = "wasm32")))]
    File(tokio::fs::File),
    Ended,
}

impl ByteStream {
    pub(super) fn new(content: Content) -> Self {
        Self(State::Idle(Box::new(content)))
    }

    /// Returns the bytes of a file on this machine.
    #[cfg(all(feature = "rows", not(target_arch = "wasm32")))]
    pub(crate) fn of_file(file: tokio::fs::File) -> Self {
        Self(State::File(file))
    }

    /// Returns a stream of nothing.
    #[cfg(feature = "rows")]
    pub(crate) fn ended() -> Self {
        Self(State::Ended)
    }

    /// Returns the next chunk, or `None` once the file is complete.
    ///
    /// # Errors
    /// As [`Download::to_writer`](super::Download::to_writer), except those of the writer. After an error the stream
    /// ends.
    ///
    /// # Cancel safety
    /// When the future is dropped, no bytes are lost.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

/// Reads the next chunk of a file; nothing at its end.
#[cfg(all(feature = "rows", not(target_arch = "wasm32")))]
fn chunk(
    file: &mut tokio::fs::File,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, Error>>> {
    const SIZE: usize = 64 << 10;
    let mut bytes = vec![0; SIZE];
    let mut buffer = ReadBuf::new(&mut bytes);
    let read = ready!(Pin::new(file).poll_read(context, &mut buffer));
    let length = buffer.filled().len();
    bytes.truncate(length);
    Poll::Ready(match read {
        Err(error) => Some(Err(Error::io("cannot read the file", error))),
        Ok(()) if length == 0 => None,
        Ok(()) => Some(Ok(bytes.into())),
    })
}

impl Stream for ByteStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut waiting = match std::mem::replace(&mut self.0, State::Ended) {
            State::Ended => return Poll::Ready(None),
            State::Waiting(waiting) => waiting,
            #[cfg(all(feature = "rows", not(target_arch = "wasm32")))]
            State::File(mut file) => {
                let read = chunk(&mut file, context);
                if read.is_pending() || matches!(read, Poll::Ready(Some(Ok(_)))) {
                    self.0 = State::File(file);
                }
                return read;
            }
            State::Idle(mut content) => Pending::new(async move {
                loop {
                    match content.next().await? {
                        Some(Event::Chunk(chunk)) => return Ok((content, Some(chunk))),
                        Some(Event::Begin) => {}
                        None => return Ok((content, None)),
                    }
                }
            }),
        };
        let Poll::Ready(done) = Pin::new(&mut waiting).poll(context) else {
            self.0 = State::Waiting(waiting);
            return Poll::Pending;
        };
        Poll::Ready(match done {
            Ok((content, Some(chunk))) => {
                self.0 = State::Idle(content);
                Some(Ok(chunk))
            }
            Ok((_, None)) => None,
            Err(error) => Some(Err(error)),
        })
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream").finish_non_exhaustive()
    }
}

/// A file as an [`AsyncRead`], as it arrives; returned by
/// [`Download::reader`](super::Download::reader).
///
/// A read that is cancelled loses no bytes.
#[must_use = "a reader does nothing until it is read"]
pub struct DownloadReader {
    stream: ByteStream,
    chunk: Bytes,
}

impl DownloadReader {
    pub(super) fn new(stream: ByteStream) -> Self {
        let chunk = Bytes::new();
        Self { stream, chunk }
    }
}

impl AsyncRead for DownloadReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.chunk.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_next(context)) {
                Some(chunk) => self.chunk = chunk.map_err(io::Error::other)?,
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.chunk.len().min(into.remaining());
        into.put_slice(&self.chunk.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for DownloadReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadReader").finish_non_exhaustive()
    }
}
