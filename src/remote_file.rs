//! One remote file, open: where its bytes are read, cached and kept consistent.
//!
//! An open file is one version of it. Every request names the version, so that what is read is never a
//! mixture; when the file changes, reads fail and say so.

mod chunks;
mod flights;
mod fold;
mod foresight;
mod heaps;
mod kept;
pub(crate) mod open;
mod plan;
mod read;
mod source;

use std::cmp::Ordering;
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cache::{Cache, FileVersion, Packed};
use crate::decode::Pipeline;
use crate::progress::showing::Showing;
use crate::protocol::{ExternalRequest, Intent, MAX_READ_BYTES, Pack, TraceReply, TraceRequest};
use crate::server::Server;
use crate::server::reply::{Piece, Scatter};
use crate::{Error, RemoteName, Settings, protocol, stats};
pub use chunks::StoredChunk;
use flights::Flight;
pub use foresight::Extents;
use foresight::Foresight;
pub use heaps::Object as HeapObject;
use plan::{Ahead, Plan};
pub(crate) use source::Source;

/// What bytes are for: metadata is kept longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// HDF5's own structures.
    Metadata,
    /// Elements of datasets.
    Raw,
}

/// A file on a server, open at one version. Any number of threads may use it.
pub struct RemoteFile {
    source: Arc<Source>,
    cache: Arc<Cache>,
    size: u64,
    version: Arc<FileVersion>,
    plan: Mutex<Plan>,
    ahead: Mutex<Ahead>,
    /// What the program is doing, to be told to the server when metadata is missing.
    intents: Mutex<Intents>,
    foresight: Mutex<Foresight>,
    flights: Mutex<Vec<Flight>>,
    /// Most bytes of planned ranges to fetch at once, lest a window evicts itself.
    window: u64,
}

impl RemoteFile {
    /// Opens the file `name`; when its metadata is still in memory and the file has not changed, by one
    /// small request.
    ///
    /// # Errors
    /// Any of [`Error`]'s about the network, the server and the file.
    pub fn open(name: &RemoteName, settings: &Settings, write: bool) -> Result<Arc<Self>, Error> {
        let server = Arc::new(Server::new(name, settings)?);
        open::open(server, Cache::shared(settings), name, settings, write)?.bytes()
    }

    /// Opens a file of `server`, keeping its bytes in `cache`.
    #[cfg(test)]
    pub(crate) fn open_at(
        server: Arc<Server>,
        cache: Arc<Cache>,
        name: &RemoteName,
        settings: &Settings,
        write: bool,
    ) -> Result<Arc<Self>, Error> {
        open::open(server, cache, name, settings, write)?.bytes()
    }

    /// Opens the file that a link inside this one names by `target`, an absolute path of the server's
    /// file system.
    ///
    /// # Errors
    /// As [`Self::open`]; [`Error::Forbidden`] when the path lies outside what is served.
    pub fn open_linked(&self, target: &str) -> Result<Arc<Self>, Error> {
        open::open_linked(self, target)
    }

