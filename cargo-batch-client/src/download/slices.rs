//! An export that the API returns in several files, each with a slice of its rows.

use cargo_batch_types::SignedUrl;

use crate::Error;
use crate::pending::Pending;

/// The response of the API to a request for a slice.
pub(crate) enum Export {
    /// The URL of its file.
    Ready(SignedUrl),
    /// It has more rows than one file may have.
    TooLong(Error),
    /// It has no rows.
    Empty(Error),
}

/// Requests at most so many rows from the API, without so many at the start.
pub(crate) type AskSlice = Box<dyn Fn(Option<u64>, Option<u64>) -> Pending<Export> + Send + Sync>;

/// The files of an export, one after the other; a single one, if the API returns it so.
pub(crate) struct Slices {
    ask: AskSlice,
    /// The limit and offset of the caller.
    limit: Option<u64>,
    offset: Option<u64>,
    /// The rows that one file may have.
    cap: u64,
    /// The rows that the next file is requested with; `None` while all are requested at once.
    size: Option<u64>,
    /// The rows of the files so far.
    received: u64,
}

impl Slices {
    pub fn new(ask: AskSlice, limit: Option<u64>, offset: Option<u64>, cap: u64) -> Self {
        Self {
            ask,
            limit,
            offset,
            cap,
            size: limit.filter(|limit| *limit > cap).map(|_| cap),
            received: 0,
        }
    }

    /// Returns whether there are several files.
    pub fn is_cut(&self) -> bool {
        self.size.is_some()
    }

    /// Returns the signed URL of the next file, or `None` after the last.
    pub async fn url(&mut self) -> Result<Option<SignedUrl>, Error> {
        loop {
            let offset = self.offset.unwrap_or(0).saturating_add(self.received);
            let (limit, offset) = match self.size {
                None => (self.limit, self.offset),
                Some(size) => (Some(size.min(self.left())), Some(offset)),
            };
            self.size = match (self.ask)(limit, offset).await? {
                Export::Ready(url) => return Ok(Some(url)),
                Export::Empty(_) if self.received > 0 => return Ok(None),
                Export::TooLong(_) if self.size.is_none() => Some(self.cap),
                // A server whose files hold fewer rows.
                Export::TooLong(_) if self.size > Some(1) => self.size.map(|size| size / 2),
                Export::TooLong(error) | Export::Empty(error) => return Err(error),
            };
        }
    }

    /// Continues after the rows of a file; false where it was the last.
    pub fn advance(&mut self, rows: u64) -> bool {
        self.received = self.received.saturating_add(rows);
        self.is_cut() && rows > 0 && self.left() > 0
    }

    fn left(&self) -> u64 {
        self.limit
            .map_or(u64::MAX, |limit| limit.saturating_sub(self.received))
    }
}
