//! Input files in one request. The generator can't write multipart forms, so this is written by hand.

use std::time::Duration;

use bytes::Bytes;
use cargo_batch_types::UploadedFile;
use reqwest::multipart::{Form, Part};
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    DeserializeSeed, Error as _, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize, Deserializer};

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
        let Response { inner, raw } = client.call::<Uploaded>(operation, &request).await?;
        let Uploaded(inner) = inner;
        self.client.inner.registry.uploaded(&inner.s3_filename);
        Ok(Response { inner, raw })
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
            // JSON that doesn't fit will not fit the next time either.
            match error.is_ambiguous() && !error.is_of_value() {
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

/// The file itself, or beside other fields as `file`, or as the only one of `files`.
struct Uploaded(UploadedFile);

// By hand, as an untagged enum doesn't say which field is wrong.
impl<'de> Deserialize<'de> for Uploaded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FileVisitor).map(Self)
    }
}

struct FileVisitor;

impl<'de> Visitor<'de> for FileVisitor {
    type Value = UploadedFile;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an uploaded file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UploadedFile, A::Error> {
        let mut file = None;
        while let Some(key) = map.next_key::<String>()? {
            match &*key {
                "file" => file = Some(map.next_value::<Uploaded>()?.0),
                "files" => file = Some(map.next_value::<OnlyFile>()?.0),
                "s3Filename" | "contentType" | "name" | "uuid" => {
                    let key = Some(key);
                    let fields = MapAccessDeserializer::new(KeyFirst { key, map });
                    let file = UploadedFile::deserialize(fields)?;
                    return match file.s3_filename.trim() {
                        "" => Err(A::Error::custom("`s3Filename` is empty")),
                        _ => Ok(file),
                    };
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        file.ok_or_else(|| A::Error::missing_field("s3Filename"))
    }
}

/// The entries of an object, of which the first key was read before.
struct KeyFirst<A> {
    key: Option<String>,
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for KeyFirst<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        match self.key.take() {
            Some(key) => seed.deserialize(key.into_deserializer()).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A list of one file.
struct OnlyFile(UploadedFile);

impl<'de> Deserialize<'de> for OnlyFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor).map(Self)
    }
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = UploadedFile;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of one file")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<UploadedFile, A::Error> {
        let file = list.next_element::<Uploaded>()?;
        let mut length = usize::from(file.is_some());
        while list.next_element::<IgnoredAny>()?.is_some() {
            length += 1;
        }
        file.filter(|_| length == 1)
            .map(|Uploaded(file)| file)
            .ok_or_else(|| A::Error::invalid_length(length, &self))
    }
}
