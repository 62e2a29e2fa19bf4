//! CSV that arrives in chunks.

use csv_core::ReadRecordResult;
use serde::de::DeserializeOwned;

use super::Row;
use super::cells::{Header, Record};
use super::utf8::Utf8;
use super::values::Values;
use crate::Error;
use crate::redact::escaped;

/// Assembles records from chunks of text, and reads rows of them.
pub struct CsvRows {
    reader: csv_core::Reader,
    header: Option<Header>,
    /// The caller has set the delimiter.
    is_delimited: bool,
    /// The line that the record in progress starts on.
    start: u64,
    /// Nothing of the next record has been read yet.
    fresh: bool,
    output: Vec<u8>,
    ends: Vec<usize>,
    written: usize,
    fields: usize,
    cap: usize,
    utf8: Utf8,
    values: Values,
}

impl CsvRows {
    /// Creates a reader that begins on a certain line, and accepts records up to a size.
    pub fn new(line: u64, cap: usize) -> Self {
        Self::with_reader(csv_core::Reader::new(), line, cap)
    }

    /// Creates a reader of cells that are delimited by something other than a comma.
    pub fn delimited(delimiter: u8, line: u64, cap: usize) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Self {
            is_delimited: true,
            ..Self::with_reader(reader, line, cap)
        }
    }

    fn with_reader(mut reader: csv_core::Reader, line: u64, cap: usize) -> Self {
        reader.set_line(line);
        Self {
            reader,
            header: None,
            is_delimited: false,
            start: line,
            fresh: true,
            output: vec![0; 4096],
            ends: vec![0; 64],
            written: 0,
            fields: 0,
            cap,
            utf8: Utf8::default(),
            values: Values::default(),
        }
    }

    /// Reads to the end of the next row; returns how much that was, and the row if it is complete.
    pub fn next<T: DeserializeOwned>(
        &mut self,
        text: &[u8],
    ) -> Result<(usize, Option<Row<T>>), Error> {
        let mut consumed = 0;
        while consumed < text.len() {
            if self.fresh {
                // The rest of a `\r\n`, and empty lines.
                match text[consumed] {
                    b'\n' => self.reader.set_line(self.reader.line() + 1),
                    b'\r' => {}
                    _ => {
                        self.fresh = false;
                        self.start = self.reader.line();
                        continue;
                    }
                }
                consumed += 1;
                continue;
            }
            let (read, complete) = self.step(&text[consumed..])?;
            consumed += read;
            if complete && let Some(row) = self.record()? {
                return Ok((consumed, Some(row)));
            }
        }
        Ok((consumed, None))
    }

    /// Returns the last row, when nothing but the end of the file ends it.
    pub fn finish<T: DeserializeOwned>(&mut self) -> Result<Option<Row<T>>, Error> {
        if self.fresh {
            return Ok(None);
        }
        // A line break ends every record but one inside a quote.
        match self.step(b"\n")? {
            (_, true) => self.record(),
            (_, false) => Err(Error::incomplete(format!(
                "the file ends inside a quote, in the row at line {}",
                self.start
            ))),
        }
    }

    /// Continues a record: returns how much was read, and whether it is complete.
    fn step(&mut self, text: &[u8]) -> Result<(usize, bool), Error> {
        let mut consumed = 0;
        loop {
            let (result, read, written, fields) = self.reader.read_record(
                &text[consumed..],
                &mut self.output[self.written..],
                &mut self.ends[self.fields..],
            );
            consumed += read;
            self.written += written;
            self.fields += fields;
            if self.written + self.fields * size_of::<usize>() > self.cap {
                return Err(super::too_long(self.start, self.cap));
            }
            match result {
                ReadRecordResult::OutputFull => self.output.resize(self.output.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {
                    return Ok((consumed, false));
                }
                ReadRecordResult::Record => return Ok((consumed, true)),
            }
        }
    }

    /// Takes the complete record: as the header if it is the first, else as a row.
    fn record<T: DeserializeOwned>(&mut self) -> Result<Option<Row<T>>, Error> {
        let line = self.start;
        let (written, fields) = (self.written, self.fields);
        (self.written, self.fields, self.fresh) = (0, 0, true);
        let (bytes, ends) = (&self.output[..written], &self.ends[..fields]);
        if self.header.is_none() && bytes.contains(&0) {
            return Err(Error::not_rows(
                "the file is not text: there are zero bytes in its first line",
            ));
        }
        let text = self.utf8.read(bytes, ends, line)?;
        let Some(header) = &self.header else {
            let text = text.map_err(|why| Error::not_rows(format!("the header is {why}")))?;
            self.header = Some(header(text, ends, self.is_delimited)?);
            return Ok(None);
        };
        let text = match text {
            Ok(text) => text,
            Err(why) => return Ok(Some(Row::bad(line, why))),
        };
        // Missing or surplus cells would be taken for another column.
        if ends.len() != header.len() {
            let why = format!(
                "it has {}, but the header has {}",
                count(ends.len()),
                header.len()
            );
            return Ok(Some(Row::bad(line, why)));
        }
        let record = Record {
            header,
            text,
            ends,
            valued: &[],
        };
        let value = match self.values.read(record) {
            Ok(value) => Ok(value),
            Err((_, true)) => return Err(doubled(header)),
            Err((error, false)) => Err(error.explain(record)),
        };
        Ok(Some(Row { line, value }))
    }
}

/// Reads the names of columns, and refuses a line that has none.
fn header(text: &str, ends: &[usize], is_delimited: bool) -> Result<Header, Error> {
    // One column called `name;age` is none.
    let other = |delimiter: &char| text.contains(*delimiter);
    if ends.len() == 1
        && !is_delimited
        && let Some(other) = [';', '\t', '|'].into_iter().find(other)
    {
        return Err(Error::not_rows(format!(
            "the header of the CSV has no comma, but {other:?}: say `.delimiter(b{other:?})` if that is between its \
             columns, or `.delimiter(b',')` if it is a single one"
        )));
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    Ok(Header::new(
        starts.zip(ends).map(|(start, &end)| &text[start..end]),
    ))
}

/// Returns the error of a type that needs a column which occurs more than once.
fn doubled(header: &Header) -> Error {
    /// More aren't needed to see what is wrong.
    const SHOWN: usize = 5;
    let doubled = header.doubled();
    let names = doubled.iter().take(SHOWN);
    let names: Vec<String> = names
        .map(|name| escaped(&format!("`{name}`"), 100))
        .collect();
    Error::not_rows(format!(
        "the header names more than one column {}: rows are read without them only as a struct that has no such \
         field, or by position as a `Vec`",
        names.join(", ")
    ))
}

fn count(fields: usize) -> String {
    match fields {
        1 => "1 field".to_owned(),
        fields => format!("{fields} fields"),
    }
}
