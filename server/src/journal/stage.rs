//! Taking the parts of a commit.
//!
//! Bytes beyond the committed size go into the data file at once, where nobody looks for them; all others wait
//! in the journal. The record of a part comes before its bytes are in place, so that whoever finds the journal
//! knows where something may have been written. Nothing here is synced but one thing: before the data file grows
//! beyond its committed size, the journal says so on the disk, so that the file can be cut again.

use std::io;

use super::disk::{Disk, DiskFile};
use super::error::invalid;
use super::log::Record;
use super::pieces::{LARGEST, Piece, check, with_bytes};
use super::{JournalError, Writer};

/// A piece of so many bytes is on its way to the disk while the next one comes.
const LARGE: u64 = if cfg!(test) { 512 } else { 1 << 20 };

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
        self.usable()?;
        check(pieces, bytes, LARGEST, false)?;
        if part > LARGEST {
            return Err(invalid("parts are counted from 0"));
        }
        if number <= self.number && number > 0 {
            return Ok(());
        }
        self.is_next(number)?;
        if self.pending.has(part) {
            return Ok(());
        }
        self.refresh()?;
        let in_place = self.may_write_in_place();
        self.take(number, part, pieces, bytes, in_place)
    }

    pub(super) fn is_next(&self, number: u64) -> Result<(), JournalError> {
        match self.number.checked_add(1) == Some(number) {
            true => Ok(()),
            false => Err(invalid(format!(
                "commit {number} cannot follow commit {}",
                self.number
            ))),
        }
    }

    /// Other leases may have changed the size.
    pub(super) fn refresh(&mut self) -> Result<(), JournalError> {
        if self.placed && !self.is_exclusive() {
            self.size = self.file.size()?;
        }
        Ok(())
    }

    /// Whether nobody else has bytes beyond the committed size.
    pub(super) fn may_write_in_place(&self) -> bool {
        self.is_exclusive() || !self.placed
    }

    /// Takes a part, with all that goes beyond the committed size in place if that may be.
    pub(super) fn take(
        &mut self,
        number: u64,
        part: u64,
        pieces: &[(u64, u64)],
        bytes: &[u8],
        in_place: bool,
    ) -> Result<(), JournalError> {
        let pieces = self.split(pieces, in_place);
        let writes_in_place = pieces.iter().any(|piece| piece.in_place);
        if writes_in_place && self.placed && !self.log.slot.beyond {
            self.go_beyond()?;
        }
        let in_journal: Vec<&[u8]> = with_bytes(&pieces, bytes)
            .filter(|(piece, _)| !piece.in_place)
            .map(|(_, bytes)| bytes)
            .collect();
        let record = Record::Part {
            number,
            part,
            pieces: pieces.clone(),
        };
        let position = self.log.append(&record, &in_journal)?;
        self.pending.begin(part, pieces.clone(), position);
        if writes_in_place {
            self.write_in_place(&pieces, bytes)?;
            self.log.append(&Record::Done { number, part }, &[])?;
            self.pending.finish(part);
        }
        Ok(())
    }

    /// Divides pieces at the committed size, and says of each whether it goes in place. What was written to
    /// before does not: a part that comes once more would otherwise destroy what another has put there.
    fn split(&self, pieces: &[(u64, u64)], in_place: bool) -> Vec<Piece> {
        let mut split = Vec::with_capacity(pieces.len());
        for &(offset, length) in pieces {
            let end = offset + length;
            let middle = match in_place {
                true => self.size.clamp(offset, end),
                false => end,
            };
            for (start, end, beyond) in [(offset, middle, false), (middle, end, true)] {
                if start < end {
                    split.push(Piece {
                        offset: start,
                        length: end - start,
                        in_place: beyond && self.pending.is_untouched(start..end),
                    });
                }
            }
        }
        split
    }

    /// Says on the disk that the data file may go on beyond its committed size.
    fn go_beyond(&mut self) -> Result<(), JournalError> {
        self.log.append(&Record::Beyond, &[])?;
        self.sync_log()?;
        self.log.slot.beyond = true;
        Ok(())
    }

    /// Waits until the journal and its name are on the disk.
    pub(super) fn sync_log(&mut self) -> Result<(), JournalError> {
        let mut synced = self.log.sync();
        if synced.is_ok() && !self.findable {
            synced = self.disk.sync();
        }
        synced.map_err(|error| self.fail(error))?;
        self.findable = true;
        Ok(())
    }

    fn write_in_place(&self, pieces: &[Piece], bytes: &[u8]) -> io::Result<()> {
        for (piece, bytes) in with_bytes(pieces, bytes) {
            if piece.in_place {
                self.file.write_at(bytes, piece.offset)?;
                if piece.length >= LARGE {
                    self.file.hasten(piece.offset, piece.length);
                }
            }
        }
        Ok(())
    }
}
