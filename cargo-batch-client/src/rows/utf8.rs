//! Checks whether the rows of a file are UTF-8.

use crate::Error;

/// Distinguishes a row that is corrupt from a file in another encoding.
#[derive(Default)]
pub struct Utf8 {
    /// A row before had letters beyond ASCII, in UTF-8.
    is_known: bool,
}

impl Utf8 {
    /// Reads a row as text, whose cells end at certain places; the error of the row where it isn't UTF-8
    /// as the rows before were.
    ///
    /// # Errors
    /// When it isn't UTF-8, and no row before it has shown that the file is: then all rows with such
    /// letters would fail alike.
    pub fn read<'a>(
        &mut self,
        row: &'a [u8],
        ends: &[usize],
        line: u64,
    ) -> Result<Result<&'a str, String>, Error> {
        let why = match std::str::from_utf8(row) {
            Ok(text) if text.is_ascii() => return Ok(Ok(text)),
            // A letter isn't complete where only two cells together are one.
            Ok(text) if ends.iter().all(|&end| text.is_char_boundary(end)) => {
                self.is_known = true;
                return Ok(Ok(text));
            }
            Ok(_) => "a cell ends inside a letter".to_owned(),
            Err(error) => error.to_string(),
        };
        match self.is_known {
            true => Ok(Err(format!("not UTF-8: {why}"))),
            false => Err(Error::not_rows(format!(
                "line {line} is not UTF-8, and no row before it shows that the file is: say \
                 `.encoding(Encoding::Windows1252)` if it is written in that, or in Latin-1"
            ))),
        }
    }
}
