//! The transfer of a file from storage.

use bytes::{Bytes, BytesMut};
use cargo_batch_types::SignedUrl;
use reqwest::StatusCode;

use super::rate::Rate;
use super::version::{Cause, Version};
use super::{Download, Origin, Progress, sniff};
use crate::attempts::Attempts;
use crate::call::{BodyStream, next_chunk};
use crate::storage::{self, Rest};
use crate::time::Instant;
use crate::trace::Scope;
use crate::{Error, ErrorKind, config};

/// The bytes an attempt must bring to count as progress.
const PROGRESS: u64 = 1 << 10;

/// A download in flight.
pub(crate) struct Transfer {
    download: Download,
    url: Option<SignedUrl>,
    /// The URL was issued for this attempt: when it is refused, another won't be better.
    is_new: bool,
    body: Body,
    /// What has arrived is of this file.
    version: Option<Version>,
    /// The bytes that were returned, or are in the file that is resumed.
    received: u64,
    /// The most bytes there ever were, over all restarts.
    farthest: u64,
    /// The bytes of the files before this one, where an export has several.
    #[cfg(feature = "rows")]
    before: u64,
    attempts: Attempts,
    rate: Rate,
    restarts: Restarts,
    restarted: u32,
    scope: Scope,
}

enum Body {
    Closed,
    /// The first bytes of a file are held back until they show what it is.
    Open {
        chunks: BodyStream,
        head: Option<BytesMut>,
    },
    Ended,
    Whole,
}

/// Whether what has been returned can be taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Restarts {
    Never,
    Allowed,
}

/// A step of a download.
pub(super) enum Event {
    /// The file begins, or restarts as it can't be resumed: what came before is void.
    Begin,
    /// The next bytes.
    Chunk(Bytes),
}

impl Transfer {
    pub(super) fn new(download: Download, restarts: Restarts) -> Self {
        let attempts = Attempts::unlimited(&download.client);
        let scope = Scope::download(download.batch);
        Self {
            download,
            url: None,
            is_new: false,
            body: Body::Closed,
            version: None,
            received: 0,
            farthest: 0,
            #[cfg(feature = "rows")]
            before: 0,
            attempts,
            rate: Rate::default(),
            restarts,
            restarted: 0,
            scope,
        }
    }

