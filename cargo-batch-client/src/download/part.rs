//! A file that is written beside its place until it is complete.
//!
//! Its name follows from the place, so that a download resumes with the part of a process that was killed,
//! and parts don't pile up. It is locked, so that no two downloads write to one; the second takes the next
//! name. What it is a part of is recorded in a file beside it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize};

use super::place::Kept;
use super::version::Version;

/// How many downloads there may be to one place at once.
const AT_ONCE: u32 = 100;

/// The longest name that file systems take, in bytes.
const NAME: usize = 255;

/// A locked file beside its place; removed when it is dropped.
#[derive(Debug)]
pub(super) struct Part {
    /// `None` once it has moved.
    path: Option<PathBuf>,
    file: File,
}

/// What a part is a part of.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Origin {
    download: String,
    etag: String,
    total: u64,
    /// After a crash of the machine a part may be longer than what was written to its disk.
    boot: String,
}

impl Part {
    /// Opens a part of the file that is to be at a path.
    pub fn open(target: &Path, kept: Kept) -> io::Result<Self> {
        for number in 0..AT_ONCE {
            let path = beside(target, number);
            let Some(file) = lock(&path)? else {
                continue;
            };
            let part = Self {
                path: Some(path),
                file,
            };
            if let Some(kept) = kept {
                part.file.set_permissions(kept)?;
            }
            return Ok(part);
        }
        let what = format!("{AT_ONCE} other downloads are writing to it");
        Err(io::Error::new(io::ErrorKind::ResourceBusy, what))
    }

    pub fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// Returns another handle of the file.
    pub fn writer(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Returns what there is of a download already, and how much of it; the file is cut there.
    pub fn resumed(&self, download: &str) -> Option<(Version, u64)> {
        let kept = fs::read(self.origin_path()).ok()?;
        let origin: Origin = serde_json::from_slice(&kept).ok()?;
        if origin.download != download || origin.boot != boot() {
            return None;
        }
        let length = self.file.metadata().ok()?.len();
        // At least a byte is asked for, to hear whether the file is still the same.
        let received = length.min(origin.total.checked_sub(1)?);
        if length > origin.total || received == 0 {
            return None;
        }
        let version = Version {
            tag: Ok(HeaderValue::try_from(origin.etag).ok()?),
            total: Some(origin.total),
        };
        self.file.set_len(received).ok()?;
        (&self.file).seek(io::SeekFrom::End(0)).ok()?;
        Some((version, received))
    }

    /// Empties it, and records which version of a download is to be written to it, if that can be resumed.
    pub fn begin(&self, download: &str, version: Option<&Version>) -> io::Result<()> {
        let origin = version.and_then(|version| {
            Some(Origin {
                download: download.to_owned(),
                etag: version.tag.as_ref().ok()?.to_str().ok()?.to_owned(),
                total: version.total?,
                boot: boot(),
            })
        });
        let path = self.origin_path();
        // First of all: what it records is of other bytes.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.file.set_len(0)?;
        (&self.file).rewind()?;
        if let Some(origin) = origin {
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&path)?;
            serde_json::to_writer(file, &origin)?;
        }
        Ok(())
    }

    /// Returns whether nothing of a file that exists is lost when this one takes its place.
    #[cfg(unix)]
    pub fn may_replace(&self, existing: &Metadata) -> bool {
        use std::os::unix::fs::MetadataExt;

        let owners = |of: &Metadata| (of.uid(), of.gid());
        let own = self.file.metadata();
        existing.nlink() == 1 && own.is_ok_and(|own| owners(&own) == owners(existing))
    }

    /// Returns whether nothing of a file that exists is lost when this one takes its place.
    #[cfg(not(unix))]
    pub fn may_replace(&self, _existing: &Metadata) -> bool {
        true
    }

    /// Records that it has another name now.
    pub fn moved(mut self) {
        fs::remove_file(self.origin_path()).ok();
        self.path = None;
    }

    /// Writes it over a file that exists.
    pub fn copy_to(mut self, path: &Path) -> io::Result<()> {
        let mut to = OpenOptions::new().write(true).truncate(true).open(path)?;
        self.file.rewind()?;
        io::copy(&mut self.file, &mut to)?;
        to.sync_all()
    }

    fn origin_path(&self) -> PathBuf {
        let mut path = self.path().as_os_str().to_owned();
        path.push(".of");
        path.into()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            fs::remove_file(self.origin_path()).ok();
            fs::remove_file(path).ok();
        }
    }
}

