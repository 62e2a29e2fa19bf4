//! Large files: signed URLs of storage, one for each part.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use cargo_batch_types::{
    AbortMultipartUploadRequest, CompleteMultipartUploadRequest, CreateMultipartUploadRequest,
    SignMultipartPartRequest, SignedUrl, UploadedFile, UploadedPart,
};
use reqwest::header::ETAG;
use tokio::task::JoinSet;

use super::source::{Source, unchanged};
use crate::attempts::Attempts;
use crate::{Client, Error, Progress, detached, storage};

/// Parts in flight at once.
const MAX_PARTS_IN_FLIGHT: usize = 4;

/// Called with the progress.
pub type Callback = Box<dyn FnMut(Progress) + Send>;

/// Returns the size of a part, but for the last: from 1 on, 8 MiB. Storage accepts 10,000 parts, so they
/// double after every thousand.
pub fn size_of(number: u64) -> u64 {
    const SMALLEST: u64 = 8 << 20;
    SMALLEST << (number.saturating_sub(1) / 1000).min(9)
}

/// The content to be sent, with its name.
pub struct Content {
    pub name: String,
    pub content_type: String,
    /// What has been read already.
    pub head: Bytes,
    pub source: Source,
    /// Its length in bytes, where that is known.
    pub size: Option<u64>,
}

pub async fn upload(
    client: &Client,
    content: Content,
    progress: Option<Callback>,
) -> Result<UploadedFile, Error> {
    let (name, content_type) = (content.name.clone(), content.content_type.clone());
    let request = CreateMultipartUploadRequest::new(content_type.clone()).filename(name.clone());
    let created = client.retry_ambiguous(|| {
        client
            .create_multipart_upload(request.clone())
            .into_future()
    });
    let created = created.await?;
    let place = (created.s3_filename, created.upload_id);
    let abort = AbortMultipartUploadRequest::new(place.0.clone(), place.1.clone());
    let mut unfinished = Unfinished {
        client: client.clone(),
        abort: Some(abort),
    };
    let uploaded = send_parts(client, &place, content, progress).await;
    if let Some(abort) = unfinished.abort.take()
        && uploaded.is_err()
    {
        // The first error is the one that is returned.
        client.abort_multipart_upload(abort).await.ok();
    }
    let uploaded = uploaded?;
    client.inner.registry.uploaded(&uploaded);
    Ok(UploadedFile::new(uploaded, content_type, name))
}

/// Sends all parts and completes the upload; returns the name of the file.
async fn send_parts(
    client: &Client,
    (file, id): &(String, String),
    content: Content,
    mut progress: Option<Callback>,
) -> Result<String, Error> {
    let Content {
        mut head,
        mut source,
        size,
        ..
    } = content;
    let mut in_flight: JoinSet<Result<(UploadedPart, Bytes), Error>> = JoinSet::new();
    let mut parts = Vec::new();
    let mut spare = Vec::new();
    let mut sent = 0;
    let mut number = 0;
    loop {
        let full = size_of(number + 1);
        let chunk = match head.is_empty() {
            true => source.read_up_to(full, std::mem::take(&mut spare)).await?,
            false => head.split_to(head.len().min(usize::try_from(full).unwrap_or(usize::MAX))),
        };
        let last = (chunk.len() as u64) < full && head.is_empty();
        if !chunk.is_empty() || number == 0 {
            number += 1;
            let sign = SignMultipartPartRequest::new(file.clone(), id.clone(), number);
            in_flight.spawn(put(client.clone(), sign, chunk));
        }
        while in_flight.len() >= if last { 1 } else { MAX_PARTS_IN_FLIGHT } {
            let Some(done) = in_flight.join_next().await else {
                break;
            };
            let (part, chunk) =
                done.map_err(|error| Error::incomplete(format!("a part was lost: {error}")))??;
            parts.push(part);
            sent += chunk.len() as u64;
            if chunk.is_unique() {
                spare = chunk.into();
            }
            if let Some(callback) = &mut progress {
                callback(Progress {
                    bytes: sent,
                    total: size,
                });
            }
        }
        if last {
            break;
        }
    }
    unchanged(size, sent)?;
    parts.sort_by_key(|part| part.part_number);
    let complete = CompleteMultipartUploadRequest::new(file.clone(), id.clone(), parts);
    let doubtful = AtomicBool::new(false);
    let completed = client.retry_ambiguous(|| async {
        let done = client.complete_multipart_upload(complete.clone()).await;
        if done.as_ref().is_err_and(Error::is_ambiguous) {
            doubtful.store(true, Ordering::Relaxed);
        }
        done
    });
    match completed.await {
        // The name is that of the upload, whether the response repeats it or not.
        Ok(completed) if completed.s3_filename.trim().is_empty() => Ok(file.clone()),
        Ok(completed) => Ok(completed.s3_filename),
        // What the lost response was about may have been done; then the upload is no longer known, but
        // the file is.
        Err(error) if doubtful.into_inner() => match client.list_file_columns(file.clone()).await {
            Ok(_) => Ok(file.clone()),
            Err(_) => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Puts one part into storage; each attempt with a signed URL of its own.
async fn put(
    client: Client,
    sign: SignMultipartPartRequest,
    chunk: Bytes,
) -> Result<(UploadedPart, Bytes), Error> {
    let mut attempts = Attempts::unlimited(&client);
    loop {
        let url = match client.sign_multipart_part(sign.clone()).await {
            Ok(signed) => signed.url,
            Err(error) => {
                attempts.count_call(&error);
                return Err(attempts.note(error));
            }
        };
        attempts.count(1);
        match put_once(&client, &url, sign.part_number, chunk.clone()).await {
            Ok(part) => {
                attempts.succeeded();
                return Ok((part, chunk));
            }
            Err(error) => {
                let error = error.of(&format!("part {} of an upload", sign.part_number));
                // One refused signed URL doesn't end an upload of gigabytes: there is another URL.
                match error.status().is_some_and(storage::may_be_expired) {
                    true => attempts.pause(error).await?,
                    false => attempts.again(error).await?,
                }
            }
        }
    }
}

async fn put_once(
    client: &Client,
    url: &SignedUrl,
    number: u64,
    chunk: Bytes,
) -> Result<UploadedPart, Error> {
    let headers = storage::put(client, url, chunk).await?;
    let etag = headers.get(ETAG).and_then(|etag| etag.to_str().ok());
    let etag =
        etag.ok_or_else(|| Error::incomplete(format!("storage gave no ETag for part {number}")))?;
    Ok(UploadedPart::new(number, etag))
}

/// Aborts an upload that is not complete when it is dropped, for whatever reason.
struct Unfinished {
    client: Client,
    abort: Option<AbortMultipartUploadRequest>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(abort) = self.abort.take() {
            detached::spawn_detached(self.client.abort_multipart_upload(abort));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_hold_what_storage_takes() {
        assert_eq!(
            (size_of(1), size_of(1000), size_of(1001)),
            (8 << 20, 8 << 20, 16 << 20)
        );
        let all: u64 = (1..=10_000).map(size_of).sum();
        assert!(all > 5 << 40, "5 TiB: {all}");
        assert_eq!(size_of(u64::MAX), 8 << 29);
    }
}
