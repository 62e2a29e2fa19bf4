//! Results, brought here whole.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use cargo_batch_types::SignedUrl;
use reqwest::StatusCode;
use reqwest::header::{
    ACCEPT_RANGES, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE,
};
use tokio::io::{AsyncSeekExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use crate::call::Pending;
use crate::response::Answer;
use crate::secret::Hide;
use crate::{Client, Error, config};

/// Asks the API for a link to the file; again when the one before has expired.
type Ask = Box<dyn Fn() -> Pending<'static, SignedUrl> + Send + Sync>;

/// How often a transfer may break off without a single byte in between.
const FRUITLESS: u32 = 5;

/// A file of results that is ready to be fetched.
///
/// Whatever way it is fetched: the API's token is not sent to the storage that holds the file, a
/// transfer that breaks off goes on where it was (unless the file has changed meanwhile, then from
/// its start), a link that has expired is asked for again, and the length is checked.
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

    /// Writes the file to `path`, which exists only once it is whole: until then it is
    /// `path` with `.part` added. Returns its length in bytes.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the file can't be written;
    /// [`Interrupted`](crate::ErrorKind::Interrupted) when the transfer broke off again and again.
    /// The `.part` file is removed.
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<u64, Error> {
        let path = path.as_ref();
        let part = part_of(path);
        let written = self.into_part(&part).await;
        let moved = match written {
            Ok(bytes) => tokio::fs::rename(&part, path)
                .await
                .map(|()| bytes)
                .map_err(|error| {
                    Error::io(format!("cannot move {} into place", part.display()), error)
                }),
            Err(error) => Err(error),
        };
        if moved.is_err() {
            tokio::fs::remove_file(&part).await.ok();
        }
        moved
    }

    async fn into_part(self, part: &Path) -> Result<u64, Error> {
        let failed = |error| Error::io(format!("cannot write {}", part.display()), error);
        let mut file = tokio::fs::File::create(part).await.map_err(failed)?;
        let mut transfer = self.start();
        while let Some(event) = transfer.next().await? {
            match event {
                Event::Piece(piece) => file.write_all(&piece).await.map_err(failed)?,
                Event::Restart => {
                    file.set_len(0).await.map_err(failed)?;
                    file.rewind().await.map_err(failed)?;
                }
            }
        }
        file.sync_all().await.map_err(failed)?;
        Ok(transfer.received)
    }

    /// Writes the file to anything that can be written to; returns its length in bytes.
    ///
    /// # Errors
    /// As [`to_file`](Self::to_file), and when the file changed at its source while it was
    /// fetched: what has been written can't be taken back.
    pub async fn to_writer(self, mut writer: impl AsyncWrite + Unpin) -> Result<u64, Error> {
        let failed = |error| Error::io("cannot write the download", error);
        let mut transfer = self.start();
        while let Some(piece) = transfer.next_piece().await? {
            writer.write_all(&piece).await.map_err(failed)?;
        }
        writer.flush().await.map_err(failed)?;
        Ok(transfer.received)
    }

    /// How long a row may be.
    #[cfg(feature = "rows")]
    pub(crate) fn row_cap(&self) -> usize {
        self.client.inner.max_answer_bytes
    }

    pub(crate) fn start(self) -> Transfer {
        Transfer {
            download: self,
            link: None,
            fresh: false,
            body: None,
            etag: None,
            received: 0,
            total: None,
            started: Instant::now(),
            fruitless: 0,
            finished: false,
        }
    }
}

/// `results.csv` -> `results.csv.part`
fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// A download under way.
pub(crate) struct Transfer {
    download: Download,
    link: Option<SignedUrl>,
    /// The link has just been asked for: when it is refused, another won't be better.
    fresh: bool,
    body: Option<reqwest::Response>,
    etag: Option<HeaderValue>,
    received: u64,
    total: Option<u64>,
    started: Instant,
    fruitless: u32,
    finished: bool,
}

pub(crate) enum Event {
    /// The next bytes.
    Piece(Bytes),
    /// The file is another one than before: what came so far is void.
    Restart,
}

