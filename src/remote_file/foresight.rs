//! Guesses what of the raw data will be read next.
//!
//! Two things are noticed. Reads that go on where an earlier one ended, or almost: what follows is fetched ahead, in
//! windows that grow, as long as most of it is used. And datasets, or parts of the file, of which this and that is missing
//! again and again: when the requests so far have cost as much as the rest would, it is fetched as a whole.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{RemoteFile, flights, lock};
use crate::ranges::Ranges;
use crate::server::pace::{self, Pace};
use crate::{Error, stats};

/// Shortest window, bytes.
const SMALLEST: u64 = 256 << 10;
/// Longest window, bytes. A read of more is not looked at: it needs no help.
const LARGEST: u64 = 32 << 20;
/// A read that begins at most so many bytes behind the end of an earlier one goes on with it.
const SLACK: u64 = 64 << 10;
/// Sequences that are remembered.
const STREAMS: usize = 8;
/// A read in more places is not part of a sequence.
const MOST_PLACES: usize = 4;
/// What may be guessed wrong at first, bytes.
const TRUST: u64 = 16 << 20;
/// So many requests for parts of one dataset are followed by more.
const MANY: u32 = 6;
/// What takes no longer than this costs little in the background.
const LITTLE: Duration = Duration::from_millis(250);
/// No request is taken to have cost more: what takes longer has other reasons.
const COSTLY: Duration = Duration::from_secs(1);
/// Where no dataset is known, or it is too large, so many bytes are taken for one.
const REGION: u64 = 16 << 20;
/// Datasets that are remembered.
const DATASETS: usize = 1024;

/// Where a dataset has its raw data: ranges (offset and length), ascending and apart.
pub type Extents = Arc<[(u64, u64)]>;

/// What is known of the reads of a file.
pub(super) struct Foresight {
    /// Most bytes that may be here unasked and unused.
    budget: u64,
    /// Bytes that were fetched, or are on their way, without having been asked for; those that were used are taken out.
    unasked: Ranges,
    /// How many more bytes may be guessed wrong. What is used earns twice as much.
    trust: u64,
    /// The latest last.
    streams: Vec<Stream>,
    /// By where they begin.
    datasets: HashMap<u64, Dataset>,
    /// What parts of the file without a known dataset have taken, by where they begin.
    regions: HashMap<u64, Misses>,
    /// Where the dataset begins that is being read.
    current: Option<u64>,
}

/// A sequence of reads.
#[derive(Debug, Clone, Copy)]
struct Stream {
    begin: u64,
    /// How far the program has come.
    position: u64,
    /// How far it was fetched.
    end: u64,
    window: u64,
}

struct Dataset {
    extents: Extents,
    bytes: u64,
    misses: Misses,
}

/// Requests that were made one by one.
#[derive(Debug, Clone, Copy, Default)]
struct Misses {
    number: u32,
    /// What they have cost.
    paid: Duration,
}

/// What bytes belong to: a dataset or a region, by where it begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Dataset(u64),
    Region(u64),
}

/// A request for which the program waits. What it cost is known when this is dropped.
pub(super) struct Miss<'f> {
    file: &'f RemoteFile,
    /// None if the bytes are on their way as well.
    of: Option<Part>,
    bytes: u64,
    began: Instant,
}

impl Dataset {
    fn holds(&self, offset: u64) -> bool {
        let after = self.extents.partition_point(|range| range.0 <= offset);
        let range = after.checked_sub(1).map(|before| self.extents[before]);
        range.is_some_and(|(start, length)| offset < start + length)
    }
}

impl Foresight {
    pub(super) fn new(budget: u64) -> Self {
        Self {
            budget,
            unasked: Ranges::default(),
            trust: TRUST,
            streams: Vec::new(),
            datasets: HashMap::new(),
            regions: HashMap::new(),
            current: None,
        }
    }

    /// From now on the dataset with these extents is read.
    pub(super) fn occupy(&mut self, extents: &Extents) {
        self.current = extents.first().map(|range| range.0);
        let Some(first) = self.current else {
            return;
        };
        if self.datasets.len() >= DATASETS && !self.datasets.contains_key(&first) {
            self.datasets.clear();
        }
        self.datasets.entry(first).or_insert_with(|| Dataset {
            bytes: extents.iter().map(|range| range.1).sum(),
            extents: Arc::clone(extents),
            misses: Misses::default(),
        });
    }

