//! The baselines: the same work, hand-written without the client.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use cargo_batch_client::types::{
    BatchUuid, CreateBatchRequest, CreateBatchResponse, GetBatchResponse,
};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::{Result, setup};

/// Fetches a batch with reqwest.
pub async fn get_batch(
    http: &reqwest::Client,
    origin: &str,
    batch: BatchUuid,
) -> Result<GetBatchResponse> {
    let url = format!("{origin}/v1/orchestration/batches/{batch}");
    let response = http.get(url).send().await?.error_for_status()?;
    let body = response.bytes().await?;
    Ok(serde_json::from_slice(&body)?)
}

/// Creates a batch with reqwest.
pub async fn create_batch(
    http: &reqwest::Client,
    origin: &str,
    request: &CreateBatchRequest,
) -> Result<CreateBatchResponse> {
    let url = format!("{origin}/v1/orchestration/batches");
    let response = http.post(url).json(request).send().await?;
    let body = response.error_for_status()?.bytes().await?;
    Ok(serde_json::from_slice(&body)?)
}

/// A connection of hyper: the minimum cost of a request.
pub struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    host: HeaderValue,
    authorization: HeaderValue,
}

impl Connection {
    /// Connects to a server on loopback.
    pub async fn new(origin: &str) -> Result<Self> {
        let host = origin.trim_start_matches("http://");
        let stream = tokio::net::TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: HeaderValue::try_from(host)?,
            authorization: setup::authorization()?,
        })
    }

    /// Fetches a batch with hyper.
    pub async fn get_batch(&mut self, batch: BatchUuid) -> Result<GetBatchResponse> {
        let request = Request::get(format!("/v1/orchestration/batches/{batch}"))
            .header(HOST, &self.host)
            .header(AUTHORIZATION, &self.authorization)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .body(Empty::new())?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let body = response.into_body().collect().await?.to_bytes();
        Ok(serde_json::from_slice(&body)?)
    }
}

/// Streams a file to disk with reqwest.
pub async fn download(http: &reqwest::Client, url: &str, path: &Path) -> Result<u64> {
    let mut response = http.get(url).send().await?.error_for_status()?;
    let mut file = tokio::fs::File::create(path).await?;
    let mut bytes = 0;
    while let Some(chunk) = response.chunk().await? {
        file.write_all(&chunk).await?;
        bytes += chunk.len() as u64;
    }
    // The client also syncs the file before it returns.
    file.sync_all().await?;
    Ok(bytes)
}

/// Uploads a file in parts of 8 MiB to existing signed URLs, four at a time.
pub async fn upload(http: &reqwest::Client, origin: &str, path: &Path) -> Result<u64> {
    const PART: u64 = 8 << 20;
    let size = tokio::fs::metadata(path).await?.len();
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..4 {
        let (http, origin, next) = (http.clone(), origin.to_owned(), next.clone());
        let path: PathBuf = path.to_owned();
        workers.spawn(async move {
            let mut file = tokio::fs::File::open(path).await?;
            let mut sent = 0;
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                let left = size.saturating_sub(part * PART).min(PART);
                if left == 0 {
                    return Ok::<u64, crate::Failure>(sent);
                }
                file.seek(std::io::SeekFrom::Start(part * PART)).await?;
                let mut chunk = BytesMut::with_capacity(usize::try_from(left)?);
                let mut reader = (&mut file).take(left);
                while reader.read_buf(&mut chunk).await? > 0 && (chunk.len() as u64) < left {}
                let url = format!("{origin}/parts/{}", part + 1);
                let response = http.put(url).body(chunk.freeze()).send().await?;
                response.error_for_status()?;
                sent += left;
            }
        });
    }
    let mut sent = 0;
    while let Some(done) = workers.join_next().await {
        sent += done??;
    }
    Ok(sent)
}
