//! Chunks, or other pieces of a file, on their way from the cache or the server to the threads that decode them.
//!
//! Each is decoded as soon as its last byte is here, while those behind it are still arriving. The thread that reads
//! waits for the network and fills the cache; the decoding threads touch neither.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::try_join;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use rayon_core::Scope;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::foresight::Miss;
use super::kept::Copies;
use super::plan::union;
use super::{Class, RemoteFile, flights, foresight, hit};
use crate::decode::{Pipeline, pool};
use crate::disk_cache::Stored;
use crate::engine::Engine;
use crate::protocol::MAX_RUNS;
use crate::server::PARALLEL;
use crate::server::reply::Sink;
use crate::{Error, stats};

/// Bytes of chunks that have been asked for and not been decoded yet, at most, unless one chunk alone has more.
const UNDER_WAY: u64 = 96 << 20;
/// Smallest part of a read that is worth a request of its own, bytes.
const PART: u64 = 8 << 20;
/// Largest part: from then on the next one waits for a connection.
const LARGEST_PART: u64 = 24 << 20;
/// So many decoded bytes are not worth a second thread.
const LITTLE: u64 = 128 << 10;
/// The semaphore counts bytes in units of this size, of which there are no more than it can count.
const UNIT: u64 = 4096;

/// A chunk as the file has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredChunk {
    /// Where it is in the file.
    pub offset: u64,
    /// Bytes, as stored.
    pub length: u64,
    /// A bit for each filter that was left out.
    pub mask: u32,
}

/// What all chunks of a read share.
struct Reading<'r> {
    file: &'r RemoteFile,
    chunks: &'r [StoredChunk],
    /// What is to be done with the chunk of that number, as stored; `false` when it is not what it should be.
    work: &'r (dyn Fn(usize, &[u8]) -> bool + Sync),
    /// Whether that is too little for a second thread.
    little: bool,
    /// Whether to keep in memory what is fetched.
    keep: bool,
    /// What goes to the disk otherwise.
    copies: Mutex<Copies>,
    room: Semaphore,
    failed: AtomicBool,
    /// Chunks that other threads have or will have to do with, and how many that may be.
    waiting: AtomicUsize,
    most_waiting: usize,
    /// Memory of chunks that were decoded, for those that arrive next: fresh memory costs more than what is done with it.
    spare: Mutex<Vec<Vec<u8>>>,
    /// Bytes of the longest chunk that is fetched.
    longest: usize,
}

pub(super) fn decode(
    file: &RemoteFile,
    pipeline: &Pipeline,
    size: usize,
    chunks: &[StoredChunk],
    place: &(dyn Fn(usize, &[u8]) + Sync),
) -> Result<bool, Error> {
    let work = |number: usize, stored: &[u8]| {
        pool::with_workspace(|workspace| {
            let decoded = pipeline.decode(stored, chunks[number].mask, size, workspace);
            decoded.map(|bytes| place(number, bytes)).is_some()
        })
    };
    let whole = each(file, chunks, (chunks.len() * size) as u64, &work)?;
    if whole {
        stats::CHUNKS_DECODED.add(chunks.len() as u64);
    }
    Ok(whole)
}

