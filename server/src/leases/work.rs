//! One lease's file: the journal underneath, and the versions that readers see. Everything here blocks.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use cap_std::fs::Dir;
use hdfstream::protocol::{Begin, CommitReply, CommitRequest, StageRequest};
use ring::rand::{SecureRandom, SystemRandom};

use super::table::Digest;
use super::{Asked, digest};
use crate::error::Error;
use crate::history::{Chain, Content, Histories};
use crate::journal::{Change, JournalError, Writer};
use crate::store::{Place, version};

/// How often a locked file is tried, and the time between.
const ATTEMPTS: usize = 3;
const PAUSE: Duration = Duration::from_millis(10);

/// A lease's file.
#[derive(Debug)]
pub(super) struct Work {
    place: Place,
    histories: Arc<Histories>,
    begin: Begin,
    state: State,
    /// The versions of the file; none of one that is made anew before its first commit.
    chain: Option<Arc<Chain>>,
    last: Option<CommitReply>,
}

#[derive(Debug)]
enum State {
    /// Directories are missing; they are made when something is to be put there.
    Waiting(Asked),
    Open(Box<Writer>, Dir),
}

/// Why a request was not done.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// What becomes of the lease, if it does not go on.
    pub(super) fate: Option<Fate>,
}

/// See [`Failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has lost what it needs.
    Over,
    /// The disk failed: the file is to be let go of, and recovered by the next request.
    Broken,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, fate: None }
    }
}

impl Work {
    /// Begins, or goes on with what an earlier process has begun.
    pub(super) fn begin(place: Place, asked: Asked, histories: Arc<Histories>) -> Result<Self, Error> {
        if place.exists {
            let there = place.directory.symlink_metadata(&place.name);
            match there {
                Ok(there) if there.is_dir() => return Err(Error::IsDirectory(place.path)),
                Ok(there) if there.is_file() => {}
                _ => return Err(Error::Invalid(format!("`{}` is not a regular file", place.path))),
            }
        } else if asked.begin == Begin::Existing {
            return Err(Error::NotFound(place.path));
        }
        let is_waiting = !place.missing.is_empty();
        let mut work = Self {
            place,
            histories,
            begin: asked.begin,
            state: State::Waiting(asked),
            chain: None,
            last: None,
        };
        if !is_waiting {
            work.writer().map_err(|failure| failure.error)?;
        }
        Ok(work)
    }

    /// A lease that an earlier process has begun.
    pub(super) fn found(place: Place, writer: Writer, histories: Arc<Histories>) -> Result<Self, Error> {
        let directory = place.parent().map_err(|error| io_failed(&place.path, error))?;
        let mut work = Self {
            place,
            histories,
            begin: writer.begun(),
            state: State::Open(Box::new(writer), directory),
            chain: None,
            last: None,
        };
        work.enter().map_err(|failure| failure.error)?;
        Ok(work)
    }

    pub(super) fn begun(&self) -> Begin {
        self.begin
    }

    pub(super) fn is_of(&self, lease: &str) -> bool {
        match &self.state {
            State::Waiting(asked) => asked.lease == lease,
            State::Open(writer, _) => writer.is_of(lease),
        }
    }

    /// The lease's name as the table has it.
    pub(super) fn lease(&self) -> Digest {
        match &self.state {
            State::Waiting(asked) => digest(&asked.lease),
            State::Open(writer, _) => writer.lease(),
        }
    }

    /// Number of the last commit, 0 before the first.
    pub(super) fn committed(&self) -> u64 {
        match &self.state {
            State::Waiting(_) => 0,
            State::Open(writer, _) => writer.committed(),
        }
    }

    /// What readers see of the file; nothing of one that is made anew before its first commit.
    pub(super) fn content(&self) -> Option<Content> {
        self.chain.as_ref()?.present()
    }

    /// The file as readers see it, or a name for what is there instead before the first commit.
    pub(super) fn seen(&mut self) -> Result<Content, Failure> {
        if let Some(content) = self.content() {
            return Ok(content);
        }
        let new = content(self.writer()?).map_err(|error| io_failed(&self.place.path, error))?;
        Ok(Content {
            version: String::new(),
            ..new
        })
    }

