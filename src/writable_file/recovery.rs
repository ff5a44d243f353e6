//! What was written and could not be saved, in files on this machine: listed, sent again, or dropped.
//!
//! A recovery file is a change of one version of a remote file. It appears when it is whole, and can be read by
//! nobody else.

mod file;

use std::path::{Path, PathBuf};

use super::{State, WritableFile, session};
use crate::ranges::Ranges;
use crate::settings::state_folder;
use crate::{Begin, Class, Error, RemoteName, Settings};
use file::{Header, Reader, Writer};

/// Bytes moved at once.
const STEP: u64 = 8 << 20;
/// How the names of recovery files end.
const SUFFIX: &str = "hdfstream-recovery";

/// A recovery file.
#[derive(Debug)]
pub struct Recovery {
    path: PathBuf,
    header: Header,
}

/// A file that should be a recovery file, and what it is, if it can be read.
pub type Found = (PathBuf, Result<Recovery, Error>);

/// All recovery files of this user, the oldest first.
///
/// # Errors
/// [`Error::Recovery`] when their folder cannot be read.
pub fn list() -> Result<Vec<Found>, Error> {
    let Some(folder) = state_folder().map(|folder| folder.join("recovery")) else {
        return Ok(Vec::new());
    };
    list_in(&folder)
}

fn list_in(folder: &Path) -> Result<Vec<Found>, Error> {
    let broken = file::broken(folder);
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(&broken)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(&broken)?.path();
        if path.extension().is_some_and(|extension| extension == SUFFIX) {
            found.push(path);
        }
    }
    // Their names begin with the time.
    found.sort();
    Ok(found
        .into_iter()
        .map(|path| (path.clone(), Recovery::read(&path)))
        .collect())
}

impl Recovery {
    /// Reads what `path` is about.
    ///
    /// # Errors
    /// [`Error::Recovery`] when it is no recovery file, or was damaged.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let header = Reader::open(path)?.header;
        Ok(Self {
            path: path.to_path_buf(),
            header,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The remote file.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.header.url
    }

    /// When it was written, seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn written(&self) -> i64 {
        self.header.time
    }

    /// How many bytes were written and not saved.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let sum = |ranges: &[(u64, u64)]| ranges.iter().map(|range| range.1).sum::<u64>();
        sum(&self.header.ranges) + sum(&self.header.zeros)
    }

    /// How many more bytes were written, but had been sent to the server ahead and could not be fetched again.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.header.missing.iter().map(|range| range.1).sum()
    }

    /// Makes the change on the server, and removes this. With `force` also when the file has changed there since,
    /// or is there when it was to be made, and when bytes are missing here: they are then as they are there, or zero.
    ///
    /// # Errors
    /// Any of [`Error`]'s about the network and the server; [`Error::Recovery`] when the change cannot be made
    /// without force.
    pub fn send(&self, settings: &Settings, force: bool) -> Result<(), Error> {
        let name = RemoteName::parse(&self.header.url)?;
        if self.missing() > 0 && !force {
            return Err(self.refusal(&format!(
                "{} bytes of what was written were on the server only, and are not in here; with --force the \
                 rest is sent",
                self.missing()
            )));
        }
        let begin = match self.begin() {
            Begin::Create if force => Begin::Replace,
            begin => begin,
        };
        let open = |begin| WritableFile::open_below(&name, settings, begin, true, true);
        let file = match open(begin) {
            Err(Error::NotFound { .. }) if force => open(Begin::Create),
            // Perhaps by the program that left this: a server that was killed gives its leases back late.
            Err(Error::Locked { .. }) => {
                session::release(&name, settings, &self.header.lease)?;
                open(begin)
            }
            file => file,
        }?;
        self.send_to(&file, force)?;
        std::fs::remove_file(&self.path).map_err(file::broken(&self.path))
    }

    /// How the file was opened, if it was never committed.
    pub(super) fn begin(&self) -> Begin {
        self.header.begin
    }

    pub(super) fn send_to(&self, file: &WritableFile, force: bool) -> Result<(), Error> {
        let written = self.write_to(file, force).and_then(|()| file.finish());
        if written.is_err() {
            // It is all here still.
            file.abandon();
        }
        written
    }

    fn write_to(&self, file: &WritableFile, force: bool) -> Result<(), Error> {
        let present = file.enter()?.version().to_owned();
        if present != self.header.version && !force {
            return Err(self.refusal(
                "the file has changed on the server since; with --force the change is made to what is there now",
            ));
        }
        let mut reader = Reader::open(&self.path)?;
        // All of it, before anything is sent.
        reader.check()?;
        reader.for_each(|offset, bytes| file.write_vector(&[(Class::Raw, offset, bytes)]))?;
        let mut state = file.enter()?;
        for &(offset, length) in &self.header.zeros {
            state.clear(offset, length);
        }
        state.set_size(self.header.size);
        Ok(())
    }

    fn refusal(&self, reason: &str) -> Error {
        Error::Recovery {
            path: self.path.clone(),
            reason: format!("not sent to {}: {reason}", self.header.url),
        }
    }
}

