//! Global heaps, read by the references to them: all collections of a read at once, instead of one after the other as
//! they are met.

use std::sync::{Mutex, PoisonError};

use super::plan::union;
use super::{Class, RemoteFile, StoredChunk, chunks};
use crate::Error;
use crate::decode::heap::{self, LEAST, Objects};

/// Larger collections are left to native code, bytes.
const LARGEST: u64 = 64 << 20;
/// HDF5 lets collections of small objects grow up to so many bytes.
const GROWN: u64 = 64 << 10;
/// So many bytes cost less than finding out in a second round trip how long collections are.
const MODEST: u64 = 4 << 20;
/// Collections are taken together up to so many bytes.
const PIECE: u64 = 512 << 10;
/// So much between two collections costs less than asking for them apart, bytes.
const GAP: u64 = LEAST;
/// Bytes of a superblock that are looked at.
const SUPERBLOCK: usize = 40;

/// An object of a global heap that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    /// Of its collection.
    pub address: u64,
    /// Its number there.
    pub number: u32,
    /// Its bytes.
    pub length: u32,
    /// Where it goes.
    pub place: u64,
}

/// Some collections that lie close together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    offset: u64,
    length: u64,
    /// Which of the wanted objects are there: the first, and one past the last.
    first: usize,
    end: usize,
}

impl Piece {
    fn stored(&self) -> StoredChunk {
        StoredChunk {
            offset: self.offset,
            length: self.length,
            mask: 0,
        }
    }
}

/// The collections of `wanted`, sorted; as much of each as is probably there. `None` when some are not in a file of this
/// size.
fn pieces(wanted: &[Object], size: u64) -> Option<Vec<Piece>> {
    let generous = pieces_of(wanted, size, GROWN)?;
    match generous.iter().map(|piece| piece.length).sum::<u64>() {
        0..=MODEST => Some(generous),
        _ => pieces_of(wanted, size, LEAST),
    }
}

/// As `pieces`: as much of each as these objects take, but not less than `least`.
fn pieces_of(wanted: &[Object], size: u64, least: u64) -> Option<Vec<Piece>> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut first = 0;
    for objects in wanted.chunk_by(|one, other| one.address == other.address) {
        let offset = objects[0].address;
        let end = first + objects.len();
        let mut taken = 16;
        let mut last = None;
        for object in objects.iter().filter(|object| object.number > 0) {
            if last.replace(object.number) != Some(object.number) {
                taken += heap::taken(object.length.into());
            }
        }
        // The next one begins where this one ends at the latest.
        let next = wanted.get(end).map_or(size, |next| next.address.min(size));
        let room = next.checked_sub(offset)?;
        // Of the last one nothing else tells how long it may be.
        let least = if end < wanted.len() { least } else { GROWN };
        let length = match taken.max(least) {
            length if room > length.saturating_add(GAP) => length,
            _ => room,
        };
        if length < LEAST {
            return None;
        }
        match pieces.last_mut() {
            Some(before)
                if offset - (before.offset + before.length) <= GAP
                    && offset + length - before.offset <= PIECE =>
            {
                before.length = offset + length - before.offset;
                before.end = end;
            }
            _ => pieces.push(Piece {
                offset,
                length,
                first,
                end,
            }),
        }
        first = end;
    }
    Some(pieces)
}

/// Brings objects into the order in which they lie in the file. Mostly they are in that order already.
fn sort(wanted: &mut [Object]) {
    wanted.sort_by_key(|object| (object.address, object.number));
}

/// Where the collections of `wanted` are.
pub(super) fn ranges(file: &RemoteFile, wanted: &mut [Object]) -> Vec<(u64, u64)> {
    sort(wanted);
    let pieces = pieces(wanted, file.size).unwrap_or_default();
    union(pieces.iter().map(|piece| (piece.offset, piece.length)).collect())
}

pub(super) fn read(
    file: &RemoteFile,
    wanted: &mut [Object],
    put: &(dyn Fn(u64, &[u8]) -> bool + Sync),
) -> Result<bool, Error> {
    sort(wanted);
    let wanted = &*wanted;
    let Some(pieces) = pieces(wanted, file.size) else {
        return Ok(false);
    };
    let rest = Mutex::new(Vec::new());
    let all = take(file, wanted, &pieces, put, &|longer| {
        rest.lock().unwrap_or_else(PoisonError::into_inner).push(longer);
        longer.length <= LARGEST
    })?;
    let mut rest = rest.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !all || rest.is_empty() {
        return Ok(all);
    }
    // Those that are longer than these objects told.
    rest.sort_unstable_by_key(|piece| piece.offset);
    take(file, wanted, &rest, put, &|_| false)
}

/// Fetches `pieces` and hands over the objects in them. A collection that turns out to be longer is given to `longer`;
/// `false` as soon as that or anything else fails.
fn take(
    file: &RemoteFile,
    wanted: &[Object],
    pieces: &[Piece],
    put: &(dyn Fn(u64, &[u8]) -> bool + Sync),
    longer: &(dyn Fn(Piece) -> bool + Sync),
) -> Result<bool, Error> {
    let stored: Vec<StoredChunk> = pieces.iter().map(Piece::stored).collect();
    let bytes = pieces.iter().map(|piece| piece.length).sum::<u64>();
    let work = |number: usize, bytes: &[u8]| {
        let piece = &pieces[number];
        let mut objects = Objects::default();
        let mut first = piece.first;
        wanted[piece.first..piece.end]
            .chunk_by(|one, other| one.address == other.address)
            .all(|here| {
                let place = (first, first + here.len());
                first = place.1;
                let offset = here[0].address;
                let from = usize::try_from(offset - piece.offset).ok();
                let Some(found) = from.and_then(|from| bytes.get(from..)) else {
                    return false;
                };
                let Some(length) = heap::size(found) else {
                    return false;
                };
                let Some(collection) = usize::try_from(length).ok().and_then(|to| found.get(..to)) else {
                    return longer(Piece {
                        offset,
                        length,
                        first: place.0,
                        end: place.1,
                    });
                };
                objects.list(collection).is_some()
                    && here.iter().all(|object| {
                        objects
                            .find(collection, object.number)
                            .filter(|found| found.len() == object.length as usize)
                            .is_some_and(|found| put(object.place, found))
                    })
            })
    };
    chunks::each(file, &stored, bytes, &work)
}

/// Whether addresses of the file are as they seem, and 8 bytes long: the superblock is at its beginning and says so.
pub(super) fn are_usual(file: &RemoteFile) -> Result<bool, Error> {
    let mut bytes = [0; SUPERBLOCK];
    file.read(Class::Metadata, 0, &mut bytes)?;
    let (sizes, base) = match bytes[8] {
        0 => (13, 24),
        1 => (13, 28),
        2 | 3 => (9, 12),
        _ => return Ok(false),
    };
    let base = bytes.get(base..).unwrap_or_default();
    let at_zero = base.len() >= 8 && base.iter().take(8).all(|byte| *byte == 0);
    Ok(bytes.starts_with(b"\x89HDF\r\n\x1a\n") && bytes[sizes..sizes + 2] == [8, 8] && at_zero)
}

#[cfg(test)]
mod tests;
