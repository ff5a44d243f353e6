//! Making a change, all of it or nothing.
//!
//! Of a file that is there, the change happens when the journal with its commit record is on the disk. Before
//! that the data file is synced if parts lie in place. After that the other bytes are copied into the data
//! file, which is not synced: should the machine stop, the journal says it all again. Replaying is harmless
//! since bytes of a later commit that are in place lie beyond everything that earlier commits wrote, as sizes
//! only grow between two checkpoints; a commit that makes the file shorter is followed by one, and so is one that
//! leaves something beyond the file's end.
//!
//! Of a file that is made anew, the change happens when it gets its name: it is synced before, and the name after.

use std::hash::Hasher;
use std::io;

use hdfstream::protocol::Begin;
use twox_hash::XxHash3_64;

use super::disk::{Disk, DiskFile};
use super::error::invalid;
use super::log::{Record, each_chunk};
use super::names::Names;
use super::pending::{LAST, Pending, Plan, Write};
use super::pieces::check;
use super::{Change, JournalError, Writer};

/// The journal is begun anew when it is longer. Tests meet all limits sooner.
const LONGEST: u64 = if cfg!(test) { 4 << 10 } else { 16 << 20 };
/// Bytes that go through the journal though they could go in place: it saves a sync, and costs writing them twice.
const SMALL: u64 = if cfg!(test) { 512 } else { 4 << 20 };

/// Space is taken for what lies between two pieces as well if it is not more.
const NEAR: u64 = 64 << 10;

