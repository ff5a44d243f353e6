//! The journal's file: who writes what, where the journal begins to count, and then records.
//!
//! The first page says who. Two slots, used in turn, say up to which commit the data file is whole without the
//! journal; a slot is written by one sector, so that one of the two is always right. The checksum of a record
//! goes on from that of the record before, the first from a random number in the slot: neither what is left
//! of earlier records nor what a client sends can be taken for a record.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;

use hdfstream::protocol::Begin;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use super::disk::DiskFile;
use super::names::LeaseHash;
use super::pieces::Piece;

const MAGIC: &[u8; 8] = b"HDFSJRN1";
const PAGE: usize = 4096;
const SLOTS: [usize; 2] = [PAGE, PAGE + 512];
const SLOT: usize = 66;
/// Where the records begin.
pub(super) const RECORDS: u64 = 2 * PAGE as u64;
/// Length of what a record is, length of its bytes, checksum.
const HEAD: usize = 20;
/// What a record is fits into this: 2^20 pieces do.
const LONGEST: u64 = 64 << 20;
const CHUNK: usize = if cfg!(test) { 600 } else { 1 << 20 };

/// Who writes what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// The file, as the bytes of its name.
    #[serde(with = "serde_bytes")]
    pub(super) name: Vec<u8>,
    pub(super) begin: Begin,
    pub(super) lease: [u8; 32],
    pub(super) user: Option<String>,
    pub(super) exclusive: bool,
    /// The data file.
    pub(super) inode: u64,
}

impl Identity {
    pub(super) fn lease(&self) -> LeaseHash {
        LeaseHash(self.lease)
    }
}

/// What is true without the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) turn: u64,
    pub(super) salt: u64,
    /// The last commit that is wholly in the data file, and synced.
    pub(super) number: u64,
    /// Size of the file then.
    pub(super) size: u64,
    /// What that commit asked for, as [`Record::Commit`] has it.
    pub(super) asked: u64,
    /// The run of the machine in which it was written.
    pub(super) boot: u128,
    /// Whether the data file may go on beyond its committed size.
    pub(super) beyond: bool,
    /// Whether the lease is over, so that the journal says nothing of the file.
    pub(super) ended: bool,
}

/// What happened, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Record {
    /// From now on the data file may go on beyond its committed size.
    Beyond,
    /// A part; the bytes that are not in place follow. Those in place are being written.
    Part {
        number: u64,
        part: u64,
        pieces: Vec<Piece>,
    },
    /// All bytes of the part are written.
    Done { number: u64, part: u64 },
    /// The parts below `parts`, and the one that came with the commit, are the file's content.
    Commit {
        number: u64,
        parts: u64,
        size: u64,
        ordered: bool,
        /// A checksum of the request, by which the same again is known; 0 if unknown.
        asked: u64,
    },
}

/// A journal that is open.
#[derive(Debug)]
pub(super) struct Log<F> {
    file: F,
    pub(super) identity: Identity,
    pub(super) slot: Slot,
    tail: Mark,
    /// Up to where it is known to be on the disk, or nothing would be missed.
    synced: Mark,
}

/// An end of the journal: position, and the checksum up to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    position: u64,
    chain: u64,
}

/// A record as it was found.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) record: Record,
    /// Position of its bytes.
    pub(super) position: u64,
    end: Mark,
}

/// What was found.
pub(super) enum Found<F> {
    /// Nothing: it was never finished, so nothing can have been promised.
    Unfinished,
    /// Something, but not what was written.
    Damaged,
    Journal(Box<Log<F>>, Vec<Entry>),
}

impl Slot {
    pub(super) fn first(size: u64, boot: u128) -> Self {
        Self {
            turn: 0,
            salt: RandomState::new().hash_one(boot),
            number: 0,
            size,
            asked: 0,
            boot,
            beyond: false,
            ended: false,
        }
    }

    fn start(&self) -> Mark {
        Mark {
            position: RECORDS,
            chain: self.salt,
        }
    }

