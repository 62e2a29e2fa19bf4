//! Results, brought here whole.

#[cfg(not(target_arch = "wasm32"))]
mod file;
mod transfer;

use cargo_batch_types::SignedUrl;
use tokio::io::{AsyncWrite, AsyncWriteExt};

pub(crate) use self::transfer::Transfer;
use crate::call::Pending;
use crate::{Client, Error};

/// Asks the API for a link to the file; again when the one before has expired.
type Ask = Box<dyn Fn() -> Pending<'static, SignedUrl> + Send + Sync>;

/// A file of results that is ready to be fetched.
///
/// Whatever way it is fetched: the API's token is not sent to the storage that holds the file, a
/// transfer that breaks off goes on where it was (unless the file has changed meanwhile, then from
/// its start), a link that has expired is asked for again, and the length is checked. What storage
/// holds is what arrives: a gzipped file stays gzipped.
///
/// `rows`, which reads it row by row as a type of yours, needs the feature `rows` in Cargo.toml:
/// `cargo-batch-client = { version = "…", features = ["rows"] }`.
#[must_use = "a download does nothing until it is told where to"]
pub struct Download {
    client: Client,
    ask: Ask,
    progress: Option<Box<dyn FnMut(Progress) + Send>>,
}

/// How far a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes that have been moved.
    pub bytes: u64,
    /// Bytes in all, where that is known.
    pub total: Option<u64>,
}

impl Download {
    pub(crate) fn new(client: Client, ask: Ask) -> Self {
        Self {
            client,
            ask,
            progress: None,
        }
    }

    /// Calls back with every piece that arrives.
    pub fn on_progress(mut self, callback: impl FnMut(Progress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(callback));
        self
    }

    /// Writes the file to anything that can be written to; returns its length in bytes.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when it can't be written to;
    /// [`Interrupted`](crate::ErrorKind::Interrupted) when the transfer broke off again and again,
    /// or the file changed at its source while it was fetched: what has been written can't be taken
    /// back.
    pub async fn to_writer(self, mut writer: impl AsyncWrite + Unpin) -> Result<u64, Error> {
        let failed = |error| Error::io("cannot write the download", error);
        let mut transfer = self.start();
        while let Some(piece) = transfer.next_piece().await? {
            writer.write_all(&piece).await.map_err(failed)?;
        }
        writer.flush().await.map_err(failed)?;
        Ok(transfer.received())
    }

    /// How long a row may be.
    #[cfg(feature = "rows")]
    pub(crate) fn row_cap(&self) -> usize {
        self.client.inner.max_answer_bytes
    }

    pub(crate) fn start(self) -> Transfer {
        Transfer::new(self)
    }
}
