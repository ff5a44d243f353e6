//! What was read becomes segments: only what no segment has, few files instead of many small ones.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::index::Index;
use super::segment::{Marks, Segment, open_sound};
use super::{Entry, folder};
use crate::Class;

/// Longest segment of raw data, about, bytes: what is deleted at once.
const LARGEST: u64 = 64 << 20;
/// Smaller segments are merged when there are many.
const SMALL: u64 = 4 << 20;
/// So many small segments of a kind may be there.
const MANY: usize = 8;
/// Metadata that is there is written anew along with what is a quarter of it or more, up to this size, bytes.
const METADATA: u64 = 32 << 20;
/// Clocks of machines that share a folder differ by no more.
const SKEW: Duration = Duration::from_secs(60);
/// Heads of segments that are remembered from one writing to the next.
const REMEMBERED: usize = 1024;

/// Segments whose heads were read before.
pub(super) type Known = HashMap<PathBuf, Arc<Segment>>;

/// Bytes that were read, what they are for, and where they belong.
pub(super) type Fetched = Vec<(Class, u64, Bytes)>;

type Pieces = Vec<(u64, Bytes)>;

/// Keeps `pieces` of an entry on disk; returns how many bytes were written.
pub(super) fn keep(entry: &Arc<Entry>, pieces: Fetched, known: &mut Known) -> io::Result<u64> {
    let folder = folder::make(&entry.cache.root, &entry.key)?;
    if known.len() > REMEMBERED {
        known.clear();
    }
    let mut there: [Vec<Arc<Segment>>; 2] = Default::default();
    let mut outdated = Vec::new();
    for (name, path) in folder::segments(&folder) {
        if name.hash != folder::hash(entry.version()) {
            outdated.push(path);
            continue;
        }
        let segment = match known.get(&path) {
            Some(segment) => Arc::clone(segment),
            None => match open_sound(&path).filter(|segment| entry.is_of(segment)) {
                Some(segment) => Arc::new(segment),
                None => continue,
            },
        };
        known.insert(path, Arc::clone(&segment));
        there[name.class as usize].push(segment);
    }
    let mut index = Index::default();
    for segment in there.iter().flatten() {
        index.add(segment);
    }

    let (metadata, raw): (Vec<_>, Vec<_>) = pieces.into_iter().partition(|piece| piece.0 == Class::Metadata);
    let metadata = absent(&index, metadata);
    let raw = absent(&index, raw);
    let [old_metadata, old_raw] = there;
    let mut written = keep_metadata(entry, &old_metadata, metadata)?;
    written += keep_raw(entry, &old_raw, raw)?;

    for path in outdated {
        let used = path.metadata().and_then(|metadata| metadata.modified());
        // One of the future is of a time when the clock was wrong, and would be taken for the newest.
        if used.is_ok_and(|used| used < entry.begun || used > SystemTime::now() + SKEW) {
            let _ = std::fs::remove_file(path);
        }
    }
    Ok(written)
}

/// What of `pieces` no segment has, ascending and apart.
fn absent(index: &Index, pieces: Fetched) -> Pieces {
    let mut found: BTreeMap<u64, Bytes> = BTreeMap::new();
    for (_, offset, bytes) in pieces {
        for (start, length) in index.missing(offset, bytes.len() as u64) {
            let end = start + length;
            let mut at = start;
            while at < end {
                let before = found.range(..=at).next_back();
                let covered = before.map_or(0, |(start, bytes)| start + bytes.len() as u64);
                if covered > at {
                    at = covered;
                    continue;
                }
                let next = found.range(at..).next().map_or(end, |(start, _)| end.min(*start));
                found.insert(at, bytes.slice((at - offset) as usize..(next - offset) as usize));
                at = next;
            }
        }
    }
    found.into_iter().collect()
}

fn length(pieces: &Pieces) -> u64 {
    pieces.iter().map(|piece| piece.1.len() as u64).sum()
}

/// All metadata is wanted at once when the file is opened again: in one segment, if it is not much.
fn keep_metadata(entry: &Arc<Entry>, old: &[Arc<Segment>], new: Pieces) -> io::Result<u64> {
    let mut marks = entry.marks();
    if entry.lacks_metadata.load(Relaxed) {
        marks = Marks {
            raw_files: marks.raw_files,
            ..Marks::default()
        };
    }
    let known = old
        .iter()
        .fold(Marks::default(), |marks, segment| marks.and(segment.head.marks));
    let marks = marks.and(known);
    if new.is_empty() && marks == known {
        return Ok(0);
    }
    let there: u64 = old.iter().map(|segment| segment.bytes).sum();
    let all = marks != known || length(&new) >= there / 4 || old.len() >= MANY;
    let merged: Vec<_> = old
        .iter()
        .filter(|segment| all && segment.bytes <= METADATA)
        .collect();
    write(entry, Class::Metadata, marks, &merged, new)
}

/// Of one file at most half of what the cache holds: reading a large file from end to end leaves the others alone.
fn keep_raw(entry: &Arc<Entry>, old: &[Arc<Segment>], mut new: Pieces) -> io::Result<u64> {
    let mut room = (entry.cache.limit / 2).saturating_sub(old.iter().map(|segment| segment.bytes).sum());
    new.retain(|(_, bytes)| {
        let fits = bytes.len() as u64 <= room;
        room -= if fits { bytes.len() as u64 } else { 0 };
        fits
    });
    if new.is_empty() {
        return Ok(0);
    }
    let small: Vec<_> = old.iter().filter(|segment| segment.bytes < SMALL).collect();
    let merged = if small.len() >= MANY { small } else { Vec::new() };
    let mut written = 0;
    let mut part: Pieces = Vec::new();
    let mut filled = 0;
    for piece in new {
        filled += piece.1.len() as u64;
        part.push(piece);
        if filled >= LARGEST {
            filled = 0;
            written += write(
                entry,
                Class::Raw,
                Marks::default(),
                &[],
                std::mem::take(&mut part),
            )?;
        }
    }
    if !part.is_empty() || !merged.is_empty() {
        written += write(entry, Class::Raw, Marks::default(), &merged, part)?;
    }
    Ok(written)
}

/// Writes a segment of what is `new` and of all that `merged` have, which are deleted.
fn write(
    entry: &Arc<Entry>,
    class: Class,
    marks: Marks,
    merged: &[&Arc<Segment>],
    mut new: Pieces,
) -> io::Result<u64> {
    let mut replaced = Vec::new();
    let mut taken = Index::default();
    for segment in merged {
        // What is damaged is left out, and deleted already.
        let Ok(pieces) = segment.pieces() else { continue };
        replaced.push(&segment.path);
        for (offset, bytes) in pieces {
            for (start, length) in taken.missing(offset, bytes.len() as u64) {
                let from = (start - offset) as usize;
                new.push((start, bytes.slice(from..from + length as usize)));
            }
        }
        taken.add(segment);
    }
    new.sort_by_key(|piece| piece.0);
    let segment = Segment::write(
        &entry.folder,
        class,
        &entry.key,
        entry.version(),
        entry.size(),
        marks,
        &new,
    )?;
    let written = segment.bytes;
    let segment = Arc::new(segment);
    entry.fresh.rcu(|before| {
        let mut all = Vec::clone(before);
        all.push(Arc::clone(&segment));
        all
    });
    for path in replaced {
        let _ = std::fs::remove_file(path);
    }
    Ok(written)
}
