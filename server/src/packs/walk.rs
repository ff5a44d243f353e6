//! A look at a whole file: shared by all who wait for it, its findings visible as they come.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdfstream::protocol::Pack;
use tokio::sync::watch;

use super::bytes;
use crate::store::ServedFile;
use crate::worker::{Job, JobError, RangeSet, Workers};

/// How a walk ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// What was found, also by a worker that crashed later.
    pub(super) pack: Option<Arc<Pack>>,
    /// Whether that is everything.
    pub(super) complete: bool,
    /// Why it is not.
    pub(super) error: Option<JobError>,
    /// Whether datasets keep elements in raw files, if that is known.
    pub(super) raw_files: Option<bool>,
}

/// What is known of a walk.
pub(super) enum Progress {
    /// It goes on; these bytes were touched so far.
    Running(RangeSet),
    Ended(Found),
}

/// A walk, running or ended.
#[derive(Debug)]
pub(super) struct Walk {
    ranges: Mutex<RangeSet>,
    found: watch::Sender<Option<Found>>,
}

impl Walk {
    pub(super) fn new() -> Self {
        Self {
            ranges: Mutex::default(),
            found: watch::Sender::new(None),
        }
    }

    /// Waits for the end, no longer than `limit`.
    pub(super) async fn wait(&self, limit: Duration) -> Progress {
        let mut found = self.found.subscribe();
        // It times out, or the walk ends.
        let _ended = tokio::time::timeout(limit, found.wait_for(Option::is_some)).await;
        // In this order, because the end empties the ranges after it is announced.
        let so_far = self.so_far();
        match self.found.borrow().clone() {
            Some(found) => Progress::Ended(found),
            None => Progress::Running(so_far),
        }
    }

    /// Tells all who wait.
    pub(super) fn end(&self, found: Found) {
        self.found.send_replace(Some(found));
        // The pack holds them now.
        *self.lock() = RangeSet::default();
    }

    fn so_far(&self) -> RangeSet {
        self.lock().clone()
    }

    fn add(&self, ranges: Vec<(u64, u64)>) {
        let mut known = self.lock();
        for (offset, length) in ranges {
            known.insert(offset, length, |_, _| {});
        }
    }

    fn lock(&self) -> MutexGuard<'_, RangeSet> {
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets a worker do `job` and packs what it found.
pub(super) async fn perform(workers: &Workers, job: Job, file: &ServedFile, walk: &Walk) -> Found {
    let result = workers.run(job, |ranges| walk.add(ranges)).await;
    let ranges = walk.so_far();
    let (complete, error, raw_files) = match result {
        Ok(outcome) => (outcome.complete, None, outcome.raw_files),
        Err(error) => (false, Some(error), None),
    };
    if ranges.is_empty() && error.is_some() {
        return Found {
            error,
            ..Found::default()
        };
    }
    match bytes::pack(file.clone(), ranges).await {
        Ok(pack) => Found {
            pack: Some(Arc::new(pack)),
            complete,
            error,
            raw_files,
        },
        Err(why) => {
            tracing::debug!("no metadata pack: {why}");
            Found {
                error,
                ..Found::default()
            }
        }
    }
}
