//! One lease's file.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::sync::Arc;

use cap_std::fs::Dir;
use hdfstream::protocol::Begin;

use super::JournalError;
use super::disk::{Directory, Disk};

/// The file of a lease, locked for as long as this lives. Dropping it leaves all as it is on the disk, for
/// [`recover`](super::recover) or the same lease to go on with; [`Writer::end`] is the way to close it.
#[derive(Debug)]
pub(crate) struct Writer<D: Disk = Directory> {
    disk: D,
    file: D::File,
}

/// A commit, as in [`hdfstream::protocol::CommitRequest`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    /// Counted from 1.
    pub(crate) number: u64,
    /// How many parts were staged for it. What they hold beyond `size` does not count.
    pub(crate) parts: u64,
    /// Size of the file from now on.
    pub(crate) size: u64,
    /// Further pieces: offset and length.
    pub(crate) pieces: &'a [(u64, u64)],
    /// Their bytes.
    pub(crate) bytes: &'a [u8],
    /// Whether the pieces are to be written one by one as they are given.
    pub(crate) ordered: bool,
}

impl Writer {
    /// Begins a lease on the file `name` of a directory, or goes on with it: the same lease finds what it had
    /// staged and committed, also after the server was started again. A lease that lives in this process must
    /// not be begun once more (it is `Locked` then). A journal of another lease that nobody holds is
    /// recovered and ended first.
    ///
    /// An exclusive lease and others must not live at the same time for one file; the caller sees to that.
    pub(crate) fn begin(
        directory: &Dir,
        name: &OsStr,
        begin: Begin,
        lease: &str,
        user: Option<&str>,
        exclusive: bool,
    ) -> Result<Self, JournalError> {
        let _ = (directory, name, begin, lease, user, exclusive);
        Err(unfinished())
    }

    /// The data file; of a file that is made anew, what will be it. Beyond [`Self::size`] it may hold
    /// what was staged.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }
}

impl<D: Disk> Writer<D> {
    /// Takes a part of a commit. Of a part that is there already, or of a commit made before, nothing is
    /// taken again.
    pub(crate) fn stage(
        &mut self,
        number: u64,
        part: u64,
        pieces: &[(u64, u64)],
        bytes: &[u8],
    ) -> Result<(), JournalError> {
        let _ = (number, part, pieces, bytes);
        Err(unfinished())
    }

    /// Makes a change, all of it or nothing. The last one again does nothing.
    ///
    /// `undo` is given the old bytes of what will be overwritten or cut off, before anything is. If it fails
    /// nothing is changed. It may be called for a commit that fails afterwards; the bytes were those of the file
    /// then, too.
    pub(crate) fn commit(
        &mut self,
        change: Change<'_>,
        undo: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> Result<(), JournalError> {
        let _ = (change, undo);
        Err(unfinished())
    }

    /// Fills `buffer` with what the writer would see: staged bytes over the committed ones, zeros where there
    /// are neither.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let _ = (buffer, offset);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Number of the last commit, 0 before the first.
    pub(crate) fn committed(&self) -> u64 {
        0
    }

    /// Size of the file after the last commit; 0 for a file made anew before its first.
    pub(crate) fn size(&self) -> u64 {
        0
    }

    /// Whether this is the writer of that lease.
    pub(crate) fn is_of(&self, lease: &str) -> bool {
        let _ = lease;
        false
    }

    /// How the lease began.
    pub(crate) fn begun(&self) -> Begin {
        Begin::Existing
    }

    /// Whether it is the only one.
    pub(crate) fn is_exclusive(&self) -> bool {
        true
    }

    /// Who began it.
    pub(crate) fn user(&self) -> Option<&str> {
        None
    }

    /// Ends the lease: drops what is staged, puts what is committed into its place on the disk and removes the
    /// journal.
    pub(crate) fn end(self) -> Result<(), JournalError> {
        let _ = self.disk;
        Err(unfinished())
    }
}

fn unfinished() -> JournalError {
    JournalError::Io(io::ErrorKind::Unsupported.into())
}
