//! Results as a file, which is there only once it is whole.

use std::path::{Path, PathBuf};

use tokio::fs::{self, File};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::Download;
use super::transfer::Event;
use crate::Error;

impl Download {
    /// Writes the file to `path`, in place of what may be there, once it is whole: until then it is
    /// written beside it, under a name of its own that ends in `.part-` and a number. Returns its
    /// length in bytes.
    ///
    /// The name is the caller's, never one that a server has chosen.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the file can't be written;
    /// [`Interrupted`](crate::ErrorKind::Interrupted) when the transfer broke off again and again.
    /// Nothing is left behind then, nor when the future is dropped, and what was there before is
    /// still there.
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.client.inner.http.check_runtime()?;
        let path = path.as_ref();
        let beside = part_of(path);
        let mut part = Part(Some(beside.clone()));
        let bytes = self.into_part(&beside).await?;
        let failed = |error| {
            let what = format!("cannot move {} into place", beside.display());
            Error::io(what, error)
        };
        fs::rename(&beside, path).await.map_err(failed)?;
        part.0 = None;
        Ok(bytes)
    }

    async fn into_part(self, part: &Path) -> Result<u64, Error> {
        let failed = |error| Error::io(format!("cannot write {}", part.display()), error);
        let mut file = File::create_new(part).await.map_err(failed)?;
        let mut transfer = self.start();
        while let Some(event) = transfer.next().await? {
            match event {
                Event::Piece(piece) => file.write_all(&piece).await.map_err(failed)?,
                Event::Restart => {
                    file.set_len(0).await.map_err(failed)?;
                    file.rewind().await.map_err(failed)?;
                }
            }
        }
        // The last piece is still on its way to the disk, which may be full.
        file.flush().await.map_err(failed)?;
        file.sync_all().await.map_err(failed)?;
        Ok(transfer.received())
    }
}

/// A file that is removed, unless it has become something else.
struct Part(Option<PathBuf>);

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            std::fs::remove_file(path).ok();
        }
    }
}

/// `results.csv` -> `results.csv.part-1a2b3c4d`: several downloads of one file don't meet.
fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".part-{:08x}", fastrand::u32(..)));
    name.into()
}
