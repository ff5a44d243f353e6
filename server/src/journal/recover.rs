//! After a crash: bringing files into the state of the last commit.
//!
//! Complete commits of the journal are made once more, in order, once the journal itself is on the disk; then the
//! data file is synced. If the machine is still the one that ran, what was staged is there to go on with;
//! if it was started again nobody knows which bytes of it reached the disk, and it is dropped.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;

use cap_std::fs::Dir;
use hdfstream::protocol::Begin;

use super::disk::{Directory, Disk, DiskFile};
use super::log::{Entry, Found, Log, Record};
use super::names::{LeaseHash, Names};
use super::pending::{Pending, Plan};
use super::writer::{lock, remove_if_there};
use super::{JournalError, Writer};
use crate::store::exact;

/// Attempts to lock a journal that others remove and make again.
const ATTEMPTS: u32 = 8;

/// Brings the file `name` into the state of its last commit if a journal lies beside it that nobody holds, and gives
/// the lease's writer, with which the lease may go on. Whoever does not want that calls [`Writer::end`].
/// `Locked` when its lease lives, here or in another process.
///
/// Finds the journal of an exclusive lease only; for others there are [`recover_one_of_several`] and
/// [`recover_directory`].
pub(crate) fn recover(directory: &Dir, name: &OsStr) -> Result<Option<Writer>, JournalError> {
    recover_on(Directory::new(directory)?, &Names::of(name, None))
}

/// The same for one of several leases of the file, by its name.
pub(crate) fn recover_one_of_several(
    directory: &Dir,
    name: &OsStr,
    lease: &str,
) -> Result<Option<Writer>, JournalError> {
    let names = Names::of(name, Some(&LeaseHash::of(lease)));
    recover_on(Directory::new(directory)?, &names)
}

/// The same for all files of a directory, not below; journals that are held are left alone.
pub(crate) fn recover_directory(
    directory: &Dir,
) -> io::Result<Vec<(OsString, Result<Writer, JournalError>)>> {
    recover_all(&Directory::new(directory)?)
}

/// Files of a directory, with what came of recovering them.
pub(super) type Recovered<D> = Vec<(OsString, Result<Writer<D>, JournalError>)>;

/// Whether [`recover`] would have something to do. Changes nothing.
pub(crate) fn needs_recovery(directory: &Dir, name: &OsStr) -> io::Result<bool> {
    // A pipe of that name must not make the server wait.
    let journal = match directory.open_with(Names::of(name, None).journal, &exact::reading()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => std::sync::Arc::new(other?.into_std()),
    };
    let metadata = journal.metadata()?;
    if !metadata.is_file() || journal.try_lock_shared().is_err() {
        return Ok(false);
    }
    if journal.metadata()?.nlink() == 0 {
        return Ok(false);
    }
    Ok(match Log::open(journal)? {
        Found::Unfinished | Found::Damaged => false,
        Found::Journal(log, records) => {
            let matters = |record: &Record| matches!(record, Record::Commit { .. } | Record::Beyond);
            let matter = log.slot.beyond || records.iter().any(|entry| matters(&entry.record));
            matter && !log.slot.ended
        }
    })
}

pub(super) fn recover_all<D: Disk>(disk: &D) -> io::Result<Recovered<D>> {
    let all = disk.names()?;
    let mut found = Vec::new();
    for names in all.iter().filter_map(|name| Names::of_journal(name)) {
        match recover_on(disk.clone(), &names) {
            Ok(None) | Err(JournalError::Locked) => {}
            Ok(Some(writer)) => found.push((writer.name.clone(), Ok(writer))),
            Err(error) => found.push((names.journal, Err(error))),
        }
    }
    for names in all.iter().filter_map(|name| Names::of_new(name)) {
        remove_orphan(disk, &names)?;
    }
    Ok(found)
}

/// A file that was to be made anew, of which the journal did not reach the disk.
fn remove_orphan<D: Disk>(disk: &D, names: &Names) -> io::Result<()> {
    let journal = match disk.create(&names.journal, true) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => other?,
    };
    if lock(disk, &names.journal, &journal).is_ok() {
        remove_if_there(disk, &names.new)?;
        disk.remove(&names.journal)?;
    }
    Ok(())
}