    /// Fills `buffer` with what the next commit will make of the file.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match &self.state {
            State::Waiting(_) => {
                buffer.fill(0);
                Ok(())
            }
            State::Open(writer, _) => writer.read_at(buffer, offset),
        }
    }

    /// Takes a part of the next commit.
    pub(super) fn stage(&mut self, request: &StageRequest) -> Result<(), Failure> {
        let staged = self
            .writer()?
            .stage(request.number, request.part, &request.pieces, &request.bytes);
        staged.map_err(|error| failure(&self.place.path, error))
    }

    /// Makes a change, or finds that it was made.
    pub(super) fn commit(&mut self, request: &CommitRequest) -> Result<CommitReply, Failure> {
        let writer = self.writer()?;
        if request.number == 0 || request.number != writer.committed() {
            let change = Change {
                number: request.number,
                parts: request.parts,
                size: request.size,
                pieces: &request.pieces,
                bytes: &request.bytes,
                ordered: request.ordered,
            };
            let new = match self.chain.clone() {
                Some(chain) => self.change(&chain, change, &request.base)?,
                None => self.put_in_place(change)?,
            };
            self.last = Some(reply(new));
        }
        let lost = || Error::LeaseLost(self.place.path.clone());
        Ok(self.last().ok_or_else(lost)?)
    }

    /// The answer to the last commit, if there was one.
    pub(super) fn last(&self) -> Option<CommitReply> {
        // It may have been made by an earlier process.
        let made = || self.content().filter(|_| self.committed() > 0).map(reply);
        self.last.clone().or_else(made)
    }

    /// Changes the file that is there.
    fn change(&mut self, chain: &Arc<Chain>, change: Change<'_>, base: &str) -> Result<Content, Failure> {
        let (histories, path) = (Arc::clone(&self.histories), self.place.path.clone());
        let writer = self.writer()?;
        // Those who do not exclude each other take turns.
        let _turn = chain.turn();
        let stale = || chain.present().is_none_or(|present| present.version != base);
        if !writer.is_exclusive() && stale() {
            return Err(Error::Changed(path).into());
        }
        let version = random_version()?;
        let mut recorder = histories.recorder(chain);
        let committed = writer.commit(change, &mut |offset, old| {
            recorder.overwrites(offset, old);
            Ok(())
        });
        match committed {
            Ok(()) => {
                let new = Content {
                    version,
                    ..content(writer).map_err(|error| io_failed(&path, error))?
                };
                recorder.committed(new.clone());
                Ok(new)
            }
            Err(error) => {
                let failure = failure(&path, error);
                if failure.fate == Some(Fate::Broken) {
                    recorder.broken();
                } else {
                    recorder.unchanged();
                }
                Err(failure)
            }
        }
    }

    /// The first commit of a file that is made anew.
    fn put_in_place(&mut self, change: Change<'_>) -> Result<Content, Failure> {
        let (histories, path) = (Arc::clone(&self.histories), self.place.path.clone());
        let failed = |error| Failure::from(io_failed(&path, error));
        let version = random_version()?;
        let old = self.old().map_err(failed)?;
        // From now on the metadata of the old file do not count: losing its name changes them.
        let entered = old.clone().map(|old| histories.enter(&path, old));
        let writer = self.writer()?;
        if let Err(error) = writer.commit(change, &mut |_, _| Ok(())) {
            if let (Some(chain), Some(old)) = (entered, &old) {
                chain.leave(old, true);
            }
            return Err(failure(&path, error));
        }
        let new = Content {
            version,
            ..content(writer).map_err(failed)?
        };
        self.chain = Some(histories.replaced(&path, old, Some(new.clone())));
        Ok(new)
    }

    /// What will be replaced.
    fn old(&self) -> io::Result<Option<Content>> {
        match &self.state {
            State::Open(_, directory) if self.begin == Begin::Replace => {
                Content::of_entry(directory, &self.place.name)
            }
            _ => Ok(None),
        }
    }

    /// Ends the lease and drops what it had not committed. Returns what the file is from then on; `told` is whether
    /// the client knows the version that its last commit gave it, which then stays.
    pub(super) fn end(self, told: bool) -> Option<CommitReply> {
        let State::Open(writer, _) = self.state else {
            return None;
        };
        let file = Arc::clone(writer.file());
        let changed = writer.committed() > 0;
        if let Err(error) = writer.end() {
            // What was committed is in the journal; whoever opens the file next has it recovered.
            tracing::error!("{:?}: the lease could not be ended: {error}", self.place.path);
        }
        let left = self.chain.and_then(|chain| match settled(&file, changed) {
            Ok(found) => chain.leave(&found, told),
            Err(error) => {
                tracing::error!("{:?}: {error}", self.place.path);
                None
            }
        });
        unlock(&file);
        left.map(reply)
    }

    /// Lets go of the file after a failure.
    pub(super) fn abandon(self) {
        let State::Open(writer, _) = self.state else {
            return;
        };
        let file = Arc::clone(writer.file());
        drop(writer);
        if let (Some(chain), Ok(found)) = (self.chain, settled(&file, false)) {
            chain.leave(&found, true);
        }
        unlock(&file);
    }

    /// The file's writer; makes missing directories.
    fn writer(&mut self) -> Result<&mut Writer, Failure> {
        if let State::Waiting(asked) = &self.state {
            let path = &self.place.path;
            let directory = self.place.parent().map_err(|error| io_failed(path, error))?;
            let writer = begin_writer(&directory, &self.place, asked);
            let writer = writer.map_err(|error| failure(path, error))?;
            self.state = State::Open(Box::new(writer), directory);
            self.enter()?;
        }
        match &mut self.state {
            State::Open(writer, _) => Ok(writer),
            State::Waiting(_) => Err(Error::Internal("a lease did not begin".to_owned()).into()),
        }
    }

    /// From here on the file's metadata say nothing to readers.
    fn enter(&mut self) -> Result<(), Failure> {
        if let State::Open(writer, _) = &self.state
            && (self.begin == Begin::Existing || writer.committed() > 0)
        {
            let failed = |error| io_failed(&self.place.path, error);
            let found = settled(writer.file(), false).map_err(failed)?;
            let found = Content {
                size: writer.size(),
                ..found
            };
            self.chain = Some(self.histories.enter(&self.place.path, found));
        }
        Ok(())
    }
}

