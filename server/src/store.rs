//! The served tree: ordinary files, read in place and never outside the root.
//!
//! All access goes through a `cap_std` directory opened at the start, so that no race between looking
//! and opening can leave the root. What a request may see of it is a `View`. Everything here blocks.

mod decoy;
pub(crate) mod exact;
mod listed;
mod listing;
mod media;
pub(crate) mod path;
mod place;
mod resolve;
mod ruled;
mod served_file;
mod signature;
mod tree;
pub(crate) mod version;

pub(crate) use place::{Place, sync_directory};
pub use ruled::RuleMismatch;
pub use served_file::ServedFile;
pub(crate) use served_file::Staged;
pub(crate) use tree::{Below, File, Tree};

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata};

use crate::access::Viewer;
use crate::catalogue::Catalogue;
use crate::history::{self, Histories};
use crate::journal;
use decoy::Decoys;
use listed::ListedView;

/// Why a name does not lead to a file. Paths are added where the request is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// Nothing there.
    #[error("there is nothing of that name")]
    Missing,
    /// The name leaves the root. Most requests are told [`Self::Missing`] instead.
    #[error("the name leaves the served tree")]
    Outside,
    /// A directory where a file is needed.
    #[error("it is a directory")]
    Directory,
    /// A file where a directory is needed.
    #[error("it is not a directory")]
    NotDirectory,
    /// A pipe, socket or device; such are never opened.
    #[error("it is not a regular file")]
    Special,
    /// A server that could write it was killed and has to bring it into order.
    #[error("it was being written when a server was killed")]
    Unrecovered,
    /// It is being changed and cannot be read meanwhile.
    #[error("it is being changed")]
    Busy,
    /// The operating system refused.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ELOOP | libc::ENAMETOOLONG | libc::EINVAL) => Self::Missing,
            Some(libc::ENOTDIR) => Self::Missing,
            // cap_std reports an escape as a permission error without a number.
            None if error.kind() == io::ErrorKind::PermissionDenied => Self::Outside,
            None if error.kind() == io::ErrorKind::InvalidInput => Self::Missing,
            _ => Self::Io(error),
        }
    }
}

impl From<history::Busy> for StoreError {
    fn from(_: history::Busy) -> Self {
        Self::Busy
    }
}

/// The served directory.
#[derive(Debug)]
pub struct Store {
    directory: Dir,
    /// The root without links, against which absolute names are compared.
    root: PathBuf,
    decoys: Decoys,
    /// Versions of files that are written, if any can be.
    histories: Option<Arc<Histories>>,
    recovery: Option<Box<dyn Recovery>>,
}

/// Who brings files into order that a crash left behind.
pub(crate) trait Recovery: fmt::Debug + Send + Sync {
    /// Does so for the file `name` of a directory, if it is needed; its path below the root is `path`. Blocks.
    fn recover(&self, path: &str, directory: &Dir, name: &OsStr) -> Result<(), StoreError>;
}

/// What one request may see of the served tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    store: &'a Store,
    viewer: &'a Viewer,
    catalogue: Option<&'a Catalogue>,
}

impl Store {
    /// Opens the directory to serve.
    ///
    /// # Errors
    /// When it does not exist or is not a readable directory.
    pub fn new(root: &Path) -> io::Result<Self> {
        let root = std::fs::canonicalize(root)?;
        let directory = Dir::open_ambient_dir(&root, ambient_authority())?;
        Ok(Self {
            directory,
            root,
            decoys: Decoys::default(),
            histories: None,
            recovery: None,
        })
    }

    /// Shows files that are written as `histories` knows them.
    pub(crate) fn with_histories(self, histories: Arc<Histories>, recovery: impl Recovery + 'static) -> Self {
        Self {
            histories: Some(histories),
            recovery: Some(Box::new(recovery)),
            ..self
        }
    }

    /// The served directory itself.
    pub(crate) fn directory(&self) -> io::Result<Dir> {
        self.directory.try_clone()
    }

