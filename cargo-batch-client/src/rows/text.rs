//! The text of a file, from its bytes as they arrive: unzipped, and in UTF-8.

use super::gzip::{Unzip, is_gzip};
use crate::Error;

/// The encoding of a file.
///
/// UTF-8 and UTF-16 are recognised; others can't be distinguished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Windows-1252, the encoding of Windows in Western Europe, which holds all letters of Latin-1
    /// (ISO 8859-1).
    Windows1252,
}

/// Converts bytes into text.
#[derive(Default)]
pub struct Text {
    /// The first bytes, as long as they are too few to recognise the encoding.
    head: Vec<u8>,
    packing: Option<Packing>,
    letters: Letters,
}

enum Packing {
    Plain,
    Gzip(Box<Unzip>),
}

impl Text {
    /// Sets the encoding, unless a byte order mark names another.
    pub fn set_encoding(&mut self, encoding: Encoding) {
        self.letters.encoding = Some(encoding);
    }

    /// Adds the text of some bytes.
    pub fn feed(&mut self, bytes: &[u8], text: &mut Vec<u8>) -> Result<(), Error> {
        match &mut self.packing {
            Some(Packing::Plain) => self.letters.feed(bytes, text),
            Some(Packing::Gzip(unzip)) => {
                let mut unzipped = Vec::new();
                let whole = unzip.feed(bytes, &mut unzipped);
                self.letters.feed(&unzipped, text).and(whole)
            }
            None => {
                self.head.extend_from_slice(bytes);
                match self.head.len() < HEAD {
                    true => Ok(()),
                    false => self.begin(text),
                }
            }
        }
    }

    /// Adds what is left at the end of the file.
    pub fn finish(&mut self, text: &mut Vec<u8>) -> Result<(), Error> {
        if self.packing.is_none() {
            self.begin(text)?;
        }
        if let Some(Packing::Gzip(unzip)) = self.packing.replace(Packing::Plain) {
            self.letters.feed(&unzip.finish()?, text)?;
        }
        self.letters.finish(text)
    }

    fn begin(&mut self, text: &mut Vec<u8>) -> Result<(), Error> {
        let head = std::mem::take(&mut self.head);
        self.packing = Some(match is_gzip(&head) {
            true => Packing::Gzip(Box::default()),
            false => Packing::Plain,
        });
        self.feed(&head, text)
    }
}

/// As many bytes as are needed to recognise a file.
const HEAD: usize = 8;

/// Returns what a file is that holds no text.
fn binary(head: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 12] = [
        (&[0x1f, 0x8b], "gzipped twice"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd"),
        (b"PK\x03\x04", "a zip archive, or an Excel workbook"),
        (b"PK\x05\x06", "an empty zip archive"),
        (b"BZh91AY&", "compressed with bzip2"),
        (b"\xfd7zXZ\0", "compressed with xz"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (&[0x04, 0x22, 0x4d, 0x18], "compressed with lz4"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
        (b"ARROW1\0\0", "an Arrow file"),
        (b"Obj\x01", "an Avro file"),
        (b"%PDF-", "a PDF"),
    ];
    let known = KNOWN.iter().find(|(start, _)| head.starts_with(start));
    let is_parquet = || {
        let after = head.strip_prefix(b"PAR1")?.first()?;
        // A name of a column continues otherwise.
        (after.is_ascii_control() && !after.is_ascii_whitespace()).then_some("a Parquet file")
    };
    known.map(|(_, what)| *what).or_else(is_parquet)
}

/// Converts letters into UTF-8.
#[derive(Default)]
struct Letters {
    encoding: Option<Encoding>,
    head: Vec<u8>,
    form: Option<Form>,
}

enum Form {
    Utf8,
    Utf16(Utf16),
    Windows1252,
}

impl Letters {
    fn feed(&mut self, bytes: &[u8], text: &mut Vec<u8>) -> Result<(), Error> {
        match &mut self.form {
            Some(Form::Utf8) => {
                text.extend_from_slice(bytes);
                Ok(())
            }
            Some(Form::Utf16(utf16)) => utf16.feed(bytes, text),
            Some(Form::Windows1252) => {
                let letters: String = bytes.iter().map(|&byte| windows1252(byte)).collect();
                text.extend_from_slice(letters.as_bytes());
                Ok(())
            }
            None => {
                self.head.extend_from_slice(bytes);
                match self.head.len() < HEAD {
                    true => Ok(()),
                    false => self.begin(text),
                }
            }
        }
    }

    fn finish(&mut self, text: &mut Vec<u8>) -> Result<(), Error> {
        if self.form.is_none() {
            self.begin(text)?;
        }
        match &self.form {
            Some(Form::Utf16(utf16)) => utf16.finish(),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, text: &mut Vec<u8>) -> Result<(), Error> {
        let head = std::mem::take(&mut self.head);
        if let Some(what) = binary(&head) {
            return Err(Error::not_rows(format!(
                "the file is {what}, which has no rows to read: save it with `to_file`"
            )));
        }
        let zeros: Vec<bool> = head.iter().take(4).map(|&byte| byte == 0).collect();
        self.form = Some(match (head.as_slice(), zeros.as_slice()) {
            ([0xff, 0xfe, ..], _) | (_, [false, true, false, true]) => Form::Utf16(Utf16::little()),
            ([0xfe, 0xff, ..], _) | (_, [true, false, true, false]) => Form::Utf16(Utf16::big()),
            ([0xef, 0xbb, 0xbf, ..], _) => Form::Utf8,
            _ => match self.encoding {
                Some(Encoding::Windows1252) => Form::Windows1252,
                None => Form::Utf8,
            },
        });
        self.feed(&head, text)
    }
}

/// UTF-16 up to now.
struct Utf16 {
    unit: fn([u8; 2]) -> u16,
    /// The first byte of a unit.
    byte: Option<u8>,
    /// The first unit of a letter that has two.
    high: Option<u16>,
}

impl Utf16 {
    fn little() -> Self {
        Self::new(u16::from_le_bytes)
    }

    fn big() -> Self {
        Self::new(u16::from_be_bytes)
    }

    fn new(unit: fn([u8; 2]) -> u16) -> Self {
        Self {
            unit,
            byte: None,
            high: None,
        }
    }

    fn feed(&mut self, bytes: &[u8], text: &mut Vec<u8>) -> Result<(), Error> {
        let not_utf16 =
            || Error::not_rows("the file begins as UTF-16, but continues as something else");
        for &byte in bytes {
            let Some(first) = self.byte.take() else {
                self.byte = Some(byte);
                continue;
            };
            let unit = (self.unit)([first, byte]);
            let letter = match self.high.take() {
                None if (0xd800..0xdc00).contains(&unit) => {
                    self.high = Some(unit);
                    continue;
                }
                None => char::from_u32(unit.into()),
                Some(high) => char::decode_utf16([high, unit]).next().and_then(Result::ok),
            };
            let letter = letter.ok_or_else(not_utf16)?;
            text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), Error> {
        match self.byte.is_some() || self.high.is_some() {
            true => Err(Error::incomplete(
                "the file ends in the middle of a letter of UTF-16",
            )),
            false => Ok(()),
        }
    }
}

fn windows1252(byte: u8) -> char {
    /// Of the bytes from 0x80 on; those without a letter are what they are in Latin-1.
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}
