//! Results as a file, which appears only once it is complete.

use std::io::Seek;
use std::path::Path;

use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::Download;
use super::content::Content;
use super::part::Part;
use super::place::Place;
use super::transfer::{Event, Restarts, Transfer};
use crate::Error;

impl Download {
    /// Writes the file to a path, replacing an existing file, once it is complete. Returns the number of
    /// bytes written.
    ///
    /// - Until it is complete, it is written beside its place, under a name that ends in `.part-` and a number;
    ///   a second file of that name and `.of` says what it is a part of. A process that is killed leaves
    ///   both, and the next download of the same file to the same place resumes from there. Several downloads
    ///   to one place don't collide.
    /// - A symbolic link stays one: the file it points to is replaced. A file that is replaced keeps its
    ///   permissions; where it has other names (hard links) or another owner, the complete file is copied into
    ///   it.
    /// - A device, a pipe (which is opened first, and waits for a reader), and a file in a folder that can't
    ///   be written to, are written in place as the bytes arrive.
    /// - A path that can't be written to, such as a folder, is an error before anything is fetched. The folder of
    ///   the file must exist.
    /// - A file is flushed to the disk before it takes its place.
    ///
    /// The name is the caller's, never one that a server has chosen.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, types::BatchUuid};
    /// # async fn run(client: Client, id: BatchUuid) -> Result<(), Error> {
    /// let bytes = client.batch(id).download().to_file("results.csv").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the file can't be written;
    /// [`Interrupted`](crate::ErrorKind::Interrupted) when the connection was lost too often without progress; and the
    /// errors of the request for the signed URL.
    ///
    /// # Cancel safety
    /// When the future is dropped, or fails, the file that existed before is left unchanged, and no part remains. A file
    /// that is written in place keeps what has arrived.
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<u64, Error> {
        self.client.inner.http.check_runtime()?;
        let path = path.as_ref().to_owned();
        let failed = |error| Error::io(format!("cannot write {}", path.display()), error);
        let wanted = path.clone();
        let place = blocking(move || Place::find(&wanted))
            .await
            .map_err(failed)?;
        match place {
            Place::Beside(part, target) => {
                let (part, written) = self.into_part(part).await.map_err(|error| match error {
                    Failed::File(error) => failed(error),
                    Failed::Transfer(error) => error,
                })?;
                blocking(move || target.take(part)).await.map_err(failed)?;
                Ok(written)
            }
            Place::InPlace { file, is_regular } => self
                .write_in_place(file, is_regular)
                .await
                .map_err(|error| match error {
                    Failed::File(error) => failed(error),
                    Failed::Transfer(error) => error,
                }),
        }
    }

    async fn into_part(self, part: Part) -> Result<(Part, u64), Failed> {
        let name = self.name.clone();
        // The length of what was decompressed doesn't show where in the file it ended.
        let resumed = match self.is_decompressed {
            true => None,
            false => part.resumed(&name),
        };
        let mut file = File::from_std(part.writer()?);
        let mut written = 0;
        let is_decompressed = self.is_decompressed;
        let mut transfer = Transfer::new(self, Restarts::Allowed);
        if let Some((version, received)) = resumed {
            written = received;
            transfer.resume(version, received);
        }
        let mut content = Content::new(transfer, is_decompressed);
        while let Some(event) = content.next().await? {
            match event {
                Event::Chunk(chunk) => {
                    file.write_all(&chunk).await?;
                    written += chunk.len() as u64;
                }
                Event::Begin => {
                    // What is on its way to the disk must not arrive later.
                    file.flush().await?;
                    let version = content.transfer.version().filter(|_| !is_decompressed);
                    part.begin(&name, version)?;
                    written = 0;
                }
            }
        }
        finish(file, true).await?;
        Ok((part, written))
    }

    /// Writes the file over what is there.
    async fn write_in_place(self, mut std: std::fs::File, is_regular: bool) -> Result<u64, Failed> {
        let mut file = File::from_std(std.try_clone()?);
        let mut content = self.content(match is_regular {
            true => Restarts::Allowed,
            false => Restarts::Never,
        });
        let mut written = 0;
        while let Some(event) = content.next().await? {
            match event {
                Event::Chunk(chunk) => {
                    file.write_all(&chunk).await?;
                    written += chunk.len() as u64;
                }
                Event::Begin if is_regular => {
                    file.flush().await?;
                    std.set_len(0)?;
                    std.rewind()?;
                    written = 0;
                }
                Event::Begin => {}
            }
        }
        finish(file, is_regular).await?;
        Ok(written)
    }
}

/// What failed: the file of the caller, or the transfer.
enum Failed {
    File(std::io::Error),
    Transfer(Error),
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Transfer(error)
    }
}

/// Makes sure that all of a file is written: the last chunk is still on its way to the disk, which may be
/// full.
async fn finish(mut file: File, is_regular: bool) -> Result<(), std::io::Error> {
    file.flush().await?;
    match is_regular {
        true => match file.sync_all().await {
            // File systems that have no disk return this.
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Ok(()),
            done => done,
        },
        // A device or a pipe has no disk.
        false => Ok(()),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(std::io::Error::other)?
}
