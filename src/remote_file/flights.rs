//! Bytes on their way before they are asked for, while the program works.
//!
//! A task of the runtime fetches into memory of its own and hands it over piece by piece; the cache is filled by the
//! thread that reads, so that no lock of the cache is ever held by a thread that a forked child lacks.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::source::{EXTENT, PART};
use super::{Class, RemoteFile, lock};
use crate::cache::Memory;
use crate::engine::Engine;
use crate::protocol::MAX_RUNS;
use crate::ranges::Ranges;
use crate::server::PARALLEL;
use crate::server::reply::Sink;
use crate::{Error, stats};

/// Bytes that arrive within this time, or that of two requests, are not asked for a second time; nor are those that take no
/// longer than what was lost so far by not waiting.
const SOON: Duration = Duration::from_millis(250);

/// Ranges on their way.
pub(super) struct Flight {
    /// What has not arrived.
    left: Ranges,
    /// Bytes as they arrive. Dropping it ends the fetch.
    arriving: Option<UnboundedReceiver<Arrived>>,
    /// Whether the program has said that it reads them: then it is waited for, however long that takes.
    planned: bool,
    /// What reads that did not wait for it have cost meanwhile.
    paid: Duration,
    /// The process that began it: in a forked child it never arrives.
    process: u32,
}

/// A piece that has arrived.
struct Arrived {
    offset: u64,
    bytes: Memory,
}

/// A piece that is arriving.
struct Arriving {
    offset: u64,
    length: usize,
    /// Taken when the first byte is here.
    bytes: Option<Memory>,
    filled: usize,
    to: UnboundedSender<Arrived>,
}

impl Sink for Arriving {
    fn room(&self) -> usize {
        self.length - self.filled
    }

