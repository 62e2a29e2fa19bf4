//! Input files in one request. The generator can't write multipart forms, so this is written by hand.

use std::time::Duration;

use bytes::Bytes;
use cargo_batch_types::UploadedFile;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;

use super::media_type;
#[cfg(not(target_arch = "wasm32"))]
use crate::attempts::Attempts;
use crate::pending::Pending;
use crate::{Client, Error, Response, operations};

impl Client {
    /// Uploads an input file of less than 50 MiB in one request; prefer [`upload`](Self::upload), which takes files of
    /// any size and retries.
    ///
    /// The `s3_filename` of the response is the file of a batch's data
    /// ([`CreateBatchData::file`](crate::types::CreateBatchData::file)).
    ///
    /// `POST /workspaceManagement/files/upload`. Not idempotent: every upload creates another file,
    /// which costs nothing. It is therefore retried only when it is known not to have reached the server.
    ///
    /// # Errors
    /// The reasons are [`types::UploadFileErrorReason`](crate::types::UploadFileErrorReason); see
    /// [`Error`].
    pub fn upload_file(&self, name: impl Into<String>, content: impl Into<Bytes>) -> UploadFile {
        UploadFile {
            client: self.clone(),
            name: name.into(),
            content: content.into(),
            content_type: None,
        }
    }
}

/// The request of [`Client::upload_file`]. Await it for the uploaded file, or call [`send`](Self::send) for the
/// file with the status and headers of the response.
#[derive(Clone)]
#[must_use = "a request does nothing until it is awaited or sent"]
pub struct UploadFile {
    client: Client,
    name: String,
    content: Bytes,
    content_type: Option<String>,
}

impl UploadFile {
    /// Sets the media type of the content. Default is the one of the file name's ending: `text/csv` without an
    /// ending, and `application/octet-stream` for an ending that isn't known.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.content_type = Some(media_type.into());
        self
    }

    /// Sends the request; returns the response with its status and headers.
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) where [`content_type`](Self::content_type) is not a media
    /// type; otherwise those of [`Client::upload_file`].
    pub async fn send(self) -> Result<Response<UploadedFile>, Error> {
        let operation = &operations::UPLOAD_FILE;
        let client = self.client.for_bytes(self.content.len() as u64);
        let content_type = match &self.content_type {
            Some(content_type) => content_type.as_str(),
            None => media_type::of_name(&self.name),
        };
        let request = || {
            #[cfg(not(target_arch = "wasm32"))]
            let part = {
                let length = self.content.len() as u64;
                Part::stream_with_length(self.content.clone(), length)
            };
            #[cfg(target_arch = "wasm32")]
            let part = Part::bytes(self.content.to_vec());
            let part = part
                .file_name(in_header(&self.name))
                .mime_str(content_type)
                .map_err(|_| {
                    let what = format!("content_type {content_type:?} is not a media type");
                    Error::invalid_request(operation, what)
                })?;
            self.client
                .client
                .post(self.client.url(format_args!("{}", operation.path)))
                .multipart(Form::new().part("file", part))
                .build()
                .map_err(|error| Error::unbuildable(operation, error))
        };
        let Response { inner, answer } = client.call::<Uploaded>(operation, &request).await?;
        let inner = inner.into_file();
        self.client.inner.registry.uploaded(&inner.s3_filename);
        Ok(Response { inner, answer })
    }
}

impl IntoFuture for UploadFile {
    type Output = Result<UploadedFile, Error>;
    type IntoFuture = Pending<UploadedFile>;
    fn into_future(self) -> Self::IntoFuture {
        Pending::new(async move { Ok(self.send().await?.into_inner()) })
    }
}

impl std::fmt::Debug for UploadFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadFile")
            .field("name", &self.name)
            .field("content_len", &self.content.len())
            .field("content_type", &self.content_type)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Returns a clone with the timeouts extended by what so many bytes may take on a slow connection.
    pub(crate) fn for_bytes(&self, bytes: u64) -> Self {
        /// Bytes a second.
        const SLOW: u64 = 128 << 10;
        let more = Duration::from_secs(bytes / SLOW);
        let mut client = self.clone();
        client.timing.attempt = client.timing.attempt.saturating_add(more);
        client.timing.overall = client.timing.overall.saturating_add(more);
        client
    }

    /// Retries what isn't idempotent, but costs nothing to repeat: another file, another upload.
    ///
    /// The attempts of all calls count together.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) async fn retry_ambiguous<T, F: Future<Output = Result<T, Error>>>(
        &self,
        call: impl Fn() -> F,
    ) -> Result<T, Error> {
        let mut attempts = Attempts::within(self, self.timing.overall);
        loop {
            let error = match call().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            attempts.count_call(&error);
            match error.is_ambiguous() {
                true => attempts.pause(error).await?,
                false => return Err(attempts.note(error)),
            }
        }
    }
}

/// Returns a file name as browsers write it into the header of a part: nothing in it can end the header, or the
/// quotes around it.
fn in_header(name: &str) -> String {
    name.replace('\r', "%0D")
        .replace('\n', "%0A")
        .replace('"', "%22")
}

/// The file itself, or in the list that a sibling endpoint responds with.
#[derive(Deserialize)]
#[serde(untagged)]
enum Uploaded {
    File(UploadedFile),
    Listed { files: [UploadedFile; 1] },
}

impl Uploaded {
    fn into_file(self) -> UploadedFile {
        match self {
            Self::File(file) | Self::Listed { files: [file] } => file,
        }
    }
}
