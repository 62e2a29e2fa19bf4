//! Gzip that comes in pieces.

use std::io::Write;

use flate2::write::MultiGzDecoder;

use crate::Error;

/// Unzips pieces as they come.
pub struct Unzip(MultiGzDecoder<Vec<u8>>);

impl Default for Unzip {
    fn default() -> Self {
        Self(MultiGzDecoder::new(Vec::new()))
    }
}

impl Unzip {
    pub fn feed(&mut self, piece: &[u8]) -> Result<Vec<u8>, Error> {
        self.0
            .write_all(piece)
            .and_then(|()| self.0.flush())
            .map_err(broken)?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    pub fn finish(self) -> Result<Vec<u8>, Error> {
        self.0.finish().map_err(broken)
    }
}

fn broken(error: std::io::Error) -> Error {
    Error::io("the download is not whole or not valid gzip", error)
}

/// Does a file begin like gzip?
pub fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b])
}
