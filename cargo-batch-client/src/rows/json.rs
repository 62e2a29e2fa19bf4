//! JSON that arrives in chunks: a list of values, or one value after the other.

use cargo_batch_types::from_json;
use serde::de::DeserializeOwned;

use super::Row;
use super::utf8::Utf8;
use crate::Error;

/// Cuts text into its outermost values, without reading them.
pub struct JsonRows {
    value: Vec<u8>,
    list: List,
    depth: u32,
    in_string: bool,
    escaped: bool,
    line: u64,
    start: u64,
    cap: usize,
    utf8: Utf8,
}

#[derive(PartialEq)]
enum List {
    /// Nothing has been read yet.
    Unknown,
    /// One value after the other.
    Not,
    Open,
    Closed,
}

impl JsonRows {
    /// Creates a reader that begins on a certain line, and accepts values up to a size.
    pub fn new(line: u64, cap: usize) -> Self {
        Self {
            value: Vec::new(),
            list: List::Unknown,
            depth: 0,
            in_string: false,
            escaped: false,
            line,
            start: line,
            cap,
            utf8: Utf8::default(),
        }
    }

    /// Reads to the end of the next row; returns how much that was, and the row if it is complete.
    pub fn next<T: DeserializeOwned>(
        &mut self,
        text: &[u8],
    ) -> Result<(usize, Option<Row<T>>), Error> {
        for (index, &byte) in text.iter().enumerate() {
            if self.value.is_empty() {
                self.begin(byte);
            } else if self.ends_before(byte) {
                return Ok((index, Some(self.row()?)));
            } else {
                self.go_on(byte);
            }
            self.line += u64::from(byte == b'\n');
            if self.value.len() > self.cap {
                return Err(super::too_long(self.start, self.cap));
            }
            // Numbers and literals have no end of their own: what follows ends them.
            let closed = self.depth == 0 && !self.in_string;
            if closed && self.value.last().is_some_and(|last| b"}]\"".contains(last)) {
                return Ok((index + 1, Some(self.row()?)));
            }
        }
        Ok((text.len(), None))
    }

    /// Returns the last row, when nothing but the end of the file ends it.
    pub fn finish<T: DeserializeOwned>(&mut self) -> Result<Option<Row<T>>, Error> {
        if self.depth > 0 || self.in_string || self.list == List::Open {
            return Err(Error::incomplete(format!(
                "the file ends in the middle of its JSON, on line {}",
                self.line
            )));
        }
        match self.value.is_empty() {
            true => Ok(None),
            false => self.row().map(Some),
        }
    }

    /// Reads a byte between values.
    fn begin(&mut self, byte: u8) {
        match byte {
            byte if byte.is_ascii_whitespace() => return,
            b'[' if self.list == List::Unknown => {
                self.list = List::Open;
                return;
            }
            b',' if self.list == List::Open => return,
            b']' if self.list == List::Open => {
                self.list = List::Closed;
                return;
            }
            b'{' | b'[' => self.depth = 1,
            b'"' => self.in_string = true,
            _ => {}
        }
        if self.list == List::Unknown {
            self.list = List::Not;
        }
        self.start = self.line;
        self.value.push(byte);
    }

    /// Returns whether a byte ends a value that has no end of its own.
    fn ends_before(&self, byte: u8) -> bool {
        self.depth == 0
            && !self.in_string
            && (byte.is_ascii_whitespace() || (self.list == List::Open && b",]".contains(&byte)))
    }

    /// Reads a byte of a value.
    fn go_on(&mut self, byte: u8) {
        self.value.push(byte);
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn row<T: DeserializeOwned>(&mut self) -> Result<Row<T>, Error> {
        // What was needed for one large row isn't kept for all the others.
        let value = std::mem::take(&mut self.value);
        let value = match self.list {
            List::Closed => Err("there is something after the end of the list".to_owned()),
            _ => self
                .utf8
                .read(&value, &[], self.start)?
                .and_then(|text| from_json(text.as_bytes()).map_err(|error| error.to_string())),
        };
        Ok(Row {
            line: self.start,
            value,
        })
    }
}