    /// Opens the file `name`, which a link inside this one names by its URL. A login that the user gave for
    /// whatever server their program names is not sent to another server than this file's, unless the settings
    /// file names it too.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_named(
        &self,
        name: &RemoteName,
        settings: &Settings,
        write: bool,
    ) -> Result<Arc<Self>, Error> {
        let server = Arc::new(self.source.server.linked(name, settings)?);
        open::open(server, Cache::shared(settings), name, settings, write)?.bytes()
    }

    /// Looks whether the file has changed on the server: `Some` is its present version, opened.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn refreshed(&self) -> Result<Option<Arc<Self>>, Error> {
        open::refreshed(self)
    }

    fn with(source: Source, cache: Arc<Cache>, size: u64, version: Arc<FileVersion>, window: u64) -> Self {
        Self {
            source: Arc::new(source),
            cache,
            size,
            version,
            plan: Mutex::default(),
            ahead: Mutex::default(),
            foresight: Mutex::new(Foresight::new(4 * window - window / 4)),
            flights: Mutex::default(),
            intents: Mutex::default(),
            window,
        }
    }

    /// Keeps bytes of this version, without asking for them.
    pub(crate) fn remember(&self, class: Class, offset: u64, bytes: &[u8]) {
        self.cache.insert(self.version.id, class, offset, bytes);
    }

    /// Canonical URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.source.url
    }

    /// Size, bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The server's tag of the content that is open.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version.version
    }

    /// Orders by server, path and version; equal when both are the same content of the same file.
    #[must_use]
    pub fn same_file(&self, other: &Self) -> Ordering {
        let (ours, theirs) = (&self.source, &other.source);
        (ours.server.name(), &ours.base, &ours.path, &ours.version).cmp(&(
            theirs.server.name(),
            &theirs.base,
            &theirs.path,
            &theirs.version,
        ))
    }

    /// Fills `buffer` with the bytes at `offset`; beyond the end of the file they are zero.
    ///
    /// # Errors
    /// Any of [`Error`]'s about the network; [`Error::Changed`] when the file is not any more what was
    /// opened. The buffer may then be partly filled.
    pub fn read(&self, class: Class, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.read_vector(&mut [(class, offset, buffer)])
    }

    /// Fills many buffers, with one request for all that is missing (several at once when it is much).
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_vector(&self, pieces: &mut [(Class, u64, &mut [u8])]) -> Result<(), Error> {
        read::read_vector(self, pieces)
    }

    /// Says that the raw `ranges` (offset and length in bytes) are about to be read in this order. When
    /// one of them is missing, those that follow are fetched with it. Replaces what was planned before.
    /// While what is returned lives, a bar shows how much has arrived, if the user wants one.
    pub fn plan(&self, ranges: Vec<(u64, u64)>) -> Option<Showing> {
        let size = self.size;
        let within = ranges
            .into_iter()
            .map(|(offset, length)| (offset, length.min(size.saturating_sub(offset))));
        let within: Vec<_> = within.filter(|range| range.1 > 0).collect();
        let all = plan::union(within.clone());
        let missing: Vec<_> = all
            .iter()
            .flat_map(|&(offset, length)| self.absent(offset, length))
            .collect();
        if let Err(error) = foresight::look(self, &all, &missing, &missing) {
            log::debug!("{}: nothing ahead: {error}", self.source.url);
        }
        let plan = Plan::new(within);
        let showing = self.show(plan.bytes());
        *lock(&self.plan) = plan;
        flights::end_planned(self);
        showing
    }

    /// Says that the dataset is read next which has its raw data in `extents`. When so much of it was missing that
    /// the rest costs no more, all of it is fetched.
    pub fn occupy(&self, extents: &Extents) {
        lock(&self.foresight).occupy(extents);
    }

    /// Fetches and decodes `chunks`, of `size` bytes each when decoded, on all cores; `place` gets the number of each
    /// with its bytes, on any thread and in any order. `false` when not all of them were what they should be: then
    /// native HDF5 has to look at them.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn decode(
        &self,
        pipeline: &Pipeline,
        size: usize,
        chunks: &[StoredChunk],
        place: &(dyn Fn(usize, &[u8]) + Sync),
    ) -> Result<bool, Error> {
        chunks::decode(self, pipeline, size, chunks, place)
    }

    /// Whether references to global heaps are as [`decode::heap`](crate::decode::heap) knows them: the file has no user
    /// block, and addresses of 8 bytes.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn has_usual_heaps(&self) -> Result<bool, Error> {
        heaps::are_usual(self)
    }

    /// Fetches objects of global heaps; `put` gets the place of each with its bytes, on any thread and in any order, and
    /// says whether it could take it. `false` when not all of them were what they should be: then native HDF5 has to
    /// look at them. The objects come out in another order.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn heap_objects(
        &self,
        wanted: &mut [HeapObject],
        put: &(dyn Fn(u64, &[u8]) -> bool + Sync),
    ) -> Result<bool, Error> {
        heaps::read(self, wanted, put)
    }

    /// Says, like [`Self::plan`], that raw `ranges` are about to be read and then the global heaps that these objects
    /// are in.
    pub fn plan_with_heaps(&self, mut ranges: Vec<(u64, u64)>, wanted: &mut [HeapObject]) -> Option<Showing> {
        ranges.extend(heaps::ranges(self, wanted));
        self.plan(ranges)
    }

    /// Shows that so many bytes are read now.
    fn show(&self, bytes: u64) -> Option<Showing> {
        Showing::begin(self.source.server.progress(), bytes, &self.source.url)
    }

    /// Says what the program is about to do, in the order in which to ask for it. Nothing is sent unless
    /// metadata turns out to be missing; then the server is asked, once, for all that this will touch.
    /// Replaces what was announced before.
    pub fn announce(&self, intents: Vec<Intent>) {
        lock(&self.intents).announced = intents.into();
    }

    /// Whether announcing is of use: the file has more metadata than the server gave unasked.
    #[must_use]
    pub fn wants_intents(&self) -> bool {
        self.version.is_traced() && !self.version.is_complete()
    }

    /// Fetches the metadata that `intent` will touch, unless all is here.
    ///
    /// # Errors
    /// As [`Self::read`]; a server that has no hint to give is no error.
    fn trace(&self, intent: Intent) -> Result<(), Error> {
        let whole = intent == Intent::File;
        if self.version.is_complete() || (whole && !self.version.begin_trace()) {
            return Ok(());
        }
        let hint = self.ask_trace(intent).map(|(complete, _)| complete);
        if let (Ok(complete), true, Some(disk)) = (&hint, whole, self.version.disk.get()) {
            disk.traced(*complete);
        }
        match hint {
            Ok(true) if whole => self.version.set_complete(),
            // Bytes that are missing are told by the read itself.
            Ok(_) | Err(Error::Offline { .. }) => {}
            // Hints only save time; what breaks here breaks nothing, and a broken network will show
            // again when bytes are read.
            Err(
                error @ (Error::Rejected { .. }
                | Error::ServerFailed { .. }
                | Error::Busy { .. }
                | Error::TimedOut { .. }
                | Error::NotHdfstream { .. }
                | Error::Garbage { .. }),
            ) => log::warn!("no hints: {error}"),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether any dataset of the file keeps its elements in raw files (HDF5's external storage); `None` when
    /// the server cannot tell. Costs a request the first time.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn holds_raw_files(&self) -> Result<Option<bool>, Error> {
        if let Some(known) = self.version.raw_files.get() {
            return Ok(Some(*known));
        }
        let (_, raw_files) = self.ask_trace(Intent::File)?;
        if let Some(found) = raw_files {
            let _ = self.version.raw_files.set(found);
            if let Some(disk) = self.version.disk.get() {
                disk.keeps_raw_files(found);
            }
        }
        Ok(raw_files)
    }

    /// Asks for a trace and keeps what it brings. Returns whether that is all, and whether there are raw files, as far
    /// as it is known.
    fn ask_trace(&self, intent: Intent) -> Result<(bool, Option<bool>), Error> {
        let question = TraceRequest {
            path: self.source.path.clone(),
            version: self.version().to_owned(),
            intent,
        };
        let reply: TraceReply = self.source.server.ask(self.source.target("trace"), &question)?;
        self.keep(reply.pack)?;
        Ok((reply.complete, reply.raw_files))
    }

    /// Reads from the raw file `name` that a dataset of this file keeps its data in (HDF5's external
    /// storage); beyond its end the bytes are zero.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_external(&self, name: &str, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        if length > MAX_READ_BYTES {
            return Err(Error::Rejected {
                url: self.source.url.clone(),
                server: self.source.server.name().to_owned(),
                reason: format!("{length} bytes of external storage at once are too many"),
            });
        }
        let mut bytes = vec![0; length as usize];
        if length > 0 {
            let request = |done: u64| {
                let question = ExternalRequest {
                    path: self.source.path.clone(),
                    version: self.version().to_owned(),
                    name: name.to_owned(),
                    offset: offset.saturating_add(done),
                    length: length - done,
                };
                protocol::encode(&question).map_err(|error| error.to_string())
            };
            let read = Scatter::new(vec![Piece::Fill(&mut bytes[..])], Box::new(request));
            self.source
                .server
                .read(self.source.target("external"), vec![read])?;
        }
        Ok(bytes)
    }

    /// Puts the bytes of a pack in the cache.
    fn keep(&self, pack: Pack) -> Result<(), Error> {
        let garbage = |reason: String| Error::Garbage {
            url: self.source.url.clone(),
            server: self.source.server.name().to_owned(),
            reason,
        };
        let frames = pack.into_frames().map_err(|error| garbage(error.to_string()))?;
        let mut pieces = frames.iter().flat_map(|frame| &frame.pieces);
        if pieces.any(|(offset, length)| offset + length > self.size) {
            return Err(garbage("metadata beyond the end of the file".to_owned()));
        }
        for frame in frames {
            let packed = Arc::new(Packed::new(frame));
            self.cache.insert_packed(self.version.id, &packed);
            if let Some(disk) = self.version.disk.get() {
                disk.put_packed(packed);
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for RemoteFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RemoteFile")
            .field("url", &self.source.url)
            .field("size", &self.size)
            .field("version", &self.version.version)
            .finish_non_exhaustive()
    }
}

/// What was announced and not asked yet, and what was asked.
#[derive(Debug, Default)]
struct Intents {
    announced: VecDeque<Intent>,
    asked: HashSet<Intent>,
}

impl Intents {
    /// The next one to ask about.
    fn next(&mut self) -> Option<Intent> {
        while let Some(intent) = self.announced.pop_front() {
            if self.asked.insert(intent.clone()) {
                return Some(intent);
            }
        }
        None
    }
}

impl Drop for RemoteFile {
    fn drop(&mut self) {
        flights::keep_arrived(self);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts a read that needed no network.
fn hit() {
    stats::CACHE_HITS.add(1);
}

#[cfg(test)]
mod tests;
