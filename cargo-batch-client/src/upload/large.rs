//! Input files of any size, from files and readers.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use cargo_batch_types::UploadedFile;
use tokio::io::AsyncRead;

use super::media_type;
use super::parts::{self, Callback};
use super::source::{Reader, Source, unchanged};
use crate::pending::Pending;
use crate::{Client, Error, Progress};

/// Files of this size and more go to storage directly, in parts: the API's own endpoint limits the
/// size and time of a request.
const MULTIPART_THRESHOLD: u64 = 50 << 20;

impl Client {
    /// Uploads an input file for a batch, of any size: in one request under 50 MiB, otherwise in
    /// parts of 8 MiB, four at a time. (From 8,000 MiB on the parts grow, because storage accepts no more
    /// than 10,000.)
    ///
    /// At most four parts are in memory. Each request is retried by the client's
    /// [`RetryPolicy`](crate::RetryPolicy), also where its outcome is unknown: a second upload costs nothing.
    ///
    /// An upload in parts that fails or is dropped is aborted at the server, too, so that no parts remain
    /// there. Where it is dropped, a task of the current tokio runtime sends that request; without a runtime, or when
    /// the process ends at once, it is not sent.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, types::*};
    /// # async fn run(client: Client, workflow: WorkflowUuid) -> Result<(), cargo_batch_client::Error> {
    /// let file = client.upload("leads.csv").await?;
    /// let request = CreateBatchRequest::new(CreateBatchData::file(file.s3_filename)).workflow(workflow);
    /// let batch = client.create_batch_once(request).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When it is awaited: [`Io`](crate::ErrorKind::Io) when the file can't be read;
    /// [`Interrupted`](crate::ErrorKind::Interrupted) when its length changes meanwhile; and those of
    /// [`upload_file`](Self::upload_file) and of the requests for the parts.
    pub fn upload(&self, path: impl Into<PathBuf>) -> Upload {
        let path = path.into();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        Upload::new(self.clone(), name.unwrap_or_default(), From::Path(path))
    }

    /// Uploads what a reader returns, under a name whose ending gives its media type (`leads.csv`).
    ///
    /// Up to 8 MiB are read into memory and sent in one request; when there is more, it is sent in parts as
    /// [`upload`](Self::upload) sends a large file.
    ///
    /// # Errors
    /// As [`upload`](Self::upload), with [`Io`](crate::ErrorKind::Io) when the reader fails.
    pub fn upload_from(
        &self,
        name: impl Into<String>,
        reader: impl AsyncRead + Send + Unpin + 'static,
    ) -> Upload {
        Upload::new(self.clone(), name.into(), From::Reader(Box::new(reader)))
    }
}

/// An upload of a file of any size; returned by [`Client::upload`] and [`Client::upload_from`]. Await it to send it.
#[must_use = "an upload does nothing until it is awaited"]
pub struct Upload {
    client: Client,
    name: String,
    from: From,
    content_type: Option<String>,
    progress: Option<Callback>,
}

enum From {
    Path(PathBuf),
    Reader(Reader),
}

impl Upload {
    fn new(client: Client, name: String, from: From) -> Self {
        Self {
            client,
            name,
            from,
            content_type: None,
            progress: None,
        }
    }

    /// Sets the media type of the content. Default is the one of the file name's ending: `text/csv` without an
    /// ending, and `application/octet-stream` for an ending that isn't known.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.content_type = Some(media_type.into());
        self
    }

    /// Sets a function that is called with the progress after every part that has been sent. By default there is
    /// none.
    pub fn on_progress(mut self, callback: impl FnMut(Progress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(callback));
        self
    }

    async fn run(mut self) -> Result<UploadedFile, Error> {
        self.client.inner.http.check_runtime()?;
        let content_type = self
            .content_type
            .take()
            .unwrap_or_else(|| media_type::of_name(&self.name).to_owned());
        let (mut source, size): (Source, Option<u64>) = match self.from {
            From::Reader(reader) => (Source::Reader(reader), None),
            From::Path(path) => {
                let failed = |error| Error::io(format!("cannot read {}", path.display()), error);
                let file = tokio::fs::File::open(&path).await.map_err(failed)?;
                let size = file.metadata().await.map_err(failed)?.len();
                (
                    Source::File(Arc::new(file.into_std().await), size),
                    Some(size),
                )
            }
        };
        // The length of a reader is unknown: when it has more than a part, it is sent in parts.
        let limit = match size {
            Some(size) if size >= MULTIPART_THRESHOLD => None,
            Some(_) => Some(MULTIPART_THRESHOLD),
            None => Some(parts::size_of(1)),
        };
        let mut head = Bytes::new();
        if let Some(limit) = limit {
            head = source.read_up_to(limit, Vec::new()).await?;
            if (head.len() as u64) < limit {
                let bytes = head.len() as u64;
                unchanged(size, bytes)?;
                let file = self.client.retry_ambiguous(|| {
                    let upload = self.client.upload_file(self.name.clone(), head.clone());
                    upload.content_type(content_type.clone()).into_future()
                });
                let file = file.await?;
                if let Some(callback) = &mut self.progress {
                    callback(Progress {
                        bytes,
                        total: Some(bytes),
                    });
                }
                return Ok(file);
            }
        }
        let content = parts::Content {
            name: self.name,
            content_type,
            head,
            source,
            size,
        };
        parts::upload(&self.client, content, self.progress).await
    }
}

impl IntoFuture for Upload {
    type Output = Result<UploadedFile, Error>;
    type IntoFuture = Pending<UploadedFile>;
    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.run())
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