/// Writes a recovery file of what `state` has not committed; says where it is.
pub(super) fn keep(state: &mut State) -> Result<PathBuf, Error> {
    let Some(folder) = state.recovery.clone() else {
        return Err(Error::Recovery {
            path: PathBuf::from("XDG_STATE_HOME"),
            reason: "there is no folder for recovery files; set this variable".to_owned(),
        });
    };
    let mut changed = Ranges::default();
    let mut local = Ranges::default();
    let mut zeros = Ranges::default();
    let frozen = state.frozen.as_ref().map(|frozen| &frozen.layer);
    for layer in [frozen, Some(&state.open)].into_iter().flatten() {
        for (offset, length, _) in layer.overlay.ranges() {
            local.add(offset, offset + length);
        }
        for (offset, length) in layer.parts.staged().all().chain(local.all()) {
            changed.add(offset, offset + length);
        }
    }
    // Those of a frozen layer may be written over.
    for (offset, length) in state.open.overlay.zeros() {
        zeros.add(offset, offset + length);
    }
    let superblock = state.unmarked_superblock();
    let mut header = Header {
        url: state.session.site.url.clone(),
        begin: match state.base {
            Some(_) => Begin::Existing,
            None => state.wanted.begin,
        },
        version: state.version().to_owned(),
        lease: state.session.lease().to_owned(),
        size: state.size,
        time: file::now(),
        ranges: Vec::new(),
        zeros: Vec::new(),
        missing: Vec::new(),
    };
    let mut writer = Writer::create(&folder, header.time)?;
    let mut buffer = Vec::new();
    for (start, length) in changed.all() {
        let end = (start + length).min(state.size);
        let mut at = start;
        while at < end {
            let zero = first(&zeros, at, end);
            if let Some((start, length)) = zero
                && start == at
            {
                header.zeros.push((start, length));
                at += length;
                continue;
            }
            let stop = zero.map_or(end, |(start, _)| start);
            // Apart, so that what cannot be fetched takes nothing with it that is here.
            let stop = match first(&local, at, stop) {
                Some((start, length)) if start == at => at + length,
                Some((start, _)) => start,
                None => stop,
            };
            let length = (stop - at).min(STEP);
            buffer.resize(length as usize, 0);
            match state.read(&mut [(Class::Raw, at, &mut buffer[..])]) {
                Ok(()) => {
                    if let Some(superblock) = &superblock {
                        superblock.apply(at, &mut buffer);
                    }
                    writer.add(&buffer)?;
                    header.ranges.push((at, length));
                }
                Err(error) => {
                    log::error!("{}: {length} bytes cannot be kept: {error}", header.url);
                    header.missing.push((at, length));
                }
            }
            at += length;
        }
    }
    writer.finish(&header)
}

/// The first part of a set within bounds.
fn first(ranges: &Ranges, start: u64, end: u64) -> Option<(u64, u64)> {
    ranges.within(start, end - start).first().copied()
}

#[cfg(test)]
mod tests;
