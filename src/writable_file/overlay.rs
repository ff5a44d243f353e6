//! What was written and is not saved: extents in memory, in a temporary file, or known to be zero. They never
//! overlap; a later write changes them in place.

use std::collections::BTreeMap;
use std::io;

use super::spill::{Maker, Spill};
use crate::Class;

/// Longest extent, bytes: what is moved at once.
const LONGEST: u64 = 1 << 20;
/// What an extent costs beside its bytes, about.
const OVERHEAD: u64 = 128;
/// What naming a piece costs in a request, at most, bytes.
pub(super) const PIECE: u64 = 20;

pub(super) struct Overlay {
    extents: BTreeMap<u64, Extent>,
    spill: Spill,
    /// Where the saved file ends: raw data from there on can be sent ahead. No extent lies on both sides.
    boundary: u64,
    /// Cost of what is in memory, bytes.
    memory: u64,
    /// How much of it is raw data beyond the boundary, bytes.
    sendable: u64,
    /// Counts writes, for the age of extents.
    clock: u64,
}

struct Extent {
    length: u64,
    class: Class,
    touched: u64,
    held: Held,
}

enum Held {
    Memory(Vec<u8>),
    Spilled(u64),
    Zeros,
}

impl Extent {
    fn cost(&self) -> u64 {
        match &self.held {
            Held::Memory(bytes) => bytes.capacity() as u64 + OVERHEAD,
            Held::Spilled(_) | Held::Zeros => OVERHEAD,
        }
    }
}

impl Overlay {
    pub(super) fn new(boundary: u64, maker: Maker) -> Self {
        Self {
            extents: BTreeMap::new(),
            spill: Spill::new(maker),
            boundary,
            memory: 0,
            sendable: 0,
            clock: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.extents.is_empty()
    }

    /// What is in memory, bytes, all costs included.
    pub(super) fn memory(&self) -> u64 {
        self.memory
    }

    /// How many bytes [`Self::take`] could take.
    pub(super) fn sendable(&self) -> u64 {
        self.sendable
    }

    /// One past the last byte.
    pub(super) fn end(&self) -> u64 {
        self.extents
            .last_key_value()
            .map_or(0, |(offset, extent)| offset + extent.length)
    }

    /// Extents as offset, length and class; ascending.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u64, u64, Class)> + '_ {
        self.extents
            .iter()
            .map(|(&offset, extent)| (offset, extent.length, extent.class))
    }

    /// The ranges that are known to be zero.
    pub(super) fn zeros(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let is_zero = |(_, extent): &(&u64, &Extent)| matches!(extent.held, Held::Zeros);
        self.extents
            .iter()
            .filter(is_zero)
            .map(|(&offset, extent)| (offset, extent.length))
    }

    /// Whether nothing of the byte at `offset` is here.
    pub(super) fn lacks(&self, offset: u64) -> bool {
        self.first(offset, offset + 1).is_none()
    }

    /// Shows all bytes that are in memory.
    pub(super) fn for_each_in_memory(&self, mut show: impl FnMut(Class, u64, &[u8])) {
        for (&offset, extent) in &self.extents {
            if let Held::Memory(bytes) = &extent.held {
                show(extent.class, offset, bytes);
            }
        }
    }

    /// Keeps `bytes`.
    ///
    /// An error is one of the temporary file; the bytes may then be there in part.
    pub(super) fn write(&mut self, class: Class, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.clock += 1;
        let end = offset + bytes.len() as u64;
        let mut at = offset;
        while at < end {
            let here = |from: u64, to: u64| &bytes[(from - offset) as usize..(to - offset) as usize];
            match self.first(at, end) {
                Some((start, length)) if start <= at => {
                    let stop = end.min(start + length);
                    if !self.change(start, at, here(at, stop))? {
                        self.remove(at, stop);
                        self.insert(class, at, here(at, stop));
                    }
                    at = stop;
                }
                Some((start, _)) => {
                    self.insert(class, at, here(at, start));
                    at = start;
                }
                None => {
                    self.insert(class, at, here(at, end));
                    at = end;
                }
            }
        }
        Ok(())
    }

    /// Makes a range zero, whatever it was.
    pub(super) fn clear(&mut self, start: u64, end: u64) {
        self.remove(start, end);
        if start < end {
            self.put(
                start,
                Extent {
                    length: end - start,
                    class: Class::Raw,
                    touched: self.clock,
                    held: Held::Zeros,
                },
            );
        }
    }