/// Does `work` with each of `chunks` as soon as it is here, on all cores if that makes so many bytes; says whether it was
/// done with all of them.
pub(super) fn each(
    file: &RemoteFile,
    chunks: &[StoredChunk],
    bytes: u64,
    work: &(dyn Fn(usize, &[u8]) -> bool + Sync),
) -> Result<bool, Error> {
    let little = bytes <= LITTLE;
    let ends = chunks.iter().map(|chunk| chunk.offset.checked_add(chunk.length));
    if ends.into_iter().any(|end| end.is_none_or(|end| end > file.size)) {
        return Ok(false);
    }
    let Ok(pool) = pool::current() else {
        return Ok(false);
    };
    let engine = Engine::current()?;
    let is_here = |chunk: &StoredChunk| {
        file.cache
            .missing(file.version.id, chunk.offset, chunk.length)
            .is_empty()
    };
    let divide = || {
        let (here, mut missing): (Vec<usize>, Vec<usize>) =
            (0..chunks.len()).partition(|number| is_here(&chunks[*number]));
        let mut stored = Vec::new();
        missing.retain(|number| {
            let chunk = &chunks[*number];
            let found = file.on_disk(chunk.offset, chunk.length);
            let absent = found.is_none();
            stored.extend(found.map(|found| (*number, found)));
            absent
        });
        (here, stored, missing)
    };
    let ranges = |numbers: &[usize]| {
        let ranges = numbers
            .iter()
            .map(|number| (chunks[*number].offset, chunks[*number].length));
        union(ranges.collect())
    };
    let (mut here, mut stored, mut missing) = divide();
    let lacking = ranges(&missing);
    let all: Vec<usize> = (0..chunks.len()).collect();
    let part = foresight::look(file, &ranges(&all), &lacking, &lacking)?;
    if !lacking.is_empty() && flights::collect(file, &lacking) {
        (here, stored, missing) = divide();
    }
    missing.sort_unstable_by_key(|number| chunks[*number].offset);
    if let Some(number) = missing.first() {
        file.refuse_offline(Class::Raw, chunks[*number].offset, chunks[*number].length)?;
    }
    if missing
        .windows(2)
        .any(|pair| end(&chunks[pair[0]]) > chunks[pair[1]].offset)
    {
        return Ok(false);
    }
    let lengths = || missing.iter().map(|number| chunks[*number].length);
    let bytes = lengths().sum::<u64>();
    let longest = lengths().max().unwrap_or_default() as usize;
    let parts = parts(chunks, &missing, bytes);
    match parts.len() {
        0 => hit(),
        parts => stats::ROUND_TRIPS.add(parts.div_ceil(PARALLEL) as u64),
    }
    let reading = Reading {
        file,
        chunks,
        work,
        little,
        keep: file.keeps(bytes),
        copies: Mutex::default(),
        room: Semaphore::new((UNDER_WAY / UNIT) as usize),
        failed: AtomicBool::new(false),
        waiting: AtomicUsize::new(0),
        most_waiting: 2 * pool.current_num_threads(),
        spare: Mutex::default(),
        longest,
    };
    let _showing = file.show(bytes);
    let _miss = (!missing.is_empty()).then(|| Miss::new(file, part, bytes));
    let read = pool.in_place_scope(|scope| {
        reading.take_from_disk(scope, stored);
        engine.wait(try_join(
            reading.take_from_cache(scope, here),
            reading.fetch(scope, parts),
        ))
    });
    let mut copies = reading
        .copies
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    file.end_copies(&mut copies);
    read?;
    Ok(!reading.failed.into_inner())
}

fn end(chunk: &StoredChunk) -> u64 {
    chunk.offset + chunk.length
}

/// Divides what is `missing`, ascending by offset, among requests.
fn parts(chunks: &[StoredChunk], missing: &[usize], bytes: u64) -> Vec<Vec<usize>> {
    let count = (bytes / PART)
        .clamp(1, PARALLEL as u64)
        .max(bytes.div_ceil(LARGEST_PART));
    let share = bytes.div_ceil(count).max(1);
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let (mut begun, mut done) = (0, 0);
    for &number in missing {
        match parts.last_mut() {
            Some(part) if done / share < begun && part.len() < MAX_RUNS / 2 => part.push(number),
            _ => {
                parts.push(vec![number]);
                begun = done / share + 1;
            }
        }
        done += chunks[number].length;
    }
    parts
}

impl<'r> Reading<'r> {
    fn units(&self, number: usize) -> u32 {
        self.chunks[number].length.div_ceil(UNIT).min(UNDER_WAY / UNIT) as u32
    }

