//! Bytes of remote files on disk, from one program to the next.
//!
//! A file of a server has a folder here, and what was read of one version of it is in *segments*: files that are written
//! once, checked by their sums and never changed, so that any number of processes may read, write and delete them
//! without a word to each other. A segment that is damaged, cut or somebody else's is as none. All that is written is
//! written by a thread of its own, when nobody waits for it.

mod entry;
mod eviction;
mod folder;
mod index;
mod keeping;
mod report;
mod segment;
mod writer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use crate::Settings;
pub(crate) use entry::{Entry, Stored};
pub use report::{Damage, KeptFile, clear, files, verify};
pub use writer::finish;
#[cfg(test)]
pub(crate) use writer::finish_within;

/// A file of a server as one user sees it, whatever its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    /// Scheme, authority and base of the server.
    pub(crate) base: String,
    /// Path below it.
    pub(crate) path: String,
    /// Who asked: what one login may see another may not.
    pub(crate) login: String,
}

impl Key {
    /// Name of its folder.
    fn folder(&self) -> String {
        let parts = [&self.base, &self.path, &self.login].map(String::as_bytes);
        // No part holds the separator: NUL is refused in names.
        format!("{:032x}", XxHash3_128::oneshot(&parts.join(&0)))
    }
}

/// What became of a folder that settings named.
struct Seen {
    root: PathBuf,
    limit: u64,
    /// Nothing when the folder is not to be trusted.
    cache: Option<Arc<DiskCache>>,
}

/// The cache in one folder.
#[derive(Debug)]
pub(crate) struct DiskCache {
    /// Folder of the files' folders.
    root: PathBuf,
    /// Most bytes on disk.
    limit: u64,
    /// Most bytes that wait to be written.
    waiting: u64,
    /// Whether writing failed, so that it is not tried again.
    failed: AtomicBool,
}

impl DiskCache {
    /// The cache that the settings name; `None` when there is to be none.
    pub(crate) fn of(settings: &Settings) -> Option<Arc<Self>> {
        static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());
        let limit = settings.cache_disk;
        let folder = settings.cache_dir.folder().filter(|_| limit > 0)?;
        let root = folder.join(folder::NAME);
        let mut all = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = all.iter().find(|seen| seen.root == root && seen.limit == limit) {
            return seen.cache.clone();
        }
        let distrusted = folder::distrusted(&root);
        if let Some(why) = distrusted {
            log::warn!("nothing is cached on disk: {}: {why}", root.display());
        }
        let cache = distrusted.is_none().then(|| {
            Arc::new(Self {
                root: root.clone(),
                limit,
                waiting: settings.metadata_memory + settings.data_memory + writer::MUCH,
                failed: AtomicBool::new(false),
            })
        });
        all.push(Seen {
            root,
            limit,
            cache: cache.clone(),
        });
        cache
    }

    /// What is kept of the file `key`, of the version that was used last.
    pub(crate) fn find(self: &Arc<Self>, key: &Key) -> Option<Arc<Entry>> {
        let path = folder::leads_to(&self.root, key);
        let key = Key {
            path: path.unwrap_or_else(|| key.path.clone()),
            ..key.clone()
        };
        Entry::find(self, key).map(Arc::new)
    }

    /// A place for what will be read of `version` of the file `key`, in which there may be something.
    pub(crate) fn entry(self: &Arc<Self>, key: Key, version: &str, size: u64) -> Arc<Entry> {
        Arc::new(Entry::new(Arc::clone(self), key, version.to_owned(), size))
    }

    /// Remembers that `asked` is a name of the file `path` of the same server.
    pub(crate) fn link(self: &Arc<Self>, asked: Key, path: &str) {
        if folder::leads_to(&self.root, &asked).as_deref() != Some(path) {
            writer::link(self, asked, path.to_owned());
        }
    }

    /// Writing went wrong: no more of it in this process.
    fn fail(&self, error: &std::io::Error) {
        if !self.failed.swap(true, Relaxed) {
            log::warn!("nothing more is cached on disk: {}: {error}", self.root.display());
        }
    }
}

#[cfg(test)]
mod tests;
