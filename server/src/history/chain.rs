//! The versions of one file, from the oldest that can still be read to the present one.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cap_std::fs::Dir;

use super::extents::{Extent, Extents};
use super::retained::Retained;
use crate::store::{exact, version};

/// Longest wait for the end of a change of which nothing is kept.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most readers who wait for it; threads are few.
const MOST_WAITING: usize = 8;

/// One content of a file.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    /// Opaque tag.
    pub(crate) version: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Last modification, nanoseconds since 1970-01-01 UTC.
    pub(crate) modified: i64,
    /// What holds it, later versions' bytes included.
    pub(crate) file: Arc<File>,
    /// Device and inode.
    pub(crate) inode: (u64, u64),
}

impl Content {
    /// As the metadata of the file say.
    pub(crate) fn new(file: Arc<File>, metadata: &Metadata) -> Self {
        Self {
            version: version::tag(metadata),
            size: metadata.len(),
            modified: version::modified(metadata),
            inode: (metadata.dev(), metadata.ino()),
            file,
        }
    }

    /// The regular file `name` of a directory; none if there is nothing.
    pub(crate) fn of_entry(directory: &Dir, name: &OsStr) -> io::Result<Option<Self>> {
        let file = match directory.open_with(name, &exact::reading()) {
            Ok(file) => Arc::new(file.into_std()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        Ok(metadata.is_file().then(|| Self::new(file, &metadata)))
    }
}

/// A change under way keeps the file from being opened for too long.
#[derive(Debug)]
pub(crate) struct Busy;

#[derive(Debug, Default)]
pub(crate) struct Chain {
    order: Mutex<()>,
    state: Mutex<State>,
    applied: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Earlier versions, oldest first. While a commit is applied the last one is the present version.
    steps: VecDeque<Step>,
    /// None if nothing of that name is left.
    present: Option<Present>,
    /// Readers who wait for the end of a change.
    waiting: usize,
}

/// From one version to the next.
#[derive(Debug)]
struct Step {
    serial: u64,
    content: Content,
    change: Change,
}

#[derive(Debug)]
enum Change {
    /// The same file went on with other bytes in these places.
    Overwritten(Extents),
    /// Another file took its place; this is the old one's tag since.
    Replaced { left: String },
}

#[derive(Debug)]
struct Present {
    content: Content,
    /// How many write it. As long as there are any, its metadata say nothing.
    writers: usize,
    /// The tag by its metadata, when the last writer left it.
    left: String,
    /// Whether a reader was told the version.
    told: bool,
    /// Whether a commit is being applied without anything being kept: nobody can read it meanwhile.
    torn: bool,
}

impl Chain {
    /// Waits until no other commit is under way. Blocks.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a reader gets who has just opened the file with this `inode` and `tag`. `None` if its metadata
    /// tell all. Blocks.
    pub(crate) fn look(&self, inode: (u64, u64), tag: &str) -> Result<Option<Content>, Busy> {
        let torn = |state: &mut State| {
            let present = state.present.as_ref();
            present.is_some_and(|present| present.torn && present.content.inode == inode)
        };
        let mut state = self.lock();
        if torn(&mut state) {
            if state.waiting == MOST_WAITING {
                return Err(Busy);
            }
            state.waiting += 1;
            let waited = self.applied.wait_timeout_while(state, PATIENCE, torn);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
            if torn(&mut state) {
                return Err(Busy);
            }
        }
        let present = state.present.as_mut().filter(|present| present.is(inode, tag));
        Ok(present.map(|present| {
            present.told = true;
            present.content.clone()
        }))
    }

    /// The same for somebody who does not read it, without waiting.
    pub(crate) fn shown(&self, inode: (u64, u64), tag: &str) -> Option<Content> {
        let state = self.lock();
        let present = state.present.as_ref().filter(|present| present.is(inode, tag))?;
        Some(present.content.clone())
    }

    /// The content that had this version, if it can still be read. Blocks for an `fstat`.
    pub(crate) fn at(&self, version: &str) -> io::Result<Option<Content>> {
        let content = {
            let state = self.lock();
            state.content(version).cloned()
        };
        Ok(match self.is_current(version)? {
            Some(true) => content,
            _ => None,
        })
    }

    /// The present content.
    pub(crate) fn present(&self) -> Option<Content> {
        self.lock()
            .present
            .as_ref()
            .map(|present| present.content.clone())
    }

    /// Whether `version` can still be read; `None` if nothing is known of it here. Blocks for an `fstat`.
    pub(crate) fn is_current(&self, version: &str) -> io::Result<Option<bool>> {
        // Under the lock: no writer begins between the look at the metadata and the answer.
        let state = self.lock();
        let at = state.position(version);
        let rest = at.map(|at| state.steps.range(at..));
        let replaced = rest.into_iter().flatten().find_map(|step| match &step.change {
            Change::Replaced { left } => Some((&step.content.file, left)),
            Change::Overwritten(_) => None,
        });
        if let Some((file, left)) = replaced {
            return Ok(Some(version::tag(&file.metadata()?) == *left));
        }
        let Some(present) = &state.present else {
            return Ok(None);
        };
        if at.is_none() && present.content.version != version {
            return Ok(None);
        }
        if present.writers > 0 {
            return Ok(Some(at.is_some() || !present.torn));
        }
        Ok(Some(
            version::tag(&present.content.file.metadata()?) == present.left,
        ))
    }

    /// Puts what `version` had in `buffer`, which was read from the file at `offset` just before. Whether
    /// that was the right version is to be asked afterwards, with [`Chain::is_current`]. Returns whether it is
    /// an earlier version, whose end may be behind that of the file. Blocks.
    pub(crate) fn lay_over(&self, version: &str, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
        let extents: Vec<Extent> = {
            let state = self.lock();
            let Some(at) = state.position(version) else {
                return Ok(false);
            };
            let overwritten = state.steps.range(at..).map_while(|step| match &step.change {
                Change::Overwritten(extents) => Some(extents),
                Change::Replaced { .. } => None,
            });
            overwritten
                .flat_map(|extents| extents.touching(offset, buffer.len() as u64).cloned())
                .collect()
        };
        // What an earlier commit overwrote counts over what later ones did.
        for extent in extents.iter().rev() {
            extent.lay_over(buffer, offset)?;
        }
        Ok(true)
    }

    /// The tag by its metadata that the file has as long as `version` is the present one; `None` while
    /// somebody writes it.
    pub(crate) fn stamp(&self, version: &str) -> Option<String> {
        let state = self.lock();
        let present = state.present.as_ref()?;
        (present.writers == 0 && present.content.version == version).then(|| present.left.clone())
    }

    /// Whether anything is known of `version`.
    pub(crate) fn knows(&self, version: &str) -> bool {
        self.lock().content(version).is_some()
    }

    /// Whether `version` is the present one and not being changed.
    pub(crate) fn is_at_rest(&self, version: &str) -> bool {
        let state = self.lock();
        let last = state.steps.back().map(|step| step.content.version.as_str());
        let present = state.present.as_ref();
        present.is_some_and(|present| present.content.version == version && !present.torn)
            && last != Some(version)
    }

    /// Whether nobody writes the file and nothing is kept of earlier versions.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.lock();
        let written = state.present.as_ref().is_some_and(|present| present.writers > 0);
        !written && state.steps.is_empty()
    }

    /// A writer begins; `found` is what the file's metadata say, `told` whether a reader knows that.
    pub(super) fn enter(&self, found: Content, told: bool) {
        let mut state = self.lock();
        if let Some(present) = &mut state.present
            && present.is(found.inode, &found.version)
        {
            present.writers += 1;
            present.told |= told;
            return;
        }
        // A local program changed or exchanged the file: what was kept of this one fits it no more.
        state.void();
        state.present = Some(Present {
            left: found.version.clone(),
            content: found,
            writers: 1,
            told,
            torn: false,
        });
    }

    /// A writer ends; `found` is what the metadata say now. Returns the content from now on, whose version is that
    /// of the metadata if nobody was told another one, `told` being whether the writer was.
    pub(crate) fn leave(&self, found: &Content, told: bool) -> Option<Content> {
        let mut state = self.lock();
        let present = state.present.as_mut()?;
        if present.content.inode != found.inode {
            return Some(present.content.clone());
        }
        present.writers = present.writers.saturating_sub(1);
        if present.writers > 0 {
            return Some(present.content.clone());
        }
        present.left = found.version.clone();
        present.content.modified = found.modified;
        if present.torn {
            // Nobody knows what became of it.
            present.content = found.clone();
            present.torn = false;
            state.void();
        } else if !present.told && !told {
            present.content.version = found.version.clone();
        }
        let content = state.present.as_ref().map(|present| present.content.clone());
        drop(state);
        self.applied.notify_all();
        content
    }

    /// See [`super::Histories::replaced`]. `old` is with whether it was told to a reader.
    pub(super) fn replaced(
        self: &Arc<Self>,
        old: Option<(bool, Content)>,
        new: Option<Content>,
        retained: &Retained,
    ) {
        let mut state = self.lock();
        let known = state.present.take();
        if let Some((told, old)) = old {
            let same = known
                .filter(|known| known.is(old.inode, &old.version) || known.content.version == old.version);
            if same.is_none() {
                state.void();
            }
            let told = told || state.needed() || same.as_ref().is_some_and(|known| known.told);
            let content = same.map_or(old, |known| known.content);
            if told && let Ok(metadata) = content.file.metadata() {
                let serial = retained.begin(self, content.size);
                state.steps.push_back(Step {
                    serial,
                    content,
                    change: Change::Replaced {
                        left: version::tag(&metadata),
                    },
                });
            }
        } else {
            state.void();
        }
        state.present = new.map(|content| Present {
            left: content.version.clone(),
            content,
            writers: 1,
            told: false,
            torn: false,
        });
        drop(state);
        self.applied.notify_all();
        retained.shrink();
    }

    /// A commit is about to overwrite: whether what was there is to be kept. If so, returns the step.
    pub(super) fn begin_commit(self: &Arc<Self>, retained: &Retained) -> Option<u64> {
        let mut state = self.lock();
        let needed = state.needed();
        if let Some(serial) = state.pending() {
            return Some(serial);
        }
        let present = state.present.as_mut()?;
        if !present.told && !needed {
            present.torn = true;
            return None;
        }
        let content = present.content.clone();
        let serial = retained.begin(self, 0);
        state.steps.push_back(Step {
            serial,
            content,
            change: Change::Overwritten(Extents::default()),
        });
        Some(serial)
    }

    /// The parts of a range that are not kept yet by the step that is under way.
    pub(super) fn gaps(&self, serial: u64, offset: u64, length: u64) -> Vec<(u64, u64)> {
        match self.lock().under_way(serial) {
            Some(extents) => extents.gaps(offset, length),
            None => Vec::new(),
        }
    }

    /// Notes where bytes are kept.
    pub(super) fn record(&self, serial: u64, extent: Extent) {
        if let Some(extents) = self.lock().under_way(serial) {
            extents.insert(extent);
        }
    }

    /// Keeps a step and those before it no longer.
    pub(super) fn let_go(&self, serial: u64) {
        let mut state = self.lock();
        let pending = state.pending();
        while state.steps.front().is_some_and(|step| step.serial <= serial) {
            state.steps.pop_front();
        }
        if pending.is_some_and(|pending| pending <= serial)
            && let Some(present) = &mut state.present
        {
            present.torn = true;
        }
    }

    /// The commit is done and made this of the file.
    pub(super) fn committed(self: &Arc<Self>, content: Content, retained: &Retained) {
        let mut state = self.lock();
        let pending = state.pending().is_some();
        let needed = state.needed();
        if let Some(present) = &mut state.present {
            let old = std::mem::replace(&mut present.content, content);
            let keep = !pending && !present.torn && (present.told || needed);
            present.told = false;
            present.torn = false;
            if keep {
                // Nothing was overwritten: it went on behind the end.
                state.steps.push_back(Step {
                    serial: retained.begin(self, 0),
                    content: old,
                    change: Change::Overwritten(Extents::default()),
                });
            }
        }
        drop(state);
        self.applied.notify_all();
        retained.shrink();
    }

    /// A commit was refused and has changed nothing.
    pub(super) fn unchanged(&self) {
        let mut state = self.lock();
        if state.pending().is_some() {
            state.steps.pop_back();
        }
        if let Some(present) = &mut state.present {
            present.torn = false;
        }
        drop(state);
        self.applied.notify_all();
    }

    /// A commit was broken off while it was applied: the file holds something in between.
    pub(super) fn broken(&self) {
        let mut state = self.lock();
        state.void();
        if let Some(present) = &mut state.present {
            present.torn = true;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Present {
    /// Whether a file with this inode and tag is this one.
    fn is(&self, inode: (u64, u64), tag: &str) -> bool {
        self.content.inode == inode && (self.writers > 0 || self.left == tag)
    }
}

impl State {
    /// The step that leads on from `version`.
    fn position(&self, version: &str) -> Option<usize> {
        self.steps
            .iter()
            .rposition(|step| step.content.version == version)
    }

    fn content(&self, version: &str) -> Option<&Content> {
        let step = self.position(version).map(|at| &self.steps[at].content);
        let present = self.present.as_ref().map(|present| &present.content);
        step.or_else(|| present.filter(|content| content.version == version))
    }

    /// Whether an earlier version of the present file is still kept.
    fn needed(&self) -> bool {
        let last = self.steps.back().map(|step| &step.change);
        matches!(last, Some(Change::Overwritten(_)))
    }

    /// The step from the present version on, while a commit is applied.
    fn pending(&self) -> Option<u64> {
        let (last, present) = (self.steps.back()?, self.present.as_ref()?);
        let same = last.content.version == present.content.version && present.writers > 0;
        (same && self.needed()).then_some(last.serial)
    }

    fn under_way(&mut self, serial: u64) -> Option<&mut Extents> {
        match self.steps.back_mut() {
            Some(Step {
                serial: last,
                change: Change::Overwritten(extents),
                ..
            }) if *last == serial => Some(extents),
            _ => None,
        }
    }

    /// Drops what was kept of the present file; earlier files are still what they were.
    fn void(&mut self) {
        while self.needed() {
            self.steps.pop_back();
        }
    }
}
