//! Rows of results, one by one, in memory that doesn't grow with the file.

mod cells;
mod csv;
mod format;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
pub(crate) mod gzip;
mod json;
mod text;
mod utf8;
mod values;

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use serde::de::DeserializeOwned;

use self::csv::CsvRows;
use self::json::JsonRows;
pub use self::text::Encoding;
use self::text::Text;
use crate::download::{ByteStream, Download};
use crate::redact::escaped;
use crate::{Error, ErrorKind};

impl Download {
    /// Returns the rows of the file as a stream, each as a `T`. Only with the feature `rows`.
    ///
    /// The file is CSV (read by the names in its first line), a JSON list of objects, or one JSON object a line, plain or
    /// gzipped; its first bytes show which. Values of a JSON list that aren't objects are rows as well.
    ///
    /// A row that isn't a `T`, or has more or fewer fields than the header of its CSV, is an error of
    /// its own, with its line, and doesn't end the stream. The memory used is that of a chunk
    /// of the file and one row, whatever the file unzips to.
    ///
    /// # Cells
    /// A cell of a CSV is text unless `T` needs something else: numbers, booleans, lists and objects (written as
    /// JSON) are read where a field is one, an empty cell is `None` where a field is an `Option`. Maps,
    /// [`serde_json::Value`] and [`Record`](crate::types::Record) hold texts, so that `01234` stays what it
    /// is; types that preserve an order have the columns in the order of the file. Names of columns are taken
    /// as they are written, spaces included.
    ///
    /// Flattened structs, and enums that are untagged or have their tag inside, get numbers, booleans and
    /// empty cells as well, where these are written as JSON writes them (`1e3`, but not `+1`, `007` or
    /// `TRUE`). A row is read more than once for that. serde leaves two limits: an `Option<String>` in
    /// them holds `Some("")` for an empty cell, and an untagged enum whose variants need the same column
    /// as a number and as text has the first variant that fits, which may see text as a number where it accepts
    /// both.
    ///
    /// # Errors
    /// An item is a [`RowError`]; [`RowError::is_row`] distinguishes an error of a single row. These end the stream, and
    /// are reported once for the file:
    ///
    /// - The transfer fails, or the file ends inside a quote, JSON or gzip.
    /// - The file holds no rows: a page of HTML or XML, a zip archive, an Excel workbook, Parquet, or
    ///   compressed with something other than gzip.
    /// - The header of the CSV has no comma, but a semicolon, tab or bar: set
    ///   [`delimiter`](Rows::delimiter), unless the first line names it (`sep=;`).
    /// - It is neither UTF-8 nor UTF-16: set [`encoding`](Rows::encoding). A row that isn't UTF-8 after
    ///   others had such letters is an error of its own.
    /// - The header names a column twice, and `T` needs it: a map, or a struct with such a field.
    /// - A row is longer than [`max_response_bytes`](crate::ClientBuilder::max_response_bytes), 64 MiB by default.
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
        Rows::new(self.bytes_stream(), cap)
    }
}

/// The rows of a file as a [`Stream`]; returned by [`Download::rows`].
#[must_use = "a stream does nothing until it is polled"]
pub struct Rows<T> {
    source: ByteStream,
    /// What has arrived and is not converted yet.
    arrived: Bytes,
    decoder: Text,
    /// What has been converted, as text, and how much of it has been read.
    text: Vec<u8>,
    read: usize,
    reader: Option<Reader>,
    /// The line that the first row is on.
    line: u64,
    /// There is no more text to come.
    ended: bool,
    /// Why there is none; the rows before it are returned first.
    failure: Option<Error>,
    cap: usize,
    delimiter: Option<u8>,
    row: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Rows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

/// How much is converted at once.
const SLICE: usize = 4 << 10;

/// One row, or why it can't be read as one.
struct Row<T> {
    line: u64,
    value: Result<T, String>,
}

enum Reader {
    Csv(Box<CsvRows>),
    Json(JsonRows),
}

/// The error of a row that can't be read, or of the transfer.
#[derive(Debug)]
#[non_exhaustive]
pub enum RowError {
    /// This row can't be read as the type; the rows after it follow.
    Deserialize {
        /// Its number in the file, counted from 1; for CSV the line it starts on.
        line: u64,
        /// Why it can't be read.
        message: String,
    },
    /// The transfer failed before the file was complete; there are no more rows.
    Download(Error),
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deserialize { line, message } => write!(f, "row at line {line}: {message}"),
            Self::Download(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for RowError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Deserialize { .. } => None,
            // Its message is shown already.
            Self::Download(error) => error.source(),
        }
    }
}

impl<T: DeserializeOwned> Rows<T> {
    fn new(source: ByteStream, cap: usize) -> Self {
        Self {
            source,
            arrived: Bytes::new(),
            decoder: Text::default(),
            text: Vec::new(),
            read: 0,
            reader: None,
            line: 1,
            ended: false,
            cap,
            failure: None,
            delimiter: None,
            row: PhantomData,
        }
    }

