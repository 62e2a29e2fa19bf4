//! Saved state as files.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

use crate::Error;

/// Writes the methods of a saved state that store it in a file.
macro_rules! as_file {
    ($saved:ident) => {
        impl $saved {
            /// Writes the saved state to a file atomically: where the process is killed meanwhile, the file has its earlier
            /// content. Its folder must exist. It is flushed to the disk.
            ///
            /// # Errors
            /// [`Io`](crate::ErrorKind::Io) when the file can't be written.
            pub async fn save_to(
                &self,
                path: impl AsRef<std::path::Path>,
            ) -> Result<(), crate::Error> {
                crate::saved_file::write(path.as_ref(), self).await
            }

            /// Reads a file that [`save_to`](Self::save_to) has written; `None` where there is no such file.
            ///
            /// # Errors
            /// [`Io`](crate::ErrorKind::Io) when the file can't be read, or holds something else.
            pub async fn load_from(
                path: impl AsRef<std::path::Path>,
            ) -> Result<Option<Self>, crate::Error> {
                crate::saved_file::read(path.as_ref()).await
            }
        }
    };
}
pub(crate) use as_file;

/// Writes a file of JSON atomically: to a temporary file beside it, to the disk, and then renamed.
pub(crate) async fn write(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let failed = |error| Error::io(format!("cannot write {}", path.display()), error);
    let json = serde_json::to_vec(value).map_err(|error| failed(error.into()))?;
    let beside = beside(path);
    let written = async {
        let mut file = File::create_new(&beside).await?;
        file.write_all(&json).await?;
        file.sync_all().await?;
        fs::rename(&beside, path).await?;
        sync_folder(path).await
    };
    let written = written.await;
    if written.is_err() {
        fs::remove_file(&beside).await.ok();
    }
    written.map_err(failed)
}

/// Reads a file of JSON; `None` where there is none.
pub(crate) async fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let failed = |error| Error::io(format!("cannot read {}", path.display()), error);
    match fs::read(path).await {
        Ok(json) => serde_json::from_slice(&json)
            .map(Some)
            .map_err(|error| failed(error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Flushes the name to the disk, where folders can be opened.
async fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .await?
            .sync_all()
            .await?;
    }
    Ok(())
}

/// `job.json` -> `job.json.1a2b3c4d.tmp`: several writers of one file don't collide.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:08x}.tmp", fastrand::u32(..)));
    name.into()
}
