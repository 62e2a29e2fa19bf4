//! JSON that comes in pieces: a list of objects, or one object after the other.

use std::collections::VecDeque;

use super::Raw;

/// Cuts text into its outermost objects, without reading them.
pub struct JsonRows {
    object: Vec<u8>,
    depth: u32,
    in_string: bool,
    escaped: bool,
    line: u64,
    start: u64,
}

impl Default for JsonRows {
    fn default() -> Self {
        Self {
            object: Vec::new(),
            depth: 0,
            in_string: false,
            escaped: false,
            line: 1,
            start: 1,
        }
    }
}

impl JsonRows {
    pub fn feed(&mut self, text: &[u8], ready: &mut VecDeque<Raw>) {
        for &byte in text {
            self.line += u64::from(byte == b'\n');
            if self.depth == 0 {
                // Between objects there are brackets, commas and white space.
                if byte == b'{' {
                    self.start = self.line;
                    self.depth = 1;
                    self.object.push(byte);
                }
                continue;
            }
            self.object.push(byte);
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        let text = std::mem::take(&mut self.object);
                        ready.push_back(Raw::Json {
                            line: self.start,
                            text,
                        });
                    }
                }
                _ => {}
            }
        }
    }

    /// What is left is an object that was cut: decoding it says so.
    pub fn finish(self, ready: &mut VecDeque<Raw>) {
        if !self.object.is_empty() {
            ready.push_back(Raw::Json {
                line: self.start,
                text: self.object,
            });
        }
    }
}
