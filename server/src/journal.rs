//! Changes of a file that happen as a whole or not at all, whatever is killed and whenever.
//!
//! A [`Writer`] is the file of one lease: it takes the parts of a change, and then the commit. Beside the file
//! lie a journal and, until the first commit, the file that is made anew; [`is_own`] tells their names. This
//! module knows nothing of requests and users. Everything here blocks.

mod commit;
mod disk;
mod error;
mod extents;
mod log;
mod names;
mod pending;
mod pieces;
mod recover;
mod stage;
mod writer;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub(crate) use error::JournalError;
pub(crate) use names::{ENDED, is_own};
pub(crate) use recover::{needs_recovery, recover, recover_directory, recover_one_of_several};
pub(crate) use writer::{Change, Writer};
