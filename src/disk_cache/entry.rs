//! One version of a file in the cache: what is there, and what is to be kept of it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use bytes::Bytes;

use super::index::{Index, Place, gaps};
use super::segment::{Marks, Segment, open_sound};
use super::{DiskCache, Key, folder, writer};
use crate::cache::Packed;
use crate::{Class, stats};

/// One version of a file.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) cache: Arc<DiskCache>,
    pub(super) key: Key,
    version: String,
    size: u64,
    pub(super) folder: PathBuf,
    /// Versions that were written before then are out of date.
    pub(super) begun: SystemTime,
    /// Taken by threads that read and by no other: a forked child must not find it locked by a thread that it lacks.
    state: Mutex<State>,
    /// What the writing thread has added.
    pub(super) fresh: ArcSwap<Vec<Arc<Segment>>>,
    /// What is known of the metadata, to be written.
    marks: ArcSwap<Marks>,
    /// Whether some metadata was not kept, so that it is not all there.
    pub(super) lacks_metadata: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    index: Index,
    /// Segments of `fresh` that the index has.
    seen: usize,
    /// Whether the index has the raw segments, too, that were there at the beginning.
    looked: bool,
    /// Metadata that was read already.
    prepared: Option<Vec<(u64, Bytes)>>,
}

/// Bytes that are on disk.
#[derive(Debug)]
pub(crate) struct Stored(Vec<Place>);

impl Stored {
    /// Reads them; `None` when they turn out to be damaged or gone. Takes no lock.
    pub(crate) fn read(&self) -> Option<Vec<u8>> {
        let length: u64 = self.0.iter().map(|place| place.length).sum();
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        let mut rest = &mut bytes[..];
        for place in &self.0 {
            let (now, later) = rest.split_at_mut(place.length as usize);
            if !place.read(now) {
                return None;
            }
            rest = later;
        }
        stats::DISK_BYTES.add(length);
        Some(bytes)
    }
}

impl Entry {
    pub(super) fn new(cache: Arc<DiskCache>, key: Key, version: String, size: u64) -> Self {
        Self {
            folder: cache.root.join(key.folder()),
            cache,
            key,
            version,
            size,
            begun: SystemTime::now(),
            state: Mutex::default(),
            fresh: ArcSwap::default(),
            marks: ArcSwap::default(),
            lacks_metadata: AtomicBool::new(false),
        }
    }

    /// What is there of the version that was used last.
    pub(super) fn find(cache: &Arc<DiskCache>, key: Key) -> Option<Self> {
        let mut found = folder::segments(&cache.root.join(key.folder()));
        if found.windows(2).any(|pair| pair[0].0.hash != pair[1].0.hash) {
            let used = |path: &PathBuf| path.metadata().and_then(|metadata| metadata.modified()).ok();
            let newest = found.iter().max_by_key(|(_, path)| used(path));
            let hash = newest.map(|(name, _)| name.hash);
            found.retain(|(name, _)| Some(name.hash) == hash);
        }
        // Metadata first; without any, what is raw tells version and size.
        found.sort_by_key(|(name, _)| name.class as usize);
        let mut entry: Option<Self> = None;
        let mut marks = Marks::default();
        for (name, path) in found {
            if name.class == Class::Raw && entry.is_some() {
                break;
            }
            let Some(segment) = open_sound(&path).filter(|segment| segment.head.key == key) else {
                continue;
            };
            let head = &segment.head;
            let entry = entry.get_or_insert_with(|| {
                Self::new(Arc::clone(cache), key.clone(), head.version.clone(), head.size)
            });
            if entry.is_of(&segment) && name.class == Class::Metadata {
                marks = marks.and(head.marks);
                entry.state().index.add(&Arc::new(segment));
            }
        }
        entry.as_ref()?.marks.store(Arc::new(marks));
        entry
    }

