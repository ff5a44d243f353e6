//! Which versions of which files the cache has something of.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use lru::LruCache;

use crate::disk_cache::Entry;

/// Files that are remembered after they were closed.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// A file, whatever its version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FileKey {
    /// Scheme, authority and base of the server.
    pub(crate) base: String,
    /// Path below it.
    pub(crate) path: String,
}

/// What is known of one version of a file, by all that have it open.
#[derive(Debug)]
pub(crate) struct FileVersion {
    /// Under which the cache keeps its bytes.
    pub(crate) id: u64,
    /// The server's tag.
    pub(crate) version: String,
    complete: AtomicBool,
    traced: AtomicBool,
    /// Whether datasets keep elements in raw files, once that is known.
    pub(crate) raw_files: OnceLock<bool>,
    /// What is kept of it from one program to the next.
    pub(crate) disk: OnceLock<Arc<Entry>>,
}

impl FileVersion {
    /// Whether all metadata was fetched.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete.load(Relaxed)
    }

    /// Whether the server has given all metadata that it will give unasked.
    pub(crate) fn is_traced(&self) -> bool {
        self.traced.load(Relaxed)
    }

    pub(crate) fn set_complete(&self) {
        self.complete.store(true, Relaxed);
        self.traced.store(true, Relaxed);
    }

    /// Marks the trace as asked for; `true` for the one caller who is to ask.
    pub(crate) fn begin_trace(&self) -> bool {
        !self.traced.swap(true, Relaxed)
    }

    /// Takes over what is known of the hints for another version.
    pub(super) fn inherit(&self, former: &Self) {
        self.complete.store(former.is_complete(), Relaxed);
        self.traced.store(former.is_traced(), Relaxed);
    }

    pub(super) fn forget_traces(&self) {
        self.complete.store(false, Relaxed);
        self.traced.store(false, Relaxed);
    }
}

pub(super) struct Versions(LruCache<FileKey, Arc<FileVersion>>);

impl Default for Versions {
    fn default() -> Self {
        Self(LruCache::new(REMEMBERED))
    }
}

impl Versions {
    pub(super) fn known(&mut self, key: &FileKey) -> Option<Arc<FileVersion>> {
        self.0.get(key).cloned()
    }

    pub(super) fn alias(&mut self, key: FileKey, version: &Arc<FileVersion>) {
        self.0.put(key, Arc::clone(version));
    }

    pub(super) fn version(&mut self, key: FileKey, version: &str) -> Arc<FileVersion> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if let Some(known) = self.0.get(&key)
            && known.version == version
        {
            return Arc::clone(known);
        }
        let fresh = Arc::new(FileVersion {
            id: NEXT.fetch_add(1, Relaxed),
            version: version.to_owned(),
            complete: AtomicBool::new(false),
            traced: AtomicBool::new(false),
            raw_files: OnceLock::new(),
            disk: OnceLock::new(),
        });
        self.0.put(key, Arc::clone(&fresh));
        fresh
    }
}
