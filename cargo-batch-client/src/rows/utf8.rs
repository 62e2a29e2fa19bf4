//! Whether the rows of a file are UTF-8.

use crate::Error;

/// Tells a row that is broken from a file that is written otherwise.
#[derive(Default)]
pub struct Utf8 {
    /// A row before had letters beyond ASCII, in UTF-8.
    is_known: bool,
}

impl Utf8 {
    /// Reads a row as text; the error of the row where it isn't UTF-8 as the rows before were.
    ///
    /// # Errors
    /// When it isn't UTF-8, and no row before it has shown that the file is: then all rows with such
    /// letters would fail alike.
    pub fn read<'a>(&mut self, row: &'a [u8], line: u64) -> Result<Result<&'a str, String>, Error> {
        match std::str::from_utf8(row) {
            Ok(text) => {
                self.is_known = self.is_known || !text.is_ascii();
                Ok(Ok(text))
            }
            Err(error) if self.is_known => Ok(Err(format!("not UTF-8: {error}"))),
            Err(_) => Err(Error::not_rows(format!(
                "line {line} is not UTF-8, and no row before it shows that the file is: say \
                 `.encoding(Encoding::Windows1252)` if it is written in that, or in Latin-1"
            ))),
        }
    }
}