    /// Resumes what an earlier process has received of a version.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn resume(&mut self, version: Version, received: u64) {
        (self.version, self.received, self.farthest) = (Some(version), received, received);
    }

    /// Returns which file it is, once it has begun.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    /// Returns the next step of a download, or `None` once it is complete.
    ///
    /// Not cancel safe: a caller that needs that stores the future.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, Error> {
        let scope = self.scope.clone();
        let next = scope.run(self.step()).await;
        next.inspect_err(|error| scope.failed(error))
    }

    async fn step(&mut self) -> Result<Option<Event>, Error> {
        loop {
            match &self.body {
                Body::Whole => return Ok(None),
                Body::Ended => self.ended().await?,
                Body::Open { .. } => {
                    if let Some(chunk) = self.receive().await? {
                        return Ok(Some(Event::Chunk(chunk)));
                    }
                }
                Body::Closed => {
                    if self.connect().await? {
                        return Ok(Some(Event::Begin));
                    }
                }
            }
        }
    }

    /// Returns whether the file is one of several of an export.
    #[cfg(feature = "rows")]
    pub(super) fn is_one_of_several(&self) -> bool {
        matches!(&self.download.origin, Origin::Sliced(slices) if slices.is_cut())
    }

    /// Continues with the next file of an export, as a complete one had so many rows; false where there is
    /// none.
    #[cfg(feature = "rows")]
    pub(super) fn advance(&mut self, rows: u64) -> bool {
        let Origin::Sliced(slices) = &mut self.download.origin else {
            return false;
        };
        if !slices.advance(rows) {
            return false;
        }
        self.before += self.received;
        (self.received, self.farthest) = (0, 0);
        (self.url, self.version, self.body) = (None, None, Body::Closed);
        self.rate = Rate::default();
        self.attempts.progressed();
        true
    }

    /// Reads the next chunk of a body; `None` where it has ended, or the connection was lost.
    async fn receive(&mut self) -> Result<Option<Bytes>, Error> {
        let Body::Open { chunks, head } = &mut self.body else {
            return Ok(None);
        };
        // A transfer that has stalled is treated as a lost connection.
        let limit = self.download.client.timing.attempt;
        let begin = Instant::now();
        let next = crate::time::timeout(limit, next_chunk(chunks)).await;
        let waited = begin.elapsed();
        let total = self.version.as_ref().and_then(|version| version.total);
        let chunk = match next {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(None) => {
                let rest = head.take().unwrap_or_default().freeze();
                self.body = Body::Ended;
                return self.pass(rest, true);
            }
            Ok(Some(Err(_))) if total == Some(self.received) => {
                // A connection lost after the last byte: the file is complete.
                self.body = Body::Whole;
                return Ok(None);
            }
            Ok(Some(Err(error))) => {
                let error = self.at_host(Error::connection_lost(None, error));
                self.on_disconnect(error, false).await?;
                return Ok(None);
            }
            Err(_) => {
                let timing = self.download.client.timing;
                let error = self.at_host(Error::timed_out(None, limit, timing, true));
                self.on_disconnect(error, false).await?;
                return Ok(None);
            }
        };
        let is_too_slow = self.rate.is_too_slow(chunk.len(), waited, limit);
        let (chunk, is_first) = match head {
            None => (chunk, false),
            Some(head) => {
                head.extend_from_slice(&chunk);
                let is_all = total == Some(head.len() as u64);
                if head.len() < sniff::HEAD && !is_all && !is_too_slow {
                    return Ok(None);
                }
                (std::mem::take(head).freeze(), true)
            }
        };
        if is_first && let Body::Open { head, .. } = &mut self.body {
            *head = None;
        }
        if is_too_slow {
            let what = "storage sent less than 1 KiB a second";
            self.on_disconnect(Error::incomplete(what), true).await?;
            return Ok(None);
        }
        self.pass(chunk, is_first)
    }

    /// Returns bytes, if they can be of the file.
    fn pass(&mut self, chunk: Bytes, is_first: bool) -> Result<Option<Bytes>, Error> {
        if chunk.is_empty() {
            return Ok(None);
        }
        if is_first && self.received == 0 {
            sniff::head(&chunk).map_err(|error| self.describe(error))?;
        }
        self.received += chunk.len() as u64;
        if let Some(total) = self.version.as_ref().and_then(|version| version.total)
            && self.received > total
        {
            let what = format!(
                "the download is {} bytes long, but was announced with {total}",
                self.received
            );
            return Err(self.describe(Error::incomplete(what)));
        }
        self.report();
        Ok(Some(chunk))
    }

    /// Checks at the end of the body whether all has arrived.
    async fn ended(&mut self) -> Result<(), Error> {
        match self.version.as_ref().and_then(|version| version.total) {
            Some(total) if self.received < total => {
                let what = "the response ended too early";
                self.on_disconnect(Error::incomplete(what), false).await
            }
            _ => {
                self.body = Body::Whole;
                Ok(())
            }
        }
    }

    /// Waits until another attempt may be made.
    async fn on_disconnect(&mut self, error: Error, is_too_slow: bool) -> Result<(), Error> {
        self.body = Body::Closed;
        self.is_new = false;
        self.check_restart(&error)?;
        if !is_too_slow && self.received >= self.farthest.saturating_add(PROGRESS) {
            self.attempts.progressed();
        }
        self.farthest = self.farthest.max(self.received);
        let error = self.describe(error);
        self.attempts.pause(error).await
    }

    /// Fails where the transfer can neither be resumed nor restarted: what was returned can't be undone.
    fn check_restart(&self, error: &Error) -> Result<(), Error> {
        let Some(Version {
            tag: Err(cause), ..
        }) = &self.version
        else {
            return Ok(());
        };
        if self.received == 0 || self.restarts == Restarts::Allowed {
            return Ok(());
        }
        let what = match cause {
            Cause::Changed => cause.to_string(),
            cause => {
                let brief = error.brief();
                let why = format!("it can't be resumed, as {cause}");
                match brief.contains(&why) {
                    true => brief,
                    false => format!("{brief}; {why}"),
                }
            }
        };
        Err(self.describe(Error::unresumable(what)))
    }

    /// Requests the file from storage, or the rest of it; true when it begins.
    async fn connect(&mut self) -> Result<bool, Error> {
        let url = match (&self.url, &mut self.download.origin) {
            (Some(url), _) => url,
            (None, Origin::Given(url)) => self.url.insert(url.clone()),
            (None, Origin::Issued(ask)) => {
                self.is_new = true;
                match ask().await {
                    Ok(url) => self.url.insert(url),
                    Err(error) => {
                        self.attempts.count_call(&error);
                        return Err(self.attempts.note(error));
                    }
                }
            }
            #[cfg(feature = "rows")]
            (None, Origin::Sliced(slices)) => {
                let Some(url) = slices.url().await? else {
                    self.body = Body::Whole;
                    return Ok(false);
                };
                if slices.is_cut() {
                    // What came of the files before can't be undone.
                    self.restarts = Restarts::Never;
                }
                self.is_new = true;
                self.url.insert(url)
            }
        };
        let tag = self
            .version
            .as_ref()
            .and_then(|version| version.tag.as_ref().ok());
        let rest = tag.filter(|_| self.received > 0).map(|etag| Rest {
            from: self.received,
            etag,
        });
        let is_rest = rest.is_some();
        self.attempts.count(1);
        let response = storage::get(&self.download.client, url, rest, self.is_new).await;
        let response = match response {
            Ok(response) => response,
            Err(error) => return self.refused(error, is_rest).await.map(|()| false),
        };
        self.attempts.succeeded();
        self.is_new = false;
        if response.status() == StatusCode::PARTIAL_CONTENT {
            let version = self.version.as_ref().filter(|_| is_rest);
            let checked =
                version.map(|version| version.check_rest(self.received, response.headers()));
            return match checked {
                Some(Ok(())) => {
                    self.open(response, None);
                    Ok(false)
                }
                Some(Err(cause)) => self.void(cause).await.map(|()| false),
                None => {
                    let what =
                        "storage sent a part of the file where the complete file was requested";
                    Err(self.describe(Error::unexpected_content(what)))
                }
            };
        }
        self.begin(response, is_rest)?;
        Ok(true)
    }

    /// Begins a file, for the first time or after a restart.
    fn begin(&mut self, response: reqwest::Response, is_rest: bool) -> Result<(), Error> {
        sniff::headers(response.headers()).map_err(|error| self.describe(error))?;
        let total = response.content_length();
        if total.is_none()
            && !self.download.accepts_unknown_length
            && ends_with_connection(&self.download, &response)
        {
            let what = "storage gives the file neither a length nor chunks, so that its end can't be told \
                        from a broken connection (`accept_unknown_length` takes it all the same)";
            return Err(self.describe(Error::unexpected_content(what)));
        }
        let new = Version::of(response.headers(), total);
        if let Some(old) = &self.version
            && self.received > 0
        {
            let cause = match &old.tag {
                Ok(_) if is_rest => old.why_whole(&new),
                Err(cause) => *cause,
                Ok(_) => Cause::Changed,
            };
            if self.restarts == Restarts::Never {
                let version = Version {
                    tag: Err(cause),
                    ..old.clone()
                };
                self.version = Some(version);
                let error = Error::incomplete("connection lost");
                self.check_restart(&error)?;
            }
            self.restarted += 1;
        }
        self.version = Some(new);
        self.received = 0;
        self.open(response, Some(BytesMut::new()));
        Ok(())
    }

    fn open(&mut self, response: reqwest::Response, head: Option<BytesMut>) {
        let chunks: BodyStream = Box::pin(response.bytes_stream());
        self.body = Body::Open { chunks, head };
    }

    /// Restarts: what has arrived can't be resumed, so the file is requested from its start.
    async fn void(&mut self, cause: Cause) -> Result<(), Error> {
        if let Some(version) = &mut self.version {
            version.tag = Err(cause);
        }
        let what = format!("connection lost; it can't be resumed, as {cause}");
        self.on_disconnect(Error::incomplete(what), false).await
    }

    async fn refused(&mut self, error: Error, is_rest: bool) -> Result<(), Error> {
        let status = error.status();
        let can_ask = !matches!(self.download.origin, Origin::Given(_)) && !self.is_new;
        match status {
            Some(status) if can_ask && storage::may_be_expired(status) => {
                self.url = None;
                Ok(())
            }
            // The file has become shorter than what there is of it, or storage can't resume.
            Some(StatusCode::RANGE_NOT_SATISFIABLE) if is_rest => {
                self.void(Cause::RangeRefused).await
            }
            _ if error.is_retryable() => self.on_disconnect(error, false).await,
            _ => Err(self.describe(error)),
        }
    }

    /// Names the host of storage in an error.
    fn at_host(&self, error: Error) -> Error {
        let error = error.of_storage();
        let url = self
            .url
            .as_ref()
            .and_then(|url| config::signed_url(url).ok());
        match url {
            Some(url) => error.sent_to(&url),
            None => error,
        }
    }

    /// Names the download in an error, and what was tried.
    fn describe(&self, error: Error) -> Error {
        let mut name = self.download.name.clone();
        let error = match &self.version {
            Some(version) if error.kind() == ErrorKind::Interrupted => {
                error.after_bytes(self.received, version.total)
            }
            _ => error,
        };
        if self.restarted > 0 {
            name = format!("{name}, started over {} times", self.restarted);
        }
        self.attempts.note(error.of(&name))
    }

    fn report(&mut self) {
        let progress = Progress {
            bytes: self.received,
            total: self.version.as_ref().and_then(|version| version.total),
        };
        #[cfg(feature = "rows")]
        let progress = match self.is_one_of_several() {
            true => Progress {
                bytes: self.before + self.received,
                total: None,
            },
            false => progress,
        };
        if let Some(callback) = &mut self.download.progress {
            callback(progress);
        }
    }
}

/// Returns whether nothing but the end of the connection ends a response.
#[cfg(not(target_arch = "wasm32"))]
fn ends_with_connection(download: &Download, response: &reqwest::Response) -> bool {
    use reqwest::Version;
    use reqwest::header::TRANSFER_ENCODING;

    // A client of the caller's may have decompressed it, and gives no length then.
    let is_own = !matches!(download.client.inner.http, crate::http::Http::Callers(_));
    let is_chunked = response.headers().contains_key(TRANSFER_ENCODING);
    is_own && response.version() <= Version::HTTP_11 && !is_chunked
}

/// A browser doesn't tell.
#[cfg(target_arch = "wasm32")]
fn ends_with_connection(_: &Download, _: &reqwest::Response) -> bool {
    false
}