    /// Drops everything from `size` on.
    pub(super) fn cut(&mut self, size: u64) {
        self.remove(size, u64::MAX);
    }

    /// Copies what is here of the bytes at `offset` into `buffer`; returns the ranges that are not here.
    pub(super) fn copy(&self, offset: u64, buffer: &mut [u8]) -> io::Result<Vec<(u64, u64)>> {
        let end = offset.saturating_add(buffer.len() as u64);
        let mut missing = Vec::new();
        let mut at = offset;
        for (start, extent) in self.touching(offset, end) {
            if start > at {
                missing.push((at, start - at));
                at = start;
            }
            let stop = end.min(start + extent.length);
            let place = &mut buffer[(at - offset) as usize..(stop - offset) as usize];
            let within = (at - start) as usize;
            match &extent.held {
                Held::Memory(bytes) => {
                    place.copy_from_slice(&bytes[within..within + (stop - at) as usize]);
                }
                Held::Spilled(there) => self.spill.read(there + within as u64, place)?,
                Held::Zeros => place.fill(0),
            }
            at = stop;
        }
        if at < end {
            missing.push((at, end - at));
        }
        Ok(missing)
    }

    /// Moves extents to the temporary file until no more than `most` bytes of memory are used: raw data first,
    /// and what was not written for the longest time.
    pub(super) fn spill(&mut self, most: u64) -> io::Result<()> {
        let in_memory = |extent: &Extent| matches!(extent.held, Held::Memory(_));
        let mut order: Vec<(bool, u64, u64)> = self
            .extents
            .iter()
            .filter(|(_, extent)| in_memory(extent))
            .map(|(&offset, extent)| (extent.class == Class::Metadata, extent.touched, offset))
            .collect();
        order.sort_unstable();
        for (_, _, offset) in order {
            if self.memory <= most {
                break;
            }
            let Some(mut extent) = self.pull(offset) else {
                continue;
            };
            let mut failed = None;
            if let Held::Memory(bytes) = &extent.held {
                match self.spill.add(bytes) {
                    Ok(at) => extent.held = Held::Spilled(at),
                    Err(error) => failed = Some(error),
                }
            }
            self.put(offset, extent);
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Takes out raw data beyond the boundary, at most about `most` bytes or one extent, what was not written for the longest
    /// time first. Returns where it belongs (ascending, apart) and the bytes.
    pub(super) fn take(&mut self, most: u64) -> (Vec<(u64, u64)>, Vec<u8>) {
        let mut order: Vec<(u64, u64)> = self
            .extents
            .range(self.boundary..)
            .filter(|(_, extent)| extent.class == Class::Raw && matches!(extent.held, Held::Memory(_)))
            .map(|(&offset, extent)| (extent.touched, offset))
            .collect();
        order.sort_unstable();
        let mut left = most;
        let mut chosen = Vec::new();
        for (_, offset) in order {
            let Some(extent) = self.extents.get(&offset) else {
                continue;
            };
            let cost = extent.length + PIECE;
            if cost > left && !chosen.is_empty() {
                break;
            }
            left = left.saturating_sub(cost);
            chosen.push(offset);
        }
        chosen.sort_unstable();
        let mut pieces: Vec<(u64, u64)> = Vec::new();
        let mut all = Vec::new();
        for offset in chosen {
            if let Some(Extent {
                length,
                held: Held::Memory(bytes),
                ..
            }) = self.pull(offset)
            {
                join(&mut pieces, offset, length);
                all.extend_from_slice(&bytes);
            }
        }
        (pieces, all)
    }

    /// Everything, as pieces for requests of at most about `most` bytes each; ascending.
    pub(super) fn batches(&self, most: u64) -> Vec<Vec<(u64, u64)>> {
        let mut batches = Vec::new();
        let mut batch = Vec::new();
        let mut left = most;
        for (mut offset, mut length, _) in self.ranges() {
            while length > 0 {
                if left <= PIECE {
                    batches.push(std::mem::take(&mut batch));
                    left = most;
                }
                let now = length.min(left - PIECE);
                join(&mut batch, offset, now);
                left -= now + PIECE;
                offset += now;
                length -= now;
            }
        }
        if !batch.is_empty() {
            batches.push(batch);
        }
        batches
    }

    /// Extents that touch a range.
    fn touching(&self, offset: u64, end: u64) -> impl Iterator<Item = (u64, &Extent)> {
        let before = self.extents.range(..offset).next_back();
        let first = before.filter(|(start, extent)| *start + extent.length > offset);
        first
            .into_iter()
            .chain(self.extents.range(offset..end.max(offset)))
            .map(|(&start, extent)| (start, extent))
    }

    /// Offset and length of the first extent that touches a range.
    fn first(&self, offset: u64, end: u64) -> Option<(u64, u64)> {
        let (start, extent) = self.touching(offset, end).next()?;
        Some((start, extent.length))
    }

    /// Writes into the extent at `start`; `false` when it has no place for bytes.
    fn change(&mut self, start: u64, at: u64, bytes: &[u8]) -> io::Result<bool> {
        let clock = self.clock;
        let Some(extent) = self.extents.get_mut(&start) else {
            return Ok(false);
        };
        let within = at - start;
        match &mut extent.held {
            Held::Memory(held) => {
                held[within as usize..within as usize + bytes.len()].copy_from_slice(bytes);
            }
            Held::Spilled(there) => self.spill.change(*there + within, bytes)?,
            Held::Zeros => return Ok(false),
        }
        extent.touched = clock;
        Ok(true)
    }

    /// Adds bytes where nothing is, to the extent before them as long as that has room.
    fn insert(&mut self, class: Class, mut offset: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let mut room = LONGEST;
            if offset < self.boundary {
                room = room.min(self.boundary - offset);
            }
            let before = self.extents.range(..offset).next_back();
            let joined = before.and_then(|(&start, extent)| {
                let fits = start + extent.length == offset
                    && offset != self.boundary
                    && extent.class == class
                    && extent.length < LONGEST
                    && matches!(extent.held, Held::Memory(_));
                fits.then_some((start, LONGEST - extent.length))
            });
            if let Some((_, more)) = joined {
                room = room.min(more);
            }
            let (now, later) = bytes.split_at(room.min(bytes.len() as u64) as usize);
            let extent = match joined.and_then(|(start, _)| Some((start, self.pull(start)?))) {
                Some((start, mut extent)) => {
                    if let Held::Memory(held) = &mut extent.held {
                        held.extend_from_slice(now);
                    }
                    extent.length += now.len() as u64;
                    extent.touched = self.clock;
                    (start, extent)
                }
                None => (
                    offset,
                    Extent {
                        length: now.len() as u64,
                        class,
                        touched: self.clock,
                        held: Held::Memory(now.to_vec()),
                    },
                ),
            };
            self.put(extent.0, extent.1);
            offset += now.len() as u64;
            bytes = later;
        }
    }

    /// Makes a range one of which nothing is here.
    fn remove(&mut self, start: u64, end: u64) {
        while let Some((offset, length)) = self.first(start, end) {
            let Some(mut extent) = self.pull(offset) else {
                return;
            };
            let stop = offset + length;
            if stop > end {
                let rest = Extent {
                    length: stop - end,
                    class: extent.class,
                    touched: extent.touched,
                    held: match &extent.held {
                        Held::Memory(bytes) => Held::Memory(bytes[(end - offset) as usize..].to_vec()),
                        Held::Spilled(at) => Held::Spilled(at + (end - offset)),
                        Held::Zeros => Held::Zeros,
                    },
                };
                self.put(end, rest);
            }
            if offset < start {
                extent.length = start - offset;
                if let Held::Memory(bytes) = &mut extent.held {
                    bytes.truncate(extent.length as usize);
                }
                self.put(offset, extent);
            }
        }
    }

    fn put(&mut self, offset: u64, extent: Extent) {
        self.memory += extent.cost();
        self.sendable += self.counts(offset, &extent);
        self.extents.insert(offset, extent);
    }

    fn pull(&mut self, offset: u64) -> Option<Extent> {
        let extent = self.extents.remove(&offset)?;
        self.memory -= extent.cost();
        self.sendable -= self.counts(offset, &extent);
        Some(extent)
    }

    fn counts(&self, offset: u64, extent: &Extent) -> u64 {
        let counts =
            offset >= self.boundary && extent.class == Class::Raw && matches!(extent.held, Held::Memory(_));
        if counts { extent.length } else { 0 }
    }
}

/// Adds a piece, which may follow right after the last one.
fn join(pieces: &mut Vec<(u64, u64)>, offset: u64, length: u64) {
    match pieces.last_mut() {
        Some((start, before)) if *start + *before == offset => *before += length,
        _ => pieces.push((offset, length)),
    }
}

#[cfg(test)]
mod tests;
