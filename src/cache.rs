//! Bytes of remote files in memory, within two budgets: raw data never pushes metadata out.
//!
//! Shared by all files of the process and kept when they are closed, so that opening again is cheap.
//! No lock is ever held while the network is waited for.

mod extents;
mod memory;
mod packed;
mod versions;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;

use crate::{Class, Settings};
use extents::{Extents, Held};
pub(crate) use memory::{LONGEST, Memory};
pub(crate) use packed::Packed;
use versions::Versions;
pub(crate) use versions::{FileKey, FileVersion};

/// A cache.
pub(crate) struct Cache {
    extents: Mutex<Extents>,
    versions: Mutex<Versions>,
}

impl Cache {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            extents: Mutex::new(Extents::new(settings.metadata_memory, settings.data_memory)),
            versions: Mutex::new(Versions::default()),
        }
    }

    /// The cache of the process; the settings of the first use decide its size.
    pub(crate) fn shared(settings: &Settings) -> Arc<Self> {
        static SHARED: OnceLock<Arc<Cache>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| Arc::new(Self::new(settings))))
    }

    /// So many bytes of metadata of one file may be put here at once without pushing out too much else.
    pub(crate) fn room_for_metadata(&self) -> u64 {
        self.extents().metadata_budget() / 2
    }

    /// The version of `key` whose metadata is still here, all of it that was ever fetched.
    pub(crate) fn known(&self, key: &FileKey) -> Option<Arc<FileVersion>> {
        let version = self.versions().known(key)?;
        (version.is_traced() && !self.extents().has_lost(version.id)).then_some(version)
    }

    /// The entry for `version` of `key`, which from now on is its present version.
    pub(crate) fn version(&self, key: FileKey, version: &str) -> Arc<FileVersion> {
        let version = self.versions().version(key, version);
        if self.extents().forgive(version.id) {
            version.forget_traces();
        }
        version
    }

    /// The entry for `version` of `key`, which from now on is its present version: what `former` was, but cut to
    /// `size` and with other bytes in the ranges `changed` (offset and length).
    pub(crate) fn replace(
        &self,
        key: FileKey,
        former: Option<&FileVersion>,
        version: &str,
        changed: impl Iterator<Item = (u64, u64)>,
        size: u64,
    ) -> Arc<FileVersion> {
        let fresh = self.versions().version(key, version);
        match former {
            // A version that changed nothing.
            Some(former) if former.id == fresh.id => {}
            Some(former) => {
                let mut extents = self.extents();
                extents.hand_over(former.id, fresh.id);
                for (offset, length) in changed.chain([(size, u64::MAX - size)]) {
                    extents.forget(fresh.id, offset, offset.saturating_add(length));
                }
                fresh.inherit(former);
            }
            // All its metadata is what the writer wrote.
            None => fresh.set_complete(),
        }
        fresh
    }

    /// Lets `version` be found under a further name of its file.
    pub(crate) fn alias(&self, key: FileKey, version: &Arc<FileVersion>) {
        self.versions().alias(key, version);
    }

    /// Copies what is here of the bytes at `offset` into `buffer`; returns the ranges that are not here.
    pub(crate) fn copy(&self, file: u64, offset: u64, buffer: &mut [u8]) -> Vec<(u64, u64)> {
        self.extents().copy(file, offset, buffer)
    }

    /// The bytes of a range, if all are here.
    pub(crate) fn whole(&self, file: u64, offset: u64, length: u64) -> Option<Bytes> {
        if let Some(bytes) = self.extents().whole(file, offset, length) {
            return Some(bytes);
        }
        if !self.missing(file, offset, length).is_empty() {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.copy(file, offset, &mut bytes)
            .is_empty()
            .then(|| Bytes::from(bytes))
    }

    /// The parts of a range that are not here.
    pub(crate) fn missing(&self, file: u64, offset: u64, length: u64) -> Vec<(u64, u64)> {
        self.extents().missing(file, offset, length)
    }

    /// Keeps `bytes`. What is here already stays as it is: a version never changes.
    pub(crate) fn insert(&self, file: u64, class: Class, offset: u64, bytes: &[u8]) {
        let mut extents = self.extents();
        for (start, length) in extents.missing(file, offset, bytes.len() as u64) {
            let from = (start - offset) as usize;
            for (number, part) in bytes[from..from + length as usize].chunks(LONGEST).enumerate() {
                let at = start + (number * LONGEST) as u64;
                extents.add(file, class, at, Held::Plain(Memory::copy(part)));
            }
        }
    }

    /// Like [`Self::insert`], without a copy when nothing of it is here.
    pub(crate) fn insert_owned(&self, file: u64, class: Class, offset: u64, bytes: Bytes) {
        let mut extents = self.extents();
        let all = [(offset, bytes.len() as u64)];
        if bytes.len() <= LONGEST && extents.missing(file, offset, all[0].1) == all {
            extents.add(file, class, offset, Held::Plain(bytes));
        } else {
            drop(extents);
            self.insert(file, class, offset, &bytes);
        }
    }

    /// Keeps metadata as it came, compressed, until some of it is wanted.
    pub(crate) fn insert_packed(&self, file: u64, packed: &Arc<Packed>) {
        let mut at = 0;
        for &(offset, length) in packed.pieces() {
            let from = at;
            at += length as usize;
            let mut extents = self.extents();
            if at - from <= LONGEST && extents.missing(file, offset, length) == [(offset, length)] {
                let held = Held::Packed(Arc::clone(packed), from, length as usize);
                extents.add(file, Class::Metadata, offset, held);
                continue;
            }
            drop(extents);
            if let Some(bytes) = packed.bytes() {
                self.insert(file, Class::Metadata, offset, &bytes[from..at]);
            }
        }
    }

    fn extents(&self) -> MutexGuard<'_, Extents> {
        self.extents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn versions(&self) -> MutexGuard<'_, Versions> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
