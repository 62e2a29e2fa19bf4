//! Files with the same columns, joined to one: CSV with one header, one list of JSON, or JSON by lines.

use csv_core::{ReadRecordResult, Reader};

use crate::Error;

/// Joins files as their bytes arrive.
#[derive(Default)]
pub(super) struct Joiner {
    format: Option<Format>,
    has_begun: bool,
    /// The last byte that was passed on.
    last: Option<u8>,
}

enum Format {
    Csv(Box<Csv>),
    Json(Json),
}

impl Joiner {
    /// Begins a file; true for the first.
    pub fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.has_begun, true)
    }

    /// Returns what a chunk adds to the joined file.
    ///
    /// # Errors
    /// Where the file has another header than those before it.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<Vec<u8>, Error> {
        if self.format.is_none() {
            // A chunk is long enough to decide by, unless there is hardly anything in it.
            let text = chunk.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(chunk);
            self.format = match text.trim_ascii_start().first() {
                None => return Ok(Vec::new()),
                Some(b'[') => Some(Format::Json(Json::new(true))),
                Some(b'{') => Some(Format::Json(Json::new(false))),
                Some(_) => Some(Format::Csv(Box::new(Csv::new()))),
            };
        }
        let mut joined = Vec::with_capacity(chunk.len() + 1);
        match &mut self.format {
            Some(Format::Csv(csv)) => csv.feed(chunk, &mut joined)?,
            Some(Format::Json(json)) => json.feed(chunk, &mut joined),
            None => {}
        }
        self.last = joined.last().copied().or(self.last);
        Ok(joined)
    }

    /// Ends a file: returns how many rows it had, and what separates it from the next.
    pub fn end_file(&mut self) -> (u64, Vec<u8>) {
        let (rows, is_list) = match &mut self.format {
            Some(Format::Csv(csv)) => (csv.end_file(), false),
            Some(Format::Json(json)) => (json.end_file(), json.is_list),
            None => (0, false),
        };
        let ends_line = self.last.is_none_or(|last| last == b'\n');
        let between = match is_list || ends_line {
            true => Vec::new(),
            false => b"\n".to_vec(),
        };
        self.last = between.last().copied().or(self.last);
        (rows, between)
    }

    /// Returns what ends the joined file.
    pub fn finish(&mut self) -> Vec<u8> {
        match self.format.take() {
            Some(Format::Json(json)) if json.is_list => b"]".to_vec(),
            _ => Vec::new(),
        }
    }
}

/// The files of a CSV.
struct Csv {
    reader: Reader,
    /// The header of the first file.
    header: Option<Vec<u8>>,
    /// The header of the file that is read, until it is complete.
    arrived: Vec<u8>,
    /// The records of the file, its header among them.
    records: u64,
    /// The line break behind the header is still to come.
    is_behind_header: bool,
}

impl Csv {
    fn new() -> Self {
        Self {
            // Its `default` knows no separators.
            reader: Reader::new(),
            header: None,
            arrived: Vec::new(),
            records: 0,
            is_behind_header: false,
        }
    }

    fn feed(&mut self, mut chunk: &[u8], joined: &mut Vec<u8>) -> Result<(), Error> {
        while !chunk.is_empty() && self.records == 0 {
            let (is_record, read) = self.read(chunk);
            self.arrived.extend_from_slice(&chunk[..read]);
            chunk = &chunk[read..];
            if is_record {
                self.take_header(joined)?;
            }
        }
        if self.is_behind_header && !chunk.is_empty() {
            self.is_behind_header = false;
            // The other half of its line break, where that is CR and LF.
            if chunk.first() == Some(&b'\n') {
                self.read(&chunk[..1]);
                chunk = &chunk[1..];
            }
        }
        joined.extend_from_slice(chunk);
        while !chunk.is_empty() {
            let (_, read) = self.read(chunk);
            chunk = &chunk[read..];
        }
        Ok(())
    }

    /// Reads to the end of a record, or of the chunk.
    fn read(&mut self, chunk: &[u8]) -> (bool, usize) {
        let (mut cells, mut ends) = ([0; 4096], [0; 256]);
        let mut from = 0;
        loop {
            let (result, read, ..) = self
                .reader
                .read_record(&chunk[from..], &mut cells, &mut ends);
            from += read;
            match result {
                ReadRecordResult::Record => {
                    self.records += 1;
                    return (true, from);
                }
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return (false, from),
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
            }
        }
    }

    fn take_header(&mut self, joined: &mut Vec<u8>) -> Result<(), Error> {
        let header = std::mem::take(&mut self.arrived);
        match &self.header {
            None => {
                joined.extend_from_slice(&header);
                self.header = Some(header);
            }
            Some(first) if first.trim_ascii() == header.trim_ascii() => {
                self.is_behind_header = true
            }
            Some(_) => {
                return Err(Error::unexpected_content(
                    "the files of this export have different columns, so that they can't be joined to one: \
                     ask for fewer runs at once, by `limit` and `offset`",
                ));
            }
        }
        Ok(())
    }

    fn end_file(&mut self) -> u64 {
        // The last record may have no line break.
        self.read(&[]);
        self.reader = Reader::new();
        self.arrived.clear();
        self.is_behind_header = false;
        std::mem::take(&mut self.records).saturating_sub(1)
    }
}