    /// Reads a local CSV file, delimited by commas.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn of_file(file: tokio::fs::File, cap: usize) -> Self {
        Self::new(ByteStream::of_file(file), cap).delimiter(b',')
    }

    /// Sets the delimiter of the cells, such as `b';'` or `b'\t'`; the file is then read as CSV. Default is a comma, or
    /// what a first line such as `sep=;` names.
    ///
    /// A quote, a line break or a byte beyond ASCII is an
    /// [error](crate::ErrorKind::Configuration) in place of the first row.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = Some(delimiter);
        self
    }

    /// Sets the encoding of a file that has no byte order mark. Default is UTF-8, or UTF-16
    /// where its first letters are.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.decoder.set_encoding(encoding);
        self
    }

    /// Returns the next row, or `None` after the last one.
    ///
    /// # Errors
    /// A [`RowError`]. An error of a single row doesn't end the stream; after any other `None` follows.
    ///
    /// # Cancel safety
    /// When the future is dropped, no rows are lost.
    pub async fn next(&mut self) -> Option<Result<T, RowError>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Reads a row from the text that has arrived, if it has one.
    fn row(&mut self) -> Result<Option<Row<T>>, Error> {
        if self.reader.is_none() {
            self.recognise()?;
        }
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        let text = self.text.get(self.read..).unwrap_or_default();
        let (read, row) = match reader {
            Reader::Csv(reader) => reader.next(text),
            Reader::Json(reader) => reader.next(text),
        }?;
        self.read += read;
        Ok(row)
    }

    /// Recognises what the text is, as soon as enough of it has arrived.
    fn recognise(&mut self) -> Result<(), Error> {
        const BOM: &[u8] = b"\xEF\xBB\xBF";
        /// How many spaces JSON can stand behind.
        const INDENT: usize = 16 << 10;
        let mut at = self.read;
        while let Some(rest) = self.text.get(at..)
            && let Some(&byte) = rest.first()
        {
            if byte.is_ascii_whitespace() && at - self.read < INDENT {
                at += 1;
                if b"\r\n".contains(&byte) {
                    // An empty line; other spaces may belong to the first column's name.
                    self.read = at;
                    self.line += u64::from(byte == b'\n');
                }
                continue;
            }
            // Wherever it is: csv-core would skip one that comes in one chunk, and take one
            // that is cut for a part of the first column's name.
            if rest.starts_with(BOM) {
                at += BOM.len();
                self.read = at;
                continue;
            }
            let is_too_short = BOM.starts_with(rest) || rest.len() < format::enough(byte);
            if is_too_short && !self.ended {
                return Ok(());
            }
            self.reader = Some(match (self.delimiter, byte) {
                (None, b'[' | b'{') => Reader::Json(JsonRows::new(self.line, self.cap)),
                _ => Reader::Csv(Box::new(self.csv(at)?)),
            });
            return Ok(());
        }
        Ok(())
    }

    /// Creates a reader of CSV that begins at a position of the text, maybe after some spaces.
    fn csv(&mut self, at: usize) -> Result<CsvRows, Error> {
        let text = &self.text[at..];
        let named = format::named_delimiter(text);
        if let Some((_, length)) = named {
            self.read = at + length;
        }
        match self.delimiter.or(named.map(|(delimiter, _)| delimiter)) {
            Some(delimiter) if !format::is_delimiter(delimiter) => {
                Err(Error::configuration(format!(
                    "{:?} can't stand between the cells of a CSV",
                    char::from(delimiter)
                )))
            }
            Some(delimiter) => Ok(CsvRows::delimited(delimiter, self.line, self.cap)),
            None => {
                format::refuse_markup(text)?;
                Ok(CsvRows::new(self.line, self.cap))
            }
        }
    }

    /// Converts a little of what has arrived.
    ///
    /// In slices, so that a file that unzips to a thousand times its size is converted a little at a time.
    fn digest(&mut self) {
        let slice = self.arrived.split_to(self.arrived.len().min(SLICE));
        self.text.drain(..self.read);
        self.read = 0;
        self.failure = self.decoder.feed(&slice, &mut self.text).err();
    }

    /// Converts what is held back, as the file has ended.
    fn end(&mut self) {
        self.ended = true;
        self.failure = self.decoder.finish(&mut self.text).err();
    }

    /// Returns the last row, when nothing but the end of the file ends it.
    fn last(&mut self) -> Result<Option<Row<T>>, Error> {
        match self.reader.take() {
            Some(Reader::Csv(mut reader)) => reader.finish(),
            Some(Reader::Json(mut reader)) => reader.finish(),
            None => Ok(None),
        }
    }

    /// Returns the next row or its error, or `None` at the end.
    fn poll_row(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Row<T>>, Error>> {
        loop {
            if let Some(row) = self.row()? {
                return Poll::Ready(Ok(Some(row)));
            }
            if let Some(failure) = self.failure.take() {
                return Poll::Ready(Err(failure));
            }
            if self.ended {
                return Poll::Ready(self.last());
            }
            if !self.arrived.is_empty() {
                self.digest();
                continue;
            }
            match ready!(Pin::new(&mut self.source).poll_next(context)) {
                Some(chunk) => self.arrived = chunk?,
                None => self.end(),
            }
        }
    }
}

fn too_long(line: u64, cap: usize) -> Error {
    Error::too_long(&format!("the row at line {line}"), cap)
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
        /// The longest message of a reader, which quotes the file.
        const LONGEST: usize = 500;
        let this = self.get_mut();
        let row = match ready!(this.poll_row(context)) {
            Ok(Some(row)) => row,
            Ok(None) => return Poll::Ready(None),
            Err(error) => {
                this.source = ByteStream::ended();
                this.arrived.clear();
                this.text.clear();
                (this.read, this.reader, this.ended) = (0, None, true);
                return Poll::Ready(Some(Err(RowError::Download(error))));
            }
        };
        let line = row.line;
        Poll::Ready(Some(row.value.map_err(|why| RowError::Deserialize {
            line,
            message: escaped(&why, LONGEST),
        })))
    }
}

impl RowError {
    /// Returns whether this is the error of a single row: the rows after it follow.
    pub fn is_row(&self) -> bool {
        matches!(self, Self::Deserialize { .. })
    }

    /// Returns the kind of the error that ended the transfer; `None` for the error of a single row.
    pub fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Deserialize { .. } => None,
            Self::Download(error) => Some(error.kind()),
        }
    }
}
