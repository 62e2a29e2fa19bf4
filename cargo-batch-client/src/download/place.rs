//! The place of a file, found before a byte of it is fetched.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use super::part::Part;

/// How many symbolic links are followed from one to the next; Linux has the same limit.
const LINKS: usize = 40;

/// How a file gets to where it is to be.
#[derive(Debug)]
pub(super) enum Place {
    /// Written beside it, and moved there once it is complete.
    Beside(Part, Target),
    /// Written where it is to be: a device, a pipe, or a file in a folder that can't be written to.
    InPlace { file: File, is_regular: bool },
}

/// A place that a complete file is moved to.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    /// Its hard links and its owner would be lost if another file replaced it.
    is_copied_to: bool,
}

impl Place {
    /// Finds out how a file gets to a path.
    ///
    /// # Errors
    /// When it can't.
    pub fn find(path: &Path) -> io::Result<Self> {
        let is_folder =
            || io::Error::new(io::ErrorKind::IsADirectory, "it is a folder, not a file");
        if path.as_os_str().is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the path is empty",
            ));
        }
        let end = path.as_os_str().as_encoded_bytes().last().copied();
        let ends_as_folder = end.is_some_and(|end| std::path::is_separator(char::from(end)));
        if ends_as_folder || path.file_name().is_none() {
            return Err(is_folder());
        }
        let Some(existing) = found(fs::metadata(path))? else {
            let path = target(path)?;
            let part = Part::open(&path, None)?;
            let target = Target {
                path,
                is_copied_to: false,
            };
            return Ok(Self::Beside(part, target));
        };
        if existing.is_dir() {
            return Err(is_folder());
        }
        let is_regular = existing.is_file();
        // What can't be written to isn't replaced either.
        let file = OpenOptions::new().write(true).open(path)?;
        if !is_regular {
            return Ok(Self::InPlace { file, is_regular });
        }
        let path = target(path)?;
        let is_there = found(fs::symlink_metadata(&path))?.is_some();
        let part = match is_there {
            true => Part::open(&path, Some(existing.permissions())),
            // Such as `/proc/self/fd/3` of a file that was removed.
            false => return Ok(Self::InPlace { file, is_regular }),
        };
        let Ok(part) = part else {
            return Ok(Self::InPlace { file, is_regular });
        };
        let is_copied_to = !part.may_replace(&existing);
        Ok(Self::Beside(part, Target { path, is_copied_to }))
    }
}

impl Target {
    /// Moves a part to this place, or copies it to where it can't be moved.
    pub fn take(&self, part: Part) -> io::Result<()> {
        let moved = match self.is_copied_to {
            true => Err(io::ErrorKind::CrossesDevices.into()),
            false => fs::rename(part.path(), &self.path),
        };
        match moved {
            Ok(()) => part.moved(),
            // A file that something is mounted on can't be replaced, but be written to.
            Err(error) if fs::metadata(&self.path).is_ok_and(|there| there.is_file()) => {
                part.copy_to(&self.path).map_err(|_| error)?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Returns where a path leads to, over symbolic links, even if there is nothing yet.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match found(fs::symlink_metadata(&path))? {
            Some(there) if there.is_symlink() => {
                let to = fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(to);
            }
            _ => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

fn found(metadata: io::Result<Metadata>) -> io::Result<Option<Metadata>> {
    match metadata {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The permissions that a part gets from what it is to replace.
pub(super) type Kept = Option<Permissions>;
