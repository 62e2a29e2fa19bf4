//! Input files. The generator can't write multipart forms, so this is by hand.

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
    /// Upload an input file of less than 50 MiB.
    ///
    /// The answer's `s3_filename` is what a batch of kind `file` takes.
    ///
    /// `POST /workspaceManagement/files/upload`. Not idempotent: every upload makes another file,
    /// which costs nothing.
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

/// Upload an input file: awaited, or sent with `send`.
#[derive(Clone)]
#[must_use = "a request does nothing until it is awaited or sent"]
pub struct UploadFile {
    client: Client,
    name: String,
    content: Bytes,
    content_type: Option<String>,
}

impl UploadFile {
    /// Sets the media type of the content; by default the one that the name stands for, and `text/csv` where
    /// it has no ending.
    pub fn content_type(mut self, media_type: impl Into<String>) -> Self {
        self.content_type = Some(media_type.into());
        self
    }

    /// Sends the request; the answer comes with its status and headers.
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
    /// This client with the time that so many bytes may take on a slow line.
    pub(crate) fn for_bytes(&self, bytes: u64) -> Self {
        /// Bytes a second.
        const SLOW: u64 = 128 << 10;
        let more = Duration::from_secs(bytes / SLOW);
        let mut client = self.clone();
        client.timing.attempt = client.timing.attempt.saturating_add(more);
        client.timing.overall = client.timing.overall.saturating_add(more);
        client
    }

    /// Calls what isn't idempotent, but costs nothing to repeat: another file, another upload.
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

/// A file name as browsers write it into the header of a part: nothing in it can end the header, or the
/// quotes around it.
fn in_header(name: &str) -> String {
    name.replace('\r', "%0D")
        .replace('\n', "%0A")
        .replace('"', "%22")
}

/// The file itself, or in the list that a sibling endpoint answers with.
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