    /// The root without links.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What readers are shown of the file at `path`, with this inode and tag, if it is or was written.
    fn written(&self, path: &Path, inode: (u64, u64), tag: &str) -> Option<history::Content> {
        let chain = self.histories.as_ref()?.get(path.to_str()?)?;
        chain.shown(inode, tag)
    }

    /// The tree as `viewer` may see it; with a catalogue, what that lists.
    pub(crate) fn seen_by<'a>(&'a self, viewer: &'a Viewer, catalogue: Option<&'a Catalogue>) -> View<'a> {
        View {
            store: self,
            viewer,
            catalogue,
        }
    }
}

impl<'a> View<'a> {
    /// The same through the catalogue, if there is one.
    fn by_catalogue(&self) -> Option<ListedView<'a>> {
        let catalogue = self.catalogue?;
        Some(ListedView {
            view: *self,
            catalogue,
        })
    }

    /// Opens a regular file by a path below the root, or by an absolute one that leads inside.
    pub(crate) fn open(&self, name: &str) -> Result<ServedFile, StoreError> {
        if let Some(listed) = self.by_catalogue() {
            return listed.open(name);
        }
        let path = if name.starts_with('/') {
            self.resolve_absolute(name)?
        } else if path::is_below_root(name) {
            self.resolve(Path::new(name))?
        } else {
            return Err(StoreError::Missing);
        };
        self.open_resolved(&path)
    }

    /// Opens a file as it was at `version`; `None` if that is not there any more.
    pub(crate) fn open_version(&self, name: &str, version: &str) -> Result<Option<ServedFile>, StoreError> {
        let opened = self.open(name);
        if let Ok(file) = &opened
            && file.version == version
        {
            return opened.map(Some);
        }
        let Some(histories) = &self.store.histories else {
            return opened.map(|_| None);
        };
        let path = match &opened {
            Ok(file) => file.path.clone(),
            // It may have been removed since.
            Err(StoreError::Missing) => self.place(name, false)?.path,
            Err(_) => return opened.map(|_| None),
        };
        let earlier = match histories.get(&path) {
            Some(chain) => chain.at(version)?,
            None => None,
        };
        match earlier {
            Some(content) => Ok(Some(ServedFile::of(path, content, Arc::clone(histories)))),
            None => opened.map(|_| None),
        }
    }

    /// Opens the raw file `name` that the HDF5 file `origin` refers to.
    pub(crate) fn open_beside(&self, origin: &ServedFile, name: &str) -> Result<ServedFile, StoreError> {
        if let Some(listed) = self.by_catalogue() {
            return listed.open_beside(origin, name);
        }
        let path = if name.starts_with('/') {
            self.resolve_absolute(name)?
        } else {
            let path = path::beside(&origin.path, name).ok_or(StoreError::Outside)?;
            self.resolve(Path::new(&path))?
        };
        self.open_resolved(&path)
    }

    fn open_resolved(&self, path: &Path) -> Result<ServedFile, StoreError> {
        let (parent, last) = self.store.parent(path)?;
        check_regular(&parent.symlink_metadata(last)?)?;
        let name = utf8(path.as_os_str()).ok_or(StoreError::Missing)?;
        match &self.store.recovery {
            Some(recovery) => recovery.recover(name, &parent, last)?,
            None if journal::needs_recovery(&parent, last)? => return Err(StoreError::Unrecovered),
            None => {}
        }
        // The name may have changed hands since: opening must not wait for a pipe's other end.
        let file = parent.open_with(last, &exact::reading())?;
        check_regular(&file.metadata()?)?;
        ServedFile::new(name.to_owned(), file.into_std(), self.store.histories.clone())
    }
}

fn check_regular(metadata: &Metadata) -> Result<(), StoreError> {
    if metadata.is_dir() {
        Err(StoreError::Directory)
    } else if metadata.is_file() {
        Ok(())
    } else {
        Err(StoreError::Special)
    }
}

/// The wire holds UTF-8 only; other names cannot be reached.
fn utf8(name: &OsStr) -> Option<&str> {
    name.to_str()
}
