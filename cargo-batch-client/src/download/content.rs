//! The content of a file, as the caller wants it: as storage has it, or decompressed.

#[cfg(feature = "rows")]
use super::joiner::Joiner;
use super::transfer::{Event, Transfer};
use crate::Error;
#[cfg(feature = "rows")]
use crate::rows::gzip::{Unzip, is_gzip};

#[cfg(feature = "rows")]
use bytes::Bytes;

/// How much is decompressed at once, as it may become a thousand times as long.
#[cfg(feature = "rows")]
const SLICE: usize = 4 << 10;

/// A transfer and what is done with its bytes.
pub(super) struct Content {
    pub transfer: Transfer,
    #[cfg(feature = "rows")]
    gunzip: Gunzip,
    /// What joins the files of an export that has several.
    #[cfg(feature = "rows")]
    joiner: Option<Joiner>,
}

#[cfg(feature = "rows")]
enum Gunzip {
    /// It is not asked for.
    Off,
    /// The file begins with the next chunk.
    Undecided,
    /// The file is not gzip.
    Plain,
    On {
        arrived: Bytes,
        unzip: Box<Unzip>,
    },
}

impl Content {
    pub fn new(transfer: Transfer, is_decompressed: bool) -> Self {
        #[cfg(not(feature = "rows"))]
        let _ = is_decompressed;
        Self {
            transfer,
            #[cfg(feature = "rows")]
            gunzip: match is_decompressed {
                true => Gunzip::Undecided,
                false => Gunzip::Off,
            },
            #[cfg(feature = "rows")]
            joiner: Some(Joiner::default()),
        }
    }

    /// Returns the next step, or `None` once the file is complete.
    #[cfg(not(feature = "rows"))]
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        self.transfer.next().await
    }

    /// Returns the next step, or `None` once the file is complete.
    #[cfg(feature = "rows")]
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let event = self.next_of_file().await?;
            if !self.transfer.is_one_of_several() {
                return Ok(event);
            }
            let Some(joiner) = &mut self.joiner else {
                return Ok(None);
            };
            let text = match event {
                Some(Event::Begin) if joiner.begin() => return Ok(Some(Event::Begin)),
                Some(Event::Begin) => continue,
                Some(Event::Chunk(chunk)) => joiner.feed(&chunk)?,
                None => {
                    let (rows, mut text) = joiner.end_file();
                    if self.transfer.advance(rows) {
                        self.gunzip = Gunzip::Undecided;
                    } else {
                        text.append(&mut joiner.finish());
                        self.joiner = None;
                    }
                    text
                }
            };
            if !text.is_empty() {
                return Ok(Some(Event::Chunk(text.into())));
            }
        }
    }

    /// Returns the next step of the file in transfer, or `None` once it is complete.
    #[cfg(feature = "rows")]
    async fn next_of_file(&mut self) -> Result<Option<Event>, Error> {
        loop {
            if let Gunzip::On { arrived, unzip } = &mut self.gunzip
                && !arrived.is_empty()
            {
                let slice = arrived.split_to(arrived.len().min(SLICE));
                let mut text = Vec::new();
                unzip.feed(&slice, &mut text)?;
                if text.is_empty() {
                    continue;
                }
                return Ok(Some(Event::Chunk(text.into())));
            }
            let Some(event) = self.transfer.next().await? else {
                return match std::mem::replace(&mut self.gunzip, Gunzip::Off) {
                    Gunzip::On { unzip, .. } => {
                        let text = unzip.finish()?;
                        Ok((!text.is_empty()).then(|| Event::Chunk(text.into())))
                    }
                    _ => Ok(None),
                };
            };
            match (&mut self.gunzip, event) {
                (Gunzip::Off, event) | (Gunzip::Plain, event @ Event::Chunk(_)) => {
                    return Ok(Some(event));
                }
                (gunzip, Event::Begin) => {
                    *gunzip = Gunzip::Undecided;
                    return Ok(Some(Event::Begin));
                }
                // The first chunk of a transfer is long enough to decide by.
                (gunzip @ Gunzip::Undecided, Event::Chunk(chunk)) => {
                    if !is_gzip(&chunk) {
                        *gunzip = Gunzip::Plain;
                        return Ok(Some(Event::Chunk(chunk)));
                    }
                    let unzip = Box::default();
                    let arrived = chunk;
                    *gunzip = Gunzip::On { arrived, unzip };
                }
                (Gunzip::On { arrived, .. }, Event::Chunk(chunk)) => *arrived = chunk,
            }
        }
    }
}
