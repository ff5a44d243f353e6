//! Datasets that slices were taken of lately. Whoever reads row by row need not have the dataset looked up by a worker
//! each time; where its elements lie in a row in the file, no worker is needed at all.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use crate::store::ServedFile;
use crate::worker::question::Source;

/// Most datasets kept.
const MOST: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// Longest descriptions of types that are kept.
const LONGEST_KIND: usize = 4 << 10;

/// Of versions of files, which never change.
#[derive(Debug, Clone)]
pub(in crate::v1) struct Sources(Arc<Mutex<LruCache<Key, Source>>>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    path: String,
    version: String,
    object: String,
}

impl Key {
    fn new(file: &ServedFile, object: &str) -> Self {
        Self {
            path: file.path.clone(),
            version: file.version.clone(),
            object: object.to_owned(),
        }
    }
}

impl Default for Sources {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(MOST))))
    }
}

impl Sources {
    pub(super) fn get(&self, file: &ServedFile, object: &str) -> Option<Source> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&Key::new(file, object)).cloned()
    }

    pub(super) fn keep(&self, file: &ServedFile, object: &str, source: &Source) {
        if source.kind.len() <= LONGEST_KIND {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.put(Key::new(file, object), source.clone());
        }
    }
}