/// Opens a part for reading and writing, and locks it; nothing where another download has it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = match options.clone().create_new(true).open(path) {
        Ok(file) => {
            // Where nothing can be locked, it is enough that it was created here.
            let is_locked = !matches!(
                fs4::FileExt::try_lock(&file),
                Err(fs4::TryLockError::WouldBlock)
            );
            return Ok(is_locked.then_some(file).filter(|file| is_at(file, path)));
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Not what a symbolic link points to, wherever that is.
            if !fs::symlink_metadata(path).is_ok_and(|there| there.is_file()) {
                return Ok(None);
            }
            options.open(path)
        }
        Err(error) => return Err(error),
    };
    let Ok(file) = file else {
        return Ok(None);
    };
    let is_locked = fs4::FileExt::try_lock(&file).is_ok();
    // Meanwhile it may have been completed and moved to its place: then it is no part any more.
    Ok(is_locked.then_some(file).filter(|file| is_at(file, path)))
}

/// Returns whether a file is still the one at a path, and at no other.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let (Ok(file), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else {
        return false;
    };
    let id = |of: &Metadata| (of.dev(), of.ino(), of.nlink());
    id(&file) == id(&there) && file.nlink() == 1
}

/// Returns whether there is a file at a path: what was moved from there is not.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|there| there.is_file())
}

/// `results.csv` -> `results.csv.part-1a2b3c4d`; a name that would become too long is cut.
fn beside(target: &Path, number: u32) -> PathBuf {
    let name = target.file_name().unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    (name, number).hash(&mut hasher);
    let end = format!(".part-{:08x}", hasher.finish() as u32);
    let longest = NAME - end.len() - ".of".len();
    let path = match name.len() > longest {
        true => {
            let text = name.to_string_lossy();
            let mut cut = longest.min(text.len());
            while !text.is_char_boundary(cut) {
                cut -= 1;
            }
            target.with_file_name(&text[..cut])
        }
        false => target.to_owned(),
    };
    let mut path = path.into_os_string();
    path.push(end);
    path.into()
}

/// Which start of the machine this is, where the system says so.
fn boot() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    boot.map(|boot| boot.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(etag: &'static str, total: u64) -> Version {
        Version {
            tag: Ok(HeaderValue::from_static(etag)),
            total: Some(total),
        }
    }

    /// Writes some of a file and is killed: nothing is dropped.
    fn killed(target: &Path, bytes: &[u8]) {
        let part = Part::open(target, None).unwrap();
        part.begin("download of a", Some(&version("\"1\"", 10)))
            .unwrap();
        io::Write::write_all(&mut &part.file, bytes).unwrap();
        let path = part.path().to_owned();
        let origin = fs::read(part.origin_path()).unwrap();
        drop(part);
        fs::write(&path, bytes).unwrap();
        fs::write(path.with_extension(ending(&path)), origin).unwrap();
    }

    fn ending(path: &Path) -> String {
        format!("{}.of", path.extension().unwrap().to_str().unwrap())
    }

    #[test]
    fn a_part_is_gone_on_with_only_if_it_is_of_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("r.csv");
        for (bytes, download, from) in [
            (&b"0123"[..], "download of a", Some(4)),
            // Complete, but never moved: the last byte is requested again.
            (b"0123456789", "download of a", Some(9)),
            (b"0123456789x", "download of a", None),
            (b"", "download of a", None),
            (b"0123", "download of b", None),
        ] {
            killed(&target, bytes);
            let part = Part::open(&target, None).unwrap();
            let resumed = part.resumed(download).map(|(_, from)| from);
            assert_eq!(resumed, from, "{bytes:?} of {download}");
            if let Some(from) = from {
                assert_eq!(part.file.metadata().unwrap().len(), from);
            }
            drop(part);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn no_two_have_one_and_a_moved_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("r.csv");
        let first = Part::open(&target, None).unwrap();
        let second = Part::open(&target, None).unwrap();
        assert_ne!(first.path(), second.path());
        let freed = first.path().to_owned();
        fs::rename(&freed, &target).unwrap();
        first.moved();
        let third = Part::open(&target, None).unwrap();
        assert_eq!(third.path(), freed);
        drop((second, third));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_a_part_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("r.csv");
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "kept").unwrap();
        let (link, hard) = (beside(&target, 0), beside(&target, 1));
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        fs::hard_link(&elsewhere, &hard).unwrap();
        let part = Part::open(&target, None).unwrap();
        assert_eq!(part.path(), beside(&target, 2));
        part.begin("a", None).unwrap();
        assert_eq!(fs::read(&elsewhere).unwrap(), b"kept");
    }

    #[test]
    fn every_name_is_short_enough() {
        for name in ["x".repeat(255), "\u{e9}".repeat(127), "x".into()] {
            let path = beside(Path::new(&name), 7);
            let length = path.as_os_str().len() + ".of".len();
            assert!(length <= NAME, "{length}");
            assert_ne!(path, beside(Path::new(&name), 8));
        }
    }
}
