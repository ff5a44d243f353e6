//! Names under which something is to be made or changed: the last component need not exist.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use cap_std::fs::Dir;

use super::{StoreError, View, path, utf8};
use crate::journal;

/// Where something is or would be.
#[derive(Debug)]
pub(crate) struct Place {
    /// Below the root, without links.
    pub(crate) path: String,
    /// The innermost directory above it that exists.
    pub(crate) directory: Dir,
    /// Directories between that one and it, which do not exist.
    pub(crate) missing: Vec<String>,
    /// The last component.
    pub(crate) name: OsString,
    /// Whether there is something.
    pub(crate) exists: bool,
}

impl Place {
    /// Makes the missing directories, and returns the one in which the name is. Blocks.
    pub(crate) fn parent(&self) -> io::Result<Dir> {
        let mut directory = self.directory.try_clone()?;
        for name in &self.missing {
            match directory.create_dir(name) {
                Ok(()) => sync_directory(&directory)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            directory = cap_fs_ext::DirExt::open_dir_nofollow(&directory, name)?;
        }
        Ok(directory)
    }
}

impl View<'_> {
    /// The place of a name, links followed. Unless `directories`, the directory in which it is must exist.
    pub(crate) fn place(&self, name: &str, directories: bool) -> Result<Place, StoreError> {
        let found = match name.starts_with('/') {
            true => self.resolve_absolute(name),
            false if path::is_below_root(name) => self.resolve(Path::new(name)),
            false => return Err(StoreError::Missing),
        };
        match found {
            Ok(real) => {
                let (directory, last) = self.store.parent(&real)?;
                place(&real, directory, Vec::new(), last, true)
            }
            Err(StoreError::Missing) if !name.starts_with('/') => {
                let place = self.free(name, directories)?;
                let leads = !place.exists || !place.directory.symlink_metadata(&place.name)?.is_symlink();
                // A link that leads nowhere, or where this user may not go.
                if leads {
                    Ok(place)
                } else {
                    Err(StoreError::Missing)
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The place of a name that is not to be followed if it is a link.
    pub(crate) fn place_of_entry(&self, name: &str) -> Result<Place, StoreError> {
        if !path::is_below_root(name) {
            return Err(if name.is_empty() {
                StoreError::Directory
            } else {
                StoreError::Missing
            });
        }
        self.free(name, false)
    }

    /// The place of `name`, which may be free.
    fn free(&self, name: &str, directories: bool) -> Result<Place, StoreError> {
        let mut missing = Vec::new();
        let (mut above, last) = name.rsplit_once('/').unwrap_or(("", name));
        let real = loop {
            match self.resolve(Path::new(above)) {
                Ok(real) => break real,
                Err(StoreError::Missing) if directories && !above.is_empty() => {
                    let (further, component) = above.rsplit_once('/').unwrap_or(("", above));
                    missing.push(component.to_owned());
                    above = further;
                }
                Err(error) => return Err(error),
            }
        };
        missing.reverse();
        if let Ok((parent, last)) = self.store.parent(&real)
            && !parent.symlink_metadata(last)?.is_dir()
        {
            return Err(StoreError::NotDirectory);
        }
        let directory = self.store.open_directory(&real)?;
        let mut path = real;
        path.extend(&missing);
        path.push(last);
        if path.iter().any(journal::is_own) {
            return Err(StoreError::Missing);
        }
        if !self.viewer.may_read(&path) || !self.viewer.may_read(Path::new(name)) {
            return Err(StoreError::Missing);
        }
        // A directory that is not followed to, because its link leads nowhere, is none.
        let first = missing.first().map_or(last, String::as_str);
        let exists = directory.symlink_metadata(first).is_ok();
        if exists && !missing.is_empty() {
            return Err(StoreError::NotDirectory);
        }
        place(&path, directory, missing, OsStr::new(last), exists)
    }
}

/// Waits until the names in a directory are on the disk.
pub(crate) fn sync_directory(directory: &Dir) -> io::Result<()> {
    match directory.open(".")?.sync_all() {
        // Some network file systems have nothing to sync here.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        other => other,
    }
}

fn place(
    path: &Path,
    directory: Dir,
    missing: Vec<String>,
    name: &OsStr,
    exists: bool,
) -> Result<Place, StoreError> {
    let path = utf8(path.as_os_str()).ok_or(StoreError::Missing)?.to_owned();
    Ok(Place {
        path,
        directory,
        missing,
        name: name.to_owned(),
        exists,
    })
}
