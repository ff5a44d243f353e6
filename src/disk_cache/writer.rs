//! The thread that writes: what was read waits here until nobody reads, or there is much of it.
//!
//! It holds no lock that a reading thread needs for longer than a moment, and what it has belongs to this process: a
//! forked child begins with nothing to write.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::keeping::{self, Fetched, Known};
use super::{DiskCache, Entry, Key, eviction, folder};
use crate::Class;
use crate::cache::Packed;
use crate::per_process::PerProcess;

/// Nobody is reading when nothing has come for so long.
const QUIET: Duration = Duration::from_millis(100);
/// Nothing waits longer than that.
const LONGEST: Duration = Duration::from_secs(2);
/// So many bytes are written although somebody reads.
pub(super) const MUCH: u64 = 64 << 20;
/// A program that ends waits no longer than that for what is to be written.
const LAST: Duration = Duration::from_secs(2);

static WRITER: PerProcess<Writer> = PerProcess::new();

#[derive(Default)]
struct Writer {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    started: bool,
    jobs: Vec<Job>,
    bytes: u64,
    /// Bytes that are being written.
    writing: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    /// The program ends.
    ending: bool,
    /// Something is being written.
    busy: bool,
}

enum Job {
    Bytes(Arc<Entry>, Class, u64, Bytes),
    Packed(Arc<Entry>, Arc<Packed>),
    Marks(Arc<Entry>),
    Link(Arc<DiskCache>, Key, String),
}

/// Lets bytes be written; `false` when there is no room for them.
pub(super) fn put(entry: &Arc<Entry>, class: Class, offset: u64, bytes: Bytes) -> bool {
    if entry.cache.failed.load(Relaxed) {
        return false;
    }
    let length = bytes.len() as u64;
    enqueue(
        Job::Bytes(Arc::clone(entry), class, offset, bytes),
        length,
        entry.cache.waiting,
    )
}

/// As [`put`], of metadata that is compressed.
pub(super) fn put_packed(entry: &Arc<Entry>, packed: Arc<Packed>) -> bool {
    let length = packed.length() as u64;
    !entry.cache.failed.load(Relaxed)
        && enqueue(
            Job::Packed(Arc::clone(entry), packed),
            length,
            entry.cache.waiting,
        )
}

/// Lets what is known of an entry be written.
pub(super) fn marks(entry: &Arc<Entry>) {
    enqueue(Job::Marks(Arc::clone(entry)), 0, u64::MAX);
}

/// Lets it be written that `asked` is a name of the file `path`.
pub(super) fn link(cache: &Arc<DiskCache>, asked: Key, path: String) {
    enqueue(Job::Link(Arc::clone(cache), asked, path), 0, u64::MAX);
}

/// `most` is what may wait and be written at once, so that a read of as much as memory caches is kept whole.
fn enqueue(job: Job, length: u64, most: u64) -> bool {
    let Ok(writer) = WRITER.get(|| Ok::<_, std::convert::Infallible>(Writer::default()));
    let mut queue = writer.queue();
    if queue.bytes + queue.writing + length > most {
        return false;
    }
    let now = Instant::now();
    let was = queue.bytes;
    queue.jobs.push(job);
    queue.bytes += length;
    queue.first.get_or_insert(now);
    queue.last = Some(now);
    let first = queue.jobs.len() == 1;
    if !queue.started {
        let writing = Arc::clone(&writer);
        let thread = std::thread::Builder::new().name("hdfstream-cache".to_owned());
        match thread.spawn(move || writing.run()) {
            Ok(_) => queue.started = true,
            Err(error) => {
                log::warn!("nothing is cached on disk: {error}");
                queue.jobs.clear();
                queue.bytes = 0;
                return false;
            }
        }
    }
    if first || (was < MUCH && queue.bytes >= MUCH) {
        writer.changed.notify_all();
    }
    true
}

/// Waits until all that was read is on disk, but not for long. To be called when the program ends.
pub fn finish() {
    finish_within(LAST);
}

