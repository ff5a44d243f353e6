//! Opening by a path that was resolved: no component may have become a link since.

use std::ffi::OsStr;
use std::path::Path;

use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};

use super::{Store, StoreError};

/// Reading a regular file; anything else in its place does not make the server wait.
pub(crate) fn reading() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .follow(FollowSymlinks::No)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC);
    options
}

impl Store {
    /// The directory at `path`, empty for the root.
    pub(super) fn open_directory(&self, path: &Path) -> Result<Dir, StoreError> {
        let mut directory = self.directory.try_clone()?;
        for component in path {
            directory = directory.open_dir_nofollow(component)?;
        }
        Ok(directory)
    }

    /// The directory in which `path` is, and its last component. The root is in none.
    pub(super) fn parent<'a>(&self, path: &'a Path) -> Result<(Dir, &'a OsStr), StoreError> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(last)) => Ok((self.open_directory(parent)?, last)),
            _ => Err(StoreError::Directory),
        }
    }
}