    /// Notes that the program has come to a range.
    fn used(&mut self, offset: u64, length: u64) {
        let used = self.unasked.remove(offset, offset + length);
        self.trust = self.trust.saturating_add(2 * used).min(self.budget.max(TRUST));
    }

    /// The range to fetch ahead, now that a range is read; `missed` when it is neither here nor on its way.
    fn follow(
        &mut self,
        (offset, length): (u64, u64),
        missed: bool,
        shortest: u64,
        size: u64,
    ) -> Option<(u64, u64)> {
        let end = offset + length;
        let goes_on = |stream: &Stream| (stream.begin..=stream.end + SLACK).contains(&offset);
        let Some(found) = self.streams.iter().rposition(goes_on) else {
            if self.streams.len() >= STREAMS {
                self.streams.remove(0);
            }
            self.streams.push(Stream {
                begin: offset,
                position: end,
                end,
                window: 0,
            });
            return None;
        };
        let mut stream = self.streams.remove(found);
        let progress = end > stream.position;
        stream.position = stream.position.max(end);
        stream.end = stream.end.max(end);
        let mut ahead = None;
        if progress && stream.position + stream.window / 2 >= stream.end {
            if missed && stream.window == 0 {
                // It was lack of trust, or the second read of many.
                self.trust = self.trust.saturating_add(length).min(self.budget.max(TRUST));
            }
            let room = self.budget.saturating_sub(self.unasked.bytes()).min(self.trust);
            stream.window = (2 * stream.window)
                .max(shortest)
                .clamp(SMALLEST, LARGEST)
                .min(room)
                .min(size.saturating_sub(stream.end));
            if stream.window > 0 {
                ahead = Some((stream.end, stream.window));
                stream.end += stream.window;
            }
        }
        self.streams.push(stream);
        ahead
    }

    /// What bytes at `offset` belong to.
    fn part(&self, offset: u64) -> Part {
        let dataset = self.current.filter(|first| {
            let dataset = self.datasets.get(first);
            dataset.is_some_and(|dataset| dataset.bytes <= self.budget && dataset.holds(offset))
        });
        dataset.map_or(Part::Region(offset / REGION * REGION), Part::Dataset)
    }

    fn misses(&mut self, of: Part) -> Option<&mut Misses> {
        match of {
            Part::Dataset(first) => self.datasets.get_mut(&first).map(|dataset| &mut dataset.misses),
            Part::Region(start) => Some(self.regions.entry(start).or_default()),
        }
    }

    /// The rest of a part of which something is missing, if it is time to fetch it all.
    fn whole(
        &mut self,
        of: Part,
        size: u64,
        pace: &Pace,
        missing: impl Fn(u64, u64) -> Vec<(u64, u64)>,
    ) -> Vec<(u64, u64)> {
        let room = self.budget.saturating_sub(self.unasked.bytes());
        let (extents, room) = match of {
            Part::Dataset(first) => match self.datasets.get(&first) {
                Some(dataset) => (Arc::clone(&dataset.extents), room),
                None => return Vec::new(),
            },
            // That these bytes have to do with each other is only a guess.
            Part::Region(start) => (
                Extents::from([(start, REGION.min(size.saturating_sub(start)))]),
                room.min(self.trust),
            ),
        };
        let Some(misses) = self.misses(of) else {
            return Vec::new();
        };
        misses.number = misses.number.saturating_add(1);
        misses.paid = misses.paid.saturating_add(pace.request());
        let Misses { number, paid } = *misses;
        let rest: Vec<_> = extents
            .iter()
            .flat_map(|&(offset, length)| missing(offset, length))
            .collect();
        let bytes = rest.iter().map(|range| range.1).sum();
        let price = pace.time(bytes);
        // Where no answer was long enough to tell a speed, none came slowly.
        let is_little = price <= LITTLE || !pace.is_measured();
        let pays = paid >= price || (number >= MANY && is_little);
        // The first may stay the only one.
        match number > 1 && pays && bytes <= room {
            true => rest,
            false => Vec::new(),
        }
    }

    /// Forgets bytes that came unasked and are not here any more.
    fn forget(&mut self, is_here: impl Fn(u64, u64) -> bool) {
        let gone: Vec<_> = self
            .unasked
            .all()
            .filter(|&(offset, length)| !is_here(offset, length))
            .collect();
        for (offset, length) in gone {
            self.unasked.remove(offset, offset + length);
        }
    }
}

