//! The header of a CSV file on this machine.

/// The names of the columns of a CSV file, before it is uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CsvHeader {
    /// The names, as separated by commas; without a byte order mark.
    pub columns: Vec<String>,
    /// The file begins with a byte order mark of UTF-8.
    pub has_byte_order_mark: bool,
    /// The header isn't UTF-8: letters that can't be read are replaced.
    pub is_unreadable: bool,
}

/// The longest header that is read.
#[cfg(not(target_arch = "wasm32"))]
const LONGEST: u64 = 1 << 20;

impl CsvHeader {
    /// Reads the header of a file; of a header longer than 1 MiB, its beginning.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the file can't be read.
    #[cfg(not(target_arch = "wasm32"))]
    pub async fn read(path: impl AsRef<std::path::Path>) -> Result<Self, crate::Error> {
        use tokio::io::AsyncReadExt;

        let path = path.as_ref();
        let mut bytes = Vec::new();
        let read = async {
            let file = tokio::fs::File::open(path).await?;
            file.take(LONGEST).read_to_end(&mut bytes).await
        };
        read.await
            .map_err(|error| crate::Error::io(format!("cannot read {}", path.display()), error))?;
        Ok(Self::parse(&bytes))
    }

    /// Reads the header in the first bytes of a file.
    pub fn parse(bytes: &[u8]) -> Self {
        const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
        let has_byte_order_mark = bytes.starts_with(BYTE_ORDER_MARK);
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let line = first_line(bytes);
        let text = String::from_utf8_lossy(line);
        Self {
            columns: cells(&text, ','),
            has_byte_order_mark,
            is_unreadable: std::str::from_utf8(line).is_err() || line.contains(&0),
        }
    }
}

/// Returns the first line that isn't empty; a line break in quotes doesn't end it.
fn first_line(bytes: &[u8]) -> &[u8] {
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let start = bytes.iter().take_while(|byte| is_break(byte)).count();
    let line = &bytes[start..];
    let mut is_quoted = false;
    let end = line.iter().position(|byte| {
        is_quoted ^= *byte == b'"';
        is_break(byte) && !is_quoted
    });
    &line[..end.unwrap_or(line.len())]
}

/// Returns the cells of a line; none of an empty one.
pub(super) fn cells(line: &str, delimiter: char) -> Vec<String> {
    if line.is_empty() {
        return Vec::new();
    }
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let Some(cell) = cells.last_mut() else {
            break;
        };
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if is_quoted || cell.is_empty() => is_quoted = !is_quoted,
            letter if letter == delimiter && !is_quoted => cells.push(String::new()),
            letter => cell.push(letter),
        }
    }
    cells
}
