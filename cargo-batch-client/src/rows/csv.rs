//! CSV that comes in pieces.

use csv::{ByteRecord, StringRecord};
use csv_core::ReadRecordResult;
use serde::de::DeserializeOwned;

use super::{Row, TooLong};

/// Puts records together from pieces of text, by the state machine under the `csv` crate.
pub struct CsvRows {
    reader: csv_core::Reader,
    header: Option<StringRecord>,
    /// The line that the record under way starts on.
    start: u64,
    /// Nothing of the next record has been read yet.
    fresh: bool,
    output: Vec<u8>,
    ends: Vec<usize>,
    written: usize,
    fields: usize,
    cap: usize,
    /// The record before, whose memory the next one is put together in.
    spare: ByteRecord,
}

impl CsvRows {
    /// A reader that begins on a certain line, and takes records up to a size.
    pub fn new(line: u64, cap: usize) -> Self {
        let mut reader = csv_core::Reader::new();
        reader.set_line(line);
        Self {
            reader,
            header: None,
            start: line,
            fresh: true,
            output: vec![0; 4096],
            ends: vec![0; 64],
            written: 0,
            fields: 0,
            cap,
            spare: ByteRecord::new(),
        }
    }

    /// Reads up to the end of the next row; how much that was, and the row if it is complete.
    pub fn next<T: DeserializeOwned>(
        &mut self,
        text: &[u8],
    ) -> Result<(usize, Option<Row<T>>), TooLong> {
        let mut consumed = 0;
        while consumed < text.len() {
            if self.fresh {
                // What is left of a `\r\n`, and empty lines.
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
            if complete && let Some(row) = self.record() {
                return Ok((consumed, Some(row)));
            }
        }
        Ok((consumed, None))
    }

    /// The last row, when nothing ends it but the end of the file.
    pub fn finish<T: DeserializeOwned>(&mut self) -> Result<Option<Row<T>>, TooLong> {
        if self.fresh {
            return Ok(None);
        }
        let (_, complete) = self.step(&[])?;
        Ok(if complete { self.record() } else { None })
    }

    /// Reads on in a record: how much, and whether it is complete. An empty text is the end.
    fn step(&mut self, text: &[u8]) -> Result<(usize, bool), TooLong> {
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
                return Err(TooLong { line: self.start });
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
    fn record<T: DeserializeOwned>(&mut self) -> Option<Row<T>> {
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.clear();
        let mut start = 0;
        for &end in &self.ends[..self.fields] {
            bytes.push_field(&self.output[start..end]);
            start = end;
        }
        (self.written, self.fields, self.fresh) = (0, 0, true);
        let record = StringRecord::from_byte_record(bytes)
            .map_err(|error| format!("not UTF-8: {}", error.utf8_error()));
        let line = self.start;
        let Some(header) = &self.header else {
            return match record {
                Ok(header) => {
                    self.header = Some(header);
                    None
                }
                // The columns can't be told by their names then.
                Err(why) => {
                    self.header = Some(StringRecord::new());
                    Some(Row::bad(line, format!("the header is {why}")))
                }
            };
        };
        let value = record.and_then(|record| {
            let value = read(&record, header);
            self.spare = record.into_byte_record();
            value
        });
        Some(Row { line, value })
    }
}

fn read<T: DeserializeOwned>(record: &StringRecord, header: &StringRecord) -> Result<T, String> {
    // What is missing or too many would be taken for another column.
    if record.len() != header.len() {
        return Err(format!(
            "it has {}, but the header has {}",
            count(record.len()),
            header.len()
        ));
    }
    record
        .deserialize(Some(header))
        .map_err(|error| explain(&error, header))
}

fn count(fields: usize) -> String {
    match fields {
        1 => "1 field".to_owned(),
        fields => format!("{fields} fields"),
    }
}

/// Why a record isn't what it should be, with the name of its column.
fn explain(error: &csv::Error, header: &StringRecord) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let column = err
                .field()
                .and_then(|field| header.get(usize::try_from(field).ok()?));
            match column {
                Some(column) => format!("column `{column}`: {}", err.kind()),
                None => err.kind().to_string(),
            }
        }
        _ => error.to_string(),
    }
}
