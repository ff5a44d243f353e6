//! One remote file, open for writing: what the program writes is kept here, and becomes part of the file on the
//! server all at once, by a commit.
//!
//! Nobody else sees anything of it before. Whatever goes wrong on the way, a commit may be tried again, and when
//! the file is closed without success what was written goes to a recovery file.

mod commit;
mod open;
mod order;
mod overlay;
mod parts;
pub mod recovery;
mod session;
mod spill;
mod superblock;
mod view;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cache::Cache;
use crate::{Begin, Class, Error, RemoteFile, RemoteName, Settings};
use commit::Frozen;
use order::Order;
use overlay::Overlay;
use parts::Parts;
use session::{Session, Wanted};

/// Bytes sent at once: of a part, and of a commit.
const PART: u64 = 8 << 20;
/// Where the addresses of HDF5 end.
const LARGEST: u64 = i64::MAX as u64;

/// A file on a server that this program writes. Any number of threads may use it; in a forked child every method
/// fails, as only one process can write a file.
pub struct WritableFile {
    url: String,
    process: u32,
    state: Mutex<State>,
}

/// What was written since the commit before.
struct Layer {
    overlay: Overlay,
    parts: Parts,
}

struct State {
    session: Arc<Session>,
    wanted: Wanted,
    cache: Arc<Cache>,
    /// See [`RemoteFile`].
    window: u64,
    /// The last commit, or what was there before the first.
    base: Option<Arc<RemoteFile>>,
    size: u64,
    /// Number of the last commit of the session.
    committed: u64,
    open: Layer,
    /// A commit that is to be made before any other.
    frozen: Option<Frozen>,
    /// The superblock as the program wrote it, where the server's has other marks.
    own: Option<(u64, Vec<u8>)>,
    /// Where the superblock is, once that is known.
    superblock: Option<u64>,
    /// Whether writes are to be kept in their order.
    ordered: bool,
    /// The writes since the commit before in their order, if that counts.
    order: Option<Order>,
    /// Whether raw data is sent ahead; not after that has failed, until a commit succeeds.
    ahead: bool,
    /// Most memory for what was written, bytes.
    budget: u64,
    maker: spill::Maker,
    /// Folder for recovery files.
    recovery: Option<PathBuf>,
    ended: bool,
}

impl WritableFile {
    /// Takes the lease of the file `name`, by one request. Nothing changes on the server before the first
    /// [`Self::commit`]. Without `locking` others may write the file, too, and a commit after one of theirs fails.
    ///
    /// # Errors
    /// Any of [`Error`]'s about the network, the server and the file; [`Error::Locked`] while somebody else writes
    /// it.
    pub fn open(
        name: &RemoteName,
        settings: &Settings,
        begin: Begin,
        locking: bool,
    ) -> Result<Arc<Self>, Error> {
        Self::open_below(name, settings, begin, locking, false)
    }

