//! What can go wrong with a change.

use std::io;

/// Why a request of a writer was not done. Unless it says otherwise nothing has changed, and the same request
/// may come again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// Somebody else writes the file, or a program on the server's machine has it open.
    #[error("somebody else has the file open for writing, or a program on the server has it open")]
    Locked,
    /// A file was to be made whose name is taken.
    #[error("there is a file of that name already")]
    Exists,
    /// The file to be changed is not there.
    #[error("there is no file of that name")]
    Missing,
    /// The disk is full, or the quota used up. What was committed is whole and the lease goes on.
    #[error("there is no space left on the server's disk")]
    NoSpace,
    /// The request contradicts itself or what came before.
    #[error("{0}")]
    Invalid(String),
    /// Parts that were staged are gone since the server's machine stopped, or the file was replaced under the
    /// writer. The lease is of no more use.
    #[error("{0}")]
    Lost(String),
    /// The disk failed in a way that leaves open what is on it. Drop the writer and [`recover`](super::recover())
    /// the file: what was acknowledged is in the journal. A commit that ended so may have happened.
    #[error("the server's disk failed: {0}")]
    Broken(#[source] io::Error),
    /// The operating system refused.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for JournalError {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT) => Self::NoSpace,
            Some(libc::ENOENT) => Self::Missing,
            _ => Self::Io(error),
        }
    }
}

/// A request that cannot be meant.
pub(super) fn invalid(reason: impl Into<String>) -> JournalError {
    JournalError::Invalid(reason.into())
}
