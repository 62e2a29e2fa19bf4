//! Results, row by row, in memory that doesn't grow with the file.

mod csv;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
pub(crate) mod gzip;
mod json;

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
use crate::secret::escaped;
use crate::{Error, ErrorKind};

impl Download {
    /// Reads the file row by row, each as a `T`: CSV (by the names in its first line), a JSON list
    /// of objects or one JSON object a line, plain or gzipped; which of these it is shows in its
    /// first bytes. Values of a JSON list that aren't objects are rows as well.
    ///
    /// A row that isn't a `T`, or has more or fewer fields than the header of its CSV, is an item of
    /// its own, with its line, and doesn't end the stream. The memory this takes is that of a piece
    /// of the file and one row, whatever the file unzips to; a row longer than
    /// [`max_answer_bytes`](crate::ClientBuilder::max_answer_bytes) ends the stream with an error.
    /// Where a header names a column twice, a `T` that wants it is told so in every row.
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
        let cap = self.row_cap();
        Rows::new(Source::Idle(Box::new(self.start())), cap)
    }
}

/// The rows of a file as a [`Stream`]; made by [`Download::rows`].
#[must_use = "a stream does nothing until it is polled"]
pub struct Rows<T> {
    source: Source,
    /// What has arrived and is not taken in yet.
    arrived: Bytes,
    /// The first bytes, as long as they are too few to tell what they are.
    head: Option<Vec<u8>>,
    unzip: Option<Unzip>,
    /// What has been taken in, unzipped, and how much of it has been read.
    text: Vec<u8>,
    read: usize,
    reader: Option<Reader>,
    /// The line that the first row is on.
    line: u64,
    /// There is no more text to come.
    ended: bool,
    cap: usize,
    row: PhantomData<fn() -> T>,
}

/// How much is taken in at once.
const SLICE: usize = 4 << 10;

enum Source {
    Idle(Box<Transfer>),
    UnderWay(Pending<'static, (Box<Transfer>, Option<Bytes>)>),
    Ended,
}

/// One row, or why it can't be read as one.
struct Row<T> {
    line: u64,
    value: Result<T, String>,
}

/// A row that is longer than rows may be.
struct TooLong {
    line: u64,
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
            Self::Transfer(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for RowError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Row { .. } => None,
            // Its own words are shown already.
            Self::Transfer(error) => error.source(),
        }
    }
}

impl<T: DeserializeOwned> Rows<T> {
    fn new(source: Source, cap: usize) -> Self {
        Self {
            source,
            arrived: Bytes::new(),
            head: Some(Vec::new()),
            unzip: None,
            text: Vec::new(),
            read: 0,
            reader: None,
            line: 1,
            ended: false,
            cap,
            row: PhantomData,
        }
    }

    /// The next row; nothing after the last.
    pub async fn next(&mut self) -> Option<Result<T, RowError>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Reads a row from the text that is there, if it has one.
    fn row(&mut self) -> Result<Option<Row<T>>, Error> {
        if self.reader.is_none() {
            self.recognise();
        }
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        let text = self.text.get(self.read..).unwrap_or_default();
        let next = match reader {
            Reader::Csv(reader) => reader.next(text),
            Reader::Json(reader) => reader.next(text),
        };
        let (read, row) = next.map_err(|row| self.too_long(&row))?;
        self.read += read;
        Ok(row)
    }

    /// Finds out what the text is, as soon as its first letter is there.
    fn recognise(&mut self) {
        const BOM: &[u8] = b"\xEF\xBB\xBF";
        while let Some(rest) = self.text.get(self.read..)
            && let Some(byte) = rest.first()
        {
            if byte.is_ascii_whitespace() {
                self.line += u64::from(*byte == b'\n');
                self.read += 1;
                continue;
            }
            // Wherever it stands: csv-core would pass over one that comes in one piece, and take one
            // that is cut for a part of the first column's name.
            if rest.starts_with(BOM) {
                self.read += BOM.len();
                continue;
            }
            if BOM.starts_with(rest) && !self.ended {
                return;
            }
            self.reader = Some(match byte {
                b'[' | b'{' => Reader::Json(JsonRows::new(self.line, self.cap)),
                _ => Reader::Csv(Box::new(CsvRows::new(self.line, self.cap))),
            });
            return;
        }
    }

