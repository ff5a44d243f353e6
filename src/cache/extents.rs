//! Extents of files: non-overlapping, ordered for lookup, least recently used first out.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use lru::LruCache;

use super::packed::Packed;
use crate::Class;

/// File and offset of an extent.
type Key = (u64, u64);
/// What an entry costs beside its bytes, about.
const OVERHEAD: u64 = 160;

pub(super) struct Extents {
    /// Length and class of every extent.
    index: BTreeMap<Key, (u64, Class)>,
    metadata: Store,
    raw: Store,
    /// Files of which metadata was evicted.
    lost: HashSet<u64>,
}

/// The bytes of an extent.
pub(super) enum Held {
    Plain(Bytes),
    /// From there on in what is compressed, and so many.
    Packed(Arc<Packed>, usize, usize),
}

impl Held {
    fn length(&self) -> u64 {
        match self {
            Self::Plain(bytes) => bytes.len() as u64,
            Self::Packed(_, _, length) => *length as u64,
        }
    }

    /// `None` when they cannot be decompressed.
    fn bytes(&self) -> Option<Bytes> {
        match self {
            Self::Plain(bytes) => Some(bytes.clone()),
            Self::Packed(packed, from, length) => Some(packed.bytes()?.slice(*from..from + length)),
        }
    }
}

/// The bytes of one class.
struct Store {
    entries: LruCache<Key, Held>,
    used: u64,
    budget: u64,
}

impl Store {
    fn new(budget: u64) -> Self {
        Self {
            entries: LruCache::unbounded(),
            used: 0,
            budget,
        }
    }
}

fn cost(length: u64) -> u64 {
    length + OVERHEAD
}

impl Extents {
    pub(super) fn new(metadata: u64, raw: u64) -> Self {
        Self {
            index: BTreeMap::new(),
            metadata: Store::new(metadata),
            raw: Store::new(raw),
            lost: HashSet::new(),
        }
    }

    pub(super) fn metadata_budget(&self) -> u64 {
        self.metadata.budget
    }

    fn store(&mut self, class: Class) -> &mut Store {
        match class {
            Class::Metadata => &mut self.metadata,
            Class::Raw => &mut self.raw,
        }
    }