    fn encode(&self) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        bytes[..8].copy_from_slice(&self.turn.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.salt.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.number.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.size.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.asked.to_le_bytes());
        bytes[40..56].copy_from_slice(&self.boot.to_le_bytes());
        bytes[56] = u8::from(self.beyond);
        bytes[57] = u8::from(self.ended);
        let check = XxHash3_64::oneshot(&bytes[..58]);
        bytes[58..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        if number(58)? != XxHash3_64::oneshot(bytes.get(..58)?) {
            return None;
        }
        Some(Self {
            turn: number(0)?,
            salt: number(8)?,
            number: number(16)?,
            size: number(24)?,
            asked: number(32)?,
            boot: u128::from(number(40)?) | (u128::from(number(48)?) << 64),
            beyond: bytes.get(56)? == &1,
            ended: bytes.get(57)? == &1,
        })
    }
}

impl<F: DiskFile> Log<F> {
    /// Makes an empty file a journal. Not synced.
    pub(super) fn create(file: F, identity: Identity, slot: Slot) -> io::Result<Self> {
        let start = slot.start();
        let log = Self {
            file,
            identity,
            slot,
            tail: start,
            synced: start,
        };
        log.file.set_size(RECORDS)?;
        log.write_head()?;
        Ok(log)
    }

    /// Writes once more who and where to count from: after a failed sync they may be in memory only, though
    /// the system takes them for written.
    pub(super) fn write_head(&self) -> io::Result<()> {
        let identity = rmp_serde::to_vec(&self.identity).map_err(io::Error::other)?;
        let mut page = MAGIC.to_vec();
        page.extend(XxHash3_64::oneshot(&identity).to_le_bytes());
        page.extend(u32::try_from(identity.len()).unwrap_or(u32::MAX).to_le_bytes());
        page.extend(identity);
        if page.len() > PAGE {
            return Err(io::Error::other(
                "the name of the file or of the user is too long",
            ));
        }
        self.file.write_at(&page, 0)?;
        self.write_slot()
    }

    /// Writes all records once more, for the same reason.
    pub(super) fn write_records(&self) -> io::Result<()> {
        each_chunk(RECORDS, self.length(), |offset, length| {
            let mut chunk = vec![0; length];
            self.file.read_at(&mut chunk, offset)?;
            self.file.write_at(&chunk, offset)
        })
    }

    fn write_slot(&self) -> io::Result<()> {
        let place = SLOTS[usize::from(self.slot.turn % 2 == 1)];
        self.file.write_at(&self.slot.encode(), place as u64)
    }

    /// Reads a journal up to where its records end. Never fails for what is in it.
    pub(super) fn open(file: F) -> io::Result<Found<F>> {
        let size = file.size()?;
        let mut head = vec![0; usize::try_from(size.min(RECORDS)).unwrap_or(0)];
        file.read_at(&mut head, 0)?;
        let slots = SLOTS
            .iter()
            .filter_map(|&at| Slot::decode(head.get(at..at + SLOT)?));
        let slot = slots.max_by_key(|slot| slot.turn);
        let (Some(identity), Some(slot)) = (decode_identity(&head), slot) else {
            let touched = head.iter().any(|&byte| byte != 0);
            return Ok(if touched {
                Found::Damaged
            } else {
                Found::Unfinished
            });
        };
        let start = slot.start();
        let mut log = Self {
            file,
            identity,
            slot,
            tail: start,
            synced: start,
        };
        let mut records = Vec::new();
        while let Some(entry) = log.next(size)? {
            if matches!(entry.record, Record::Commit { .. } | Record::Beyond) {
                log.synced = entry.end;
            }
            records.push(entry);
        }
        Ok(Found::Journal(Box::new(log), records))
    }

    /// The record at the tail, and moves the tail behind it.
    fn next(&mut self, size: u64) -> io::Result<Option<Entry>> {
        let left = size.saturating_sub(self.tail.position);
        let mut head = [0; HEAD];
        if left < HEAD as u64 {
            return Ok(None);
        }
        self.file.read_at(&mut head, self.tail.position)?;
        let (lengths, check) = head.split_at(12);
        let (Ok(kind), Ok(bytes), Ok(check)) =
            (lengths[..4].try_into(), lengths[4..].try_into(), check.try_into())
        else {
            return Ok(None);
        };
        let (kind, bytes) = (u64::from(u32::from_le_bytes(kind)), u64::from_le_bytes(bytes));
        let fits = left - HEAD as u64;
        if kind > LONGEST || bytes > fits || kind > fits - bytes {
            return Ok(None);
        }
        let at = self.tail.position + HEAD as u64;
        let mut what = vec![0; usize::try_from(kind).unwrap_or(0)];
        self.file.read_at(&mut what, at)?;
        let mut chain = XxHash3_64::with_seed(self.tail.chain);
        chain.write(lengths);
        chain.write(&what);
        each_chunk(at + kind, bytes, |offset, length| {
            let mut chunk = vec![0; length];
            self.file.read_at(&mut chunk, offset)?;
            chain.write(&chunk);
            Ok(())
        })?;
        let chain = chain.finish();
        if chain != u64::from_le_bytes(check) {
            return Ok(None);
        }
        let Ok(record) = rmp_serde::from_slice(&what) else {
            return Ok(None);
        };
        self.tail = Mark {
            position: at + kind + bytes,
            chain,
        };
        Ok(Some(Entry {
            record,
            position: at + kind,
            end: self.tail,
        }))
    }

