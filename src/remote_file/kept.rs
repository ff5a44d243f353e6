//! What an open file has without its server: in memory, and on disk from one program to the next.

use std::sync::Arc;

use bytes::Bytes;

use super::{Class, RemoteFile};
use crate::Error;
use crate::cache::{Cache, FileVersion, LONGEST, Memory};
use crate::disk_cache::{Entry, Stored};

/// Longer ranges are not put in memory when they are taken from disk, bytes: they go where they are wanted.
const LONG: u64 = 32 << 10;
/// Bytes of metadata that memory drops at once, and of raw data that are copied at once.
const PART: usize = LONGEST;
/// What is taken from disk at once, bytes, and aligned alike.
const BLOCK: u64 = 64 << 10;

/// Puts the metadata that is on disk into memory, for `version`.
pub(super) fn restore(cache: &Cache, version: &FileVersion, entry: &Entry) {
    if let Some(found) = entry.raw_files() {
        let _ = version.raw_files.set(found);
    }
    if !entry.is_traced() {
        return;
    }
    // What is too much for memory is taken from disk piece by piece; what is damaged the server gives again.
    let Some(pieces) = entry.metadata(cache.room_for_metadata()) else {
        return;
    };
    for (offset, bytes) in pieces {
        for start in (0..bytes.len()).step_by(PART) {
            let part = bytes.slice(start..bytes.len().min(start + PART));
            cache.insert_owned(version.id, Class::Metadata, offset + start as u64, part);
        }
    }
    if entry.is_complete() {
        version.set_complete();
    } else {
        version.begin_trace();
    }
}

/// Bytes on their way to the disk, copied into large pieces of memory: that in which they arrived can then be used again.
#[derive(Default)]
pub(super) struct Copies {
    memory: Option<Memory>,
    filled: usize,
    /// Where each belongs, and its length.
    ranges: Vec<(u64, usize)>,
}

impl RemoteFile {
    fn disk(&self) -> Option<&Arc<Entry>> {
        self.version.disk.get()
    }

    /// Whether a read of so many bytes is kept in memory: more would push out much else, and is seldom wanted again.
    pub(super) fn keeps(&self, bytes: u64) -> bool {
        bytes <= self.window / 2
    }

    /// Keeps bytes that were fetched, in memory and on disk.
    pub(super) fn keep_fetched(&self, class: Class, offset: u64, bytes: Bytes) {
        if let Some(disk) = self.disk() {
            disk.put(class, offset, bytes.clone());
        }
        self.cache.insert_owned(self.version.id, class, offset, bytes);
    }

    /// Keeps a copy of raw bytes that were fetched, on disk alone; the last ones when `copies` are ended.
    pub(super) fn copy_to_disk(&self, copies: &mut Copies, offset: u64, bytes: &[u8]) {
        if self.disk().is_none() {
            return;
        }
        if bytes.len() > PART {
            self.keep_copy_on_disk(Class::Raw, offset, bytes);
            return;
        }
        if copies.filled + bytes.len() > PART {
            self.end_copies(copies);
        }
        let memory = copies.memory.get_or_insert_with(|| Memory::zeros(PART));
        memory[copies.filled..copies.filled + bytes.len()].copy_from_slice(bytes);
        copies.filled += bytes.len();
        copies.ranges.push((offset, bytes.len()));
    }

    /// Hands over what was copied.
    pub(super) fn end_copies(&self, copies: &mut Copies) {
        let Copies { memory, ranges, .. } = std::mem::take(copies);
        let (Some(disk), Some(memory)) = (self.disk(), memory) else {
            return;
        };
        let mut rest = Bytes::from(memory);
        for (offset, length) in ranges {
            // The rest would not fit either.
            if !disk.put(Class::Raw, offset, rest.split_to(length)) {
                return;
            }
        }
    }

    /// Keeps on disk what was fetched into memory of the program's.
    pub(super) fn keep_copy_on_disk(&self, class: Class, offset: u64, bytes: &[u8]) {
        let Some(disk) = self.disk() else { return };
        for (number, part) in bytes.chunks(PART).enumerate() {
            let at = offset + (number * PART) as u64;
            // The rest would not fit either.
            if !disk.put(class, at, Memory::copy(part)) {
                return;
            }
        }
    }

    /// The parts of a range that only the server has.
    pub(super) fn absent(&self, offset: u64, length: u64) -> Vec<(u64, u64)> {
        let missing = self.cache.missing(self.version.id, offset, length);
        match self.disk() {
            Some(disk) => missing
                .into_iter()
                .flat_map(|(offset, length)| disk.missing(offset, length))
                .collect(),
            None => missing,
        }
    }

    /// Copies what is in memory or on disk of the bytes at `offset` into `buffer`; returns the ranges that are not.
    pub(super) fn copy(&self, class: Class, offset: u64, buffer: &mut [u8]) -> Vec<(u64, u64)> {
        let missing = self.cache.copy(self.version.id, offset, buffer);
        match self.disk() {
            Some(disk) if !missing.is_empty() => {
                let mut absent = Vec::new();
                for (start, length) in missing {
                    let from = (start - offset) as usize;
                    let part = &mut buffer[from..from + length as usize];
                    absent.extend(self.take_from_disk(disk, class, start, part));
                }
                absent
            }
            _ => missing,
        }
    }

    fn take_from_disk(&self, disk: &Entry, class: Class, offset: u64, buffer: &mut [u8]) -> Vec<(u64, u64)> {
        let length = buffer.len() as u64;
        if length >= LONG {
            return disk.read(offset, buffer);
        }
        let absent = disk.missing(offset, length);
        if absent == [(offset, length)] {
            return absent;
        }
        // Whole blocks, since what lies around will be wanted next, and is checked with it anyway.
        let start = offset / BLOCK * BLOCK;
        let end = (offset + length)
            .div_ceil(BLOCK)
            .saturating_mul(BLOCK)
            .min(self.size());
        let mut around = vec![0; (end - start) as usize];
        let missing = disk.read(start, &mut around);
        let around = Bytes::from(around);
        let mut at = start;
        for (gap, length) in missing.into_iter().chain([(end, 0)]) {
            let part = around.slice((at - start) as usize..(gap - start) as usize);
            self.cache.insert_owned(self.version.id, class, at, part);
            at = gap + length;
        }
        let missing = self.cache.copy(self.version.id, offset, buffer);
        // Another thread may have filled memory meanwhile.
        missing
            .into_iter()
            .flat_map(|(start, length)| {
                let from = (start - offset) as usize;
                disk.read(start, &mut buffer[from..from + length as usize])
            })
            .collect()
    }

    /// Where bytes are on disk, if all of them are.
    pub(super) fn on_disk(&self, offset: u64, length: u64) -> Option<Stored> {
        self.disk()?.locate(offset, length)
    }

    /// Whether the server is not to be asked; what is needed then is an error, which says what is not here.
    pub(super) fn refuse_offline(&self, class: Class, offset: u64, length: u64) -> Result<(), Error> {
        if !self.source.server.is_offline() {
            return Ok(());
        }
        let what = match class {
            Class::Metadata => "of its metadata",
            Class::Raw => "of its elements",
        };
        Err(self.source.server.offline(
            &self.source.url,
            format!(
                "bytes {offset} to {} {what} are not in the cache",
                offset + length.saturating_sub(1)
            ),
        ))
    }
}
