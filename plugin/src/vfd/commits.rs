//! When what HDF5 writes becomes the file's content on the server: at moments when it is a whole HDF5 file.
//!
//! A flush of the driver is such a moment only if HDF5 has cut the file to its size since the last one, which it does
//! when a file is flushed. Flushes of single objects come without: others would find a file that leads nowhere. While
//! readers follow (SWMR), HDF5 writes in an order that is sound at any time, and every flush counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hdfstream::{Class, Error, WritableFile};

use super::{Driver, driver};
use crate::content::Content;
use crate::error_stack::{Topic, push};
use crate::ffi::{H5FD_t, herr_t, hid_t};
use crate::guard::{Failed, guard};
use crate::host::Host;
use crate::{open_drivers, reporting};

/// How far a file that is written is from its next commit.
pub(super) struct Commits {
    /// HDF5 has yet to say that it could open or make the file: if not, nothing may remain of it.
    opening: AtomicBool,
    /// The file was cut to its size since the last flush.
    cut: AtomicBool,
    /// Readers follow.
    ordered: AtomicBool,
    /// Something other than the superblock was written.
    changed: AtomicBool,
}

impl Commits {
    pub(super) fn new(opening: bool) -> Self {
        Self {
            opening: opening.into(),
            cut: false.into(),
            ordered: false.into(),
            changed: false.into(),
        }
    }

    pub(super) fn is_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Whether readers follow.
    pub(super) fn is_ordered(&self) -> bool {
        self.ordered.load(Ordering::Relaxed)
    }

    /// HDF5 has opened the file. One that readers follow from the start they should be able to open.
    pub(super) fn settle(&self, content: &Content) {
        self.opening.store(false, Ordering::Relaxed);
        if let (true, Some(file)) = (self.is_ordered(), content.writer())
            && let Err(error) = file.commit()
        {
            log::warn!("not saved yet: {error}");
        }
    }

    /// Notices what is about to be written.
    pub(super) fn writing(&self, file: &Arc<WritableFile>, pieces: &[(Class, u64, &[u8])]) {
        for (class, _, bytes) in pieces {
            let superblock = *class == Class::Metadata && is_superblock(bytes);
            if !superblock {
                self.changed.store(true, Ordering::Relaxed);
            } else if lets_readers_follow(bytes) && !self.ordered.swap(true, Ordering::Relaxed) {
                file.set_ordered(true);
            }
        }
    }
}

/// Whether a superblock begins here, whatever follows it.
fn is_superblock(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89HDF\r\n\x1a\n")
}

/// Whether the superblock says that the file is written for readers who follow: a flag of version 3 (format
/// specification, "File Consistency Flags").
fn lets_readers_follow(superblock: &[u8]) -> bool {
    const VERSION: usize = 8;
    const FLAGS: usize = 11;
    const FOLLOWED: u8 = 4;
    superblock.get(VERSION).is_some_and(|version| *version >= 3)
        && superblock.get(FLAGS).is_some_and(|flags| flags & FOLLOWED != 0)
}

pub(super) unsafe extern "C" fn truncate(file: *mut H5FD_t, _dxpl: hid_t, _closing: bool) -> herr_t {
    // SAFETY: an open file of ours.
    let driver = unsafe { driver(file) };
    guard(driver.slot, |_| {
        if let Some(file) = driver.content().writer() {
            if file.size() != driver.eoa {
                file.set_size(driver.eoa);
            }
            driver.commits.cut.store(true, Ordering::Relaxed);
        }
        Ok(0)
    })
}

pub(super) unsafe extern "C" fn flush(file: *mut H5FD_t, _dxpl: hid_t, closing: bool) -> herr_t {
    // SAFETY: an open file of ours.
    let driver = unsafe { driver(file) };
    guard(driver.slot, |host| {
        let commits = &driver.commits;
        let whole = commits.cut.swap(false, Ordering::Relaxed) || commits.is_ordered();
        // What is closing has its superblock still to come, and is committed when it is closed.
        if closing || !whole || commits.opening.load(Ordering::Relaxed) {
            return Ok(0);
        }
        let content = driver.content();
        let committed = content.writer().map_or(Ok(()), |file| file.commit());
        committed.map(|()| 0).map_err(|error| {
            push(host, Topic::Write, content.url(), &error);
            Failed
        })
    })
}

/// Ends the writing of a file that HDF5 closes, unless it has the same open once more: it opens files a second time
/// to see whether it has them, and closes that again.
pub(super) fn close(host: &'static Host, driver: &Driver) -> Result<(), Failed> {
    let content = driver.content();
    let Some(file) = content.writer() else {
        return Ok(());
    };
    // The connector that opens it knows more, and says what becomes of it.
    if driver.commits.opening.load(Ordering::Relaxed) || open_drivers::holds(driver.slot, &content) {
        return Ok(());
    }
    file.close().map_err(|error| {
        if !host.is_terminating() {
            push(host, Topic::Write, content.url(), &error);
        } else if !matches!(error, Error::Forked { .. }) {
            // Nobody looks at HDF5's errors any more. To a child that ends the file is its parent's.
            reporting::not_saved(&error);
        }
        Failed
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_newer_superblocks_tell_of_followers() {
        let superblock = |version: u8, flags: u8| {
            let mut bytes = b"\x89HDF\r\n\x1a\n".to_vec();
            bytes.extend([version, 8, 8, flags]);
            bytes
        };
        for (version, flags, followed) in [(3, 5, true), (3, 1, false), (2, 5, false), (0, 4, false)] {
            assert!(is_superblock(&superblock(version, flags)));
            assert_eq!(lets_readers_follow(&superblock(version, flags)), followed);
        }
        assert!(!lets_readers_follow(&superblock(3, 4)[..10]));
        assert!(!is_superblock(b"TREE"));
    }
}
