//! One lease's file.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use cap_std::fs::Dir;
use hdfstream::protocol::Begin;

use super::disk::{Directory, Disk, DiskFile};
use super::error::invalid;
use super::extents::Source;
use super::log::{Identity, Log, Slot};
use super::names::{LeaseHash, Names};
use super::pending::Pending;
use super::recover::recover_on;
use super::{JournalError, is_own};

/// The file of a lease, locked for as long as this lives. Dropping it leaves all as it is on the disk, for
/// [`recover`](super::recover()) or the same lease to go on with; [`Writer::end`] is the way to close it.
#[derive(Debug)]
pub(crate) struct Writer<D: Disk = Directory> {
    pub(super) disk: D,
    pub(super) name: OsString,
    pub(super) names: Names,
    /// The data file.
    pub(super) file: D::File,
    /// The file that is to be replaced, for its lock.
    pub(super) old: Option<D::File>,
    /// Whether the data file bears its name.
    pub(super) placed: bool,
    pub(super) log: Log<D::File>,
    /// Whether the journal's name is known to be on the disk.
    pub(super) findable: bool,
    /// The last commit.
    pub(super) number: u64,
    /// Size of the file then.
    pub(super) size: u64,
    /// Checksum of that commit's request; 0 if unknown.
    pub(super) asked: u64,
    /// Whether the data file may lack on the disk what was committed.
    pub(super) behind: bool,
    pub(super) pending: Pending,
    /// Whether it was found on the disk: parts may be missing through no fault of the client.
    pub(super) resumed: bool,
    /// Whether the disk failed. Nothing is done any more then.
    pub(super) broken: bool,
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

/// What a lease is to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) begin: Begin,
    pub(super) lease: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) exclusive: bool,
}

impl Writer {
    /// Begins a lease on the file `name` of a directory, or goes on with it: the same lease finds what it had
    /// staged and committed, also after the server was started again. A lease that lives in this process must
    /// not be begun once more (it is `Locked` then). A journal of another lease that nobody holds is
    /// recovered and ended first.
    ///
    /// An exclusive lease and others must not live at the same time for one file; the caller sees to that, and
    /// that of others one commits at a time.
    pub(crate) fn begin(
        directory: &Dir,
        name: &OsStr,
        begin: Begin,
        lease: &str,
        user: Option<&str>,
        exclusive: bool,
    ) -> Result<Self, JournalError> {
        let wanted = Wanted {
            begin,
            lease,
            user,
            exclusive,
        };
        Self::begin_on(Directory::new(directory)?, name, wanted)
    }

    /// The data file; of a file that is made anew, what will be it. Beyond [`Self::size`] it may hold
    /// what was staged.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }
}

impl<D: Disk> Writer<D> {
    pub(super) fn begin_on(disk: D, name: &OsStr, wanted: Wanted<'_>) -> Result<Self, JournalError> {
        if is_own(name) {
            return Err(invalid("names of this form are used by the server itself"));
        }
        let lease = LeaseHash::of(wanted.lease);
        let names = Names::of(name, (!wanted.exclusive).then_some(&lease));
        if let Some(found) = recover_on(disk.clone(), &names)? {
            if found.name != name {
                return Err(JournalError::Locked);
            }
            if found.log.identity.lease() == lease {
                return match found.begun() == wanted.begin {
                    true => Ok(found),
                    false => Err(invalid("the lease was begun in another way")),
                };
            }
            found.end()?;
        }
        Self::start(disk, name, names, wanted)
    }

