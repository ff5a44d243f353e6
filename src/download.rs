//! Fetching whole files: into a local file, where an earlier attempt is continued, or to any other place.
//!
//! A download is one version of a file, as an open file is. What arrived is checked against digests that the
//! server makes of its own bytes.

mod digest;
mod partial;
mod stream;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::progress::Progress;
use crate::protocol::{DigestReply, DigestRequest, EntryKind, StatReply, StatRequest};
use crate::server::discovery::{Place, discover};
use crate::server::{Server, Target};
use crate::{Error, RemoteName, Settings};
use digest::{Digests, PIECE};
use partial::Partial;
use stream::{Stream, Tee};

/// Bytes asked for by one request; retries and their time are counted for each anew.
const REQUEST: u64 = 256 << 20;

/// Why a file was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The network or the server.
    #[error(transparent)]
    Remote(#[from] Error),
    /// A local file cannot be read or written.
    #[error("{}: {error}", path.display())]
    Local {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Where the bytes went to does not take them.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// Another program fetches to the same place.
    #[error("{}: another program is fetching this file at the moment", .0.display())]
    InUse(PathBuf),
    /// The file is another one now.
    #[error("{url}: the file changed on {server} while it was fetched; fetch it again")]
    Changed {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
    },
    /// The digests differ.
    #[error(
        "{url}: what arrived is not what {server} has (SHA-256 differs from byte {offset} on); \
         fetch it again, and if that does not help tell those who run the server"
    )]
    Differs {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// First byte of the first piece that differs.
        offset: u64,
    },
}

/// How a file arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Bytes that an earlier attempt had left.
    pub resumed: u64,
    /// Whether it was compared with the server's digests.
    pub checked: bool,
}

/// One version of a remote file, to be fetched.
pub struct Download {
    server: Server,
    place: Place,
    url: String,
    version: String,
    size: u64,
    modified: i64,
}

impl Download {
    /// Asks for the file `name`. Nothing is fetched yet.
    ///
    /// # Errors
    /// Any of [`Error`]'s about the network and the server; [`Error::IsDirectory`] for a directory.
    pub fn new(name: &RemoteName, settings: &Settings) -> Result<Self, Error> {
        Self::of(Server::new(name, settings)?, name)
    }

    fn of(server: Server, name: &RemoteName) -> Result<Self, Error> {
        let url = name.url();
        let (place, reply) = discover(&server, name, &url, "stat", |target, place| {
            let path = place.path.clone();
            server.ask::<_, StatReply>(target, &StatRequest { path })
        })?;
        let named = server.name().to_owned();
        if reply.entry.kind == EntryKind::Directory {
            return Err(Error::IsDirectory { url, server: named });
        }
        let Some(version) = reply.version else {
            return Err(Error::Garbage {
                url,
                server: named,
                reason: "it gives no version of the file".to_owned(),
            });
        };
        Ok(Self {
            server,
            place,
            url,
            version,
            size: reply.entry.size,
            modified: reply.entry.modified,
        })
    }

    /// Size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Fetches to the local file `path`, which appears when all is there. What arrived before an error stays beside it
    /// (`.NAME.part`), and the next download of the same version to the same place goes on from there.
    ///
    /// # Errors
    /// See [`DownloadError`].
    pub fn to_file(&self, path: &Path, check: bool, progress: &Progress) -> Result<Arrival, DownloadError> {
        let mut partial = Partial::open(path, &self.url, &self.version)?;
        let mut from = partial.length();
        if from > self.size {
            partial.cut(0)?;
            from = 0;
        }
        let resumed = from;
        progress.add(resumed);
        let mut again = false;
        loop {
            self.fetch(from, &mut partial.file(), progress)
                .map_err(|error| match error {
                    DownloadError::Output(error) => partial.failed(error),
                    other => other,
                })?;
            let wrong = if check { self.compare(&partial)? } else { None };
            let Some(offset) = wrong else { break };
            partial.cut(offset)?;
            if again {
                return Err(self.differs(offset));
            }
            log::warn!("{}: bytes from {offset} on are not as on the server", self.url);
            (again, from) = (true, offset);
        }
        partial.finish(path, time(self.modified))?;
        Ok(Arrival {
            resumed,
            checked: check,
        })
    }