    fn put(&mut self, bytes: &[u8]) {
        let memory = self.bytes.get_or_insert_with(|| Memory::zeros(self.length));
        memory[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    fn filled(self) {
        if let Some(bytes) = self.bytes {
            // Nobody may be waiting any more.
            let _ = self.to.send(Arrived {
                offset: self.offset,
                bytes,
            });
        }
    }
}

impl Flight {
    fn brings(&self, ranges: &[(u64, u64)]) -> bool {
        ranges
            .iter()
            .any(|&(offset, length)| self.left.holds_some(offset, length))
    }

    /// Puts what has arrived in the cache; says whether there was something.
    fn land(&mut self, file: &RemoteFile) -> bool {
        let mut some = false;
        while let Some(Ok(arrived)) = self.arriving.as_mut().map(UnboundedReceiver::try_recv) {
            self.keep(file, arrived);
            some = true;
        }
        some
    }

    fn keep(&mut self, file: &RemoteFile, arrived: Arrived) {
        let Arrived { offset, bytes } = arrived;
        self.left.remove(offset, offset + bytes.len() as u64);
        file.keep_fetched(Class::Raw, offset, bytes.into());
    }

    /// Waits until the flight has brought what it brings of `ranges`, or has failed.
    fn wait(&mut self, file: &RemoteFile, ranges: &[(u64, u64)]) {
        let Ok(engine) = Engine::current() else {
            return;
        };
        stats::ROUND_TRIPS.add(1);
        while self.brings(ranges)
            && let Some(arriving) = &mut self.arriving
        {
            match engine.wait(arriving.recv()) {
                Some(arrived) => self.keep(file, arrived),
                // It failed; the read itself will ask again, and has the error to report.
                None => self.left = Ranges::default(),
            }
        }
    }

    /// Whether it is better to wait for what the flight brings of `ranges` than to ask again.
    fn is_near(&self, file: &RemoteFile, ranges: &[(u64, u64)]) -> bool {
        if self.planned {
            return true;
        }
        let brought = ranges
            .iter()
            .filter(|(offset, length)| self.left.holds_some(*offset, *length));
        let last = brought.map(|(offset, length)| offset + length).max();
        let pace = file.source.server.pace();
        let before: u64 = last.map_or(0, |last| {
            let ahead = self.left.all().take_while(|range| range.0 < last);
            ahead
                .map(|(offset, length)| length.min(last.saturating_sub(offset)))
                .sum()
        });
        pace.time(before) <= SOON + 2 * pace.request() + self.paid
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // In a child, dropping would wake a task of the parent's runtime, whose locks may be held by
        // threads that are not here.
        if self.process != std::process::id() {
            std::mem::forget(self.arriving.take());
        }
    }
}

/// Puts what has arrived in the cache, and waits for those of the missing `ranges` that will be here soon; says whether
/// there is something new.
pub(super) fn collect(file: &RemoteFile, ranges: &[(u64, u64)]) -> bool {
    let mut flights = std::mem::take(&mut *lock(&file.flights));
    let mut news = false;
    let process = std::process::id();
    flights.retain(|flight| flight.process == process);
    for flight in &mut flights {
        news |= flight.land(file);
        if flight.brings(ranges) && flight.is_near(file, ranges) {
            flight.wait(file, ranges);
            news = true;
        }
    }
    flights.retain(|flight| !flight.left.is_empty());
    lock(&file.flights).append(&mut flights);
    news
}

/// Keeps what has arrived for a file that is closed: the next program will come to it, too.
pub(super) fn keep_arrived(file: &mut RemoteFile) {
    let flights = file.flights.get_mut().unwrap_or_else(PoisonError::into_inner);
    for mut flight in std::mem::take(flights) {
        // Those of a parent process are its own.
        if flight.process == std::process::id() {
            flight.land(file);
        }
    }
}

/// A read was made by itself, and has cost so much.
pub(super) fn paid(file: &RemoteFile, cost: Duration) {
    for flight in &mut *lock(&file.flights) {
        flight.paid = flight.paid.saturating_add(cost);
    }
}

/// What is on its way.
pub(super) fn coming(file: &RemoteFile) -> Ranges {
    let mut coming = Ranges::default();
    for flight in &*lock(&file.flights) {
        for (offset, length) in flight.left.all() {
            coming.add(offset, offset + length);
        }
    }
    coming
}

/// Whether something planned is on its way.
pub(super) fn planned(file: &RemoteFile) -> bool {
    lock(&file.flights).iter().any(|flight| flight.planned)
}

/// Ends the flights of an earlier plan.
pub(super) fn end_planned(file: &RemoteFile) {
    lock(&file.flights).retain(|flight| !flight.planned);
}

/// Begins to fetch `ranges`, ascending and apart.
pub(super) fn start(file: &RemoteFile, ranges: &[(u64, u64)], planned: bool) -> Result<(), Error> {
    if file.source.server.is_offline() {
        return Ok(());
    }
    let mut left = Ranges::default();
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut pieces = Vec::new();
    for &(offset, length) in ranges {
        left.add(offset, offset + length);
        for start in (0..length).step_by(EXTENT as usize) {
            pieces.push(Arriving {
                offset: offset + start,
                length: EXTENT.min(length - start) as usize,
                bytes: None,
                filled: 0,
                to: sender.clone(),
            });
        }
    }
    if pieces.is_empty() {
        return Ok(());
    }
    let parts = parts(pieces);
    let source = Arc::clone(&file.source);
    Engine::current()?.spawn(async move {
        let (source, target) = (&*source, source.target("read"));
        let requests = parts.into_iter().map(|part| {
            let wanted = part.into_iter().map(|piece| (piece.offset, piece)).collect();
            source.server.read_one(target, source.request(wanted))
        });
        let all = stream::iter(requests)
            .buffer_unordered(PARALLEL)
            .try_collect::<()>();
        tokio::select! {
            result = all => if let Err(error) = result {
                log::debug!("{}: what was to come ahead did not: {error}", source.url);
            },
            () = sender.closed() => {}
        }
    });
    lock(&file.flights).push(Flight {
        left,
        arriving: Some(receiver),
        planned,
        paid: Duration::ZERO,
        process: std::process::id(),
    });
    Ok(())
}

/// Divides pieces among requests.
fn parts(pieces: Vec<Arriving>) -> Vec<Vec<Arriving>> {
    let total: u64 = pieces.iter().map(|piece| piece.length as u64).sum();
    let share = total.div_ceil((total / (2 * PART)).clamp(1, PARALLEL as u64));
    let mut parts: Vec<Vec<Arriving>> = vec![Vec::new()];
    let mut room = share;
    for piece in pieces {
        if room == 0 || parts.last().is_some_and(|part| part.len() >= MAX_RUNS / 2) {
            parts.push(Vec::new());
            room = share;
        }
        room = room.saturating_sub(piece.length as u64);
        if let Some(part) = parts.last_mut() {
            part.push(piece);
        }
    }
    parts
}
