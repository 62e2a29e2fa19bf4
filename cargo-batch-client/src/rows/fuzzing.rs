//! Rows of a file that is in memory.

use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{Row, Rows};
use crate::Error;
use crate::download::ByteStream;

/// A row, or that it isn't one, with its line.
pub type Read<T> = (u64, Result<T, String>);

/// Reads chunks as [`Rows`] reads them when they arrive, up to the first error.
pub fn rows<T: DeserializeOwned>(
    chunks: impl IntoIterator<Item = Bytes>,
    cap: usize,
) -> (Vec<Read<T>>, Option<Error>) {
    let mut reader = Rows::<T>::new(ByteStream::ended(), cap);
    let mut rows = Vec::new();
    let error = read(&mut reader, chunks, &mut rows).err();
    (rows, error)
}

fn read<T: DeserializeOwned>(
    reader: &mut Rows<T>,
    chunks: impl IntoIterator<Item = Bytes>,
    rows: &mut Vec<Read<T>>,
) -> Result<(), Error> {
    for chunk in chunks {
        reader.arrived = chunk;
        drain(reader, rows)?;
    }
    reader.end();
    drain(reader, rows)
}

fn drain<T: DeserializeOwned>(reader: &mut Rows<T>, rows: &mut Vec<Read<T>>) -> Result<(), Error> {
    let mut context = Context::from_waker(Waker::noop());
    // Nothing is on its way, so that there is never anything to wait for.
    while let Poll::Ready(Some(Row { line, value })) = reader.poll_row(&mut context)? {
        rows.push((line, value));
    }
    Ok(())
}
