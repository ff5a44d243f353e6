//! Directories and what is in them.

use std::path::{Path, PathBuf};

use cap_std::fs::{MetadataExt, OpenOptions, OpenOptionsExt};
use hdfstream::protocol::{Entry, EntryKind, ListReply, StatReply};

use super::signature::has_signature;
use super::{Store, StoreError, path, utf8, version};

/// Entries in one page.
const PAGE: usize = 1_000;

impl Store {
    /// One page of the directory `name`: the entries after `after`, sorted by the bytes of their names.
    /// Hidden entries, pipes and the like, and links that lead nowhere or outside are left out.
    pub(crate) fn list(&self, name: &str, after: Option<&str>) -> Result<ListReply, StoreError> {
        let directory = self.locate_any(name)?;
        if !self.directory.metadata(&directory)?.is_dir() {
            return Err(StoreError::NotDirectory);
        }
        let mut names = Vec::new();
        for entry in self.directory.read_dir(&directory)? {
            if let Some(name) = utf8(&entry?.file_name())
                && !name.starts_with('.')
                && after.is_none_or(|after| name > after)
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        let mut entries = Vec::new();
        let mut names = names.into_iter();
        // Pages are filled up, so that a page is never empty while more follow.
        for name in names.by_ref() {
            if let Ok((entry, _)) = self.entry(&directory.join(&name), name) {
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
        let path = self.locate_any(name)?;
        let last = name.rsplit('/').next().unwrap_or_default().to_owned();
        let (entry, version) = self.entry(&path, last)?;
        Ok(StatReply { entry, version })
    }

    /// Like [`Store::open`]'s names, and the empty one for the root.
    fn locate_any(&self, name: &str) -> Result<PathBuf, StoreError> {
        if name.is_empty() {
            Ok(PathBuf::from("."))
        } else if name.starts_with('/') {
            self.locate_absolute(name)
        } else if path::is_below_root(name) {
            self.locate(Path::new(name))
        } else {
            Err(StoreError::Missing)
        }
    }

    fn entry(&self, path: &Path, name: String) -> Result<(Entry, Option<String>), StoreError> {
        let path = self.locate(path)?;
        let metadata = self.directory.metadata(&path)?;
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
            return Ok((entry, None));
        }
        if !metadata.is_file() {
            return Err(StoreError::Special);
        }
        let mut options = OpenOptions::new();
        options
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC);
        // A file that cannot be read is listed as one of unknown content.
        let Ok(file) = self.directory.open_with(&path, &options) else {
            let entry = Entry {
                name,
                kind: EntryKind::File,
                size: metadata.len(),
                modified: metadata.mtime().saturating_mul(1_000_000_000),
            };
            return Ok((entry, None));
        };
        let file = file.into_std();
        let metadata = file.metadata()?;
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
        Ok((entry, Some(version::tag(&metadata))))
    }
}