    /// Waits until so many units may be under way.
    async fn room(&self, units: u32) -> SemaphorePermit<'_> {
        match self.room.acquire_many(units.min((UNDER_WAY / UNIT) as u32)).await {
            Ok(permit) => permit,
            // Nobody closes it.
            Err(_) => std::future::pending().await,
        }
    }

    /// Decodes chunks that are in the cache.
    async fn take_from_cache(&'r self, scope: &Scope<'r>, here: Vec<usize>) -> Result<(), Error> {
        for number in here {
            let permit = self.room(self.units(number)).await;
            let chunk = &self.chunks[number];
            let file = self.file;
            let found = file.cache.whole(file.version.id, chunk.offset, chunk.length);
            let stored = match found {
                Some(stored) => stored,
                // Evicted since it was seen.
                None => {
                    let mut stored = vec![0; chunk.length as usize];
                    let wanted = vec![(chunk.offset, &mut stored[..])];
                    let server = &file.source.server;
                    server
                        .read_one(file.source.target("read"), file.source.request(wanted))
                        .await?;
                    stored.into()
                }
            };
            self.start(scope, number, stored, permit);
        }
        Ok(())
    }

    /// Decodes chunks that are on disk. One that is damaged there is left to the native code, which then asks for it.
    fn take_from_disk(&'r self, scope: &Scope<'r>, stored: Vec<(usize, Stored)>) {
        for (number, stored) in stored {
            scope.spawn(move |_| match stored.read() {
                Some(stored) => self.finish(number, &stored),
                None => self.failed.store(true, Ordering::Relaxed),
            });
        }
    }

    /// Fetches chunks and decodes them.
    async fn fetch(&'r self, scope: &Scope<'r>, parts: Vec<Vec<usize>>) -> Result<(), Error> {
        let source = &self.file.source;
        stream::iter(parts)
            .map(|part| async move {
                let units = part.iter().map(|number| self.units(*number)).sum();
                let mut permit = self.room(units).await;
                let wanted = part.into_iter().map(|number| {
                    let chunk = &self.chunks[number];
                    let arriving = Arriving {
                        reading: self,
                        scope,
                        number,
                        bytes: Vec::new(),
                        permit: permit.split(self.units(number) as usize),
                    };
                    (chunk.offset, arriving)
                });
                let request = source.request(wanted.collect());
                source.server.read_one(source.target("read"), request).await
            })
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await
    }

    /// Lets a thread decode a chunk; this one, when waking another would take longer, or when all have enough to do: what
    /// arrives meanwhile waits in the kernel and not here.
    fn start(&'r self, scope: &Scope<'r>, number: usize, stored: Bytes, permit: impl Send + 'r) {
        if self.little || self.waiting.load(Ordering::Relaxed) >= self.most_waiting {
            self.finish(number, &stored);
            self.recycle(stored);
            return;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        scope.spawn(move |_| {
            self.finish(number, &stored);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.recycle(stored);
            drop(permit);
        });
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the memory of a chunk for another, if nobody else has it.
    fn recycle(&self, stored: Bytes) {
        if !self.keep && stored.is_unique() {
            self.spare().push(Vec::from(stored));
        }
    }

    /// Memory for a chunk of so many bytes.
    fn memory(&self, length: usize) -> Vec<u8> {
        if self.keep {
            return Vec::with_capacity(length);
        }
        let mut bytes = self.spare().pop().unwrap_or_default();
        bytes.clear();
        bytes.reserve_exact(self.longest);
        bytes
    }

    fn finish(&self, number: usize, stored: &[u8]) {
        if !self.failed.load(Ordering::Relaxed) && !(self.work)(number, stored) {
            self.failed.store(true, Ordering::Relaxed);
        }
    }
}

/// A chunk that is being received.
struct Arriving<'s, 'r> {
    reading: &'r Reading<'r>,
    scope: &'s Scope<'r>,
    number: usize,
    bytes: Vec<u8>,
    permit: Option<SemaphorePermit<'r>>,
}

impl Arriving<'_, '_> {
    fn length(&self) -> usize {
        self.reading.chunks[self.number].length as usize
    }
}

impl Sink for Arriving<'_, '_> {
    fn room(&self) -> usize {
        self.length() - self.bytes.len()
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.bytes.is_empty() {
            self.bytes = self.reading.memory(self.length());
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn filled(self) {
        let stored = Bytes::from(self.bytes);
        let (reading, offset) = (self.reading, self.reading.chunks[self.number].offset);
        match reading.keep {
            true => reading.file.keep_fetched(Class::Raw, offset, stored.clone()),
            false => {
                let mut copies = reading.copies.lock().unwrap_or_else(PoisonError::into_inner);
                reading.file.copy_to_disk(&mut copies, offset, &stored);
            }
        }
        reading.start(self.scope, self.number, stored, self.permit);
    }
}

#[cfg(test)]
mod tests;