    /// As [`Self::open`]; with `directories` the first commit makes those that are missing above the file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_below(
        name: &RemoteName,
        settings: &Settings,
        begin: Begin,
        locking: bool,
        directories: bool,
    ) -> Result<Arc<Self>, Error> {
        let wanted = Wanted {
            begin,
            exclusive: locking,
            directories,
        };
        open::open(name, settings, wanted)
    }

    /// Canonical URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// End of the file as this program sees it, bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.enter().map_or(0, |state| state.size)
    }

    /// Cuts the file, or extends it with zeros.
    pub fn set_size(&self, size: u64) {
        if let Ok(mut state) = self.enter() {
            state.set_size(size.min(LARGEST));
        }
    }

    /// Fills many buffers with what was written, or with what the server has; beyond the end of the file they are
    /// zero.
    ///
    /// # Errors
    /// As [`RemoteFile::read`].
    pub fn read_vector(&self, pieces: &mut [(Class, u64, &mut [u8])]) -> Result<(), Error> {
        self.enter()?.read(pieces)
    }

    /// Keeps what is written; the file grows with it.
    ///
    /// # Errors
    /// [`Error::Spill`] when it does not fit here.
    pub fn write_vector(&self, pieces: &[(Class, u64, &[u8])]) -> Result<(), Error> {
        let mut state = self.enter()?;
        for (class, offset, bytes) in pieces {
            state.write(*class, *offset, bytes)?;
        }
        Ok(())
    }

    /// What others see of the file at present; `None` as long as it is to be made.
    #[must_use]
    pub fn base(&self) -> Option<Arc<RemoteFile>> {
        self.enter().ok()?.base.clone()
    }

    /// Makes everything that was written since the last commit part of the file, at once. Sends nothing when that
    /// is nothing. May be called again after an error.
    ///
    /// # Errors
    /// Any of [`Error`]'s about the network and the server; nothing of what was written is lost here by one.
    pub fn commit(&self) -> Result<(), Error> {
        self.enter()?.commit(false)
    }

    /// Says whether from now on readers may look at any time (HDF5's SWMR): every write is then kept in its order,
    /// and the marks in the superblock that somebody writes the file are left in it.
    pub fn set_ordered(&self, on: bool) {
        if let Ok(mut state) = self.enter() {
            state.ordered = on;
            if !on {
                // What is left goes all at once, which is more than in order.
                state.order = None;
            }
        }
    }

    /// Commits and gives the lease back. Closing again does nothing.
    ///
    /// # Errors
    /// [`Error::Kept`] when what was written is not on the server but in a recovery file. [`Error::Unsaved`] when
    /// it is not there either; then the file stays open, and this may be called again.
    pub fn close(&self) -> Result<(), Error> {
        let mut state = match self.enter() {
            Err(Error::Closed { .. }) => return Ok(()),
            other => other?,
        };
        let result = match state.commit(true) {
            Ok(()) => Ok(()),
            Err(error) => state.rescue(error),
        };
        state.ended = !matches!(result, Err(Error::Unsaved { .. }));
        result
    }

    /// Commits and gives the lease back, as [`Self::close`]; but after an error the file stays open, and nothing is
    /// kept elsewhere.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        let mut state = self.enter()?;
        state.commit(true)?;
        state.ended = true;
        Ok(())
    }

    /// Drops everything that was not committed, and gives the lease back.
    pub fn abandon(&self) {
        if let Ok(mut state) = self.enter() {
            state.drop_all();
            if let Err(error) = state.session.release() {
                log::info!("{}: the lease ends by itself: {error}", self.url);
            }
        }
    }

    /// The state, in the process that opened the file and until it is closed.
    fn enter(&self) -> Result<MutexGuard<'_, State>, Error> {
        let url = || self.url.clone();
        // Before the lock, which a thread may hold that is not in this process.
        if self.process != std::process::id() {
            return Err(Error::Forked { url: url() });
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.ended {
            false => Ok(state),
            true => Err(Error::Closed { url: url() }),
        }
    }
}

impl State {
    /// The version that is to be changed; empty for a file that is to be made.
    fn version(&self) -> &str {
        self.base.as_ref().map_or("", |base| base.version())
    }

    fn write(&mut self, class: Class, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let end = offset.checked_add(bytes.len() as u64);
        let Some(end) = end.filter(|end| *end <= LARGEST) else {
            return Err(Error::Rejected {
                url: self.session.site.url.clone(),
                server: self.session.site.server.name().to_owned(),
                reason: "no file can be that large".to_owned(),
            });
        };
        if bytes.is_empty() {
            return Ok(());
        }
        let unchanged = self.open.overlay.is_empty() && self.open.parts.count() == 0;
        if self.ordered && self.order.is_none() && unchanged {
            self.order = Some(Order::default());
        }
        if offset > self.size {
            self.set_size(offset);
        }
        let mut at = offset;
        for bytes in bytes.chunks(PART as usize) {
            let written = self.open.overlay.write(class, at, bytes);
            written.map_err(|error| self.spill_error(&error))?;
            if let Some(order) = &mut self.order {
                order.add(at, bytes);
            }
            at += bytes.len() as u64;
            self.size = self.size.max(at);
            self.make_room()?;
        }
        debug_assert_eq!(at, end);
        Ok(())
    }

