//! Results, row by row, in memory that doesn't grow with the file.

mod csv;
mod gzip;
mod json;

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use serde::de::DeserializeOwned;

use self::csv::CsvRows;
use self::gzip::Unzip;
use self::json::JsonRows;
use crate::call::Pending;
use crate::download::{Download, Transfer};
use crate::{Error, ErrorKind};

impl Download {
    /// Reads the file row by row, each as a `T`: CSV (by the names in its first line), a JSON list
    /// of objects or one JSON object a line, plain or gzipped; which of these it is shows in its
    /// first bytes.
    ///
    /// A row that isn't a `T` is an item of its own, with its number, and doesn't end the stream.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, types::BatchUuid};
    /// # async fn run(client: Client, id: BatchUuid) -> Result<(), Box<dyn std::error::Error>> {
    /// #[derive(serde::Deserialize)]
    /// struct Lead { email: String, score: Option<f64> }
    ///
    /// let mut rows = client.batch(id).download().rows::<Lead>();
    /// while let Some(row) = rows.next().await {
    ///     match row {
    ///         Ok(lead) => println!("{} {:?}", lead.email, lead.score),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn rows<T: DeserializeOwned>(self) -> Rows<T> {
        Rows {
            source: Source::Idle(Box::new(self.start())),
            arrived: Bytes::new(),
            unzip: None,
            reader: None,
            ready: VecDeque::new(),
            row: PhantomData,
        }
    }
}

/// The rows of a file as a [`Stream`]; made by [`Download::rows`].
#[must_use = "a stream does nothing until it is polled"]
pub struct Rows<T> {
    source: Source,
    /// What has arrived and is not taken in yet.
    arrived: Bytes,
    unzip: Option<Unzip>,
    reader: Option<Reader>,
    /// Rows that came with the last piece.
    ready: VecDeque<Raw>,
    row: PhantomData<fn() -> T>,
}

/// How much is taken in at once.
const SLICE: usize = 4 << 10;

enum Source {
    Idle(Box<Transfer>),
    UnderWay(Pending<'static, (Box<Transfer>, Option<Bytes>)>),
    Ended,
}

/// One row before it is decoded, with its number; or why it can't be read as a row at all.
enum Raw {
    Csv {
        line: u64,
        header: ::csv::StringRecord,
        record: Result<::csv::StringRecord, String>,
    },
    Json {
        line: u64,
        text: Vec<u8>,
    },
}

enum Reader {
    Csv(Box<CsvRows>),
    Json(JsonRows),
}

/// A row that can't be read, or the end of the transfer.
#[derive(Debug)]
#[non_exhaustive]
pub enum RowError {
    /// This row isn't what it should be; the rows after it are still to come.
    Row {
        /// Its number in the file, counted from 1; for CSV the line it starts on.
        line: u64,
        /// Why.
        why: String,
    },
    /// The transfer ended before the file did; there are no more rows.
    Transfer(Error),
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { line, why } => write!(f, "row at line {line}: {why}"),
            Self::Transfer(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RowError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Row { .. } => None,
            Self::Transfer(error) => Some(error),
        }
    }
}

impl<T: DeserializeOwned> Rows<T> {
    /// The next row; nothing after the last.
    pub async fn next(&mut self) -> Option<Result<T, RowError>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Takes in a little of what has arrived.
    ///
    /// In slices, so that a file that unzips to a thousand times its size is met a little at a time.
    fn digest(&mut self) -> Result<(), Error> {
        let slice = self.arrived.split_to(self.arrived.len().min(SLICE));
        if self.unzip.is_none() && self.reader.is_none() && gzip::is_gzip(&slice) {
            self.unzip = Some(Unzip::default());
        }
        match &mut self.unzip {
            Some(unzip) => {
                let text = unzip.feed(&slice)?;
                self.read(&text);
            }
            None => self.read(&slice),
        }
        Ok(())
    }

    /// The file has ended: what is still held back comes out.
    fn finish(&mut self) -> Result<(), Error> {
        if let Some(unzip) = self.unzip.take() {
            let rest = unzip.finish()?;
            self.read(&rest);
        }
        match self.reader.take() {
            Some(Reader::Csv(reader)) => reader.finish(&mut self.ready),
            Some(Reader::Json(reader)) => reader.finish(&mut self.ready),
            None => {}
        }
        Ok(())
    }

    fn read(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        let reader = self.reader.get_or_insert_with(|| {
            match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'[' | b'{') => Reader::Json(JsonRows::default()),
                _ => Reader::Csv(Box::default()),
            }
        });
        match reader {
            Reader::Csv(reader) => reader.feed(text, &mut self.ready),
            Reader::Json(reader) => reader.feed(text, &mut self.ready),
        }
    }
}

impl Raw {
    fn decode<T: DeserializeOwned>(self) -> Result<T, RowError> {
        let (line, decoded) = match self {
            Self::Csv {
                line,
                header,
                record,
            } => (
                line,
                record.and_then(|record| {
                    record
                        .deserialize(Some(&header))
                        .map_err(|error| csv::explain(&error, &header))
                }),
            ),
            Self::Json { line, text } => (
                line,
                cargo_batch_types::from_json(&text).map_err(|error| error.to_string()),
            ),
        };
        decoded.map_err(|why| RowError::Row { line, why })
    }
}

impl<T: DeserializeOwned> Stream for Rows<T> {
    type Item = Result<T, RowError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(raw) = this.ready.pop_front() {
                return Poll::Ready(Some(raw.decode()));
            }
            let done = if this.arrived.is_empty() {
                match ready!(this.source.poll(context)) {
                    Some(Ok(Some(piece))) => {
                        this.arrived = piece;
                        Ok(())
                    }
                    Some(Ok(None)) => this.finish(),
                    Some(Err(error)) => Err(error),
                    None => return Poll::Ready(None),
                }
            } else {
                this.digest()
            };
            if let Err(error) = done {
                this.source = Source::Ended;
                this.arrived.clear();
                return Poll::Ready(Some(Err(RowError::Transfer(error))));
            }
        }
    }
}

impl Source {
    /// The next piece, the end of the file (once), or nothing after that.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Option<Bytes>, Error>>> {
        let mut under_way = match std::mem::replace(self, Self::Ended) {
            Self::Ended => return Poll::Ready(None),
            Self::UnderWay(under_way) => under_way,
            Self::Idle(mut transfer) => Box::pin(async move {
                let piece = transfer.next_piece().await?;
                Ok((transfer, piece))
            }),
        };
        match under_way.as_mut().poll(context) {
            Poll::Pending => {
                *self = Self::UnderWay(under_way);
                Poll::Pending
            }
            Poll::Ready(Ok((transfer, Some(piece)))) => {
                *self = Self::Idle(transfer);
                Poll::Ready(Some(Ok(Some(piece))))
            }
            Poll::Ready(Ok((_, None))) => Poll::Ready(Some(Ok(None))),
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
        }
    }
}

impl RowError {
    /// The rows after this one are still to come.
    pub fn is_row(&self) -> bool {
        matches!(self, Self::Row { .. })
    }

    /// The kind of the error that ended the transfer.
    pub fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Row { .. } => None,
            Self::Transfer(error) => Some(error.kind()),
        }
    }
}