/// What the records say.
struct History {
    number: u64,
    size: u64,
    asked: u64,
    beyond: bool,
    /// Of the first commit of a file that is made anew, for when it has not got its name.
    first: Option<Plan>,
    /// Of the commits that the data file may lack.
    plans: Vec<Plan>,
    pending: Pending,
}

pub(super) fn recover_on<D: Disk>(disk: D, names: &Names) -> Result<Option<Writer<D>>, JournalError> {
    let Some(file) = hold(&disk, &names.journal)? else {
        return Ok(None);
    };
    let (log, records) = match Log::open(file)? {
        Found::Journal(log, records) => (*log, records),
        Found::Unfinished => {
            remove_if_there(&disk, &names.new)?;
            disk.remove(&names.journal)?;
            return Ok(None);
        }
        Found::Damaged => return set_aside(&disk, names, "it is damaged"),
    };
    if log.slot.ended {
        disk.remove(&names.journal)?;
        return Ok(None);
    }
    let name = OsString::from_vec(log.identity.name.clone());
    let lease = log.identity.lease();
    let of_name = Names::of(&name, (!log.identity.exclusive).then_some(&lease));
    let Some(history) = History::read(&log, records).filter(|_| of_name.journal == names.journal) else {
        return set_aside(&disk, names, "it contradicts itself");
    };
    let Some((file, placed)) = find(&disk, &log, &name, names, &history)? else {
        if history.plans.is_empty() {
            remove_if_there(&disk, &names.new)?;
            disk.remove(&names.journal)?;
            return Ok(None);
        }
        return set_aside(&disk, names, "the file was removed or replaced by another");
    };
    if log.identity.exclusive {
        lock(&disk, if placed { &name } else { &names.new }, &file)?;
    }
    let size = match log.identity.exclusive || !placed || !history.plans.is_empty() {
        true => history.size,
        false => file.size()?,
    };
    let mut writer = Writer {
        disk,
        name,
        names: names.clone(),
        file,
        old: None,
        placed,
        number: history.number,
        size,
        asked: history.asked,
        log,
        findable: false,
        behind: !history.plans.is_empty(),
        pending: history.pending,
        resumed: true,
        broken: false,
    };
    writer.log.slot.beyond |= history.beyond;
    writer.replay(history.first.as_ref(), &history.plans)?;
    Ok(Some(writer))
}

/// The journal, locked.
fn hold<D: Disk>(disk: &D, journal: &OsStr) -> Result<Option<D::File>, JournalError> {
    for _ in 0..ATTEMPTS {
        let file = match disk.open(journal) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        if !file.try_lock()? {
            return Err(JournalError::Locked);
        }
        // Whoever had it may have ended the lease meanwhile.
        if disk.inode(journal)? == Some(file.inode()?) {
            return Ok(Some(file));
        }
    }
    Err(JournalError::Locked)
}

/// Keeps a journal that cannot be used for somebody to look at, out of the way.
fn set_aside<D: Disk>(disk: &D, names: &Names, why: &str) -> Result<Option<Writer<D>>, JournalError> {
    tracing::error!(
        journal = %names.journal.display(),
        kept_as = %names.stale.display(),
        "a journal of changes to a file cannot be used, since {why}; the file stays as it is"
    );
    disk.rename(&names.journal, &names.stale, true)?;
    remove_if_there(disk, &names.new)?;
    Ok(None)
}

/// The data file, and whether it bears its name.
fn find<D: Disk>(
    disk: &D,
    log: &Log<D::File>,
    name: &OsStr,
    names: &Names,
    history: &History,
) -> Result<Option<(D::File, bool)>, JournalError> {
    let open = |name: &OsStr| -> io::Result<Option<D::File>> {
        if disk.inode(name)? != Some(log.identity.inode) {
            return Ok(None);
        }
        disk.open(name).map(Some)
    };
    if let Some(file) = open(name)? {
        return Ok(Some((file, true)));
    }
    if log.identity.begin == Begin::Existing || log.slot.number > 0 || history.number > 1 {
        return Ok(None);
    }
    let Some(file) = open(&names.new)? else {
        return Ok(None);
    };
    if history.number == 0 {
        return Ok(Some((file, false)));
    }
    // The commit was made but for the name. If that is taken meanwhile nobody was promised anything.
    let taken = log.identity.begin == Begin::Create && disk.inode(name)?.is_some();
    Ok((!taken).then_some((file, false)))
}

