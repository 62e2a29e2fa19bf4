//! What a file is: read, or refused with one error that says what to do.

use std::collections::BTreeMap;

use cargo_batch_client::{Encoding, ErrorKind};
use serde::de::DeserializeOwned;

use super::{Row, gzipped, read, row};

/// All rows, none of which is an error, however the file is cut.
async fn all(content: impl Into<Vec<u8>>) -> Vec<Row> {
    let content = content.into();
    let mut all = Vec::new();
    for chunk in [1, 3, 4096] {
        let rows = read::<Row>(content.clone(), chunk, |rows| rows).await;
        let rows: Vec<Row> = rows.into_iter().map(Result::unwrap).collect();
        assert!(all.is_empty() || all == rows, "in chunks of {chunk}");
        all = rows;
    }
    all
}

/// The only item of a file, which is an error that ends it.
async fn refused<T: DeserializeOwned + std::fmt::Debug>(
    content: impl Into<Vec<u8>>,
) -> (ErrorKind, String) {
    let content = content.into();
    let mut first = None;
    for chunk in [1, 5, 4096] {
        let mut rows = read::<T>(content.clone(), chunk, |rows| rows).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        let error = rows.remove(0).unwrap_err();
        let message = (error.kind().expect("it ends the stream"), error.to_string());
        assert_eq!(first.get_or_insert(message.clone()), &message);
    }
    first.unwrap()
}

/// Refused for what it is.
async fn unreadable(content: impl Into<Vec<u8>>, words: &[&str]) {
    let (kind, message) = refused::<BTreeMap<String, String>>(content).await;
    assert_eq!(kind, ErrorKind::InvalidResponse, "{message}");
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
    assert!(!message.ends_with('.'), "{message}");
}

const ROWS: &str = "name,age\nZoë,36\n\"Grace, H.\",\n";