    /// Whether a segment has bytes of this version.
    pub(super) fn is_of(&self, segment: &Segment) -> bool {
        let head = &segment.head;
        head.key == self.key && head.version == self.version && head.size == self.size
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With an index that has all there is.
    fn current(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        if !state.looked {
            state.looked = true;
            for (name, path) in folder::segments(&self.folder) {
                if name.hash == folder::hash(&self.version)
                    && let Some(segment) = open_sound(&path).filter(|segment| self.is_of(segment))
                {
                    state.index.add(&Arc::new(segment));
                }
            }
        }
        let fresh = self.fresh.load();
        for segment in &fresh[state.seen.min(fresh.len())..] {
            state.index.add(segment);
        }
        state.seen = fresh.len();
        state
    }

    /// Looks again what is there, after something was found gone: it may be merged into something else.
    fn look_again(&self) {
        let mut state = self.state();
        state.index = Index::default();
        state.seen = self.fresh.load().len();
        state.looked = false;
    }

    /// The server's tag.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Size of the whole file, bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The cache that it is in.
    pub(crate) fn cache(&self) -> &Arc<DiskCache> {
        &self.cache
    }

    /// Path of the file on its server.
    pub(crate) fn path(&self) -> &str {
        &self.key.path
    }

    pub(super) fn marks(&self) -> Marks {
        **self.marks.load()
    }

    /// Whether all metadata is here that the server gives unasked.
    pub(crate) fn is_traced(&self) -> bool {
        self.marks().traced
    }

    /// Whether that is all metadata of the file.
    pub(crate) fn is_complete(&self) -> bool {
        self.marks().complete
    }

    /// Whether datasets of the file keep elements in raw files, if that is known.
    pub(crate) fn raw_files(&self) -> Option<bool> {
        self.marks().raw_files
    }

    /// The server has given all metadata that it gives unasked; `complete`: that is all there is.
    pub(crate) fn traced(self: &Arc<Self>, complete: bool) {
        self.mark(Marks {
            traced: true,
            complete,
            raw_files: None,
        });
    }

    /// It is known whether datasets keep elements in raw files.
    pub(crate) fn keeps_raw_files(self: &Arc<Self>, found: bool) {
        self.mark(Marks {
            raw_files: Some(found),
            ..Marks::default()
        });
    }

    fn mark(self: &Arc<Self>, marks: Marks) {
        let all = self.marks().and(marks);
        if all != self.marks() {
            self.marks.store(Arc::new(all));
            writer::marks(self);
        }
    }

    /// Reads what [`Self::metadata`] will be asked for, if the file has not changed.
    pub(crate) fn prepare(&self, most: u64) {
        if self.is_traced() {
            let pieces = self.metadata(most);
            self.state().prepared = pieces;
        }
    }

    /// All metadata if it has at most so many bytes, otherwise nothing; `None` when some of it is damaged.
    pub(crate) fn metadata(&self, most: u64) -> Option<Vec<(u64, Bytes)>> {
        if let Some(pieces) = self.state().prepared.take() {
            return Some(pieces);
        }
        let places = self.state().index.places(0, u64::MAX);
        let bytes: u64 = places.iter().map(|place| place.length).sum();
        if bytes > most {
            return Some(Vec::new());
        }
        let mut all = vec![0; bytes as usize];
        let mut rest = &mut all[..];
        for place in &places {
            let (now, later) = rest.split_at_mut(place.length as usize);
            if !place.read(now) {
                return None;
            }
            rest = later;
        }
        stats::DISK_BYTES.add(bytes);
        let all = Bytes::from(all);
        let mut at = 0;
        let slices = places.iter().map(|place| {
            let bytes = all.slice(at..at + place.length as usize);
            at += place.length as usize;
            (place.offset, bytes)
        });
        Some(slices.collect())
    }

    /// Fills `buffer` with the bytes at `offset`, as far as they are here; returns the ranges that are not.
    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) -> Vec<(u64, u64)> {
        let length = buffer.len() as u64;
        let mut attempts = 2;
        loop {
            let mut places = self.current().index.places(offset, length);
            let there = places.len();
            places.retain(|place| {
                let from = (place.offset - offset) as usize;
                place.read(&mut buffer[from..from + place.length as usize])
            });
            attempts -= 1;
            if places.len() == there || attempts == 0 {
                stats::DISK_BYTES.add(places.iter().map(|place| place.length).sum());
                return gaps(offset, length, &places);
            }
            self.look_again();
        }
    }

    /// The parts of a range that are not here.
    pub(crate) fn missing(&self, offset: u64, length: u64) -> Vec<(u64, u64)> {
        self.current().index.missing(offset, length)
    }

    /// Where the bytes of a range are, if all are here.
    pub(crate) fn locate(&self, offset: u64, length: u64) -> Option<Stored> {
        let places = self.current().index.places(offset, length);
        gaps(offset, length, &places).is_empty().then_some(Stored(places))
    }

    /// Keeps metadata of this version as it came, some time later.
    pub(crate) fn put_packed(self: &Arc<Self>, packed: Arc<Packed>) {
        if !writer::put_packed(self, packed) {
            self.lacks_metadata.store(true, Relaxed);
        }
    }

    /// Keeps bytes of this version, some time later; `false` when there is no room for them now.
    pub(crate) fn put(self: &Arc<Self>, class: Class, offset: u64, bytes: Bytes) -> bool {
        let kept = bytes.is_empty() || writer::put(self, class, offset, bytes);
        if !kept && class == Class::Metadata {
            self.lacks_metadata.store(true, Relaxed);
        }
        kept
    }
}
