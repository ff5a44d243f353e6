//! One remote file, open for writing: what the program writes is kept here, and becomes part of the file on the
//! server all at once, by a commit.
//!
//! Nobody else sees anything of it before. Whatever goes wrong on the way, a commit may be tried again, and when
//! the file is closed without success what was written goes to a recovery file.

use std::sync::Arc;

use crate::{Begin, Class, Error, RemoteFile, RemoteName, Settings};

/// A file on a server that this program writes. Any number of threads may use it; in a forked child every method
/// fails, as only one process can write a file.
#[derive(Debug)]
pub struct WritableFile {
    url: String,
}

impl WritableFile {
    /// Takes the lease of the file `name`, by one request. Nothing changes on the server before the first
    /// [`Self::commit`]. Without `locking` others may write the file, too, and a commit after one of theirs fails.
    ///
    /// # Errors
    /// Any of [`Error`]'s about the network, the server and the file; [`Error::Locked`] while somebody else writes
    /// it.
    pub fn open(
        name: &RemoteName,
        settings: &Settings,
        begin: Begin,
        locking: bool,
    ) -> Result<Arc<Self>, Error> {
        Self::open_below(name, settings, begin, locking, false)
    }

    /// As [`Self::open`]; with `directories` the first commit makes those that are missing above the file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_below(
        name: &RemoteName,
        _settings: &Settings,
        _begin: Begin,
        _locking: bool,
        _directories: bool,
    ) -> Result<Arc<Self>, Error> {
        Err(Error::ReadOnly {
            url: name.url(),
            server: name.server(),
        })
    }

    /// Canonical URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// End of the file as this program sees it, bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        0
    }

    /// Cuts the file, or extends it with zeros.
    pub fn set_size(&self, _size: u64) {}

    /// Fills many buffers with what was written, or with what the server has; beyond the end of the file they are
    /// zero.
    ///
    /// # Errors
    /// As [`RemoteFile::read`].
    pub fn read_vector(&self, _pieces: &mut [(Class, u64, &mut [u8])]) -> Result<(), Error> {
        self.closed()
    }

    /// Keeps what is written; the file grows with it.
    ///
    /// # Errors
    /// [`Error::Spill`] when it does not fit here.
    pub fn write_vector(&self, _pieces: &[(Class, u64, &[u8])]) -> Result<(), Error> {
        self.closed()
    }

    /// What others see of the file at present; `None` as long as it is to be made.
    #[must_use]
    pub fn base(&self) -> Option<Arc<RemoteFile>> {
        None
    }

    /// Makes everything that was written since the last commit part of the file, at once. Sends nothing when that
    /// is nothing. May be called again after an error.
    ///
    /// # Errors
    /// Any of [`Error`]'s about the network and the server; nothing of what was written is lost here by one.
    pub fn commit(&self) -> Result<(), Error> {
        self.closed()
    }

    /// Says whether from now on readers may look at any time (HDF5's SWMR): every write is then kept in its order,
    /// and the marks in the superblock that somebody writes the file are left in it.
    pub fn set_ordered(&self, _on: bool) {}

    /// Commits and gives the lease back. Closing again does nothing.
    ///
    /// # Errors
    /// [`Error::Kept`] when what was written is not on the server but in a recovery file. [`Error::Unsaved`] when
    /// it is not there either; then the file stays open, and this may be called again.
    pub fn close(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Drops everything that was not committed, and gives the lease back.
    pub fn abandon(&self) {}

    fn closed(&self) -> Result<(), Error> {
        Err(Error::Closed {
            url: self.url.clone(),
        })
    }
}