    /// Writes the bytes to `sink` as they arrive.
    ///
    /// # Errors
    /// See [`DownloadError`]; a wrong digest is noticed when all is written.
    pub fn to_sink(
        &self,
        sink: &mut (dyn Write + Send),
        check: bool,
        progress: &Progress,
    ) -> Result<(), DownloadError> {
        if !check {
            return self.fetch(0, sink, progress);
        }
        let mut both = Tee {
            sink,
            digests: Digests::default(),
        };
        self.fetch(0, &mut both, progress)?;
        let found = both.digests.finish();
        match first_difference(&found, &self.digests()?) {
            None => Ok(()),
            Some(offset) => Err(self.differs(offset)),
        }
    }

    /// Fetches everything from byte `from` on.
    fn fetch(
        &self,
        from: u64,
        sink: &mut (dyn Write + Send),
        progress: &Progress,
    ) -> Result<(), DownloadError> {
        for begin in (from..self.size).step_by(REQUEST as usize) {
            let mut stream = Stream {
                download: self,
                sink: &mut *sink,
                progress,
                at: begin,
                end: self.size.min(begin + REQUEST),
                failed: None,
            };
            let result = self.server.receive(self.target("read"), &mut stream);
            if let Some(error) = stream.failed.take() {
                return Err(DownloadError::Output(error));
            }
            result.map_err(|error| self.changed(error))?;
        }
        Ok(())
    }

    /// First byte of the first piece that is not as on the server. The local file is read while the server reads its own.
    fn compare(&self, partial: &Partial) -> Result<Option<u64>, DownloadError> {
        let (ours, theirs) = std::thread::scope(|scope| {
            let ours = scope.spawn(|| partial.digests());
            (ours.join(), self.digests())
        });
        let ours = ours.unwrap_or_else(|_| Err(io::Error::other("a thread failed")));
        let ours = ours.map_err(|error| partial.failed(error))?;
        Ok(first_difference(&ours, &theirs?))
    }

    /// The server's digests of all pieces.
    fn digests(&self) -> Result<Vec<[u8; 32]>, DownloadError> {
        let mut digests = Vec::new();
        for offset in (0..self.size).step_by(PIECE as usize) {
            let question = DigestRequest {
                path: self.place.path.clone(),
                version: self.version.clone(),
                offset,
                length: PIECE.min(self.size - offset),
            };
            let reply: DigestReply = self
                .server
                .ask(self.target("digest"), &question)
                .map_err(|error| self.changed(error))?;
            digests.push(reply.sha256.try_into().map_err(|_| Error::Garbage {
                url: self.url.clone(),
                server: self.server.name().to_owned(),
                reason: "its digest has not the length of a SHA-256".to_owned(),
            })?);
        }
        Ok(digests)
    }

    fn target(&self, operation: &'static str) -> Target<'_> {
        Target {
            base: &self.place.base,
            operation,
            url: &self.url,
        }
    }

    fn changed(&self, error: Error) -> DownloadError {
        match error {
            Error::Changed { url, server } => DownloadError::Changed { url, server },
            other => DownloadError::Remote(other),
        }
    }

    fn differs(&self, offset: u64) -> DownloadError {
        DownloadError::Differs {
            url: self.url.clone(),
            server: self.server.name().to_owned(),
            offset,
        }
    }
}

fn first_difference(ours: &[[u8; 32]], theirs: &[[u8; 32]]) -> Option<u64> {
    let piece = (0..ours.len().max(theirs.len())).find(|&piece| ours.get(piece) != theirs.get(piece))?;
    Some(piece as u64 * PIECE)
}

/// A time that the server gave, nanoseconds since 1970.
fn time(nanoseconds: i64) -> SystemTime {
    let distance = Duration::from_nanos(nanoseconds.unsigned_abs());
    match nanoseconds < 0 {
        true => SystemTime::UNIX_EPOCH - distance,
        false => SystemTime::UNIX_EPOCH + distance,
    }
}

#[cfg(test)]
mod tests;
