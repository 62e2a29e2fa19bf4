//! Results, fetched at once or as they arrive.

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

/// Requests a signed URL of the file from the API; called again when the one before has expired.
type Ask = Box<dyn Fn() -> Pending<SignedUrl> + Send + Sync>;

/// Where the signed URL of a file comes from.
enum Origin {
    Issued(Ask),
    Given(SignedUrl),
    /// Of one file or several, which are joined to one.
    #[cfg(feature = "rows")]
    Sliced(slices::Slices),
}

/// A file in storage that is ready to be fetched; returned by
/// [`BatchHandle::download`](crate::BatchHandle::download), [`Client::run_outputs`](crate::Client::run_outputs) and
/// [`Client::download_url`](crate::Client::download_url).
///
/// Nothing is sent before one of the methods that fetch it is called:
/// [`to_file`](Self::to_file), [`to_writer`](Self::to_writer), [`bytes`](Self::bytes),
/// [`bytes_stream`](Self::bytes_stream), [`reader`](Self::reader), or `rows`, which reads it row by row as a type of
/// yours. `rows` needs the feature `rows` in Cargo.toml:
/// `cargo-batch-client = { version = "…", features = ["rows"] }`.
///
/// All of them have in common:
///
/// - The API token is not sent to the storage that holds the file.
/// - A transfer whose connection is lost is resumed where it was, if storage shows by a strong `ETag` that it is
///   still the same file. Attempts and delays are those of the client's
///   [`RetryPolicy`](crate::RetryPolicy), counted from the last progress.
/// - A signed URL that has expired is requested again.
/// - The length is checked. A page of HTML or an error in XML in place of the file is an error, and so is
///   a file with [no sign of its end](Self::accept_unknown_length).
/// - The bytes are those of storage: a gzipped file stays gzipped, unless it is
///   [decompressed](Self::decompressed).
/// - [`attempt_timeout`](crate::ClientBuilder::attempt_timeout) is the longest time between two chunks. There is no
///   timeout of a download.
#[must_use = "a download does nothing until it is given a target"]
pub struct Download {
    client: Client,
    origin: Origin,
    /// Names it in errors; the same for the same file.
    name: String,
    progress: Option<Box<dyn FnMut(Progress) + Send>>,
    accepts_unknown_length: bool,
    is_decompressed: bool,
    batch: Option<BatchUuid>,
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The progress of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The bytes transferred so far; fewer than before where a download had to restart.
    pub bytes: u64,
    /// The bytes of the complete file; `None` where that isn't known.
    pub total: Option<u64>,
}

impl Client {
    /// Returns the file of a signed URL as a download. Nothing is sent before it is fetched.
    ///
    /// A signed URL expires, and is not requested again here, as it is by
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
        // What precedes the query is the place of the file, and no secret.
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

    /// Returns a download whose signed URL is requested by `ask`; `name` names it in errors, and is the same
    /// for the same file.
    pub(crate) fn issued(client: Client, name: String, ask: Ask) -> Self {
        Self::new(client, name, Origin::Issued(ask))
    }

    /// Returns a download of an export that the API may return in several files, of at most `cap` rows each.
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

    /// Sets a function that is called with the progress after every chunk. By default there is none.
    ///
    /// The bytes are those of storage, compressed or not. They become fewer where a download has to restart from its
    /// beginning.
    pub fn on_progress(mut self, callback: impl FnMut(Progress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(callback));
        self
    }

    /// Accepts a file whose end can't be distinguished from a lost connection: storage gives neither a length nor
    /// chunks. By default that is an error before a byte is read.
    pub fn accept_unknown_length(mut self) -> Self {
        self.accepts_unknown_length = true;
        self
    }

    /// Decompresses the file as it arrives, if it is gzip; any other file stays as it is. By default the file is
    /// fetched as storage has it. Only with the feature `rows`.
    #[cfg(feature = "rows")]
    pub fn decompressed(mut self) -> Self {
        self.is_decompressed = true;
        self
    }

    /// Writes the file to a writer; returns the number of bytes written.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, types::BatchUuid};
    /// # async fn run(client: Client, id: BatchUuid) -> Result<(), Error> {
    /// let mut csv = Vec::new();
    /// client.batch(id).download().to_writer(&mut csv).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the writer fails;
    /// [`Interrupted`](crate::ErrorKind::Interrupted) when the connection was lost too often without progress, or the
    /// transfer can't be resumed: what has been written can't be undone; and the errors of the request for the signed
    /// URL.
    ///
    /// # Cancel safety
    /// When the future is dropped, the writer keeps what has been written until then.
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

    /// Returns the complete file in memory, up to
    /// [`max_response_bytes`](crate::ClientBuilder::max_response_bytes) of it, which is 64 MiB by default.
    ///
    /// # Errors
    /// [`InvalidResponse`](crate::ErrorKind::InvalidResponse) when it is longer;
    /// [`Interrupted`](crate::ErrorKind::Interrupted) when the connection was lost too often without progress; and the
    /// errors of the request for the signed URL.
    pub async fn bytes(self) -> Result<Bytes, Error> {
        let cap = self.client.inner.max_response_bytes;
        let mut content = self.content(Restarts::Allowed);
        let mut bytes = BytesMut::new();
        while let Some(event) = content.next().await? {
            match event {
                Event::Begin => bytes.clear(),
                Event::Chunk(chunk) if bytes.len() + chunk.len() > cap => {
                    return Err(Error::too_long("the file", cap).of_storage());
                }
                Event::Chunk(chunk) => bytes.extend_from_slice(&chunk),
            }
        }
        Ok(bytes.freeze())
    }

    /// Returns the file as a stream of its bytes, in chunks as they arrive.
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

    /// Returns the longest row that is read, in bytes.
    #[cfg(feature = "rows")]
    pub(crate) fn row_cap(&self) -> usize {
        self.client.inner.max_response_bytes
    }

    fn content(self, restarts: Restarts) -> Content {
        let is_decompressed = self.is_decompressed;
        Content::new(transfer::Transfer::new(self, restarts), is_decompressed)
    }
}