fn begin_writer(directory: &Dir, place: &Place, asked: &Asked) -> Result<Writer, JournalError> {
    let mut attempts = ATTEMPTS;
    loop {
        let begun = Writer::begin(
            directory,
            &place.name,
            asked.begin,
            &asked.lease,
            asked.user.as_deref(),
            asked.exclusive,
        );
        attempts -= 1;
        match begun {
            // It may be a reader who looks whether there is something to recover.
            Err(JournalError::Locked) if attempts > 0 => sleep(PAUSE),
            begun => return begun,
        }
    }
}

/// What a file holds after its last commit.
fn content(writer: &Writer) -> io::Result<Content> {
    let file = Arc::clone(writer.file());
    let metadata = file.metadata()?;
    Ok(Content {
        size: writer.size(),
        ..Content::new(file, &metadata)
    })
}

fn reply(content: Content) -> CommitReply {
    CommitReply {
        version: content.version,
        modified: content.modified,
    }
}

/// Lets others lock a file that readers of its versions keep open.
fn unlock(file: &File) {
    // File systems without locks have none to give back.
    let _ = file.unlock();
}

/// What the metadata of a file say, once a later change must show in them. Whoever `changed` it need not wait for that.
fn settled(file: &Arc<File>, changed: bool) -> io::Result<Content> {
    let metadata = file.metadata()?;
    let metadata = match version::unsettled(&metadata) {
        None => metadata,
        Some(wait) => match changed.then(|| version::stamp(file)).flatten() {
            Some(stamped) => stamped,
            None => {
                sleep(wait);
                file.metadata()?
            }
        },
    };
    Ok(Content::new(Arc::clone(file), &metadata))
}

/// A version that there has never been.
fn random_version() -> Result<String, Error> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::Internal("the system gives no random numbers".to_owned()))?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}

fn io_failed(path: &str, error: io::Error) -> Error {
    failure(path, error.into()).error
}

fn failure(path: &str, error: JournalError) -> Failure {
    let fate = match error {
        JournalError::Broken(_) => Some(Fate::Broken),
        JournalError::Lost(_) => Some(Fate::Over),
        _ => None,
    };
    let path = path.to_owned();
    let error = match error {
        JournalError::Locked => Error::Locked(path),
        JournalError::Exists => Error::Exists(path),
        JournalError::Missing => Error::NotFound(path),
        JournalError::NoSpace => Error::NoSpace(path),
        JournalError::Invalid(reason) => Error::Invalid(format!("`{path}`: {reason}")),
        JournalError::Lost(_) => Error::LeaseLost(path),
        // Asked again, the journal tells whether it was done.
        JournalError::Broken(source) => {
            tracing::error!("{path:?}: the disk failed: {source}");
            Error::Busy(format!("the server's disk failed while `{path}` was written"))
        }
        JournalError::Io(source) => match source.kind() {
            io::ErrorKind::PermissionDenied => {
                Error::Forbidden(format!("the server has no permission to write `{path}`"))
            }
            io::ErrorKind::ReadOnlyFilesystem => Error::ReadOnly(path),
            io::ErrorKind::InvalidFilename => Error::Invalid(format!("a name in `{path}` is too long")),
            _ => Error::Write { path, source },
        },
    };
    Failure { error, fate }
}