/// The files of a JSON list, or of objects one after the other.
struct Json {
    is_list: bool,
    depth: u32,
    is_in_text: bool,
    is_escaped: bool,
    /// A row of the list has begun.
    is_in_row: bool,
    /// The rows of the file, and of those before it.
    rows: u64,
    before: u64,
    has_begun: bool,
}

impl Json {
    fn new(is_list: bool) -> Self {
        Self {
            is_list,
            depth: 0,
            is_in_text: false,
            is_escaped: false,
            is_in_row: false,
            rows: 0,
            before: 0,
            has_begun: false,
        }
    }

    fn feed(&mut self, chunk: &[u8], joined: &mut Vec<u8>) {
        for &byte in chunk {
            if self.is_in_text {
                self.is_in_text = self.is_escaped || byte != b'"';
                self.is_escaped = !self.is_escaped && byte == b'\\';
            } else if self.is_list && self.depth <= 1 {
                if !self.pass(byte, joined) {
                    continue;
                }
            } else if self.depth == 0 && byte == b'{' {
                self.rows += 1;
                self.depth = 1;
            } else {
                self.nest(byte);
            }
            joined.push(byte);
        }
    }

    /// Reads a byte between the rows of a list, or at the beginning of one; false where the joined list
    /// leaves it out.
    fn pass(&mut self, byte: u8, joined: &mut Vec<u8>) -> bool {
        match (self.depth, byte) {
            (0, b'[') => {
                self.depth = 1;
                !std::mem::replace(&mut self.has_begun, true)
            }
            (0, _) => false,
            (_, b']') => {
                self.depth = 0;
                false
            }
            (_, b',') => {
                self.is_in_row = false;
                true
            }
            (_, byte) => {
                if !byte.is_ascii_whitespace() && !std::mem::replace(&mut self.is_in_row, true) {
                    if self.rows == 0 && self.before > 0 {
                        joined.push(b',');
                    }
                    self.rows += 1;
                }
                self.nest(byte);
                true
            }
        }
    }

    fn nest(&mut self, byte: u8) {
        match byte {
            b'"' => self.is_in_text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn end_file(&mut self) -> u64 {
        let rows = std::mem::take(&mut self.rows);
        self.before += rows;
        (self.depth, self.is_in_text, self.is_in_row) = (0, false, false);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Joins files that arrive in chunks of a length; returns the rows of each, and the joined file.
    fn join(files: &[&str], chunk: usize) -> Result<(Vec<u64>, String), Error> {
        let mut joiner = Joiner::default();
        let (mut rows, mut whole) = (Vec::new(), Vec::new());
        for file in files {
            joiner.begin();
            for chunk in file.as_bytes().chunks(chunk) {
                whole.append(&mut joiner.feed(chunk)?);
            }
            let (count, mut between) = joiner.end_file();
            rows.push(count);
            whole.append(&mut between);
        }
        whole.append(&mut joiner.finish());
        Ok((rows, String::from_utf8(whole).unwrap()))
    }

    #[test]
    fn files_are_joined_wherever_their_chunks_end() {
        let cases: [(&[&str], &[u64], &str); 9] = [
            (
                &["a,b\n1,2\n3,4\n", "a,b\n5,6\n"],
                &[2, 1],
                "a,b\n1,2\n3,4\n5,6\n",
            ),
            (
                &["a,b\r\n1,2", "a,b\r\n3,4", "a,b\r\n"],
                &[1, 1, 0],
                "a,b\r\n1,2\n3,4\n",
            ),
            (
                &["\"a\n1\",b\n\"x\n\"\"y\",5\" pipe\n", "\"a\n1\",b\n1,2\n"],
                &[1, 1],
                "\"a\n1\",b\n\"x\n\"\"y\",5\" pipe\n1,2\n",
            ),
            (&["a\n1\n", "a\r\n2\r\n"], &[1, 1], "a\n1\n2\r\n"),
            (&["a\n1", ""], &[1, 0], "a\n1\n"),
            (
                &["[{\"a\":\"],[\"},{\"b\":[1,2]}]", " [ {\"c\":{}} ]\n", "[]"],
                &[2, 1, 0],
                "[{\"a\":\"],[\"},{\"b\":[1,2]} ,{\"c\":{}} ]",
            ),
            (
                &["[\"\\\"]\", 1]", "[null]"],
                &[2, 1],
                "[\"\\\"]\", 1,null]",
            ),
            (
                &["{\"a\":1}\n{\"a\":{\"b\":2}}", "{\"a\":\"}\"}\n", ""],
                &[2, 1, 0],
                "{\"a\":1}\n{\"a\":{\"b\":2}}\n{\"a\":\"}\"}\n",
            ),
            (&[""], &[0], ""),
        ];
        for (files, rows, whole) in cases {
            for chunk in [100, 7, 2] {
                assert_eq!(
                    join(files, chunk).unwrap(),
                    (rows.to_vec(), whole.to_owned()),
                    "{files:?} by {chunk}"
                );
            }
        }
    }

    #[test]
    fn other_columns_are_refused() {
        let error = join(&["a,b\n1,2\n", "b,a\n2,1\n"], 5).unwrap_err();
        assert!(error.to_string().contains("different columns"), "{error}");
    }
}
