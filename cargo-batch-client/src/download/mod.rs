//! Results, fetched whole or as they arrive.

mod content;
#[cfg(not(target_arch = "wasm32"))]
mod file;
#[cfg(feature = "rows")]
mod joiner;
#[cfg(not(target_arch = "wasm32"))]
mod part;
#[cfg(not(target_arch = "wasm32"))]
mod place;
mod rate;
#[cfg(feature = "rows")]
mod slices;
mod sniff;
mod stream;
mod transfer;
mod version;

use bytes::{Bytes, BytesMut};
use cargo_batch_types::{BatchUuid, SignedUrl};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use self::content::Content;
#[cfg(feature = "rows")]
pub(crate) use self::slices::{AskSlice, Export};
pub use self::stream::{ByteStream, DownloadReader};
use self::transfer::{Event, Restarts};
use crate::pending::Pending;
use crate::{Client, Error};

/// Asks the API for a signed URL of the file; again when the one before has expired.
type Ask = Box<dyn Fn() -> Pending<SignedUrl> + Send + Sync>;

/// Where the signed URL of a file comes from.
enum Origin {
    Issued(Ask),
    Given(SignedUrl),
    /// Of one file or several, which are joined to one.
    #[cfg(feature = "rows")]
    Sliced(slices::Slices),
}

/// A file in storage that is ready to be fetched.
///
/// Whatever way it is fetched:
///
/// - The API's token is not sent to the storage that holds the file.
/// - A transfer that breaks off is resumed where it was, if storage says by a strong `ETag` that it is
///   still the same file; attempts and delays are those of the client's
///   [`RetryPolicy`](crate::RetryPolicy), counted from the last progress.
/// - A signed URL that has expired is asked for again.
/// - The length is checked. A page of HTML or an error in XML in place of the file is an error, and so is
///   a file with [no sign of its end](Self::accept_unknown_length).
/// - What storage holds is what arrives: a gzipped file stays gzipped, unless it is
///   [decompressed](Self::decompressed).
///
/// `rows`, which reads it row by row as a type of yours, needs the feature `rows` in Cargo.toml:
/// `cargo-batch-client = { version = "…", features = ["rows"] }`.
#[must_use = "a download does nothing until it is told where to"]
pub struct Download {
    client: Client,
    origin: Origin,
    /// What it is, in errors; the same for the same file.
    name: String,
    progress: Option<Box<dyn FnMut(Progress) + Send>>,
    accepts_unknown_length: bool,
    is_decompressed: bool,
    batch: Option<BatchUuid>,
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

impl Client {
    /// Returns the file that a signed URL of the API leads to as a download; nothing is sent.
    ///
    /// A signed URL expires: it is not asked for again, as it is for
    /// [`BatchHandle::download`](crate::BatchHandle::download).
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, types::DownloadRunsRequest};
    /// # async fn run(client: Client, request: DownloadRunsRequest) -> Result<(), Error> {
    /// let url = client.download_runs(request).await?.url;
    /// client.download_url(url).to_file("runs.csv").await?;
    /// # Ok(()) }
    /// ```
    pub fn download_url(&self, url: SignedUrl) -> Download {
        // What stands before the query is the place of the file, and no secret.
        let place = url.expose().split(['?', '#']).next().unwrap_or_default();
        let name = format!("download of {}", crate::redact::escaped(place, 200));
        Download::new(self.clone(), name, Origin::Given(url))
    }
}

impl Download {
    fn new(client: Client, name: String, origin: Origin) -> Self {
        Self {
            client,
            origin,
            name,
            progress: None,
            accepts_unknown_length: false,
            is_decompressed: false,
            batch: None,
        }
    }

    /// Notes which batch it is of.
    pub(crate) fn of(mut self, batch: Option<BatchUuid>) -> Self {
        self.batch = batch;
        self
    }

    /// Returns a download whose signed URL is asked for; `name` says in errors what it is, and is the same
    /// for the same file.
    pub(crate) fn issued(client: Client, name: String, ask: Ask) -> Self {
        Self::new(client, name, Origin::Issued(ask))
    }

