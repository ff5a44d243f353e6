//! Files with secrets: readable by their owner, perhaps a group, and nobody else; replaced whole.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::{Builder, NamedTempFile};

use super::users::UsersError;

/// Largest file that is read; ten thousands of accounts.
const MOST_BYTES: u64 = 16 << 20;
/// Longest wait for another program that is changing the file.
const LOCK: Duration = Duration::from_secs(10);

/// Why a file with accounts cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It cannot be read or written.
    #[error("the accounts in {} cannot be {doing}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Read or written.
        doing: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// Others could read or change it.
    #[error(
        "{0} holds logins and is open to other users of this machine; say: chmod o=,g-w {0}",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// It is not there.
    #[error(
        "there is no users file {0}; make the first account with: hdfstream-server user add NAME --users {0}",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Its content is wrong.
    #[error("the users file {} is wrong: {text}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What, and where.
        text: String,
    },
    /// It holds no key.
    #[error("{} holds no key for tokens; remove it, and a new one is made (all tokens end)", .0.display())]
    Key(PathBuf),
    /// Another program is changing it.
    #[error("{} is being changed by another program; try again", .0.display())]
    Locked(PathBuf),
    /// No random numbers.
    #[error("this machine has no random numbers to offer")]
    Random,
}

impl FileError {
    pub(super) fn malformed(path: &Path, error: &UsersError) -> Self {
        Self::Malformed {
            path: path.to_owned(),
            text: error.to_string(),
        }
    }
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError::Io { path, doing, source }
}

/// The text of a file that nobody else can read; `None` if there is none. Blocks.
pub(super) fn read(path: &Path) -> Result<Option<String>, FileError> {
    // A pipe in its place must not make the server wait.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed(path, "read"))?,
    };
    let metadata = file.metadata().map_err(failed(path, "read"))?;
    if !metadata.is_file() || metadata.len() > MOST_BYTES {
        let source = io::Error::other("it is not a file of a sensible size");
        return Err(failed(path, "read")(source));
    }
    if metadata.mode() & 0o027 != 0 {
        return Err(FileError::Open {
            path: path.to_owned(),
        });
    }
    let mut text = String::new();
    file.take(MOST_BYTES)
        .read_to_string(&mut text)
        .map_err(failed(path, "read"))?;
    Ok(Some(text))
}

/// Makes a new file, with the owner of `like` if that is there; leaves one that exists as it is.
pub(super) fn create(path: &Path, text: &str, like: &Path) -> Result<(), FileError> {
    let made = written(path, text, like)?;
    match made.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => {
            Err(failed(path, "written")(error.error))
        }
        _ => Ok(()),
    }
}

/// Changes a file: `change` gets the present text, empty for a new file, and gives the next. Readers see
/// the one or the other; a second writer waits.
pub(super) fn replace<E: From<FileError>>(
    path: &Path,
    change: impl FnOnce(&str) -> Result<String, E>,
) -> Result<(), E> {
    // Behind a link the file itself is replaced.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let lock = lock(path)?;
    let text = change(&read(path)?.unwrap_or_default())?;
    let made = written(path, &text, path)?;
    made.persist(path)
        .map_err(|error| failed(path, "written")(error.error))?;
    drop(lock);
    Ok(())
}

/// The present file, locked; an empty one is made where there is none.
fn lock(path: &Path) -> Result<File, FileError> {
    let end = Instant::now() + LOCK;
    loop {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(failed(path, "written"))?;
        match file.try_lock() {
            // Replaced while the lock was waited for: then the lock is of a file that is gone.
            Ok(()) if is_at(&file, path) => return Ok(file),
            Ok(()) => {}
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(path, "written")(source)),
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
        }
        if Instant::now() > end {
            return Err(FileError::Locked(path.to_owned()));
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let id = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    matches!(
        (file.metadata().map(id), std::fs::metadata(path).map(id)),
        (Ok(open), Ok(there)) if open == there
    )
}

/// A file with `text` in the directory of `path`, safely on the disk, with the mode and owner of `like`.
fn written(path: &Path, text: &str, like: &Path) -> Result<NamedTempFile, FileError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || {
        let mut made = Builder::new().prefix(".hdfstream-").tempfile_in(directory)?;
        made.write_all(text.as_bytes())?;
        if let Ok(like) = std::fs::metadata(like) {
            let own = made.as_file().metadata()?;
            if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
                fchown(made.as_file(), Some(like.uid()), Some(like.gid()))?;
            }
            let mode = 0o600 | like.mode() & 0o040;
            made.as_file().set_permissions(Permissions::from_mode(mode))?;
        }
        made.as_file().sync_all()?;
        Ok(made)
    };
    write().map_err(failed(path, "written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn files_are_private_and_replaced_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users.toml");
        assert_eq!(read(&path).unwrap(), None);
        replace::<FileError>(&path, |old| Ok(format!("{old}one"))).unwrap();
        assert_eq!(mode(&path), 0o600);
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        replace::<FileError>(&link, |old| Ok(format!("{old}two"))).unwrap();
        assert_eq!(
            (read(&path).unwrap().as_deref(), mode(&path)),
            (Some("onetwo"), 0o640)
        );
        assert!(link.is_symlink());
        // A change that fails leaves everything as it was.
        assert!(replace(&path, |_| Err(FileError::Random)).is_err());
        assert_eq!(read(&path).unwrap().as_deref(), Some("onetwo"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn files_that_others_can_read_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users.toml");
        std::fs::write(&path, "").unwrap();
        for mode in [0o604, 0o602, 0o620, 0o644] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let message = read(&path).unwrap_err().to_string();
            assert!(
                message.contains("chmod") && message.contains("users.toml"),
                "{message}"
            );
        }
    }

    #[test]
    fn writers_wait_for_each_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users.toml");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        replace::<FileError>(&path, |old| Ok(format!("{old}x"))).unwrap();
                    }
                });
            }
        });
        assert_eq!(read(&path).unwrap().unwrap().len(), 80);
    }
}
