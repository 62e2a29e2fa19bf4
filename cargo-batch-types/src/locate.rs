//! Which field an error of serde_json is about, by the text up to where reading stopped: code that is
//! compiled once, and not for each type that is read.

use std::fmt::Write;
use std::ops::Range;

use serde::de::IgnoredAny;
use serde_json::error::Category;

/// How many levels a path names. A type that is read has no more, but a field that is ignored may.
const MAX_LEVELS: usize = 128;

/// Returns the path of the value that an error is about, such as `batch.nodes[3].config`; `.` for the
/// complete text. What is wrong between two values is about the object or list that they are in.
///
/// A value that doesn't fit is named as long as its error comes from a visitor that has read it to its end.
/// serde_json gives one that comes later the position after what it reads next, which may be the end of the
/// parent, and one that comes earlier a position within the value.
pub fn path(json: &[u8], error: &serde_json::Error) -> String {
    let end = offset(json, error.line(), error.column());
    let category = error.classify();
    // A syntax error is about its last byte, which isn't read.
    let unread = usize::from(category == Category::Syntax);
    let (text, rest) = json.split_at(end.saturating_sub(unread));
    let wrong = rest.first().filter(|_| category == Category::Syntax);
    let mut open = Open::default();
    open.read(text, wrong);
    if category != Category::Data && open.is_between_values(wrong) {
        open.levels.pop();
    }
    open.path(text)
}

/// Returns the offset of a position as serde_json counts: lines from 1, and the bytes of a line.
fn offset(json: &[u8], line: usize, column: usize) -> usize {
    let mut ends = json.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let start = match line.checked_sub(2) {
        None => 0,
        Some(before) => ends.nth(before).map_or(json.len(), |(end, _)| end + 1),
    };
    start.saturating_add(column).min(json.len())
}

/// An object or a list that isn't closed.
enum Level {
    /// Where the key of the current field is, once its colon was read.
    Object(Option<Range<usize>>),
    /// The index of the current item.
    List(usize),
}

/// How a text ends.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    /// Before a value.
    #[default]
    Nothing,
    /// Within a string, a number or a word.
    Part,
    /// After a value.
    Whole,
}

/// What is open at the end of a text, of which everything before is JSON.
#[derive(Default)]
struct Open {
    levels: Vec<Level>,
    /// How many levels are open beyond those that a path names.
    deeper: usize,
    last: Last,
    /// The last string that may be a key.
    key: Range<usize>,
}

impl Open {
    /// Reads a text, and knows which byte after it is wrong.
    fn read(&mut self, text: &[u8], wrong: Option<&u8>) {
        let mut at = 0;
        while let Some((byte, after)) = text.get(at..).and_then(<[u8]>::split_first) {
            let mut length = 1;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                b'{' => self.enter(Level::Object(None)),
                b'[' => self.enter(Level::List(0)),
                b'}' | b']' => self.leave(),
                b',' => self.pass(),
                b':' => self.name(),
                b'"' => match string(after) {
                    Some(rest) => {
                        length += rest;
                        self.string(at..at + length);
                    }
                    None => {
                        self.last = Last::Part;
                        return;
                    }
                },
                _ => {
                    length += literal(after);
                    let is_last = at + length == text.len();
                    let goes_on = || {
                        wrong.is_some_and(u8::is_ascii_digit)
                            || !is_json(text.get(at..).unwrap_or_default())
                    };
                    self.last = match is_last && goes_on() {
                        true => Last::Part,
                        false => Last::Whole,
                    };
                }
            }
            at += length;
        }
    }

    fn enter(&mut self, level: Level) {
        match self.levels.len() < MAX_LEVELS {
            true => self.levels.push(level),
            false => self.deeper += 1,
        }
        self.last = Last::Nothing;
    }

    fn leave(&mut self) {
        match self.deeper {
            0 => drop(self.levels.pop()),
            _ => self.deeper -= 1,
        }
        self.last = Last::Whole;
    }

    /// Advances to the next field or item.
    fn pass(&mut self) {
        match self.innermost() {
            Some(Level::Object(key)) => *key = None,
            Some(Level::List(index)) => *index += 1,
            None => {}
        }
        self.last = Last::Nothing;
    }

    /// Takes a string, which is a key as long as there is none.
    fn string(&mut self, at: Range<usize>) {
        self.last = match self.innermost() {
            Some(Level::Object(None)) => Last::Nothing,
            _ => Last::Whole,
        };
        self.key = at;
    }

    /// Takes the last string as the key of the current field.
    fn name(&mut self) {
        let at = self.key.clone();
        if let Some(Level::Object(key)) = self.innermost() {
            *key = Some(at);
        }
    }

    /// Returns the innermost level, where a path names it.
    fn innermost(&mut self) -> Option<&mut Level> {
        self.levels.last_mut().filter(|_| self.deeper == 0)
    }

    /// Returns whether the text ends outside of the fields or items of what is open.
    fn is_between_values(&mut self, wrong: Option<&u8>) -> bool {
        match (self.last, self.innermost()) {
            (_, None) | (Last::Part, _) => false,
            (Last::Whole, _) => true,
            // Any other byte is taken for the beginning of an item.
            (Last::Nothing, Some(Level::List(_))) => wrong.is_none_or(|byte| *byte == b']'),
            (Last::Nothing, Some(Level::Object(_))) => false,
        }
    }

    fn path(&self, text: &[u8]) -> String {
        let mut path = String::new();
        for level in &self.levels {
            match level {
                Level::Object(Some(key)) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&field(text.get(key.clone()).unwrap_or_default()));
                }
                Level::Object(None) => {}
                Level::List(index) => {
                    // A `String` takes everything.
                    let _ = write!(path, "[{index}]");
                }
            }
        }
        match path.is_empty() {
            true => ".".to_owned(),
            false => path,
        }
    }
}

/// Returns the length of a string after its first quote, unless the text ends within it.
fn string(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => 2,
            _ => 1,
        }
    }
}

/// Returns how many more bytes of a number or a word a text begins with.
fn literal(text: &[u8]) -> usize {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b",:{}[]\"".contains(byte);
    text.iter().position(ends).unwrap_or(text.len())
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Returns the name of a field, by its key with the quotes.
fn field(key: &[u8]) -> String {
    match serde_json::from_slice::<String>(key) {
        Ok(name) if name.is_empty() => r#""""#.to_owned(),
        Ok(name) => name,
        // That of an ignored field may have half of a surrogate pair, or not be UTF-8.
        Err(_) => String::from_utf8_lossy(key).into_owned(),
    }
}
