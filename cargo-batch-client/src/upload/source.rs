//! What an upload reads from.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::Error;

/// A file or a reader.
pub enum Source {
    /// Read directly into the parts, on a thread that may block; and its length.
    File(Arc<std::fs::File>, u64),
    Reader(Reader),
}

pub type Reader = Box<dyn AsyncRead + Send + Unpin>;

impl Source {
    /// Reads so many bytes, or fewer at the end, into memory that was used before where there is
    /// some: memory that is returned to the system and allocated again fragments more every time.
    pub async fn read_up_to(&mut self, size: u64, mut buffer: Vec<u8>) -> Result<Bytes, Error> {
        buffer.clear();
        let failed = |error| Error::io("cannot read what is to be uploaded", error);
        match self {
            Self::File(file, whole) => {
                let file = file.clone();
                let most = usize::try_from(size.min(*whole)).unwrap_or_default();
                buffer.reserve_exact(most);
                let read = tokio::task::spawn_blocking(move || {
                    (&*file).take(size).read_to_end(&mut buffer)?;
                    Ok(Bytes::from(buffer))
                });
                read.await
                    .map_err(std::io::Error::other)
                    .and_then(|read| read)
                    .map_err(failed)
            }
            Self::Reader(reader) => {
                let mut left = reader.take(size);
                left.read_to_end(&mut buffer).await.map_err(failed)?;
                Ok(buffer.into())
            }
        }
    }
}

/// A file that is written to while it is read is neither what it was nor what it will be.
pub fn unchanged(size: Option<u64>, read: u64) -> Result<(), Error> {
    match size {
        Some(size) if size != read => Err(Error::incomplete(format!(
            "the file was {size} bytes long when its upload began, but {read} were read from it"
        ))),
        _ => Ok(()),
    }
}