    /// Extents of `file` that touch `[offset, end)`, as `(offset, length, class)`.
    fn touching(&self, file: u64, offset: u64, end: u64) -> impl Iterator<Item = (u64, u64, Class)> + '_ {
        let before = self.index.range((file, 0)..(file, offset)).next_back();
        let first = before.filter(|((_, start), (length, _))| start + length > offset);
        first
            .into_iter()
            .chain(self.index.range((file, offset)..(file, end.max(offset))))
            .map(|(&(_, start), &(length, class))| (start, length, class))
    }

    pub(super) fn missing(&self, file: u64, offset: u64, length: u64) -> Vec<(u64, u64)> {
        let end = offset.saturating_add(length);
        let mut missing = Vec::new();
        let mut at = offset;
        for (start, length, _) in self.touching(file, offset, end) {
            if start > at {
                missing.push((at, start - at));
            }
            at = start + length;
        }
        if at < end {
            missing.push((at, end - at));
        }
        missing
    }

    pub(super) fn copy(&mut self, file: u64, offset: u64, buffer: &mut [u8]) -> Vec<(u64, u64)> {
        let end = offset.saturating_add(buffer.len() as u64);
        let mut missing = Vec::new();
        let mut at = offset;
        // One extent at a time: marking it as used needs the whole of self, and the common case is one.
        while at < end {
            let Some((start, length, class)) = self.touching(file, at, end).next() else {
                missing.push((at, end - at));
                break;
            };
            if start > at {
                missing.push((at, start - at));
                at = start;
            }
            let stop = end.min(start + length);
            match self.bytes(file, start, class) {
                Some(bytes) => {
                    let source = &bytes[(at - start) as usize..(stop - start) as usize];
                    buffer[(at - offset) as usize..(stop - offset) as usize].copy_from_slice(source);
                }
                None => missing.push((at, stop - at)),
            }
            at = stop;
        }
        missing
    }

    /// The bytes of a range that lies within one extent.
    pub(super) fn whole(&mut self, file: u64, offset: u64, length: u64) -> Option<Bytes> {
        let end = offset.checked_add(length)?;
        let (start, size, class) = self.touching(file, offset, end).next()?;
        if start > offset || start + size < end {
            return None;
        }
        let bytes = self.bytes(file, start, class)?;
        Some(bytes.slice((offset - start) as usize..(end - start) as usize))
    }

    /// The bytes of the extent at `offset`; what cannot be decompressed is dropped.
    fn bytes(&mut self, file: u64, offset: u64, class: Class) -> Option<Bytes> {
        let store = self.store(class);
        let held = store.entries.get(&(file, offset))?;
        let bytes = held.bytes();
        if bytes.is_none() {
            store.used -= cost(held.length());
            store.entries.pop(&(file, offset));
            self.index.remove(&(file, offset));
            self.lost.insert(file);
        }
        bytes
    }

    /// Adds an extent that touches no other.
    pub(super) fn add(&mut self, file: u64, class: Class, offset: u64, bytes: Held) {
        let length = bytes.length();
        let store = self.store(class);
        if length == 0 || cost(length) > store.budget {
            if length > 0 && class == Class::Metadata {
                self.lost.insert(file);
            }
            return;
        }
        store.used += cost(length);
        store.entries.put((file, offset), bytes);
        self.index.insert((file, offset), (length, class));
        self.evict(class);
    }

    /// Makes what is here of `from` that of `to`, of which nothing is here.
    pub(super) fn hand_over(&mut self, from: u64, to: u64) {
        let moved: Vec<_> = self
            .index
            .range((from, 0)..=(from, u64::MAX))
            .map(|(&(_, offset), &(length, class))| (offset, length, class))
            .collect();
        for (offset, length, class) in moved {
            self.index.remove(&(from, offset));
            self.index.insert((to, offset), (length, class));
            let entries = &mut self.store(class).entries;
            if let Some(bytes) = entries.pop(&(from, offset)) {
                entries.put((to, offset), bytes);
            }
        }
        // Whoever counts on having all metadata of the former one must know.
        if self.lost.replace(from).is_some() {
            self.lost.insert(to);
        }
    }

    /// Forgets the bytes from `start` to before `end`.
    pub(super) fn forget(&mut self, file: u64, start: u64, end: u64) {
        if start >= end {
            return;
        }
        loop {
            let first = self.touching(file, start, end).next();
            let Some((offset, length, class)) = first else {
                return;
            };
            self.index.remove(&(file, offset));
            let store = self.store(class);
            let Some(held) = store.entries.pop(&(file, offset)) else {
                return;
            };
            store.used -= cost(length);
            if offset >= start && offset + length <= end {
                continue;
            }
            let Some(bytes) = held.bytes() else {
                self.lost.insert(file);
                continue;
            };
            if offset < start {
                let before = Bytes::copy_from_slice(&bytes[..(start - offset) as usize]);
                self.add(file, class, offset, Held::Plain(before));
            }
            if offset + length > end {
                let after = Bytes::copy_from_slice(&bytes[(end - offset) as usize..]);
                self.add(file, class, end, Held::Plain(after));
            }
        }
    }

    fn evict(&mut self, class: Class) {
        loop {
            let store = self.store(class);
            if store.used <= store.budget {
                return;
            }
            let Some((key, held)) = store.entries.pop_lru() else {
                return;
            };
            store.used -= cost(held.length());
            self.index.remove(&key);
            if class == Class::Metadata {
                self.lost.insert(key.0);
            }
        }
    }

    /// Whether metadata of `file` was evicted.
    pub(super) fn has_lost(&self, file: u64) -> bool {
        self.lost.contains(&file)
    }

    /// Forgets that metadata of `file` was evicted, and says whether it was.
    pub(super) fn forgive(&mut self, file: u64) -> bool {
        self.lost.remove(&file)
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut last = (0u64, 0u64);
        for (&(file, offset), &(length, class)) in &self.index {
            assert!(file > last.0 || offset >= last.1, "extents overlap");
            last = (file, offset + length);
            let store = match class {
                Class::Metadata => &self.metadata,
                Class::Raw => &self.raw,
            };
            assert_eq!(
                store.entries.peek(&(file, offset)).map(Held::length),
                Some(length)
            );
        }
        for store in [&self.metadata, &self.raw] {
            let used: u64 = store.entries.iter().map(|(_, held)| cost(held.length())).sum();
            assert_eq!(used, store.used);
            assert!(store.used <= store.budget);
        }
        assert_eq!(
            self.index.len(),
            self.metadata.entries.len() + self.raw.entries.len()
        );
    }
}
