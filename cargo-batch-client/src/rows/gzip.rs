//! Gzip that arrives in chunks.

use std::io::Write;

use flate2::write::GzDecoder;

use crate::Error;

/// Unzips chunks as they arrive: gzip streams one after the other, and the zeros that some storage pads a file
/// with.
pub struct Unzip {
    /// The gzip stream in progress; `None` between two of them.
    member: Option<GzDecoder<Vec<u8>>>,
    is_padded: bool,
}

impl Default for Unzip {
    fn default() -> Self {
        Self {
            member: Some(GzDecoder::new(Vec::new())),
            is_padded: false,
        }
    }
}

impl Unzip {
    /// Adds what a chunk unzips to, also when it is corrupt further on.
    pub fn feed(&mut self, mut chunk: &[u8], unzipped: &mut Vec<u8>) -> Result<(), Error> {
        while let Some(&next) = chunk.first() {
            let Some(member) = &mut self.member else {
                match next {
                    0 => {
                        self.is_padded = true;
                        chunk = &chunk[1..];
                    }
                    0x1f if !self.is_padded => self.member = Some(GzDecoder::new(Vec::new())),
                    _ => {
                        return Err(Error::not_rows(
                            "there is something after the end of the gzip",
                        ));
                    }
                }
                continue;
            };
            let read = member.write(chunk);
            unzipped.append(member.get_mut());
            match read.map_err(broken)? {
                // The end of the member.
                0 => {
                    if let Some(member) = self.member.take() {
                        unzipped.append(&mut member.finish().map_err(broken)?);
                    }
                }
                read => chunk = &chunk[read..],
            }
        }
        if let Some(member) = &mut self.member {
            member.flush().map_err(broken)?;
            unzipped.append(member.get_mut());
        }
        Ok(())
    }

    pub fn finish(self) -> Result<Vec<u8>, Error> {
        match self.member {
            Some(member) => member.finish().map_err(broken),
            None => Ok(Vec::new()),
        }
    }
}

/// Returns whether a file that begins so is gzip.
pub fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b])
}

fn broken(error: std::io::Error) -> Error {
    Error::io("the download is incomplete or not valid gzip", error)
}
