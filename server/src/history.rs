//! Versions of files that are being written, and what readers of earlier ones still need.
//!
//! A commit changes a file in place. Before it does, the bytes that it overwrites are kept, so that those
//! who opened the file before go on reading what they opened. Reading a version is reading the file and
//! *then* laying over it what later commits overwrote: in this order no change under way can tear it.

mod chain;
mod extents;
mod recorder;
mod retained;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use lru::LruCache;

pub(crate) use chain::{Busy, Chain, Content};
pub(crate) use recorder::Recorder;
use retained::Retained;

/// Versions remembered to have been told to readers before anybody wrote.
const TOLD: NonZeroUsize = NonZeroUsize::new(1 << 16).unwrap();
/// Chains without a writer beyond which those are forgotten of which nothing is kept.
const IDLE: usize = 1_000;

/// The chains of all files that were written since the server started.
#[derive(Debug)]
pub(crate) struct Histories {
    chains: RwLock<HashMap<String, Arc<Chain>>>,
    told: Mutex<LruCache<(String, String), ()>>,
    retained: Arc<Retained>,
}

impl Histories {
    /// Keeps at most so many bytes for readers of earlier versions.
    pub(crate) fn new(budget: u64) -> Self {
        Self {
            chains: RwLock::default(),
            told: Mutex::new(LruCache::new(TOLD)),
            retained: Arc::new(Retained::new(budget)),
        }
    }

    /// What has become of the file at `path`, if it was written.
    pub(crate) fn get(&self, path: &str) -> Option<Arc<Chain>> {
        self.read().get(path).cloned()
    }

    /// Remembers that a reader knows a version of a file that nobody writes.
    pub(crate) fn tell(&self, path: &str, version: &str) {
        self.told().put((path.to_owned(), version.to_owned()), ());
    }

    /// A writer begins to change the file at `path`, whose content `found` says as its metadata do. Returns
    /// the chain, of which the file's present content is the last.
    pub(crate) fn enter(&self, path: &str, found: Content) -> Arc<Chain> {
        let told = self.told().contains(&(path.to_owned(), found.version.clone()));
        let chain = self.get_or_insert(path);
        chain.enter(found, told);
        chain
    }

    /// The file at `path` is gone or is another one now; `old` is what it was, if there was one. Whoever
    /// knows that goes on reading it.
    pub(crate) fn replaced(&self, path: &str, old: Option<Content>, new: Option<Content>) -> Arc<Chain> {
        let chain = self.get_or_insert(path);
        let told = |content: &Content| {
            let key = (path.to_owned(), content.version.clone());
            self.told().contains(&key)
        };
        let old = old.map(|content| (told(&content), content));
        chain.replaced(old, new, &self.retained);
        chain
    }

    /// To record what a commit overwrites.
    pub(crate) fn recorder<'a>(&'a self, chain: &'a Arc<Chain>) -> Recorder<'a> {
        Recorder::new(chain, &self.retained)
    }

    fn get_or_insert(&self, path: &str) -> Arc<Chain> {
        let mut chains = self.write();
        if chains.len() >= IDLE && !chains.contains_key(path) {
            chains.retain(|_, chain| !chain.is_idle());
        }
        let chain = chains.entry(path.to_owned()).or_default();
        Arc::clone(chain)
    }

    fn told(&self) -> MutexGuard<'_, LruCache<(String, String), ()>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Arc<Chain>>> {
        self.chains.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Arc<Chain>>> {
        self.chains.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fills `buffer` from `offset` on as far as the file goes, and the rest with zeros. Returns how far.
pub(crate) fn read_what_is_there(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer[filled..].fill(0);
    Ok(filled)
}
