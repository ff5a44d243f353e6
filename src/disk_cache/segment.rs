//! A segment: extents of one version of a file, in one file that never changes.
//!
//! The bytes of all extents, then the head (whose they are, where each extent belongs, a sum of every block), then a
//! trailer of fixed length. Nothing is synced: what a crash of the machine leaves does not have the right sums.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use twox_hash::XxHash3_64;

use super::{Key, folder};
use crate::Class;

/// What is checked at once, bytes of an extent.
const BLOCK: u64 = 64 << 10;
/// What is read and then checked while it is in the processor's cache, bytes.
const STEP: u64 = 16 * BLOCK;
/// End of every segment; another layout has another.
const MAGIC: [u8; 8] = *b"hdfseg01";
const TRAILER: usize = 32;
/// Read at first from the end, bytes; most heads are within.
const TAIL: u64 = 32 << 10;
/// Longest head, bytes.
const LONGEST_HEAD: u64 = 64 << 20;
/// Times of use are kept so exactly.
const FRESH: Duration = Duration::from_secs(60);

/// Whose the bytes are, and what is known of that version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) key: Key,
    pub(super) version: String,
    /// Of the whole file.
    pub(super) size: u64,
    pub(super) marks: Marks,
    /// Offset and length, ascending and apart.
    pub(super) extents: Vec<(u64, u64)>,
    /// Eight bytes for each block of each extent.
    sums: ByteBuf,
}

/// What is known of the metadata of a version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marks {
    /// The server has given all that it gives unasked.
    pub(super) traced: bool,
    /// That is all there is.
    pub(super) complete: bool,
    /// Whether datasets keep elements in raw files.
    pub(super) raw_files: Option<bool>,
}

impl Marks {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            traced: self.traced || other.traced,
            complete: self.complete || other.complete,
            raw_files: self.raw_files.or(other.raw_files),
        }
    }
}

/// Why bytes cannot be had from a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// Somebody deleted it.
    Gone,
    /// It is not what was written.
    Damaged,
}

/// A segment on disk.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) head: Head,
    /// Of each extent, where its bytes begin, and the number of its first sum.
    places: Vec<(u64, usize)>,
    /// Bytes of all extents.
    pub(super) bytes: u64,
    used: SystemTime,
    touched: AtomicBool,
    lost: AtomicBool,
    /// Kept open while there are few.
    file: OnceLock<File>,
}

/// Segments of this process that are kept open: the program may need the other descriptors.
static OPEN: AtomicUsize = AtomicUsize::new(0);
/// Most of these.
const MOST_OPEN: usize = 32;

impl Drop for Segment {
    fn drop(&mut self) {
        if self.file.get().is_some() {
            OPEN.fetch_sub(1, Relaxed);
        }
    }
}

/// Sums of blocks, from bytes in pieces of any length.
#[derive(Default)]
struct Sums {
    done: Vec<u8>,
    /// The beginning of a block.
    begun: Vec<u8>,
}

impl Sums {
    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK as usize - self.begun.len()));
            if now.len() == BLOCK as usize {
                self.push(XxHash3_64::oneshot(now));
            } else {
                self.begun.extend_from_slice(now);
                if self.begun.len() == BLOCK as usize {
                    self.end_extent();
                }
            }
            bytes = later;
        }
    }

    fn end_extent(&mut self) {
        if !self.begun.is_empty() {
            self.push(XxHash3_64::oneshot(&self.begun));
            self.begun.clear();
        }
    }

    fn push(&mut self, sum: u64) {
        self.done.extend(sum.to_le_bytes());
    }
}

