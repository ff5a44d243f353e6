//! The part of a file that has arrived: `.NAME.part`, with a note beside it that says of what.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::DownloadError;
use super::digest::Digests;

/// Longest name of a file on the usual file systems, bytes.
const LONGEST: usize = 255;

/// What a partial file is a part of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    url: String,
    version: String,
}

/// A file on its way, locked against other programs that would fetch to the same place.
pub(super) struct Partial {
    file: File,
    path: PathBuf,
    note: PathBuf,
    length: u64,
}

impl Partial {
    /// Opens what there is of this version of this file, or begins anew.
    pub(super) fn open(target: &Path, url: &str, version: &str) -> Result<Self, DownloadError> {
        let (path, note) = names(target);
        let failed = failure(&path);
        // A link or a device that somebody put there must not be written to.
        match fs::symlink_metadata(&path) {
            Ok(found) if !found.is_file() => {
                return Err(failed(io::Error::new(
                    ErrorKind::AlreadyExists,
                    "this is in the way; remove it",
                )));
            }
            _ => {}
        }
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)
            .map_err(&failed)?;
        match file.try_lock() {
            // Some network file systems have no locks; then the user takes care.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => return Err(DownloadError::InUse(target.to_path_buf())),
        }
        let mut partial = Self {
            file,
            path,
            note,
            length: 0,
        };
        let now = Note {
            url: url.to_owned(),
            version: version.to_owned(),
        };
        if read_note(&partial.note).as_ref() == Some(&now) {
            partial.length = partial.file.metadata().map_err(&failed)?.len();
        } else {
            // In this order, so that no bytes ever stand beside the note of another file.
            partial.cut(0)?;
            write_note(&partial.note, &now).map_err(failure(&partial.note))?;
        }
        Ok(partial)
    }

    /// Bytes that are there already.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Where further bytes are appended.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Keeps the first `length` bytes.
    pub(super) fn cut(&mut self, length: u64) -> Result<(), DownloadError> {
        self.file.set_len(length).map_err(failure(&self.path))?;
        self.length = length;
        Ok(())
    }

    /// Digests of what is on the disk.
    pub(super) fn digests(&self) -> io::Result<Vec<[u8; 32]>> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        let mut digests = Digests::default();
        // Larger than what `io::copy` takes: the digest is the work here, not the calls.
        io::copy(&mut io::BufReader::with_capacity(1 << 20, file), &mut digests)?;
        Ok(digests.finish())
    }

    /// Puts the whole file in its place.
    pub(super) fn finish(self, target: &Path, modified: SystemTime) -> Result<(), DownloadError> {
        // A file system that cannot keep the time is no reason to throw the file away.
        if let Err(error) = self.file.set_modified(modified) {
            log::warn!("{}: {error}", self.path.display());
        }
        fs::rename(&self.path, target).map_err(failure(target))?;
        match fs::remove_file(&self.note) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failure(&self.note)(error)),
            _ => Ok(()),
        }
    }

    /// An error of this file.
    pub(super) fn failed(&self, error: io::Error) -> DownloadError {
        failure(&self.path)(error)
    }
}

fn failure(path: &Path) -> impl Fn(io::Error) -> DownloadError + use<> {
    let path = path.to_path_buf();
    move |error| DownloadError::Local {
        path: path.clone(),
        error,
    }
}

/// Names of the partial file and its note, in the folder of `target`.
fn names(target: &Path) -> (PathBuf, PathBuf) {
    let name = target.file_name().unwrap_or_default();
    let beside = |ending: &str| {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        if hidden.len() + ".part.json".len() > LONGEST {
            let tag = digest(&SHA256, name.as_bytes());
            hidden = format!(".{}", hex(&tag.as_ref()[..16])).into();
        }
        hidden.push(ending);
        target.with_file_name(hidden)
    };
    (beside(".part"), beside(".part.json"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the note says; a note that makes no sense is as none.
fn read_note(path: &Path) -> Option<Note> {
    let mut text = String::new();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .ok()?;
    file.take(64 << 10).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write_note(path: &Path, note: &Note) -> io::Result<()> {
    // Made anew, so that whatever stood there is not written through.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = File::create_new(path)?;
    serde_json::to_writer(file, note).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_room_and_stay_beside_the_target() {
        let (part, note) = names(Path::new("/a/b c.h5"));
        assert_eq!(part, Path::new("/a/.b c.h5.part"));
        assert_eq!(note, Path::new("/a/.b c.h5.part.json"));
        assert_eq!(names(Path::new("x")).0, Path::new(".x.part"));
        let long = "é".repeat(127);
        let (part, note) = names(&Path::new("/a").join(&long));
        assert!(part.file_name().unwrap().len() < LONGEST && part != note);
        assert_ne!(names(&Path::new("/a").join(format!("{long}x"))).0, part);
    }

    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let precious = folder.path().join("precious");
        fs::write(&precious, "mine").unwrap();
        let target = folder.path().join("x");
        std::os::unix::fs::symlink(&precious, folder.path().join(".x.part")).unwrap();
        assert!(Partial::open(&target, "u", "v").is_err());
        fs::remove_file(folder.path().join(".x.part")).unwrap();
        std::os::unix::fs::symlink(&precious, folder.path().join(".x.part.json")).unwrap();
        Partial::open(&target, "u", "v").unwrap();
        assert_eq!(fs::read(&precious).unwrap(), b"mine");
    }
}
