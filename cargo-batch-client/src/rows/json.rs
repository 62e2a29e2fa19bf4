//! JSON that comes in pieces: a list of values, or one value after the other.

use cargo_batch_types::from_json;
use serde::de::DeserializeOwned;

use super::{Row, TooLong};

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
    /// A reader that begins on a certain line, and takes values up to a size.
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
        }
    }

    /// Reads up to the end of the next row; how much that was, and the row if it is complete.
    pub fn next<T: DeserializeOwned>(
        &mut self,
        text: &[u8],
    ) -> Result<(usize, Option<Row<T>>), TooLong> {
        for (index, &byte) in text.iter().enumerate() {
            if self.value.is_empty() {
                self.begin(byte);
            } else if self.ends_before(byte) {
                return Ok((index, Some(self.row())));
            } else {
                self.go_on(byte);
            }
            self.line += u64::from(byte == b'\n');
            if self.value.len() > self.cap {
                return Err(TooLong { line: self.start });
            }
            // Numbers and words have no end of their own: what follows ends them.
            let closed = self.depth == 0 && !self.in_string;
            if closed && self.value.last().is_some_and(|last| b"}]\"".contains(last)) {
                return Ok((index + 1, Some(self.row())));
            }
        }
        Ok((text.len(), None))
    }

    /// The last row, when nothing ends it but the end of the file; false when the file ends too
    /// early.
    pub fn finish<T: DeserializeOwned>(&mut self) -> (Option<Row<T>>, bool) {
        let cut = self.depth > 0 || self.in_string || self.list == List::Open;
        let last = (!cut && !self.value.is_empty()).then(|| self.row());
        (last, !cut)
    }

    /// The line under way.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Between values.
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

    /// In a value that has no end of its own.
    fn ends_before(&self, byte: u8) -> bool {
        self.depth == 0
            && !self.in_string
            && (byte.is_ascii_whitespace() || (self.list == List::Open && b",]".contains(&byte)))
    }

    /// In a value.
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

    fn row<T: DeserializeOwned>(&mut self) -> Row<T> {
        let value = match self.list {
            List::Closed => Err("there is something after the end of the list".to_owned()),
            _ => from_json(&self.value).map_err(|error| error.to_string()),
        };
        // What was needed for one large row isn't kept for all the others.
        self.value = Vec::new();
        Row {
            line: self.start,
            value,
        }
    }
}
