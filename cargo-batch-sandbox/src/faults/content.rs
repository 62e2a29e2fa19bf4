//! A file that has changed at its source.

use std::io::{Read, Write};

use axum::body::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// Another file of the same kind, none of whose bytes after the first line are where they were: what
/// is put together from parts of both is neither.
pub fn changed(content: &Bytes) -> Bytes {
    unzipped(content)
        .and_then(|plain| zipped(&repeated(&plain)))
        .unwrap_or_else(|| repeated(content))
        .into()
}

/// A table whose first row comes twice; anything else with a line break in front, which is as good
/// as nothing in JSON.
fn repeated(content: &[u8]) -> Vec<u8> {
    let json = matches!(content.first(), Some(b'[' | b'{'));
    let again = (!json).then(|| table(content)).flatten();
    again.unwrap_or_else(|| [b"\n", content].concat())
}

fn table(content: &[u8]) -> Option<Vec<u8>> {
    let mut reader = csv::Reader::from_reader(content);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_byte_record(reader.byte_headers().ok()?).ok()?;
    let rows = reader.byte_records().collect::<Result<Vec<_>, _>>().ok()?;
    for row in rows.first().into_iter().chain(&rows) {
        writer.write_byte_record(row).ok()?;
    }
    // Without a row there is nothing to repeat.
    let written = writer.into_inner().ok()?;
    (!rows.is_empty()).then_some(written)
}

fn unzipped(content: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(content).read_to_end(&mut plain).ok()?;
    Some(plain)
}

fn zipped(content: &[u8]) -> Option<Vec<u8>> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(content).ok()?;
    writer.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &'static str) -> String {
        String::from_utf8(changed(&Bytes::from_static(content.as_bytes())).to_vec()).unwrap()
    }

    #[test]
    fn a_changed_file_is_another_of_the_same_kind() {
        assert_eq!(
            text("a,b\n1,\"x\ny\"\n2,z\n"),
            "a,b\n1,\"x\ny\"\n1,\"x\ny\"\n2,z\n"
        );
        assert_eq!(text("a,b\n"), "\na,b\n");
        assert_eq!(text("[{\"a\": 1}]"), "\n[{\"a\": 1}]");
        let zip = Bytes::from(zipped(b"a\n1\n2\n").unwrap());
        assert_eq!(unzipped(&changed(&zip)).unwrap(), b"a\n1\n1\n2\n");
    }
}