fn blocks(length: u64) -> u64 {
    length.div_ceil(BLOCK)
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

impl Segment {
    /// Reads the head of a segment; one that is damaged is an error of the kind `InvalidData`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let length = metadata.len();
        let mut tail = vec![0; length.min(TAIL) as usize];
        let start = length - tail.len() as u64;
        file.read_exact_at(&mut tail, start)?;
        let Some((before, trailer)) = tail.split_last_chunk::<TRAILER>() else {
            return Err(invalid("too short"));
        };
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&trailer[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let (head, sum, bytes) = (number(0), number(8), number(16));
        let whole = bytes
            .checked_add(head)
            .and_then(|sum| sum.checked_add(TRAILER as u64));
        if trailer[24..] != MAGIC || whole != Some(length) || head > LONGEST_HEAD {
            return Err(invalid("no segment, or cut"));
        }
        let long;
        let encoded = match before.len().checked_sub(head as usize) {
            Some(start) => &before[start..],
            None => {
                let mut whole = vec![0; head as usize];
                file.read_exact_at(&mut whole, bytes)?;
                long = whole;
                &long[..]
            }
        };
        if XxHash3_64::oneshot(encoded) != sum {
            return Err(invalid("wrong sum of the head"));
        }
        let head = rmp_serde::from_slice(encoded).map_err(|_| invalid("unreadable head"))?;
        Self::with(path.to_path_buf(), head, bytes, metadata.modified()?)
    }

    fn with(path: PathBuf, head: Head, bytes: u64, used: SystemTime) -> io::Result<Self> {
        let mut places = Vec::with_capacity(head.extents.len());
        let (mut position, mut sums, mut end) = (0u64, 0u64, 0);
        for &(offset, length) in &head.extents {
            if offset < end || length == 0 || offset.checked_add(length).is_none_or(|end| end > head.size) {
                return Err(invalid("malformed extents"));
            }
            places.push((position, sums as usize));
            position += length;
            sums += blocks(length);
            end = offset + length;
        }
        if position != bytes || head.sums.len() as u64 != sums * 8 {
            return Err(invalid("the head does not fit"));
        }
        Ok(Self {
            path,
            head,
            places,
            bytes,
            used,
            touched: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            file: OnceLock::new(),
        })
    }

    /// Writes `pieces`, ascending and apart, into `folder`.
    pub(super) fn write(
        folder: &Path,
        class: Class,
        key: &Key,
        version: &str,
        size: u64,
        marks: Marks,
        pieces: &[(u64, Bytes)],
    ) -> io::Result<Self> {
        let mut file = folder::unfinished(folder)?;
        let mut extents: Vec<(u64, u64)> = Vec::new();
        let mut sums = Sums::default();
        let mut bytes = 0;
        for (offset, piece) in pieces {
            match extents.last_mut() {
                Some((start, length)) if *start + *length == *offset => *length += piece.len() as u64,
                _ => {
                    sums.end_extent();
                    extents.push((*offset, piece.len() as u64));
                }
            }
            sums.add(piece);
            file.write_all(piece)?;
            bytes += piece.len() as u64;
        }
        sums.end_extent();
        let head = Head {
            key: key.clone(),
            version: version.to_owned(),
            size,
            marks,
            extents,
            sums: ByteBuf::from(sums.done),
        };
        let encoded = rmp_serde::to_vec(&head).map_err(io::Error::other)?;
        let mut end = encoded.clone();
        for number in [encoded.len() as u64, XxHash3_64::oneshot(&encoded), bytes] {
            end.extend(number.to_le_bytes());
        }
        end.extend(MAGIC);
        file.write_all(&end)?;
        let random: String = file
            .path()
            .file_name()
            .and_then(|name| name.to_str())
            .map(|name| name.trim_start_matches(folder::UNFINISHED).replace('-', "_"))
            .unwrap_or_default();
        let path = folder.join(format!(
            "{}{:x}{random}",
            folder::prefix(class, version),
            std::process::id()
        ));
        file.persist_noclobber(&path)?;
        Self::with(path, head, bytes, SystemTime::now())
    }

    /// Fills `buffer` with the bytes of an extent that begin at `from` in it.
    pub(super) fn read(&self, extent: usize, from: u64, buffer: &mut [u8]) -> Result<(), Lost> {
        let result = self.read_checked(extent, from, buffer);
        if let Err(lost) = result {
            self.drop_out(lost);
        }
        result
    }

    fn read_checked(&self, extent: usize, from: u64, buffer: &mut [u8]) -> Result<(), Lost> {
        let length = self.head.extents[extent].1;
        let (position, first_sum) = self.places[extent];
        let opened;
        let file = match self.file.get() {
            Some(file) => file,
            None => {
                let file = File::open(&self.path).map_err(|_| Lost::Gone)?;
                self.touch(&file);
                opened = self.keep_open(file);
                match &opened {
                    Some(file) => file,
                    None => self.file.get().ok_or(Lost::Gone)?,
                }
            }
        };
        let read = |bytes: &mut [u8], at: u64| -> Result<(), Lost> {
            file.read_exact_at(bytes, position + at)
                .map_err(|_| Lost::Damaged)?;
            let first = first_sum + (at / BLOCK) as usize;
            for (number, block) in bytes.chunks(BLOCK as usize).enumerate() {
                let sum = &self.head.sums[(first + number) * 8..][..8];
                if XxHash3_64::oneshot(block).to_le_bytes() != sum {
                    return Err(Lost::Damaged);
                }
            }
            Ok(())
        };
        let to = from + buffer.len() as u64;
        let mut at = from;
        while at < to {
            let begin = at / BLOCK * BLOCK;
            let end = (begin + BLOCK).min(length);
            if at == begin && end <= to {
                // Whole blocks, straight to where they are wanted.
                let stop = if to == length { to } else { to / BLOCK * BLOCK };
                let stop = stop.min(at + STEP);
                read(&mut buffer[(at - from) as usize..(stop - from) as usize], at)?;
                at = stop;
            } else {
                let mut block = vec![0; (end - begin) as usize];
                read(&mut block, begin)?;
                let stop = end.min(to);
                buffer[(at - from) as usize..(stop - from) as usize]
                    .copy_from_slice(&block[(at - begin) as usize..(stop - begin) as usize]);
                at = stop;
            }
        }
        Ok(())
    }

    /// Keeps the file open, or gives it back when enough are open.
    fn keep_open(&self, file: File) -> Option<File> {
        if OPEN.fetch_add(1, Relaxed) < MOST_OPEN {
            match self.file.set(file) {
                Ok(()) => return None,
                // Another thread was faster.
                Err(file) => {
                    OPEN.fetch_sub(1, Relaxed);
                    return Some(file);
                }
            }
        }
        OPEN.fetch_sub(1, Relaxed);
        Some(file)
    }

    /// All its pieces.
    pub(super) fn pieces(&self) -> Result<Vec<(u64, Bytes)>, Lost> {
        let mut pieces = Vec::with_capacity(self.head.extents.len());
        let mut all = vec![0; self.bytes as usize];
        for (number, &(_, length)) in self.head.extents.iter().enumerate() {
            let position = self.places[number].0 as usize;
            self.read(number, 0, &mut all[position..position + length as usize])?;
        }
        let all = Bytes::from(all);
        for (number, &(offset, length)) in self.head.extents.iter().enumerate() {
            let position = self.places[number].0 as usize;
            pieces.push((offset, all.slice(position..position + length as usize)));
        }
        Ok(pieces)
    }

    /// Whether all of it is as it was written; reads all.
    pub(super) fn check(&self) -> Result<(), Lost> {
        let mut buffer = vec![0; STEP as usize];
        for (number, &(_, length)) in self.head.extents.iter().enumerate() {
            for from in (0..length).step_by(STEP as usize) {
                let now = STEP.min(length - from) as usize;
                self.read_checked(number, from, &mut buffer[..now])?;
            }
        }
        Ok(())
    }

    /// Lets others see that it is of use, so that it is deleted later.
    fn touch(&self, file: &File) {
        if !self.touched.swap(true, Relaxed) && self.used.elapsed().is_ok_and(|age| age > FRESH) {
            let _ = file.set_modified(SystemTime::now());
        }
    }

    /// Whether it was found gone or damaged.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Relaxed)
    }

    fn drop_out(&self, why: Lost) {
        if !self.lost.swap(true, Relaxed) && why == Lost::Damaged {
            discard(&self.path);
        }
    }
}

/// Deletes a segment that is not what it should be.
pub(super) fn discard(path: &Path) {
    log::warn!("{}: damaged, and deleted", path.display());
    let _ = std::fs::remove_file(path);
}

/// As [`Segment::open`], without what is of no use; that is deleted.
pub(super) fn open_sound(path: &Path) -> Option<Segment> {
    match Segment::open(path) {
        Ok(segment) => Some(segment),
        Err(error) => {
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) {
                discard(path);
            }
            None
        }
    }
}