pub(crate) fn finish_within(limit: Duration) {
    let Some(writer) = WRITER.made() else { return };
    let end = Instant::now() + limit;
    let mut queue = writer.queue();
    queue.ending = true;
    writer.changed.notify_all();
    while queue.busy || !queue.jobs.is_empty() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            log::info!("{} bytes are not cached on disk: the program ends", queue.bytes);
            return;
        }
        queue = writer
            .changed
            .wait_timeout(queue, left)
            .map_or_else(|poisoned| poisoned.into_inner().0, |(queue, _)| queue);
    }
    queue.ending = false;
}

impl Writer {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut known = HashMap::new();
        loop {
            let jobs = self.next();
            perform(jobs, &mut known);
        }
    }

    /// Waits until it is time to write.
    fn next(&self) -> Vec<Job> {
        let mut queue = self.queue();
        if queue.busy {
            queue.busy = false;
            queue.writing = 0;
            self.changed.notify_all();
        }
        loop {
            let now = Instant::now();
            let wait = match (queue.first, queue.last) {
                (Some(first), Some(last)) => {
                    let due = (last + QUIET).min(first + LONGEST);
                    match due.saturating_duration_since(now) {
                        left if left.is_zero() || queue.bytes >= MUCH || queue.ending => {
                            queue.busy = true;
                            queue.first = None;
                            queue.writing = std::mem::take(&mut queue.bytes);
                            return std::mem::take(&mut queue.jobs);
                        }
                        left => Some(left),
                    }
                }
                _ => None,
            };
            queue = match wait {
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self
                    .changed
                    .wait_timeout(queue, left)
                    .map_or_else(|poisoned| poisoned.into_inner().0, |(queue, _)| queue),
            };
        }
    }
}

/// Writes what is to be written, file by file.
fn perform(jobs: Vec<Job>, known: &mut Known) {
    let mut entries: Vec<(Arc<Entry>, Fetched)> = Vec::new();
    let mut caches: Vec<(Arc<DiskCache>, u64)> = Vec::new();
    for job in jobs {
        let (entry, pieces) = match job {
            Job::Link(cache, key, path) => {
                if let Err(error) = folder::write_link(&cache.root, key, path) {
                    cache.fail(&error);
                }
                continue;
            }
            Job::Bytes(entry, class, offset, bytes) => (entry, vec![(class, offset, bytes)]),
            Job::Packed(entry, packed) => {
                let pieces = unpack(&packed);
                if pieces.is_empty() {
                    entry.lacks_metadata.store(true, Relaxed);
                }
                (entry, pieces)
            }
            Job::Marks(entry) => (entry, Vec::new()),
        };
        let place = entries.iter().position(|(other, _)| Arc::ptr_eq(other, &entry));
        let place = place.unwrap_or_else(|| {
            entries.push((entry, Vec::new()));
            entries.len() - 1
        });
        entries[place].1.extend(pieces);
    }
    for (entry, pieces) in entries {
        if entry.cache.failed.load(Relaxed) {
            continue;
        }
        let mut kept = keeping::keep(&entry, pieces.clone(), known);
        if let Err(error) = &kept
            && error.kind() == ErrorKind::NotFound
        {
            // Somebody deletes the folder just now.
            kept = keeping::keep(&entry, pieces, known);
        }
        match kept {
            Ok(written) => match caches
                .iter_mut()
                .find(|(cache, _)| Arc::ptr_eq(cache, &entry.cache))
            {
                Some((_, sum)) => *sum += written,
                None => caches.push((Arc::clone(&entry.cache), written)),
            },
            Err(error) => entry.cache.fail(&error),
        }
    }
    for (cache, written) in caches {
        if let Err(error) = eviction::grown(&cache, written) {
            cache.fail(&error);
        }
    }
}

/// What is compressed, piece by piece; nothing when it is damaged.
fn unpack(packed: &Packed) -> Fetched {
    let Some(mut bytes) = packed.unpack() else {
        return Vec::new();
    };
    let pieces = packed.pieces().iter();
    pieces
        .map(|&(offset, length)| (Class::Metadata, offset, bytes.split_to(length as usize)))
        .collect()
}
