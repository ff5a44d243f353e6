//! An open file of the served tree, at one version.

use std::borrow::Cow;
use std::fmt::Debug;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use rustix::io::{ReadWriteFlags, preadv2};

use super::{StoreError, media, signature, tree, version};
use crate::catalogue::Listed;
use crate::history::{self, Content, Histories};

/// A regular file inside the root, open for reading, with the version that it had when it was opened.
/// Clones share the descriptor.
#[derive(Debug, Clone)]
pub struct ServedFile {
    /// Where it is below the root: no links, no leading slash, `/` between components.
    pub path: String,
    /// Opaque tag of the content.
    pub version: String,
    /// Size in bytes.
    pub size: u64,
    /// Last modification, nanoseconds since 1970-01-01 UTC.
    pub modified: i64,
    /// What a catalogue says of it.
    pub(super) listed: Option<Arc<Listed>>,
    file: Arc<File>,
    /// What becomes of it while it is read; none on a server that writes nothing.
    histories: Option<Arc<Histories>>,
    /// Whose writer's view it is, if not that of readers.
    staged: Option<Arc<dyn Staged>>,
}

/// A file as its writer sees it, with what was not committed yet.
pub(crate) trait Staged: Debug + Send + Sync {
    /// Fills `buffer` with the bytes from `offset` on. Blocks.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ServedFile {
    /// Takes the version of an open regular file. Blocks for a moment when the file changed just now,
    /// so that a later change cannot go unnoticed.
    pub(super) fn new(
        path: String,
        file: File,
        histories: Option<Arc<Histories>>,
    ) -> Result<Self, StoreError> {
        let file = Arc::new(file);
        let mut metadata = file.metadata()?;
        if let Some(content) = written(&path, &metadata, histories.as_ref())? {
            return Ok(Self::at(path, Content { file, ..content }, histories));
        }
        if let Some(wait) = version::unsettled(&metadata) {
            std::thread::sleep(wait);
            metadata = file.metadata()?;
        }
        let content = Content::new(Arc::clone(&file), &metadata);
        if let Some(histories) = &histories {
            histories.tell(&path, &content.version);
        }
        // A writer may have begun meanwhile; then the metadata may tell of what is not committed.
        let content = match written(&path, &metadata, histories.as_ref())? {
            Some(written) => Content { file, ..written },
            None => content,
        };
        Ok(Self::at(path, content, histories))
    }

    /// A content of a file that is or was written.
    pub(crate) fn of(path: String, content: Content, histories: Arc<Histories>) -> Self {
        Self::at(path, content, Some(histories))
    }

    /// The same file as its writer sees it.
    pub(crate) fn seen_by_writer(self, staged: Arc<dyn Staged>) -> Self {
        Self {
            staged: Some(staged),
            ..self
        }
    }

    fn at(path: String, content: Content, histories: Option<Arc<Histories>>) -> Self {
        Self {
            path,
            version: content.version,
            size: content.size,
            modified: content.modified,
            listed: None,
            file: content.file,
            histories,
            staged: None,
        }
    }

    /// The same file by the name that a catalogue gives to it.
    pub(super) fn known_as(self, listed: Arc<Listed>) -> Self {
        Self {
            listed: Some(listed),
            ..self
        }
    }

    /// The path by which clients know it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.listed.as_ref().map_or(&self.path, |listed| &listed.name)
    }

    /// Fills `buffer` with the bytes from `offset` on. Blocks.
    ///
    /// # Errors
    /// Those of `pread`; [`io::ErrorKind::UnexpectedEof`] when the file ends before.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        if let Some(staged) = &self.staged {
            return staged.read_at(buffer, offset);
        }
        let Some(histories) = &self.histories else {
            return self.file.read_exact_at(buffer, offset);
        };
        let filled = history::read_what_is_there(&self.file, buffer, offset)?;
        // Only now: what is overwritten from here on is not in the buffer.
        let earlier = match histories.get(&self.path) {
            Some(chain) => chain.lay_over(&self.version, buffer, offset)?,
            None => false,
        };
        if filled < buffer.len() && !earlier {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Like [`Self::read_at`] for bytes that the kernel has in memory, and without blocking;
    /// [`io::ErrorKind::WouldBlock`] for others.
    pub(crate) fn read_cached_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        if self.staged.is_some() || self.histories.is_some() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let wanted = buffer.len();
        let into = &mut [io::IoSliceMut::new(buffer)];
        match preadv2(&*self.file, into, offset, ReadWriteFlags::NOWAIT) {
            Ok(read) if read == wanted => Ok(()),
            // Also for file systems that cannot tell, and for files that ended: to be read in the ordinary way.
            Ok(_) | Err(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Whether the file begins as HDF5 files do. Blocks.
    #[must_use]
    pub fn is_hdf5(&self) -> bool {
        signature::has_signature(&self.file, self.size)
    }

    /// The media type, as a catalogue has it, or by name and content. Blocks.
    #[must_use]
    pub fn media_type(&self) -> Cow<'static, str> {
        self.shown().media_type
    }

    /// As listings show it. Blocks.
    pub(crate) fn shown(&self) -> tree::File {
        match &self.listed {
            Some(listed) => listed.shown(),
            None => tree::File {
                media_type: media::of(&self.path, || Some((&*self.file, self.size))).into(),
                size: self.size,
                modified: self.modified / 1_000_000_000,
            },
        }
    }

    /// Whether the content of [`Self::version`] can still be read, so that what was read until now is of it.
    /// Blocks for one `fstat`.
    ///
    /// # Errors
    /// Those of `fstat`.
    pub fn is_current(&self) -> io::Result<bool> {
        if self.staged.is_some() {
            return Ok(true);
        }
        let chain = self
            .histories
            .as_ref()
            .and_then(|histories| histories.get(&self.path));
        if let Some(chain) = chain
            && let Some(current) = chain.is_current(&self.version)?
        {
            return Ok(current);
        }
        Ok(version::tag(&self.file.metadata()?) == self.version)
    }

    /// What a process that opens the file by its path will find: the tag of its metadata, or `None` while
    /// they change because somebody writes it. Whether it found [`Self::version`] is to be asked before and
    /// afterwards with [`Self::is_at_rest`].
    #[must_use]
    pub(crate) fn stamp(&self) -> Option<String> {
        let chain = self
            .histories
            .as_ref()
            .and_then(|histories| histories.get(&self.path));
        match chain {
            Some(chain) if chain.knows(&self.version) => chain.stamp(&self.version),
            _ => Some(self.version.clone()),
        }
    }

    /// Whether [`Self::version`] is the present one, and no commit is changing it.
    #[must_use]
    pub(crate) fn is_at_rest(&self) -> bool {
        let chain = self
            .histories
            .as_ref()
            .and_then(|histories| histories.get(&self.path));
        chain.is_none_or(|chain| !chain.knows(&self.version) || chain.is_at_rest(&self.version))
    }
}

/// What readers see of a file with these metadata, if it is or was written.
fn written(
    path: &str,
    metadata: &Metadata,
    histories: Option<&Arc<Histories>>,
) -> Result<Option<Content>, StoreError> {
    let Some(chain) = histories.and_then(|histories| histories.get(path)) else {
        return Ok(None);
    };
    let inode = (metadata.dev(), metadata.ino());
    Ok(chain.look(inode, &version::tag(metadata))?)
}
