//! One remote file, open: where its bytes are read, cached and kept consistent.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::protocol::Intent;
use crate::{Error, RemoteName, Settings};

/// What bytes are for: metadata is kept longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// HDF5's own structures.
    Metadata,
    /// Elements of datasets.
    Raw,
}

/// A file on a server, open at one version.
#[derive(Debug)]
pub struct RemoteFile {
    url: String,
    version: String,
    size: u64,
}

impl RemoteFile {
    /// Opens the file `name`.
    ///
    /// # Errors
    /// Any of [`Error`]'s about the network, the server and the file.
    pub fn open(name: &RemoteName, settings: &Settings, write: bool) -> Result<Arc<Self>, Error> {
        let _ = (settings, write);
        Err(Error::Engine {
            reason: format!("{name} cannot be opened yet"),
        })
    }

    /// Opens the file that a link inside this one names by an absolute path of the server's file system.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_linked(&self, target: &str) -> Result<Arc<Self>, Error> {
        Err(Error::Engine {
            reason: format!("{target} cannot be opened yet"),
        })
    }

    /// Canonical URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Size, bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The server's tag of the content that is open.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Orders by server, path and version; equal when both are the same content of the same file.
    #[must_use]
    pub fn same_file(&self, other: &Self) -> Ordering {
        (&self.url, &self.version).cmp(&(&other.url, &other.version))
    }

    /// Fills `buffer` with the bytes at `offset`; beyond the end of the file they are zero.
    ///
    /// # Errors
    /// Any of [`Error`]'s about the network; [`Error::Changed`] when the file is not any more what was opened.
    pub fn read(&self, class: Class, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.read_vector(&mut [(class, offset, buffer)])
    }

    /// Fills many buffers, with one request for all that is missing.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_vector(&self, pieces: &mut [(Class, u64, &mut [u8])]) -> Result<(), Error> {
        let _ = pieces;
        Ok(())
    }

    /// Says that the raw `ranges` (offset and length in bytes) are about to be read in this order.
    pub fn plan(&self, ranges: Vec<(u64, u64)>) {
        let _ = ranges;
    }

    /// Fetches the metadata that `intent` will touch.
    ///
    /// # Errors
    /// As [`Self::read`]; a server that has no hint to give is no error.
    pub fn trace(&self, intent: Intent) -> Result<(), Error> {
        let _ = intent;
        Ok(())
    }

    /// Reads from the raw file `name` that a dataset of this file keeps its data in.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_external(&self, name: &str, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        let _ = (name, offset, length);
        Ok(Vec::new())
    }

    /// Whether all metadata was fetched, so that tracing brings nothing more.
    #[must_use]
    pub fn metadata_complete(&self) -> bool {
        false
    }
}
