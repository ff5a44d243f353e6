//! Metadata packs: what a client needs of a file besides raw data, gathered once a version.
//!
//! Workers find out *which* bytes those are; the bytes themselves are read here, from the descriptor
//! of the file that the client opened, so that no worker can make the server send anything else.

mod bytes;
mod cache;
mod walk;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use hdfstream::protocol::{Intent, Pack, TraceReply};

use self::cache::Cache;
use self::walk::{Found, Progress, Walk};
use crate::store::ServedFile;
use crate::worker::{Job, JobError, RangeSet, Workers};

/// Most bytes of a file that a pack holds before compression.
const FILE_BUDGET: u64 = 64 << 20;
/// Longest look at a whole file.
const FILE_LIMIT: Duration = Duration::from_secs(20);
/// Most bytes for one object and its members.
const OBJECT_BUDGET: u64 = 4 << 20;
/// Longest look at one object.
const OBJECT_LIMIT: Duration = Duration::from_secs(5);
/// Longest wait of a trace of a whole file, the time in the queue included.
const TRACE_WAIT: Duration = Duration::from_secs(25);

/// Why there is no pack.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not what it was when it was opened.
    #[error("{0} has changed")]
    Changed(String),
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// No worker could look at the file.
    #[error("{path} cannot be looked at: {source}")]
    Job {
        /// The file.
        path: String,
        /// Why.
        source: JobError,
    },
    /// The bytes cannot be compressed.
    #[error("{path} cannot be packed: {source}")]
    Pack {
        /// The file.
        path: String,
        /// Why.
        source: hdfstream::protocol::PackError,
    },
    /// The server is ending.
    #[error("the server is ending")]
    Ending,
}

/// What is ready when a file is opened.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// Metadata, if there is any yet.
    pub pack: Option<Pack>,
    /// Whether that is all.
    pub complete: bool,
}

/// Makes packs and keeps them. Clones share the cache.
#[derive(Debug, Clone)]
pub struct Packs {
    workers: Workers,
    cache: Arc<Cache>,
}

impl Packs {
    /// Keeps packs of at most `budget_bytes` in memory.
    #[must_use]
    pub fn new(workers: Workers, budget_bytes: usize) -> Self {
        Self {
            workers,
            cache: Arc::new(Cache::new(budget_bytes)),
        }
    }

    /// The pack of `file`, or as much of it as is known after `wait`. Looking goes on meanwhile, once
    /// for all who ask. Whatever goes wrong, the client merely gets fewer hints.
    pub async fn open(&self, file: &ServedFile, wait: Duration) -> Prepared {
        match self.walk(file).wait(wait).await {
            Progress::Ended(found) => Prepared {
                pack: found.pack.map(|pack| (*pack).clone()),
                complete: found.complete,
            },
            Progress::Running(ranges) => Prepared {
                pack: bytes::pack(file.clone(), ranges).await.ok(),
                complete: false,
            },
        }
    }

    /// The bytes that `intent` will touch.
    ///
    /// # Errors
    /// When the file has changed or nothing can be said about it; the client then does without.
    pub async fn trace(&self, file: &ServedFile, intent: &Intent) -> Result<TraceReply, Error> {
        match intent {
            Intent::File => self.trace_file(file).await,
            Intent::Object { .. } => self.trace_object(file, intent.clone()).await,
        }
    }

    async fn trace_file(&self, file: &ServedFile) -> Result<TraceReply, Error> {
        match self.walk(file).wait(TRACE_WAIT).await {
            Progress::Ended(Found {
                pack: Some(pack),
                complete,
                raw_files,
                ..
            }) => Ok(TraceReply {
                pack: (*pack).clone(),
                complete,
                raw_files,
            }),
            Progress::Ended(Found {
                error: Some(source), ..
            }) => Err(Error::Job {
                path: file.path.clone(),
                source,
            }),
            // The walk went well, but its findings could not be read.
            Progress::Ended(Found { error: None, .. }) => Err(Error::Changed(file.path.clone())),
            Progress::Running(ranges) => Ok(TraceReply {
                pack: bytes::pack(file.clone(), ranges).await?,
                complete: false,
                raw_files: None,
            }),
        }
    }

    async fn trace_object(&self, file: &ServedFile, intent: Intent) -> Result<TraceReply, Error> {
        let failed = |source| Error::Job {
            path: file.path.clone(),
            source,
        };
        if let Some(error) = self.cache.crashes(file) {
            return Err(failed(error));
        }
        let mut ranges = RangeSet::default();
        let job = Job {
            path: file.path.clone(),
            intent,
            budget_bytes: OBJECT_BUDGET,
            limit: OBJECT_LIMIT,
        };
        let result = self
            .workers
            .run(job, |found| {
                for (offset, length) in found {
                    ranges.insert(offset, length, |_, _| {});
                }
            })
            .await;
        if let Err(error @ (JobError::Crashed(_) | JobError::TooSlow)) = &result {
            self.cache.note_crash(file, error);
        }
        let outcome = result.map_err(failed)?;
        Ok(TraceReply {
            pack: bytes::pack(file.clone(), ranges).await?,
            complete: outcome.complete,
            raw_files: None,
        })
    }

    /// The walk of this version of the file: finished, running, or begun now.
    fn walk(&self, file: &ServedFile) -> Arc<Walk> {
        self.cache.get_or_begin(file, |walk| {
            let (workers, cache, file) = (self.workers.clone(), Arc::clone(&self.cache), file.clone());
            // A task of its own: the client who asked first may go away.
            tokio::spawn(async move {
                let job = Job {
                    path: file.path.clone(),
                    intent: Intent::File,
                    budget_bytes: FILE_BUDGET,
                    limit: FILE_LIMIT,
                };
                let found = walk::perform(&workers, job, &file, &walk).await;
                cache.finish(&file, &walk, found);
            });
        })
    }
}