impl Transfer {
    /// The next piece or turn of a download; nothing once it is whole.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        while !self.finished {
            let Some(body) = &mut self.body else {
                if self.connect().await? {
                    return Ok(Some(Event::Restart));
                }
                continue;
            };
            // A stalled transfer is as broken as one that was cut.
            let limit = self.download.client.timing.attempt;
            match tokio::time::timeout(limit, body.chunk()).await {
                Ok(Ok(Some(piece))) => {
                    self.received += piece.len() as u64;
                    self.fruitless = 0;
                    self.report();
                    return Ok(Some(Event::Piece(piece)));
                }
                Ok(Ok(None)) => self.ended().await?,
                Ok(Err(error)) => self.broke_off(Error::transport(None, error)).await?,
                Err(_) => self.broke_off(Error::timed_out(None, limit)).await?,
            }
        }
        Ok(None)
    }

    /// The next piece, where nothing that was handed out can be taken back.
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, Error> {
        match self.next().await? {
            Some(Event::Piece(piece)) => Ok(Some(piece)),
            Some(Event::Restart) => Err(Error::incomplete(
                "the file changed at its source while it was fetched: fetch it again from its start",
            )),
            None => Ok(None),
        }
    }

    /// The body came to its end: is it all there?
    async fn ended(&mut self) -> Result<(), Error> {
        match self.total {
            Some(total) if self.received < total => {
                let what = format!(
                    "the download ended after {} of {total} bytes",
                    self.received
                );
                self.broke_off(Error::incomplete(what)).await
            }
            Some(total) if self.received > total => Err(Error::incomplete(format!(
                "the download is {} bytes long, but was announced with {total}",
                self.received
            ))),
            _ => {
                self.finished = true;
                Ok(())
            }
        }
    }

    async fn broke_off(&mut self, error: Error) -> Result<(), Error> {
        self.body = None;
        self.fruitless += 1;
        if self.fruitless >= FRUITLESS {
            return Err(error.after(self.fruitless, self.started));
        }
        let client = &self.download.client;
        let pause = client.retry.base_delay.saturating_mul(self.fruitless);
        let pause = client.inner.retries.jitter(pause);
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// Asks storage for the rest of the file; true when what came before is void.
    async fn connect(&mut self) -> Result<bool, Error> {
        if self.link.is_none() {
            self.link = Some((self.download.ask)().await?);
            self.fresh = true;
        }
        let Some(link) = &self.link else {
            return Ok(false);
        };
        // No `Authorization`: the link is its own permission, and the host somebody else's.
        let mut request = self.download.client.client.get(config::link(link)?);
        if self.received > 0
            && let Some(etag) = &self.etag
        {
            request = request.header(RANGE, format!("bytes={}-", self.received));
            request = request.header(IF_RANGE, etag.clone());
        }
        let limit = self.download.client.timing.attempt;
        let answer = match tokio::time::timeout(limit, request.send()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                return self
                    .broke_off(Error::transport(None, error))
                    .await
                    .map(|()| false);
            }
            Err(_) => {
                return self
                    .broke_off(Error::timed_out(None, limit))
                    .await
                    .map(|()| false);
            }
        };
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if range_start(answer.headers()) == Some(self.received) => {
                self.begin(answer);
                Ok(false)
            }
            StatusCode::OK => {
                let void = self.received > 0;
                self.received = 0;
                self.total = None;
                self.begin(answer);
                Ok(void)
            }
            status => self.refused(status, answer).await.map(|()| false),
        }
    }

    fn begin(&mut self, answer: reqwest::Response) {
        self.fresh = false;
        self.total = self
            .total
            .or_else(|| Some(self.received + answer.content_length()?));
        // A weak tag doesn't promise the same bytes.
        let etag = answer
            .headers()
            .get(ETAG)
            .filter(|tag| !tag.as_bytes().starts_with(b"W/"));
        let ranges = answer
            .headers()
            .get(ACCEPT_RANGES)
            .is_none_or(|ranges| ranges != "none");
        // Without a length it may be unzipped on the way, by the HTTP client of the caller's own:
        // what has been received is no offset then.
        let measured = self.total.is_some();
        self.etag = etag.filter(|_| ranges && measured).cloned();
        self.body = Some(answer);
    }

    async fn refused(
        &mut self,
        status: StatusCode,
        answer: reqwest::Response,
    ) -> Result<(), Error> {
        let headers = answer.headers().clone();
        let error = Error::refused(
            None,
            Answer::new(status, headers, Bytes::new()),
            Hide::default(),
        );
        match status.as_u16() {
            // How storages say that a link has expired.
            400 | 401 | 403 | 404 | 410 if !self.fresh => {
                self.link = None;
                Ok(())
            }
            // The file has become shorter than what we have of it, or the server can't resume.
            206 | 416 => {
                self.etag = None;
                self.broke_off(error).await
            }
            408 | 425 | 429 | 500..=599 => self.broke_off(error).await,
            _ => Err(error),
        }
    }

    fn report(&mut self) {
        let progress = Progress {
            bytes: self.received,
            total: self.total,
        };
        if let Some(callback) = &mut self.download.progress {
            callback(progress);
        }
    }
}

/// Where a partial answer starts: `bytes 100-199/200`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    text.strip_prefix("bytes ")?
        .split('-')
        .next()?
        .trim()
        .parse()
        .ok()
}
