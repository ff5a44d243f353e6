//! Directories and what is in them.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, MetadataExt};
use hdfstream::protocol::{Entry, EntryKind, ListReply, StatReply};

use super::signature::has_signature;
use super::{StoreError, View, exact, path, utf8, version};

/// Entries in one page.
pub(super) const PAGE: usize = 1_000;

impl View<'_> {
    /// One page of the directory `name`: the entries after `after`, sorted by the bytes of their names.
    /// Hidden entries, pipes and the like, and links that lead nowhere or outside are left out.
    pub(crate) fn list(&self, name: &str, after: Option<&str>) -> Result<ListReply, StoreError> {
        if let Some(listed) = self.by_catalogue() {
            return listed.list(name, after);
        }
        let path = self.resolve_any(name)?;
        let directory = self.directory(&path)?;
        let mut names = Vec::new();
        for entry in directory.entries()? {
            if let Some(name) = utf8(&entry?.file_name())
                && !name.starts_with('.')
                && after.is_none_or(|after| name > after)
                && self.viewer.may_read(&path.join(name))
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        let mut entries = Vec::new();
        let mut names = names.into_iter();
        // Pages are filled up, so that a page is never empty while more follow.
        for name in names.by_ref() {
            if let Ok((entry, _)) = self.listed(&path, &directory, name) {
                entries.push(entry);
                if entries.len() == PAGE {
                    break;
                }
            }
        }
        Ok(ListReply {
            entries,
            more: names.len() > 0,
        })
    }

    /// What is at `name`; empty for the root.
    pub(crate) fn stat(&self, name: &str) -> Result<StatReply, StoreError> {
        if let Some(listed) = self.by_catalogue() {
            return listed.stat(name);
        }
        let path = self.resolve_any(name)?;
        let last = name.rsplit('/').next().unwrap_or_default().to_owned();
        let (entry, version) = match self.store.parent(&path) {
            Ok((parent, real)) => self.entry(&path, &parent, real, last)?,
            Err(StoreError::Directory) => self.entry(&path, &self.store.directory, OsStr::new("."), last)?,
            Err(error) => return Err(error),
        };
        Ok(StatReply { entry, version })
    }

    /// Like [`View::open`]'s names, and the empty one for the root.
    fn resolve_any(&self, name: &str) -> Result<PathBuf, StoreError> {
        if name.starts_with('/') {
            self.resolve_absolute(name)
        } else if name.is_empty() || path::is_below_root(name) {
            self.resolve(Path::new(name))
        } else {
            Err(StoreError::Missing)
        }
    }

    fn directory(&self, path: &Path) -> Result<Dir, StoreError> {
        if let Ok((parent, last)) = self.store.parent(path)
            && !parent.symlink_metadata(last)?.is_dir()
        {
            return Err(StoreError::NotDirectory);
        }
        self.store.open_directory(path)
    }

    /// The entry `name` of the directory at `path`; for a link, what it leads to.
    fn listed(&self, path: &Path, directory: &Dir, name: String) -> Result<Described, StoreError> {
        if !directory.symlink_metadata(&name)?.is_symlink() {
            return self.entry(&path.join(&name), directory, OsStr::new(&name.clone()), name);
        }
        let real = self.resolve_entry(path, OsStr::new(&name))?;
        match self.store.parent(&real) {
            Ok((parent, last)) => self.entry(&real, &parent, last, name),
            Err(StoreError::Directory) => self.entry(&real, &self.store.directory, OsStr::new("."), name),
            Err(error) => Err(error),
        }
    }

    /// Describes what is at `at` in `parent`, by its real path `path`, under the name `name`.
    pub(super) fn entry(
        &self,
        path: &Path,
        parent: &Dir,
        at: &OsStr,
        name: String,
    ) -> Result<Described, StoreError> {
        let (mut entry, inode, mut version) = entry(parent, at, name)?;
        if let Some(tag) = &mut version
            && let Some(content) = self.store.written(path, inode, tag)
        {
            entry.size = content.size;
            entry.modified = content.modified;
            *tag = content.version;
        }
        Ok((entry, version))
    }
}

/// An entry and, for a file, its version.
pub(super) type Described = (Entry, Option<String>);

/// Device and inode.
type Inode = (u64, u64);

/// Describes what is at `at` in `parent` by its metadata, under the name `name`; with its inode.
fn entry(parent: &Dir, at: &OsStr, name: String) -> Result<(Entry, Inode, Option<String>), StoreError> {
    let metadata = parent.symlink_metadata(at)?;
    let inode = (metadata.dev(), metadata.ino());
    if metadata.is_dir() {
        let modified = metadata
            .mtime()
            .saturating_mul(1_000_000_000)
            .saturating_add(metadata.mtime_nsec());
        let entry = Entry {
            name,
            kind: EntryKind::Directory,
            size: 0,
            modified,
        };
        return Ok((entry, inode, None));
    }
    if !metadata.is_file() {
        return Err(StoreError::Special);
    }
    // A file that cannot be read is listed as one of unknown content.
    let Ok(file) = parent.open_with(at, &exact::reading()) else {
        let entry = Entry {
            name,
            kind: EntryKind::File,
            size: metadata.len(),
            modified: metadata.mtime().saturating_mul(1_000_000_000),
        };
        return Ok((entry, inode, None));
    };
    let file = file.into_std();
    let metadata = file.metadata()?;
    let inode = (metadata.dev(), metadata.ino());
    let kind = if metadata.is_file() && has_signature(&file, metadata.len()) {
        EntryKind::Hdf5
    } else {
        EntryKind::File
    };
    let entry = Entry {
        name,
        kind,
        size: metadata.len(),
        modified: version::modified(&metadata),
    };
    Ok((entry, inode, Some(version::tag(&metadata))))
}
