//! Large files: signed links to storage, one for each part.

use std::time::Duration;

use bytes::Bytes;
use cargo_batch_types::{
    AbortMultipartUploadRequest, CompleteMultipartUploadRequest, CreateMultipartUploadRequest,
    SignMultipartPartRequest, SignedUrl, UploadedFile, UploadedPart,
};
use reqwest::header::ETAG;
use tokio::task::JoinSet;

use super::{PART, Source, read_up_to};
use crate::response::Answer;
use crate::secret::Hide;
use crate::{Client, Error, Progress, config};

/// Parts under way at once.
const AT_ONCE: usize = 4;

/// How often a part is tried.
const TRIES: u32 = 3;

pub async fn upload(
    client: &Client,
    name: String,
    content_type: String,
    head: Bytes,
    mut source: Source,
    size: Option<u64>,
    mut progress: Option<Box<dyn FnMut(Progress) + Send>>,
) -> Result<UploadedFile, Error> {
    let request = CreateMultipartUploadRequest::new(content_type.clone()).filename(name.clone());
    let created = client.create_multipart_upload(request).await?;
    let mut unfinished = Unfinished {
        client: client.clone(),
        abort: None,
    };
    let (file, id) = (created.s3_filename, created.upload_id);
    unfinished.abort = Some(AbortMultipartUploadRequest::new(file.clone(), id.clone()));

    let mut under_way: JoinSet<Result<(UploadedPart, u64), Error>> = JoinSet::new();
    let mut parts = Vec::new();
    let mut sent = 0;
    let mut number = 0;
    let mut ahead = head;
    loop {
        let piece = match ahead.is_empty() {
            true => read_up_to(&mut source, PART).await?,
            false => ahead.split_to(ahead.len().min(PART)),
        };
        let last = piece.len() < PART && ahead.is_empty();
        if !piece.is_empty() || number == 0 {
            number += 1;
            let sign = SignMultipartPartRequest::new(file.clone(), id.clone(), number);
            under_way.spawn(put(client.clone(), sign, piece));
        }
        while under_way.len() >= if last { 1 } else { AT_ONCE } {
            let Some(done) = under_way.join_next().await else {
                break;
            };
            let (part, bytes) =
                done.map_err(|error| Error::incomplete(format!("a part was lost: {error}")))??;
            parts.push(part);
            sent += bytes;
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
    if let Some(size) = size.filter(|size| *size != sent) {
        return Err(Error::incomplete(format!(
            "the file was {size} bytes long when its upload began, but {sent} were read from it"
        )));
    }
    parts.sort_by_key(|part| part.part_number);
    let complete = CompleteMultipartUploadRequest::new(file, id, parts);
    let whole = client.complete_multipart_upload(complete).await?;
    unfinished.abort = None;
    Ok(UploadedFile::new(whole.s3_filename, content_type, name))
}

/// Brings one part to storage; each try with a link of its own.
async fn put(
    client: Client,
    sign: SignMultipartPartRequest,
    piece: Bytes,
) -> Result<(UploadedPart, u64), Error> {
    let mut tried = 0;
    loop {
        tried += 1;
        let link = client.sign_multipart_part(sign.clone()).await?.url;
        let error = match put_once(&client, &link, &sign, piece.clone()).await {
            Ok(part) => return Ok((part, piece.len() as u64)),
            Err(error) => error,
        };
        if tried == TRIES {
            return Err(error);
        }
        let base = client.retry.base_delay.saturating_mul(tried);
        tokio::time::sleep(
            client
                .inner
                .retries
                .jitter(base)
                .max(Duration::from_millis(1)),
        )
        .await;
    }
}

async fn put_once(
    client: &Client,
    link: &SignedUrl,
    sign: &SignMultipartPartRequest,
    piece: Bytes,
) -> Result<UploadedPart, Error> {
    // No `Authorization`: the link is its own permission, and the host somebody else's.
    let request = client.client.put(config::link(link)?).body(piece).send();
    let limit = client.timing.attempt;
    let answer = tokio::time::timeout(limit, request)
        .await
        .map_err(|_| Error::timed_out(None, limit))?
        .map_err(|error| Error::transport(None, error))?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    if !status.is_success() {
        return Err(Error::refused(
            None,
            Answer::new(status, headers, Bytes::new()),
            Hide::default(),
        ));
    }
    let etag = headers.get(ETAG).and_then(|etag| etag.to_str().ok());
    let etag = etag.ok_or_else(|| {
        Error::incomplete(format!(
            "storage gave no ETag for part {}",
            sign.part_number
        ))
    })?;
    Ok(UploadedPart::new(sign.part_number, etag))
}

/// An upload that is not complete is given up when it is dropped, whatever the reason.
struct Unfinished {
    client: Client,
    abort: Option<AbortMultipartUploadRequest>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(abort) = self.abort.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let client = self.client.clone();
            // Nobody is left to tell how it went.
            runtime.spawn(async move { client.abort_multipart_upload(abort).await.ok() });
        }
    }
}