    /// Returns a download of an export that the API may give in several files, of at most `cap` rows each.
    #[cfg(feature = "rows")]
    pub(crate) fn sliced(
        client: Client,
        name: String,
        ask: AskSlice,
        (limit, offset): (Option<u64>, Option<u64>),
        cap: u64,
    ) -> Self {
        let slices = slices::Slices::new(ask, limit, offset, cap);
        // Files are joined by their text.
        Self::new(client, name, Origin::Sliced(slices)).decompressed()
    }

    /// Calls back with every chunk that arrives; the bytes are those of storage, compressed or not.
    pub fn on_progress(mut self, callback: impl FnMut(Progress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(callback));
        self
    }

    /// Takes a file whose end can't be told from a broken connection: storage gives neither a length nor
    /// chunks. By default that is an error before a byte is read.
    pub fn accept_unknown_length(mut self) -> Self {
        self.accepts_unknown_length = true;
        self
    }

    /// Decompresses the file as it arrives, if it is gzip; any other file stays as it is. Only with the
    /// feature `rows`.
    #[cfg(feature = "rows")]
    pub fn decompressed(mut self) -> Self {
        self.is_decompressed = true;
        self
    }

    /// Writes the file to anything that can be written to; returns the number of bytes written.
    ///
    /// Dropped, it leaves what has been written until then.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when it can't be written to;
    /// [`Interrupted`](crate::ErrorKind::Interrupted) when the transfer broke off again and again, or can't
    /// be resumed: what has been written can't be taken back.
    pub async fn to_writer(self, mut writer: impl AsyncWrite + Unpin) -> Result<u64, Error> {
        let failed = |error| Error::io("cannot write the download", error);
        let mut content = self.content(Restarts::Never);
        let mut written = 0;
        while let Some(event) = content.next().await? {
            if let Event::Chunk(chunk) = event {
                writer.write_all(&chunk).await.map_err(failed)?;
                written += chunk.len() as u64;
            }
        }
        writer.flush().await.map_err(failed)?;
        Ok(written)
    }

    /// Returns the whole file in memory, up to
    /// [`max_response_bytes`](crate::ClientBuilder::max_response_bytes) of it.
    ///
    /// # Errors
    /// [`InvalidResponse`](crate::ErrorKind::InvalidResponse) when it is longer;
    /// [`Interrupted`](crate::ErrorKind::Interrupted) when the transfer broke off again and again.
    pub async fn bytes(self) -> Result<Bytes, Error> {
        let cap = self.client.inner.max_response_bytes;
        let mut content = self.content(Restarts::Allowed);
        let mut whole = BytesMut::new();
        while let Some(event) = content.next().await? {
            match event {
                Event::Begin => whole.clear(),
                Event::Chunk(chunk) if whole.len() + chunk.len() > cap => {
                    return Err(Error::too_long("the file", cap).of_storage());
                }
                Event::Chunk(chunk) => whole.extend_from_slice(&chunk),
            }
        }
        Ok(whole.freeze())
    }

    /// Returns the file as a stream of its bytes, as they arrive.
    pub fn bytes_stream(self) -> ByteStream {
        ByteStream::new(self.content(Restarts::Never))
    }

    /// Returns the file as a reader, which reads it as it arrives.
    ///
    /// An error of the transfer is the inner error of the [`io::Error`](std::io::Error) that a read ends
    /// with: `error.get_ref()`, which can be downcast to [`Error`].
    pub fn reader(self) -> DownloadReader {
        DownloadReader::new(self.bytes_stream())
    }

    /// How long a row may be.
    #[cfg(feature = "rows")]
    pub(crate) fn row_cap(&self) -> usize {
        self.client.inner.max_response_bytes
    }

    fn content(self, restarts: Restarts) -> Content {
        let is_decompressed = self.is_decompressed;
        Content::new(transfer::Transfer::new(self, restarts), is_decompressed)
    }
}