impl History {
    /// `None` if the records do not follow from one another.
    fn read<F: DiskFile>(log: &Log<F>, records: Vec<Entry>) -> Option<Self> {
        let mut history = Self {
            number: log.slot.number,
            size: log.slot.size,
            asked: log.slot.asked,
            beyond: log.slot.beyond,
            first: None,
            plans: Vec::new(),
            pending: Pending::default(),
        };
        let made_anew = log.identity.begin != Begin::Existing;
        for Entry { record, position, .. } in records {
            let next = history.number.checked_add(1)?;
            match record {
                Record::Beyond => history.beyond = true,
                Record::Part { number, part, pieces } if number == next => {
                    history.pending.begin(part, pieces, position)
                }
                Record::Done { number, part } if number == next => history.pending.finish(part),
                Record::Commit {
                    number,
                    parts,
                    size,
                    ordered,
                    asked,
                } if number == next && history.pending.is_complete(parts) => {
                    let plan = history.pending.plan(parts, size, ordered);
                    match made_anew && number == 1 {
                        true => history.first = Some(plan),
                        false => history.plans.push(plan),
                    }
                    history.pending = Pending::default();
                    (history.number, history.size, history.asked) = (number, size, asked);
                }
                _ => return None,
            }
        }
        Some(history)
    }
}

impl<D: Disk> Writer<D> {
    /// Makes the data file what the journal says.
    fn replay(&mut self, first: Option<&Plan>, plans: &[Plan]) -> Result<(), JournalError> {
        let same_run = self.disk.boot() != 0 && self.disk.boot() == self.log.slot.boot;
        // All of it, since no later record counts without those before: a sync that failed may have lost any.
        self.log.write_head()?;
        self.log.write_records()?;
        if let Some(first) = first
            && !self.placed
        {
            self.place_again(first)?;
        }
        if self.placed && self.begun() != Begin::Existing && self.log.slot.number == 0 {
            self.finish_placing()?;
        }
        if !plans.is_empty() {
            // Nothing may be overwritten by what is not on the disk.
            self.sync_log()?;
        }
        for plan in plans {
            self.copy(plan)?;
        }
        if !same_run {
            self.pending = Pending::default();
        }
        let may_differ = !plans.is_empty() || self.log.slot.beyond || !self.placed;
        if may_differ && !self.pending.has_touched() {
            // Also when it seems to be right: an earlier attempt may have failed to get it to the disk.
            self.file.set_size(self.size)?;
            self.behind = true;
        }
        match self.pending.is_empty() && (self.behind || !same_run) {
            true => self.checkpoint(false),
            false if self.behind => {
                let synced = self.file.sync();
                synced.map_err(|error| self.fail(error))
            }
            false => Ok(()),
        }
    }

    /// The first commit of a file that is made anew was made but for the name.
    fn place_again(&mut self, first: &Plan) -> Result<(), JournalError> {
        self.sync_log()?;
        self.copy(first)?;
        self.file.set_size(first.size)?;
        let synced = self.file.sync();
        synced.map_err(|error| self.fail(error))?;
        let replace = self.begun() == Begin::Replace;
        self.disk.rename(&self.names.new, &self.name, replace)?;
        self.placed = true;
        Ok(())
    }

    /// The data file has its name, but perhaps not yet on the disk. The name tells that the first commit was
    /// made, also when its record is gone.
    fn finish_placing(&mut self) -> Result<(), JournalError> {
        remove_if_there(&self.disk, &self.names.new)?;
        self.disk.sync()?;
        if self.number == 0 {
            (self.number, self.size) = (1, self.file.size()?);
            self.pending = Pending::default();
            // The journal has to learn of it.
            self.behind = true;
        }
        Ok(())
    }
}