    /// Takes in a little of what has arrived.
    ///
    /// In slices, so that a file that unzips to a thousand times its size is met a little at a time.
    fn digest(&mut self) -> Result<(), Error> {
        let slice = self.arrived.split_to(self.arrived.len().min(SLICE));
        let Some(mut head) = self.head.take() else {
            return self.take_in(&slice);
        };
        head.extend_from_slice(&slice);
        if head.len() < 2 && !self.ended {
            self.head = Some(head);
            return Ok(());
        }
        if gzip::is_gzip(&head) {
            self.unzip = Some(Unzip::default());
        }
        self.take_in(&head)
    }

    fn take_in(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.text.drain(..self.read);
        self.read = 0;
        match &mut self.unzip {
            Some(unzip) => self.text.append(&mut unzip.feed(bytes)?),
            None => self.text.extend_from_slice(bytes),
        }
        Ok(())
    }

    /// The file has ended: what is still held back comes out.
    fn end(&mut self) -> Result<(), Error> {
        self.ended = true;
        if self.head.is_some() {
            self.digest()?;
        }
        if let Some(unzip) = self.unzip.take() {
            self.text.append(&mut unzip.finish()?);
        }
        Ok(())
    }

    /// The last row, when nothing ends it but the end of the file.
    fn last(&mut self) -> Result<Option<Row<T>>, Error> {
        match self.reader.take() {
            Some(Reader::Csv(mut reader)) => reader.finish().map_err(|row| self.too_long(&row)),
            Some(Reader::Json(mut reader)) => match reader.finish() {
                (row, true) => Ok(row),
                (_, false) => Err(Error::incomplete(format!(
                    "the file ends in the middle of its JSON, on line {}",
                    reader.line()
                ))),
            },
            None => Ok(None),
        }
    }

    fn too_long(&self, row: &TooLong) -> Error {
        let what = format!("the row at line {}", row.line);
        Error::too_long(&what, self.cap)
    }

    /// The next row or its error; nothing at the end.
    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Row<T>>, Error>> {
        loop {
            if let Some(row) = self.row()? {
                return Poll::Ready(Ok(Some(row)));
            }
            if self.ended {
                return Poll::Ready(self.last());
            }
            if !self.arrived.is_empty() {
                self.digest()?;
                continue;
            }
            match ready!(self.source.poll(context)) {
                Some(piece) => match piece? {
                    Some(piece) => self.arrived = piece,
                    None => self.end()?,
                },
                None => return Poll::Ready(Ok(None)),
            }
        }
    }
}

impl<T> Row<T> {
    fn bad(line: u64, why: String) -> Self {
        Self {
            line,
            value: Err(why),
        }
    }
}

impl<T: DeserializeOwned> Stream for Rows<T> {
    type Item = Result<T, RowError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        /// Of a reader's words, which quote the file.
        const LONGEST: usize = 500;
        let this = self.get_mut();
        let row = match ready!(this.poll_row(context)) {
            Ok(Some(row)) => row,
            Ok(None) => return Poll::Ready(None),
            Err(error) => {
                this.source = Source::Ended;
                this.arrived.clear();
                this.text.clear();
                (this.read, this.reader, this.ended) = (0, None, true);
                return Poll::Ready(Some(Err(RowError::Transfer(error))));
            }
        };
        let line = row.line;
        Poll::Ready(Some(row.value.map_err(|why| RowError::Row {
            line,
            why: escaped(&why, LONGEST),
        })))
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
