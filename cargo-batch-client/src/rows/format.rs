//! Recognises what the text of a file is.

use crate::Error;
use crate::redact::escaped;

/// Returns how many bytes are needed to recognise a text that begins so.
pub fn enough(first: u8) -> usize {
    match first {
        b'<' => PAGE,
        // Of `"sep=;"` and its line break.
        b's' | b'S' | b'"' => 8,
        _ => 1,
    }
}

/// How much of a page is shown.
const PAGE: usize = 200;

/// Refuses a page, where rows were asked for.
pub fn refuse_markup(text: &[u8]) -> Result<(), Error> {
    const PAGES: [&str; 13] = [
        "html", "head", "body", "title", "script", "div", "center", "error", "xml", "rss", "feed",
        "svg", "h1",
    ];
    let Some(tag) = text.strip_prefix(b"<") else {
        return Ok(());
    };
    let end = tag.iter().position(|byte| !byte.is_ascii_alphanumeric());
    let name = String::from_utf8_lossy(&tag[..end.unwrap_or(tag.len())]).to_lowercase();
    // Names of columns can be in such brackets, too: `<DATE>,<TIME>`.
    let is_page = tag.starts_with(b"!")
        || tag.starts_with(b"?")
        || (PAGES.contains(&name.as_str())
            && end.is_some_and(|end| b"> \t\r\n/".contains(&tag[end])));
    match is_page {
        true => {
            let start = &text[..text.len().min(PAGE)];
            let start = escaped(&String::from_utf8_lossy(start), PAGE);
            Err(Error::not_rows(format!(
                "the file is a page of HTML or XML instead of rows; it begins with: {start}"
            )))
        }
        false => Ok(()),
    }
}

/// Returns the delimiter that a line for Excel names, such as `sep=;`, and the length of that line.
pub fn named_delimiter(text: &[u8]) -> Option<(u8, usize)> {
    let quote = usize::from(text.starts_with(b"\""));
    let (sep, rest) = text.get(quote..)?.split_at_checked(4)?;
    let (&delimiter, rest) = rest.split_first()?;
    let rest = match quote {
        0 => rest,
        _ => rest.strip_prefix(b"\"")?,
    };
    let is_end = matches!(rest.first(), None | Some(b'\r' | b'\n'));
    (sep.eq_ignore_ascii_case(b"sep=") && is_end && is_delimiter(delimiter))
        .then_some((delimiter, text.len() - rest.len()))
}

/// Returns whether a byte can separate two cells.
pub fn is_delimiter(byte: u8) -> bool {
    byte.is_ascii() && !b"\"\r\n\0".contains(&byte)
}