    fn set_size(&mut self, size: u64) {
        if size < self.size {
            self.open.overlay.cut(size);
            if let Some(order) = &mut self.order {
                order.cut(size);
            }
        } else {
            // What was cut off before must not come back.
            let shadow = self.shadow().min(size);
            if self.size < shadow {
                self.open.overlay.clear(self.size, shadow);
                // Zeros are not among the writes.
                self.order = None;
            }
        }
        self.size = size;
    }

    /// Makes a range zero, whatever it was.
    fn clear(&mut self, offset: u64, length: u64) {
        let end = offset.saturating_add(length).min(LARGEST);
        if end > self.size {
            self.set_size(end);
        }
        self.open.overlay.clear(offset.min(end), end);
        self.order = None;
    }

    /// One past the last byte below the present overlay.
    fn shadow(&self) -> u64 {
        let frozen = self.frozen.as_ref().map(|frozen| &frozen.layer);
        let base = self.base.as_ref().map_or(0, |base| base.size());
        [frozen, Some(&self.open)]
            .into_iter()
            .flatten()
            .map(|layer| layer.overlay.end().max(layer.parts.staged().end()))
            .fold(base, u64::max)
    }

    /// Sends raw data ahead, and puts on the disk what is too much for memory.
    fn make_room(&mut self) -> Result<(), Error> {
        if let Some(order) = &self.order {
            // Every prefix of the writes is a file, so this may be one.
            return if order.cost() >= 2 * PART {
                self.commit(false)
            } else {
                Ok(())
            };
        }
        let part = PART.min(self.budget / 4);
        while self.ahead
            && self.frozen.is_none()
            && self.open.overlay.memory() > self.budget / 2
            && self.open.overlay.sendable() > part
        {
            let (pieces, bytes) = self.open.overlay.take(part);
            if pieces.is_empty() {
                break;
            }
            let parts = &mut self.open.parts;
            if let Err(error) = parts.add(&self.session, self.committed + 1, pieces, bytes) {
                // The commit will tell if it lasts.
                log::warn!("{}: nothing is sent ahead after: {error}", self.session.site.url);
                self.ahead = false;
            }
        }
        let frozen = self
            .frozen
            .as_ref()
            .map_or(0, |frozen| frozen.layer.overlay.memory());
        let most = self.budget.saturating_sub(frozen);
        if self.open.overlay.memory() > most {
            let spilled = self.open.overlay.spill(most / 4 * 3);
            return spilled.map_err(|error| self.spill_error(&error));
        }
        Ok(())
    }

    /// Forgets everything that is not committed.
    fn drop_all(&mut self) {
        self.ended = true;
        self.frozen = None;
        self.open = Layer {
            overlay: Overlay::new(0, self.maker),
            parts: Parts::new(),
        };
        self.order = None;
    }

    /// Keeps what could not be committed because of `error` in a recovery file.
    fn rescue(&mut self, error: Error) -> Result<(), Error> {
        let file = match recovery::keep(self) {
            Ok(file) => file,
            Err(reason) => {
                return Err(Error::Unsaved {
                    error: Box::new(error),
                    reason: reason.to_string(),
                });
            }
        };
        self.drop_all();
        // A server that answered may as well know; one that did not would only be waited for again.
        match error.errno() {
            5 | 110 | 111 => self.session.end(),
            _ => drop(self.session.release()),
        }
        Err(Error::Kept {
            error: Box::new(error),
            file,
        })
    }

    fn spill_error(&self, error: &std::io::Error) -> Error {
        spill_error(&self.session.site.url, error)
    }
}

fn spill_error(url: &str, error: &std::io::Error) -> Error {
    Error::Spill {
        url: url.to_owned(),
        reason: error.to_string(),
        full: matches!(
            error.kind(),
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
        ),
    }
}

impl Drop for WritableFile {
    fn drop(&mut self) {
        let Ok(mut state) = self.enter() else {
            return;
        };
        state.ended = true;
        if (state.frozen.is_some() || state.is_changed()) && state.base.is_some() {
            log::error!(
                "{}: dropped before it was closed; what was not committed is lost",
                self.url
            );
        }
        state.session.end();
    }
}

impl std::fmt::Debug for WritableFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("WritableFile")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