    /// Adds a record and gives the position of its bytes. If it fails, nothing is added.
    pub(super) fn append(&mut self, record: &Record, bytes: &[&[u8]]) -> io::Result<u64> {
        let what = rmp_serde::to_vec(record).map_err(io::Error::other)?;
        let length: usize = bytes.iter().map(|part| part.len()).sum();
        let mut head = u32::try_from(what.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes()
            .to_vec();
        head.extend((length as u64).to_le_bytes());
        let mut chain = XxHash3_64::with_seed(self.tail.chain);
        chain.write(&head);
        chain.write(&what);
        bytes.iter().for_each(|part| chain.write(part));
        let chain = chain.finish();
        head.extend(chain.to_le_bytes());
        head.extend(what);
        let begin = self.tail.position + head.len() as u64;
        let written = self.write_all(&head, bytes);
        if let Err(error) = written {
            // Gives the space back. If not even that works, what is left is no record.
            let _ = self.file.set_size(self.tail.position);
            return Err(error);
        }
        self.tail = Mark {
            position: begin + length as u64,
            chain,
        };
        Ok(begin)
    }

    fn write_all(&self, head: &[u8], bytes: &[&[u8]]) -> io::Result<()> {
        let mut at = self.tail.position;
        for part in [head].iter().chain(bytes) {
            self.file.write_at(part, at)?;
            at += part.len() as u64;
        }
        Ok(())
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync()?;
        self.synced = self.tail;
        Ok(())
    }

    pub(super) fn mark(&self) -> Mark {
        self.tail
    }

    /// Takes back the records after a mark, none of which was synced.
    pub(super) fn cut(&mut self, mark: Mark) {
        // Should it fail, the next record is written over them.
        let _ = self.file.set_size(mark.position);
        self.tail = mark;
    }

    /// After the disk failed: takes back what may be lost though it can be read.
    pub(super) fn cut_to_synced(&mut self) {
        self.cut(self.synced);
    }

    /// Bytes of records.
    pub(super) fn length(&self) -> u64 {
        self.tail.position - RECORDS
    }

    /// Begins to count anew: the data file is whole up to commit `number` and synced. Waits for the disk,
    /// since the next record overwrites what counted until now.
    pub(super) fn restart(&mut self, slot: Slot) -> io::Result<()> {
        self.slot = Slot {
            turn: self.slot.turn + 1,
            salt: RandomState::new().hash_one(self.slot.salt),
            ..slot
        };
        self.tail = self.slot.start();
        self.write_slot()?;
        self.file.sync()?;
        self.synced = self.tail;
        self.file.set_size(RECORDS)
    }

    pub(super) fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        self.file.read_at(buffer, position)
    }
}

fn decode_identity(head: &[u8]) -> Option<Identity> {
    let check = head.strip_prefix(MAGIC)?;
    let length = usize::try_from(u32::from_le_bytes(check.get(8..12)?.try_into().ok()?)).ok()?;
    let identity = check.get(12..12usize.checked_add(length)?)?;
    if check.get(..8)? != XxHash3_64::oneshot(identity).to_le_bytes() {
        return None;
    }
    rmp_serde::from_slice(identity).ok()
}

/// Goes through a range in pieces that fit into memory.
pub(super) fn each_chunk(
    offset: u64,
    length: u64,
    mut chunk: impl FnMut(u64, usize) -> io::Result<()>,
) -> io::Result<()> {
    let end = offset + length;
    let mut at = offset;
    while at < end {
        let this = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
        chunk(at, this)?;
        at += this as u64;
    }
    Ok(())
}
