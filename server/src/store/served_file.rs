//! An open file of the served tree, at one version.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::{media, signature, version};

/// A regular file inside the root, open for reading, with the version that it had when it was opened.
/// Clones share the descriptor.
#[derive(Debug, Clone)]
pub struct ServedFile {
    /// Path below the root: no links, no leading slash, `/` between components.
    pub path: String,
    /// Opaque tag of the content.
    pub version: String,
    /// Size in bytes.
    pub size: u64,
    /// Last modification, nanoseconds since 1970-01-01 UTC.
    pub modified: i64,
    file: Arc<File>,
}

impl ServedFile {
    /// Takes the version of an open regular file. Blocks for a moment when the file changed just now,
    /// so that a later change cannot go unnoticed.
    pub(crate) fn new(path: String, file: File) -> io::Result<Self> {
        let mut metadata = file.metadata()?;
        if let Some(wait) = version::unsettled(&metadata) {
            std::thread::sleep(wait);
            metadata = file.metadata()?;
        }
        Ok(Self {
            path,
            version: version::tag(&metadata),
            size: metadata.len(),
            modified: version::modified(&metadata),
            file: Arc::new(file),
        })
    }

    /// Fills `buffer` with the bytes from `offset` on. Blocks.
    ///
    /// # Errors
    /// Those of `pread`; [`io::ErrorKind::UnexpectedEof`] when the file ends before.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    /// The open file. It is shared: use positioned reads only.
    #[must_use]
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Whether the file begins as HDF5 files do. Blocks.
    #[must_use]
    pub fn is_hdf5(&self) -> bool {
        signature::has_signature(&self.file, self.size)
    }

    /// The media type, by name and content. Blocks.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        media::of(&self.path, || Some((&*self.file, self.size)))
    }

    /// Whether the content is still that of [`Self::version`]. Blocks for one `fstat`.
    ///
    /// # Errors
    /// Those of `fstat`.
    pub fn is_current(&self) -> io::Result<bool> {
        Ok(version::tag(&self.file.metadata()?) == self.version)
    }
}