    fn start(disk: D, name: &OsStr, names: Names, wanted: Wanted<'_>) -> Result<Self, JournalError> {
        let there = match (wanted.begin, disk.inode(name)?) {
            (Begin::Existing, None) => return Err(JournalError::Missing),
            (Begin::Create, Some(_)) => return Err(JournalError::Exists),
            (_, None) => None,
            (_, Some(_)) => {
                let file = disk.open(name)?;
                if wanted.exclusive {
                    lock(&disk, name, &file)?;
                }
                Some(file)
            }
        };
        let journal = match disk.create(&names.journal, true) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(JournalError::Locked),
            other => other?,
        };
        lock(&disk, &names.journal, &journal)?;
        let remove = names.clone();
        let begun = Self::fill(disk.clone(), name, names, journal, there, wanted);
        if begun.is_err() {
            // What is left is empty, and in nobody's way.
            let _ = disk.remove(&remove.new);
            let _ = disk.remove(&remove.journal);
        }
        begun
    }

    fn fill(
        disk: D,
        name: &OsStr,
        names: Names,
        journal: D::File,
        there: Option<D::File>,
        wanted: Wanted<'_>,
    ) -> Result<Self, JournalError> {
        let (file, old) = match (wanted.begin, there) {
            (Begin::Existing, Some(file)) => (file, None),
            (_, old) => {
                remove_if_there(&disk, &names.new)?;
                let file = disk.create(&names.new, false)?;
                if wanted.exclusive {
                    lock(&disk, &names.new, &file)?;
                }
                if let Some(old) = &old {
                    file.set_mode_of(old)?;
                }
                (file, old)
            }
        };
        let identity = Identity {
            name: name.as_bytes().to_vec(),
            begin: wanted.begin,
            lease: LeaseHash::of(wanted.lease).0,
            user: wanted.user.map(str::to_owned),
            exclusive: wanted.exclusive,
            inode: file.inode()?,
        };
        let size = file.size()?;
        Ok(Self {
            log: Log::create(journal, identity, Slot::first(size, disk.boot()))?,
            disk,
            name: name.to_owned(),
            names,
            file,
            old,
            placed: wanted.begin == Begin::Existing,
            findable: false,
            number: 0,
            size,
            asked: 0,
            behind: false,
            pending: Pending::default(),
            resumed: false,
            broken: false,
        })
    }

    /// Fills `buffer` with what the writer would see: staged bytes over the committed ones, zeros where there
    /// are neither.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset
            .checked_add(buffer.len() as u64)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let from_file = usize::try_from(self.size.clamp(offset, end) - offset).unwrap_or(0);
        let (committed, beyond) = buffer.split_at_mut(from_file);
        if !committed.is_empty() {
            self.file.read_at(committed, offset)?;
        }
        beyond.fill(0);
        for (range, source) in self.pending.view().within(offset..end) {
            let place = |at: u64| usize::try_from(at - offset).unwrap_or(usize::MAX);
            let Some(part) = buffer.get_mut(place(range.start)..place(range.end)) else {
                continue;
            };
            match source {
                Source::Journal(position) => self.log.read_at(part, position)?,
                Source::InPlace => self.file.read_at(part, range.start)?,
            }
        }
        Ok(())
    }

    /// Number of the last commit, 0 before the first.
    pub(crate) fn committed(&self) -> u64 {
        self.number
    }

    /// Size of the file after the last commit; 0 for a file made anew before its first.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Whether this is the writer of that lease.
    pub(crate) fn is_of(&self, lease: &str) -> bool {
        self.log.identity.lease() == LeaseHash::of(lease)
    }

    /// SHA-256 of the lease's name.
    pub(crate) fn lease(&self) -> [u8; 32] {
        self.log.identity.lease
    }

    /// How the lease began.
    pub(crate) fn begun(&self) -> Begin {
        self.log.identity.begin
    }

    /// Whether it is the only one.
    pub(crate) fn is_exclusive(&self) -> bool {
        self.log.identity.exclusive
    }

    /// Who began it.
    pub(crate) fn user(&self) -> Option<&str> {
        self.log.identity.user.as_deref()
    }

    /// Ends the lease: drops what is staged, puts what is committed into its place on the disk and removes the
    /// journal.
    pub(crate) fn end(mut self) -> Result<(), JournalError> {
        self.usable()?;
        if !self.placed {
            remove_if_there(&self.disk, &self.names.new)?;
        } else if self.behind || self.log.slot.beyond {
            self.cut_staged()?;
            // Should the journal's removal not reach the disk, it must not speak for the file any more.
            self.checkpoint(true)?;
        }
        Ok(self.disk.remove(&self.names.journal)?)
    }

    pub(super) fn usable(&self) -> Result<(), JournalError> {
        match self.broken {
            true => Err(JournalError::Broken(io::Error::other(
                "an earlier request failed; the file is to be recovered first",
            ))),
            false => Ok(()),
        }
    }

    /// The data file without what is not committed.
    pub(super) fn cut_staged(&mut self) -> Result<(), JournalError> {
        self.pending = Pending::default();
        if self.log.slot.beyond && self.file.size()? != self.size {
            self.file.set_size(self.size)?;
        }
        Ok(())
    }

    /// Puts all that is committed into its place on the disk, so that the journal can begin anew.
    pub(super) fn checkpoint(&mut self, ended: bool) -> Result<(), JournalError> {
        let slot = Slot {
            number: self.number,
            size: self.size,
            asked: self.asked,
            boot: self.disk.boot(),
            ended,
            ..self.log.slot
        };
        // In this order: the records are what brings the file into its state until it is synced.
        let done = self.file.sync().and_then(|()| self.log.restart(slot));
        done.map_err(|error| self.fail(error))?;
        self.behind = false;
        Ok(())
    }

    /// After the disk failed. What was staged may be lost though it can be read, so it does not count for whoever
    /// recovers the file.
    pub(super) fn fail(&mut self, error: io::Error) -> JournalError {
        self.broken = true;
        self.log.cut_to_synced();
        JournalError::Broken(error)
    }
}

/// Locks the file that has this name.
pub(super) fn lock<D: Disk>(disk: &D, name: &OsStr, file: &D::File) -> Result<(), JournalError> {
    let locked = file.try_lock()?;
    // It may have lost its name to another meanwhile.
    if locked && disk.inode(name)? == Some(file.inode()?) {
        return Ok(());
    }
    Err(JournalError::Locked)
}

pub(super) fn remove_if_there<D: Disk>(disk: &D, name: &OsStr) -> io::Result<()> {
    match disk.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