impl<D: Disk> Writer<D> {
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
        self.usable()?;
        check(change.pieces, change.bytes, change.size, change.ordered)?;
        let asked = fingerprint(&change);
        if change.number == self.number && change.number > 0 {
            return match self.asked == asked || self.asked == 0 {
                true => Ok(()),
                false => Err(invalid(format!(
                    "commit {} was made with other content",
                    self.number
                ))),
            };
        }
        self.is_next(change.number)?;
        if self.pending.has_more_than(change.parts) {
            return Err(invalid("more parts were staged than the commit counts"));
        }
        if !self.pending.is_complete(change.parts) {
            return Err(match self.resumed {
                true => JournalError::Lost(
                    "parts that were staged are gone since the server or its machine stopped".into(),
                ),
                false => invalid("not all parts of the commit are there"),
            });
        }
        self.refresh()?;
        self.check_name()?;
        let (mark, beyond) = (self.log.mark(), self.log.slot.beyond);
        let done = self.prepare(&change).and_then(|plan| match self.placed {
            true => self.overwrite(&change, &plan, undo),
            false => self.place(&change, &plan),
        });
        let nothing_in_place = !self.pending.has_touched() && self.log.slot.beyond == beyond;
        if done.is_err() && !self.broken && self.number != change.number && nothing_in_place {
            // Nobody needs its pieces any more: they come again with the next attempt.
            self.log.cut(mark);
        }
        done
    }

    /// Takes the commit's own pieces, and fills with zeros what must be.
    fn prepare(&mut self, change: &Change<'_>) -> Result<Plan, JournalError> {
        let ends = change.pieces.iter().map(|(offset, length)| offset + length);
        let beyond: u64 = ends
            .zip(change.pieces)
            .map(|(end, (offset, _))| end.saturating_sub(self.size.max(*offset)))
            .sum();
        let worth_it = !self.placed || self.pending.has_touched() || beyond > SMALL;
        let in_place = worth_it && !change.ordered && self.may_write_in_place();
        self.take(change.number, LAST, change.pieces, change.bytes, in_place)?;
        let plan = self.pending.plan(change.parts, change.size, change.ordered);
        for range in &plan.zeros {
            each_chunk(range.start, range.end - range.start, |offset, length| {
                self.file.write_at(&vec![0; length], offset)
            })?;
        }
        Ok(plan)
    }

    fn overwrite(
        &mut self,
        change: &Change<'_>,
        plan: &Plan,
        undo: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> Result<(), JournalError> {
        // So that the disk is not full when there is no way back.
        for (offset, length) in plan.spans(NEAR) {
            self.file.allocate(offset, length)?;
        }
        if self.pending.has_touched() {
            let synced = self.file.sync();
            synced.map_err(|error| self.fail(error))?;
        }
        let overwritten = plan.writes.iter().map(|write| (write.offset, write.length));
        let cut_off = (change.size, self.size.saturating_sub(change.size));
        for (offset, length) in overwritten.chain([cut_off]) {
            let end = (offset + length).min(self.size);
            self.give_old(offset, end.saturating_sub(offset), undo)?;
        }
        self.log.append(&commit_record(change), &[])?;
        self.sync_log()?;
        let shorter = change.size < self.size || self.pending.has_touched_beyond(change.size);
        self.advance(change);
        self.behind = true;
        let applied = self.apply(plan);
        applied.map_err(|error| self.fail(error))?;
        if change.ordered && self.is_exclusive() {
            // As HDF5 does for SWMR: others may read from now on.
            let _ = self.file.unlock();
        }
        if shorter || self.log.length() > LONGEST || !self.is_exclusive() {
            self.checkpoint(false)?;
        }
        Ok(())
    }

    fn give_old(
        &self,
        offset: u64,
        length: u64,
        undo: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        each_chunk(offset, length, |offset, length| {
            let mut old = vec![0; length];
            self.file.read_at(&mut old, offset)?;
            undo(offset, &old)
        })
    }

    /// The first commit of a file that is made anew.
    fn place(&mut self, change: &Change<'_>, plan: &Plan) -> Result<(), JournalError> {
        let replace = self.begun() == Begin::Replace;
        if !replace && self.disk.inode(&self.name)?.is_some() {
            return Err(JournalError::Exists);
        }
        if self.file.size()? < plan.size {
            self.file.set_size(plan.size)?;
        }
        let synced = self.file.sync();
        synced.map_err(|error| self.fail(error))?;
        // Not synced: a name that reached the disk tells as much.
        let differs = !plan.writes.is_empty() || self.file.size()? > plan.size;
        let mark = self.log.mark();
        self.log.append(&commit_record(change), &[])?;
        if differs {
            // What was staged is overwritten or cut off only now that the commit cannot come in another way.
            self.sync_log()?;
            let applied = self.apply(plan).and_then(|()| self.file.sync());
            applied.map_err(|error| self.fail(error))?;
        }
        if let Err(error) = self.disk.rename(&self.names.new, &self.name, replace) {
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(self.fail(error));
            }
            // Somebody else was faster. What is overwritten cannot be taken back.
            match differs {
                true => self.broken = true,
                false => self.log.cut(mark),
            }
            return Err(JournalError::Exists);
        }
        let synced = self.disk.sync();
        synced.map_err(|error| self.fail(error))?;
        self.placed = true;
        self.findable = true;
        self.old = None;
        self.advance(change);
        Ok(())
    }

    fn advance(&mut self, change: &Change<'_>) {
        self.number = change.number;
        self.size = change.size;
        self.asked = fingerprint(change);
        self.pending = Pending::default();
    }

    pub(super) fn apply(&self, plan: &Plan) -> io::Result<()> {
        self.copy(plan)?;
        match self.file.size()? == plan.size {
            true => Ok(()),
            false => self.file.set_size(plan.size),
        }
    }

    /// Copies from the journal into the data file.
    pub(super) fn copy(&self, plan: &Plan) -> io::Result<()> {
        for &Write {
            offset,
            length,
            position,
        } in &plan.writes
        {
            each_chunk(offset, length, |at, length| {
                let mut bytes = vec![0; length];
                self.log.read_at(&mut bytes, position + (at - offset))?;
                self.file.write_at(&bytes, at)
            })?;
        }
        Ok(())
    }

    /// Refuses to write into a file that has lost its name, or that somebody else has for himself.
    fn check_name(&self) -> Result<(), JournalError> {
        if !self.placed {
            return Ok(());
        }
        if self.disk.inode(&self.name)? != Some(self.file.inode()?) {
            return Err(JournalError::Lost(
                "the file was removed or replaced on the server while it was written".into(),
            ));
        }
        let exclusive = &Names::of(&self.name, None).journal;
        match self.is_exclusive() || self.disk.inode(exclusive)?.is_none() {
            true => Ok(()),
            false => Err(JournalError::Locked),
        }
    }
}

fn commit_record(change: &Change<'_>) -> Record {
    Record::Commit {
        number: change.number,
        parts: change.parts,
        size: change.size,
        ordered: change.ordered,
        asked: fingerprint(change),
    }
}

/// Tells a request from others with the same number.
fn fingerprint(change: &Change<'_>) -> u64 {
    let mut hash = XxHash3_64::new();
    for number in [change.parts, change.size, u64::from(change.ordered)] {
        hash.write(&number.to_le_bytes());
    }
    for (offset, length) in change.pieces {
        hash.write(&offset.to_le_bytes());
        hash.write(&length.to_le_bytes());
    }
    hash.write(change.bytes);
    hash.finish().max(1)
}
