//! What an upload reads from.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::Error;

/// A file or a reader.
pub enum Source {
    /// Read straight into the parts, on a thread that may wait; and how long it was.
    File(Arc<std::fs::File>, u64),
    Reader(Reader),
}

pub type Reader = Box<dyn AsyncRead + Send + Unpin>;

impl Source {
    /// Reads so many bytes, or fewer at the end, into memory that was used before where there is
    /// some: what is given back to the system and asked for again comes in more pieces every time.
    pub async fn read_up_to(&mut self, size: u64, mut piece: Vec<u8>) -> Result<Bytes, Error> {
        piece.clear();
        let failed = |error| Error::io("cannot read what is to be uploaded", error);
        match self {
            Self::File(file, whole) => {
                let file = file.clone();
                let most = usize::try_from(size.min(*whole)).unwrap_or_default();
                piece.reserve_exact(most);
                let read = tokio::task::spawn_blocking(move || {
                    (&*file).take(size).read_to_end(&mut piece)?;
                    Ok(Bytes::from(piece))
                });
                read.await
                    .map_err(std::io::Error::other)
                    .and_then(|read| read)
                    .map_err(failed)
            }
            Self::Reader(reader) => {
                let mut left = reader.take(size);
                left.read_to_end(&mut piece).await.map_err(failed)?;
                Ok(piece.into())
            }
        }
    }
}

/// A file that somebody writes to while it is read is neither what it was nor what it will be.
pub fn unchanged(size: Option<u64>, read: u64) -> Result<(), Error> {
    match size {
        Some(size) if size != read => Err(Error::incomplete(format!(
            "the file was {size} bytes long when its upload began, but {read} were read from it"
        ))),
        _ => Ok(()),
    }
}
