//! The next window of a plan, fetched while the program works on the present one.
//!
//! A task of the runtime fetches into memory of its own and hands it over; the cache is filled by the
//! thread that reads, so that no lock of the cache is ever held by a thread that a forked child lacks.

use std::sync::Arc;

use tokio::sync::oneshot::{self, Receiver};

use super::plan::union;
use super::source::Extent;
use super::{Class, RemoteFile, lock};
use crate::engine::Engine;
use crate::{Error, stats};

/// A window on its way.
pub(super) struct Prefetch {
    /// What it will bring, ascending and apart.
    ranges: Vec<(u64, u64)>,
    /// Nothing when the fetch failed. Dropping it ends the fetch.
    result: Option<Receiver<Vec<Extent>>>,
    /// The process that began it: in a forked child it never arrives.
    process: u32,
}

impl Prefetch {
    fn brings(&self, offset: u64) -> bool {
        let after = self.ranges.partition_point(|range| range.0 <= offset);
        let range = after.checked_sub(1).map(|before| self.ranges[before]);
        range.is_some_and(|(start, length)| offset < start + length)
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        // In a child, dropping would wake a task of the parent's runtime, whose locks may be held by
        // threads that are not here.
        if self.process != std::process::id() {
            std::mem::forget(self.result.take());
        }
    }
}

/// When one of the missing `offsets` is on its way, waits for it and puts it in the cache; says whether
/// there is something new.
pub(super) fn collect(file: &RemoteFile, mut offsets: impl Iterator<Item = u64>) -> bool {
    let mut pending = {
        let mut slot = lock(&file.prefetch);
        match &*slot {
            Some(pending) if offsets.any(|offset| pending.brings(offset)) => slot.take(),
            _ => None,
        }
    };
    let Some(pending) = pending
        .as_mut()
        .filter(|pending| pending.process == std::process::id())
    else {
        return false;
    };
    let (Some(result), Ok(engine)) = (pending.result.take(), Engine::current()) else {
        return false;
    };
    stats::ROUND_TRIPS.add(1);
    // A fetch that failed is made again by the read itself, which then has the error to report.
    let Ok(extents) = engine.wait(result) else {
        return false;
    };
    for extent in extents {
        file.keep_fetched(extent.class, extent.offset, extent.bytes.into());
    }
    true
}

/// Begins to fetch what the plan has after its last window, if there was one.
pub(super) fn start(file: &RemoteFile) -> Result<(), Error> {
    if file.source.server.is_offline() {
        return Ok(());
    }
    let following = lock(&file.plan).following(file.window);
    let missing = following
        .into_iter()
        .flat_map(|(offset, length)| file.absent(offset, length))
        .collect();
    let ranges = union(missing);
    if ranges.is_empty() {
        return Ok(());
    }
    let mut extents = Vec::new();
    for &(offset, length) in &ranges {
        Extent::cover(Class::Raw, offset, length, &mut extents);
    }
    let source = Arc::clone(&file.source);
    let (mut sender, receiver) = oneshot::channel();
    Engine::current()?.spawn(async move {
        let fetched = {
            let reads = source.filling(&mut extents);
            let all = source.server.read_all(source.target("read"), reads);
            tokio::select! {
                result = all => result,
                () = sender.closed() => return,
            }
        };
        match fetched {
            Ok(()) => drop(sender.send(extents)),
            Err(error) => log::debug!("what was planned could not be fetched ahead: {error}"),
        }
    });
    *lock(&file.prefetch) = Some(Prefetch {
        ranges,
        result: Some(receiver),
        process: std::process::id(),
    });
    Ok(())
}
