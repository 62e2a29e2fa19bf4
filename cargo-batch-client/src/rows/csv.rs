//! CSV that comes in pieces.

use std::collections::VecDeque;

use csv::{ByteRecord, StringRecord};
use csv_core::ReadRecordResult;

use super::Raw;

/// Puts records together from pieces of text, by the state machine under the `csv` crate.
pub struct CsvRows {
    reader: csv_core::Reader,
    header: Option<StringRecord>,
    /// The line the record under way starts on.
    line: u64,
    output: Vec<u8>,
    ends: Vec<usize>,
    written: usize,
    fields: usize,
}

impl Default for CsvRows {
    fn default() -> Self {
        Self {
            reader: csv_core::Reader::new(),
            header: None,
            line: 1,
            output: vec![0; 4096],
            ends: vec![0; 64],
            written: 0,
            fields: 0,
        }
    }
}

impl CsvRows {
    pub fn feed(&mut self, mut text: &[u8], ready: &mut VecDeque<Raw>) {
        if self.header.is_none() && self.written == 0 && self.fields == 0 {
            text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        }
        while !text.is_empty() {
            let read = self.step(text, ready);
            text = &text[read..];
        }
    }

    /// An empty input tells the state machine that the file has ended.
    pub fn finish(mut self, ready: &mut VecDeque<Raw>) {
        self.step(&[], ready);
    }

    fn step(&mut self, text: &[u8], ready: &mut VecDeque<Raw>) -> usize {
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
            match result {
                ReadRecordResult::OutputFull => self.output.resize(self.output.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return consumed,
                ReadRecordResult::Record => {
                    self.record(ready);
                    return consumed;
                }
            }
        }
    }

    fn record(&mut self, ready: &mut VecDeque<Raw>) {
        let mut bytes = ByteRecord::with_capacity(self.written, self.fields);
        let mut start = 0;
        for &end in &self.ends[..self.fields] {
            bytes.push_field(&self.output[start..end]);
            start = end;
        }
        (self.written, self.fields) = (0, 0);
        let line = std::mem::replace(&mut self.line, self.reader.line());
        let record = StringRecord::from_byte_record(bytes)
            .map_err(|error| format!("not UTF-8: {}", error.utf8_error()));
        match &self.header {
            None => self.header = Some(record.unwrap_or_default()),
            Some(header) => ready.push_back(Raw::Csv {
                line,
                header: header.clone(),
                record,
            }),
        }
    }
}

/// Why a record isn't what it should be, with the name of its column.
pub fn explain(error: &csv::Error, header: &StringRecord) -> String {
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