impl<'f> Miss<'f> {
    /// Of so many bytes.
    pub(super) fn new(file: &'f RemoteFile, of: Option<Part>, bytes: u64) -> Self {
        let began = Instant::now();
        Self {
            file,
            of,
            bytes,
            began,
        }
    }
}

impl Drop for Miss<'_> {
    fn drop(&mut self) {
        let pace = self.file.source.server.pace();
        // The bytes themselves were wanted, and the least that a request costs is counted already.
        let took = self
            .began
            .elapsed()
            .saturating_sub(pace.time(self.bytes))
            .min(COSTLY);
        let more = (took + pace::WORK).saturating_sub(pace.request());
        if let Some(of) = self.of
            && let Some(misses) = lock(&self.file.foresight).misses(of)
        {
            misses.paid = misses.paid.saturating_add(more);
        }
        flights::paid(self.file, pace.request() + more);
    }
}

/// Notes that raw `ranges` (offset and length, ascending and apart) are read, of which `gaps` are not in the cache, so
/// that `fetched` are fetched; begins to fetch what will probably be read next. Gives what the gaps belong to, if they
/// are not on their way.
pub(super) fn look(
    file: &RemoteFile,
    ranges: &[(u64, u64)],
    gaps: &[(u64, u64)],
    fetched: &[(u64, u64)],
) -> Result<Option<Part>, Error> {
    log::trace!("reading {ranges:?}, of which {gaps:?} are missing");
    let mut foresight = lock(&file.foresight);
    for &(offset, length) in ranges {
        foresight.used(offset, length);
    }
    let bytes: u64 = ranges.iter().map(|range| range.1).sum();
    if foresight.budget == 0 || bytes > LARGEST || file.source.server.is_offline() {
        return Ok(None);
    }
    let pace = file.source.server.pace();
    let shortest = pace.bytes_of_a_request();
    let coming = flights::coming(file);
    let is_coming = |offset, length| coming.holds_some(offset, length);
    let missing = |offset, length| -> Vec<(u64, u64)> {
        let gone = |(offset, length)| coming.without(offset, length);
        file.absent(offset, length).into_iter().flat_map(gone).collect()
    };
    if foresight.unasked.bytes() + SMALLEST > foresight.budget {
        foresight.forget(|offset, length| {
            is_coming(offset, length) || file.cache.missing(file.version.id, offset, length).is_empty()
        });
    }
    let mut ahead = Ranges::default();
    let places = places(ranges);
    let places = if places.len() > MOST_PLACES {
        Vec::new()
    } else {
        places
    };
    for range in places {
        let missed = gaps
            .iter()
            .any(|&(offset, length)| offset < range.0 + range.1 && range.0 < offset + length);
        if let Some((offset, length)) = foresight.follow(range, missed, shortest, file.size) {
            for (offset, length) in missing(offset, length) {
                ahead.add(offset, offset + length);
            }
        }
    }
    let missed = gaps.iter().find(|(offset, length)| !is_coming(*offset, *length));
    let of = missed.map(|&(offset, _)| foresight.part(offset));
    if let Some(of) = of {
        for (offset, length) in foresight.whole(of, file.size, pace, missing) {
            ahead.add(offset, offset + length);
        }
    }
    // What is asked for now comes by itself.
    for &(offset, length) in fetched {
        ahead.remove(offset, offset + length);
    }
    let ahead: Vec<_> = ahead.all().collect();
    let bytes: u64 = ahead.iter().map(|range| range.1).sum();
    for &(offset, length) in &ahead {
        foresight.unasked.add(offset, offset + length);
    }
    foresight.trust = foresight.trust.saturating_sub(bytes);
    drop(foresight);
    if bytes > 0 {
        log::debug!("{}: {ahead:?} ahead", file.source.url);
    }
    stats::UNASKED_BYTES.add(bytes);
    flights::start(file, &ahead, false)?;
    Ok(of)
}

/// Joins ranges with little between them.
fn places(ranges: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut places: Vec<(u64, u64)> = Vec::new();
    for &(offset, length) in ranges {
        match places.last_mut() {
            Some((start, before)) if offset <= *start + *before + SLACK => {
                *before = (*before).max(offset + length - *start);
            }
            _ => places.push((offset, length)),
        }
    }
    places
}