fn expected() -> [Row; 2] {
    [row("Zoë", Some(36)), row("Grace, H.", None)]
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[tokio::test]
async fn a_file_that_ends_inside_a_quote_is_not_whole() {
    for csv in [
        "name,age\nAda,36\n\"Grace,85\nAlan,41\n",
        "name,age\nAda,36\n\"Grace\"\"",
        "name,age\nAda,36\nGrace,\"8",
    ] {
        let rows = read::<Row>(csv, 4, |rows| rows).await;
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert!(rows[0].is_ok());
        let error = rows[1].as_ref().unwrap_err();
        assert_eq!(error.kind(), Some(ErrorKind::Interrupted));
        let message = error.to_string();
        assert!(
            message.contains("quote") && message.contains("line 3"),
            "{message}"
        );
    }
    // In the header.
    let (kind, message) = refused::<Row>("\"name,age\nAda,36\n").await;
    assert!(
        kind == ErrorKind::Interrupted && message.contains("line 1"),
        "{message}"
    );
    // Whole, although nothing ends the last line.
    assert_eq!(
        all("name,age\n\"Ada\",\"36\"").await,
        [row("Ada", Some(36))]
    );
    assert_eq!(all("name,age\nAda,").await, [row("Ada", None)]);
    assert_eq!(all("name,age\nAda,36\r").await, [row("Ada", Some(36))]);
}

#[tokio::test]
async fn data_after_gzip_is_padding_or_an_error() {
    let (front, back) = ROWS.split_at(14);
    let gzip = [gzipped(front.as_bytes()), gzipped(back.as_bytes())].concat();
    let zeros = [gzip.clone(), vec![0; 700]].concat();
    assert_eq!(all(zeros.clone()).await, expected());
    for after in [
        &b"garbage"[..],
        b"\0\0\0garbage",
        b"\x1fgarbage",
        b"\0\x1f\x8b",
    ] {
        let rows = read::<Row>([&gzip[..], after].concat(), 4096, |rows| rows).await;
        let (last, rows) = rows.split_last().unwrap();
        let error = last.as_ref().unwrap_err();
        assert!(
            !error.is_row() && error.to_string().contains("gzip"),
            "{error}"
        );
        assert!(rows.iter().all(Result::is_ok), "{rows:?}");
    }
    // A field that is cut, with zeros in place of its rest.
    let cut = [&gzip[..gzip.len() - 6], &[0; 100]].concat();
    let rows = read::<Row>(cut, 4096, |rows| rows).await;
    assert!(
        rows.last()
            .unwrap()
            .as_ref()
            .is_err_and(|error| !error.is_row())
    );
}

#[tokio::test]
async fn a_line_that_names_the_delimiter_is_obeyed() {
    for (line, delimiter) in [
        ("sep=;", ";"),
        ("SEP=\t", "\t"),
        ("\"sep=|\"", "|"),
        ("sep=,", ","),
    ] {
        for end in ["\n", "\r\n"] {
            let rows = ROWS.replace("e,a", &format!("e{delimiter}a"));
            let rows = rows.replace("ë,", &format!("ë{delimiter}"));
            let rows = rows.replace("\",", &format!("\"{delimiter}"));
            let file = format!("\u{feff}{line}{end}{rows}");
            assert_eq!(all(file).await, expected(), "{line}");
        }
    }
    // Lines are counted with it, and the caller's word is the last one.
    let rows = read::<Row>("sep=;\nname\tage\nAda\told\n", 9, |rows| {
        rows.delimiter(b'\t')
    })
    .await;
    let message = rows[0].as_ref().unwrap_err().to_string();
    assert!(message.starts_with("row at line 3"), "{message}");
    // Names of columns that only look like it.
    for header in ["sep=", "sep=;x", "separator"] {
        let file = format!("{header},name\n1,Ada\n");
        assert_eq!(all(file).await, [row("Ada", None)]);
    }
}

#[tokio::test]
async fn a_header_without_commas_is_refused_with_the_way_out() {
    unreadable("name;age\nAda;36\nGrace;85\n", &["`.delimiter(b';')`"]).await;
    unreadable("name\tage\nAda\t36\n", &["`.delimiter(b'\\t')`"]).await;
    unreadable("name|age\nAda|36\n", &["`.delimiter(b'|')`"]).await;
    unreadable(gzipped(b"name;age\nAda;36\n"), &["`.delimiter(b';')`"]).await;
    for delimiter in [b';', b'\t', b'|', b'^'] {
        let file = ROWS.replace("e,a", &format!("e{}a", char::from(delimiter)));
        let file = file.replace("ë,", &format!("ë{}", char::from(delimiter)));
        let file = file.replace("\",", &format!("\"{}", char::from(delimiter)));
        let rows = read::<Row>(file, 3, |rows| rows.delimiter(delimiter)).await;
        let rows: Vec<Row> = rows.into_iter().map(Result::unwrap).collect();
        assert_eq!(rows, expected());
    }
    // One column with such a name, and one that begins like JSON or HTML.
    for header in ["a;b", "[id]", "{id}", "<id>"] {
        let file = format!("{header}\nAda\n");
        let rows = read::<BTreeMap<String, String>>(file, 3, |rows| rows.delimiter(b',')).await;
        assert_eq!(rows[0].as_ref().unwrap()[header], "Ada");
    }
    // Several columns are several, whatever their names.
    let rows = read::<BTreeMap<String, String>>("a;b,c\n1;2,3\n", 3, |rows| rows).await;
    assert_eq!(rows[0].as_ref().unwrap()["a;b"], "1;2");
    for delimiter in [b'"', b'\n', b'\r', 0, 0xe9] {
        let rows = read::<Row>(ROWS, 3, |rows| rows.delimiter(delimiter)).await;
        assert_eq!(rows.len(), 1);
        let kind = rows[0].as_ref().unwrap_err().kind();
        assert_eq!(kind, Some(ErrorKind::Configuration));
    }
}

#[tokio::test]
async fn utf16_is_read() {
    let list = r#"[{"name":"Zoë","age":36},{"name":"Grace, H.","age":null}]"#;
    for text in [ROWS, list] {
        for unit in [u16::to_le_bytes, u16::to_be_bytes] {
            let marked = utf16(&format!("\u{feff}{text}"), unit);
            assert_eq!(all(marked.clone()).await, expected());
            assert_eq!(all(gzipped(&marked)).await, expected());
            // Without a mark.
            assert_eq!(all(utf16(text, unit)).await, expected());
        }
    }
    let smile = utf16("\u{feff}name\n😀\n", u16::to_le_bytes);
    assert_eq!(all(smile.clone()).await, [row("😀", None)]);
    // Cut within a letter, and halves of letters.
    let (kind, message) = refused::<Row>(&smile[..smile.len() - 3]).await;
    assert!(
        kind == ErrorKind::Interrupted && message.contains("UTF-16"),
        "{message}"
    );
    for broken in [
        &[0x00, 0xd8, 0x00, 0xd8][..],
        &[0x00, 0xdc, 0x61, 0x00],
        &[0x3d, 0xd8, 0x61, 0x00],
    ] {
        let file = [&utf16("\u{feff}name\n", u16::to_le_bytes), broken].concat();
        unreadable(file, &["UTF-16"]).await;
    }
}

#[tokio::test]
async fn unknown_encodings_are_refused_once_and_read_when_named() {
    let latin: Vec<u8> = ROWS
        .chars()
        .map(|letter| u8::try_from(u32::from(letter)).unwrap())
        .collect();
    let many = [&latin[..], &b"Zo\xeb,1\n".repeat(50)].concat();
    let words = ["line 2", "UTF-8", "`.encoding(Encoding::Windows1252)`"];
    unreadable(many.clone(), &words).await;
    unreadable(gzipped(&many), &words).await;
    unreadable(&b"name,\xe2ge\nAda,1\n"[..], &["line 1", "UTF-8"]).await;
    unreadable(
        &b"[{\"name\": \"Zo\xeb\"}, {\"name\": \"Zo\xeb\"}]"[..],
        &["line 1", "UTF-8"],
    )
    .await;
    // Two cells that are one letter only together.
    unreadable(&b"name,age\n\xc3,\xab\n"[..], &["line 2"]).await;

    let windows = [&latin[..], b"\x80 \x93quoted\x94,1\n"].concat();
    let rows = read::<Row>(windows, 3, |rows| rows.encoding(Encoding::Windows1252)).await;
    let rows: Vec<Row> = rows.into_iter().map(Result::unwrap).collect();
    assert_eq!(rows[..2], expected());
    assert_eq!(rows[2].name, "€ “quoted”");
    // A mark says more than the caller.
    for file in [
        format!("\u{feff}{ROWS}").into_bytes(),
        utf16(&format!("\u{feff}{ROWS}"), u16::to_be_bytes),
    ] {
        let rows = read::<Row>(file, 3, |rows| rows.encoding(Encoding::Windows1252)).await;
        assert_eq!(rows[0].as_ref().unwrap().name, "Zoë");
    }
}

#[tokio::test]
async fn a_row_that_is_broken_in_a_utf8_file_is_an_error_of_its_own() {
    for (before, after) in [
        ("name,age\nZoë,1\n", ",2\nAda,3\n"),
        (
            "[{\"name\":\"Zoë\"},{\"name\":\"",
            "\"},{\"name\":\"Ada\"}]",
        ),
    ] {
        let file = [before.as_bytes(), b"Zo\xeb", after.as_bytes()].concat();
        let rows = read::<Row>(file, 9, |rows| rows).await;
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert!(rows[0].is_ok() && rows[2].is_ok());
        let error = rows[1].as_ref().unwrap_err();
        assert!(
            error.is_row() && error.to_string().contains("UTF-8"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn files_without_text_are_named() {
    for (start, name) in [
        (&b"\x28\xb5\x2f\xfd\x04\x58"[..], "zstd"),
        (b"PK\x03\x04\x14\0\x06\0\x08\0", "zip"),
        (b"PAR1\x15\x04\x15\xc0", "Parquet"),
        (b"BZh91AY&SY\xe7", "bzip2"),
        (b"\xfd7zXZ\0\0\x04", "xz"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel"),
        (b"%PDF-1.7\n", "PDF"),
        (b"ARROW1\0\0\xff\xff", "Arrow"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "7z"),
    ] {
        let file = [start, b"\0\x01\n\n\xff,\n\x02"].concat();
        unreadable(gzipped(&file), &[name, "`to_file`"]).await;
        unreadable(file, &[name, "`to_file`"]).await;
    }
    unreadable(gzipped(&gzipped(ROWS.as_bytes())), &["gzipped twice"]).await;
    // Something that isn't known.
    unreadable(&b"GIF89a\x01\0\x01\0\x80\n"[..], &["zero bytes"]).await;
    // Names of columns.
    for header in ["PAR1", "PK", "BZh", "%PDF"] {
        assert_eq!(
            all(format!("{header},name\n1,Ada\n")).await,
            [row("Ada", None)]
        );
    }
}

#[tokio::test]
async fn a_page_is_refused_and_shown() {
    for page in [
        "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head></html>\n",
        "\u{feff}\n  <html lang=\"en\"><body>Sign in</body></html>",
        "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>",
        "<Error><Code>ExpiredToken</Code></Error>",
        "<!-- maintenance -->",
        "<html>",
    ] {
        // The download itself refuses it, or the rows do.
        unreadable(page, &["ML"]).await;
        unreadable(gzipped(page.as_bytes()), &["HTML or XML"]).await;
        let utf16 = utf16(&format!("\u{feff}{page}"), u16::to_le_bytes);
        unreadable(utf16, &["HTML or XML"]).await;
    }
    // Names of columns in such brackets.
    for header in ["<DATE>", "<header>", "<3", "<errors>", "<"] {
        assert_eq!(
            all(format!("{header},name\n1,Ada\n")).await,
            [row("Ada", None)]
        );
    }
}
