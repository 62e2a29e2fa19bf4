//! Recognises what is sent in place of a file.

use reqwest::header::{CONTENT_TYPE, HeaderMap};

use crate::Error;
use crate::redact::Redactor;
use crate::storage::element;

/// How much of a file is examined.
pub(super) const HEAD: usize = 512;

/// Fails where a success is a page or an error, and not the file: by its headers.
pub(super) fn headers(headers: &HeaderMap) -> Result<(), Error> {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    match media_type.as_deref() {
        Some("text/html" | "application/xhtml+xml") => Err(page()),
        _ => Ok(()),
    }
}

/// The same by its first bytes.
pub(super) fn head(head: &[u8]) -> Result<(), Error> {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let text = String::from_utf8_lossy(head.trim_ascii_start());
    let begins = |with: &str| {
        let start = text.get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    if begins("<!doctype html") || begins("<html") {
        return Err(page());
    }
    if begins("<?xml") || begins("<Error>") {
        let words = [element(&text, "Code"), element(&text, "Message")];
        let words: Vec<String> = words.into_iter().flatten().collect();
        let said = match words.is_empty() {
            true => String::new(),
            false => format!(": {}", Redactor::default().redact(&words.join(": "))),
        };
        let what = format!("storage returned XML with a success in place of the file{said}");
        return Err(Error::unexpected_content(what));
    }
    Ok(())
}

fn page() -> Error {
    Error::unexpected_content(
        "a success with a page of HTML in place of the file: a proxy or a portal may have responded",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_looks_like_html_is_a_file() {
        for file in [
            "",
            "<",
            "email\n<html>@b.c\n",
            "<htm",
            "html,xml\n",
            "\"<!doctype html>\"\n",
            "<errors>,<count>\n",
        ] {
            assert!(head(file.as_bytes()).is_ok(), "{file}");
        }
        for page in [
            "<!DOCTYPE HTML><title>",
            "\u{feff}\r\n <html lang=\"en\">",
            "<?xml version=\"1.0\"?>",
            "<Error><Code>NoSuchKey",
        ] {
            assert!(head(page.as_bytes()).is_err(), "{page}");
        }
    }
}
