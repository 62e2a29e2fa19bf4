//! A file on its way from storage.

use bytes::Bytes;
use cargo_batch_types::SignedUrl;
use reqwest::StatusCode;
use reqwest::header::{
    ACCEPT_RANGES, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE,
};

use super::{Download, Progress};
use crate::call::{Pieces, piece};
use crate::response::Answer;
use crate::secret::Hide;
use crate::time::Instant;
use crate::{Error, config};

/// How often a transfer may break off without a single byte in between.
const FRUITLESS: u32 = 5;

/// How often it may begin anew: where it can't be resumed, or changes all the time.
const RESTARTS: u32 = 5;

/// A download under way.
pub(crate) struct Transfer {
    download: Download,
    link: Option<SignedUrl>,
    /// The link has just been asked for: when it is refused, another won't be better.
    fresh: bool,
    body: Option<Pieces>,
    etag: Option<HeaderValue>,
    received: u64,
    total: Option<u64>,
    started: Instant,
    fruitless: u32,
    restarts: u32,
    finished: bool,
}

/// A step of a download.
pub(super) enum Event {
    /// The next bytes.
    Piece(Bytes),
    /// The file is another one than before: what came so far is void.
    Restart,
}

impl Transfer {
    pub fn new(download: Download) -> Self {
        Self {
            download,
            link: None,
            fresh: false,
            body: None,
            etag: None,
            received: 0,
            total: None,
            started: Instant::now(),
            fruitless: 0,
            restarts: 0,
            finished: false,
        }
    }

    /// The bytes that have arrived.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The next piece or turn of a download; nothing once it is whole.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, Error> {
        while !self.finished {
            let Some(body) = &mut self.body else {
                if self.connect().await? {
                    return Ok(Some(Event::Restart));
                }
                continue;
            };
            // A stalled transfer is as broken as one that was cut.
            let limit = self.download.client.timing.attempt;
            match crate::time::timeout(limit, piece(body)).await {
                Ok(Some(Ok(piece))) => {
                    self.received += piece.len() as u64;
                    self.fruitless = 0;
                    self.report();
                    return Ok(Some(Event::Piece(piece)));
                }
                Ok(None) => self.ended().await?,
                Ok(Some(Err(error))) => self.broke_off(Error::cut_off(None, error)).await?,
                Err(_) => self.broke_off(Error::timed_out(None, limit, true)).await?,
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
        crate::time::sleep(pause).await;
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
        let link = config::link(link)?;
        let http = self.download.client.inner.http.ready(&link).await?;
        let mut request = http.get(link);
        if self.received > 0
            && let Some(etag) = &self.etag
        {
            request = request.header(RANGE, format!("bytes={}-", self.received));
            request = request.header(IF_RANGE, etag.clone());
        }
        let limit = self.download.client.timing.attempt;
        let answer = match crate::time::timeout(limit, request.send()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                return self
                    .broke_off(Error::transport(None, error, false))
                    .await
                    .map(|()| false);
            }
            Err(_) => {
                return self
                    .broke_off(Error::timed_out(None, limit, true))
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
                if void {
                    self.restarts += 1;
                    if self.restarts > RESTARTS {
                        let what = format!(
                            "the download had to begin anew {RESTARTS} times and was not whole once"
                        );
                        return Err(Error::incomplete(what).after(self.restarts, self.started));
                    }
                }
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
        self.body = Some(Box::pin(answer.bytes_stream()));
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
