//! Walks by file and version: running ones, ended ones up to a number of bytes, and a memory of
//! files on which workers die.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;

use super::walk::{Found, Walk};
use crate::store::ServedFile;
use crate::worker::JobError;

/// How long a file on which a worker died is left alone.
const CRASH_MEMORY: Duration = Duration::from_secs(600);
/// Most such files remembered.
const MAX_CRASHES: NonZeroUsize = NonZeroUsize::new(4096).unwrap();
/// What an entry costs besides its pack.
const ENTRY_BYTES: usize = 512;

/// One content of one file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    path: String,
    version: String,
}

impl From<&ServedFile> for Key {
    fn from(file: &ServedFile) -> Self {
        Self {
            path: file.path.clone(),
            version: file.version.clone(),
        }
    }
}

#[derive(Debug)]
struct Kept {
    walk: Arc<Walk>,
    bytes: usize,
}

#[derive(Debug)]
struct Entries {
    running: HashMap<Key, Arc<Walk>>,
    ended: LruCache<Key, Kept>,
    bytes: usize,
    crashes: LruCache<Key, (Instant, JobError)>,
}

/// The cache of walks.
#[derive(Debug)]
pub(super) struct Cache {
    budget: usize,
    entries: Mutex<Entries>,
}

impl Cache {
    pub(super) fn new(budget: usize) -> Self {
        Self {
            budget,
            entries: Mutex::new(Entries {
                running: HashMap::new(),
                ended: LruCache::unbounded(),
                bytes: 0,
                crashes: LruCache::new(MAX_CRASHES),
            }),
        }
    }

    /// The walk of this version of `file`; `begin` starts one when there is none.
    pub(super) fn get_or_begin(&self, file: &ServedFile, begin: impl FnOnce(Arc<Walk>)) -> Arc<Walk> {
        let key = Key::from(file);
        let mut entries = self.lock();
        if let Some(kept) = entries.ended.get(&key) {
            return Arc::clone(&kept.walk);
        }
        if let Some(walk) = entries.running.get(&key) {
            return Arc::clone(walk);
        }
        let walk = Arc::new(Walk::new());
        if let Some(error) = entries.crash(&key) {
            walk.end(Found {
                error: Some(error),
                ..Found::default()
            });
            return walk;
        }
        entries.running.insert(key, Arc::clone(&walk));
        drop(entries);
        begin(Arc::clone(&walk));
        walk
    }

    /// Ends `walk`, and keeps it when it is worth it.
    pub(super) fn finish(&self, file: &ServedFile, walk: &Arc<Walk>, found: Found) {
        let key = Key::from(file);
        let mut entries = self.lock();
        entries.running.remove(&key);
        match &found.error {
            Some(error @ (JobError::Crashed(_) | JobError::TooSlow)) => {
                entries.crashes.put(key.clone(), (Instant::now(), error.clone()));
            }
            // Another attempt may fare better.
            Some(JobError::Busy | JobError::Unavailable(_)) => {
                drop(entries);
                walk.end(found);
                return;
            }
            Some(JobError::Refused(_)) | None => {}
        }
        if let Some(pack) = &found.pack {
            let bytes = pack.zstd.len() + pack.ranges.len() * size_of::<(u64, u64)>() + ENTRY_BYTES;
            let kept = Kept {
                walk: Arc::clone(walk),
                bytes,
            };
            entries.bytes += bytes;
            if let Some(old) = entries.ended.put(key, kept) {
                entries.bytes -= old.bytes;
            }
            while entries.bytes > self.budget {
                let Some((_, oldest)) = entries.ended.pop_lru() else {
                    break;
                };
                entries.bytes -= oldest.bytes;
            }
        }
        drop(entries);
        walk.end(found);
    }

    /// How a worker died of this version of `file` not long ago.
    pub(super) fn crashes(&self, file: &ServedFile) -> Option<JobError> {
        self.lock().crash(&Key::from(file))
    }

    /// Remembers that a worker died of this version of `file`.
    pub(super) fn note_crash(&self, file: &ServedFile, error: &JobError) {
        self.lock()
            .crashes
            .put(Key::from(file), (Instant::now(), error.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn crash(&mut self, key: &Key) -> Option<JobError> {
        let (since, error) = self.crashes.get(key)?;
        if since.elapsed() < CRASH_MEMORY {
            return Some(error.clone());
        }
        self.crashes.pop(key);
        None
    }
}
