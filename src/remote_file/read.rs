//! Reading: what memory has, then one round trip for the rest.
//!
//! Missing bytes are fetched in one of two ways. Large raw ranges, and the many ranges of a gathering
//! read, go straight into the caller's memory. Everything else is fetched as blocks or planned ranges,
//! which the cache keeps.

use std::collections::HashSet;

use super::foresight::Miss;
use super::plan::{block, union, without};
use super::source::{Extent, PART};
use super::{Class, RemoteFile, flights, foresight, hit, lock};
use crate::protocol::Intent;
use crate::{Error, stats};

/// Raw ranges from this size on are not widened to blocks, bytes.
const LARGE: u64 = 1 << 20;
/// From this number of missing raw ranges on a read is a gathering one: blocks would fetch too much.
const GATHER: usize = 16;
/// A read of this many raw bytes at once is not made larger by any plan.
const MUCH: u64 = 32 << 20;
/// Bytes that are not here, and where the caller wants them.
struct Gap<'a> {
    class: Class,
    offset: u64,
    buffer: &'a mut [u8],
}

impl Gap<'_> {
    fn length(&self) -> u64 {
        self.buffer.len() as u64
    }

    fn end(&self) -> u64 {
        self.offset + self.length()
    }
}

pub(super) fn read_vector(file: &RemoteFile, pieces: &mut [(Class, u64, &mut [u8])]) -> Result<(), Error> {
    let mut gaps = Vec::new();
    let mut raw = Vec::new();
    for (class, offset, buffer) in pieces {
        let inside = (buffer.len() as u64).min(file.size.saturating_sub(*offset)) as usize;
        let (inside, beyond) = buffer.split_at_mut(inside);
        beyond.fill(0);
        if *class == Class::Raw && !inside.is_empty() && lock(&file.plan).find(*offset).is_none() {
            raw.push((*offset, inside.len() as u64));
        }
        look(file, *class, *offset, inside, &mut gaps);
    }
    let missing = raw_of(&gaps);
    let part = match raw.is_empty() {
        true => None,
        false => foresight::look(file, &union(raw), &missing, &blocks(file, &missing))?,
    };
    if gaps.is_empty() {
        hit();
        return Ok(());
    }
    while let Some(intent) = next_hint(file, &gaps) {
        file.trace(intent)?;
        gaps = look_again(file, gaps);
    }
    if flights::collect(file, &raw_of(&gaps)) {
        gaps = look_again(file, gaps);
    }
    if !gaps.is_empty() {
        let _miss = Miss::new(file, part, gaps.iter().map(Gap::length).sum());
        fetch(file, gaps)?;
    }
    fetch_following(file)
}

/// Where raw bytes are missing.
fn raw_of(gaps: &[Gap<'_>]) -> Vec<(u64, u64)> {
    let raw = gaps.iter().filter(|gap| gap.class == Class::Raw);
    raw.map(|gap| (gap.offset, gap.length())).collect()
}

/// What is fetched because these raw ranges are missing.
fn blocks(file: &RemoteFile, missing: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let around = |&(offset, length): &(u64, u64)| match length < LARGE && missing.len() < GATHER {
        true => block(offset, length, file.size),
        false => (offset, length),
    };
    missing.iter().map(around).collect()
}

/// Begins to fetch what the plan has after its last window, if there was one and all of it has arrived.
fn fetch_following(file: &RemoteFile) -> Result<(), Error> {
    if flights::planned(file) {
        return Ok(());
    }
    let following = lock(&file.plan).following(file.window);
    if following.is_empty() {
        return Ok(());
    }
    let coming = flights::coming(file);
    let missing = following
        .into_iter()
        .flat_map(|(offset, length)| file.absent(offset, length))
        .flat_map(|(offset, length)| coming.without(offset, length))
        .collect();
    flights::start(file, &union(missing), true)
}

fn look_again<'a>(file: &RemoteFile, before: Vec<Gap<'a>>) -> Vec<Gap<'a>> {
    let mut gaps = Vec::new();
    for gap in before {
        look(file, gap.class, gap.offset, gap.buffer, &mut gaps);
    }
    gaps
}

/// What to ask the server about before bytes are fetched: the whole file, then what the program announced;
/// each at most once.
fn next_hint(file: &RemoteFile, gaps: &[Gap<'_>]) -> Option<Intent> {
    if gaps.iter().all(|gap| gap.class != Class::Metadata) {
        None
    } else if file.version.is_traced() {
        lock(&file.intents).next()
    } else {
        Some(Intent::File)
    }
}

/// Copies what is here and adds what is not to `gaps`.
fn look<'a>(file: &RemoteFile, class: Class, offset: u64, buffer: &'a mut [u8], gaps: &mut Vec<Gap<'a>>) {
    let mut rest = buffer;
    let mut at = offset;
    for (start, length) in file.copy(class, offset, rest) {
        let (_, after) = rest.split_at_mut((start - at) as usize);
        let (gap, after) = after.split_at_mut(length as usize);
        gaps.push(Gap {
            class,
            offset: start,
            buffer: gap,
        });
        rest = after;
        at = start + length;
    }
}

fn fetch(file: &RemoteFile, gaps: Vec<Gap<'_>>) -> Result<(), Error> {
    for gap in &gaps {
        file.refuse_offline(gap.class, gap.offset, gap.length())?;
    }
    let (mut direct, mut buffered) = divide(file, gaps);
    let mut extents = extents(file, &buffered);
    let asked: u64 = buffered.iter().map(Gap::length).sum();
    let widened: u64 = extents.iter().map(|extent| extent.bytes.len() as u64).sum();
    if lock(&file.plan).is_empty() {
        stats::UNASKED_BYTES.add(widened.saturating_sub(asked));
    }

    let _showing = file.show(direct.iter().map(Gap::length).sum());
    let keep = keep_direct(file, &direct);
    let wanted = direct
        .iter_mut()
        .map(|gap| (gap.offset, &mut *gap.buffer))
        .collect();
    let mut reads = file.source.requests(wanted, PART);
    reads.extend(file.source.filling(&mut extents));
    let target = file.source.target("read");
    log::debug!("{}: reading in {} requests", target.url, reads.len());
    file.source.server.read(target, reads)?;

    for gap in &mut buffered {
        fill(gap, &extents);
    }
    for gap in &direct {
        if keep {
            file.cache
                .insert(file.version.id, gap.class, gap.offset, gap.buffer);
        }
        file.keep_copy_on_disk(gap.class, gap.offset, gap.buffer);
    }
    for extent in extents {
        file.keep_fetched(extent.class, extent.offset, extent.bytes.into());
    }
    Ok(())
}

/// Gaps that are read straight into the caller's memory, ascending and apart, and the others.
fn divide<'a>(file: &RemoteFile, mut gaps: Vec<Gap<'a>>) -> (Vec<Gap<'a>>, Vec<Gap<'a>>) {
    gaps.sort_by_key(|gap| gap.offset);
    let plan = lock(&file.plan);
    let raw = || gaps.iter().filter(|gap| gap.class == Class::Raw);
    let many = raw().count() >= GATHER;
    let much = raw().map(Gap::length).sum::<u64>() >= MUCH;
    let mut end = 0;
    gaps.into_iter().partition(|gap| {
        let planned = || plan.find(gap.offset).is_some();
        let wanted = gap.class == Class::Raw
            && (much || gap.length() >= PART || ((many || gap.length() >= LARGE) && !planned()));
        let direct = wanted && gap.offset >= end;
        if direct {
            end = gap.end();
        }
        direct
    })
}

/// Whether what was read directly is worth keeping: not much, and not in crumbs.
fn keep_direct(file: &RemoteFile, direct: &[Gap<'_>]) -> bool {
    let total: u64 = direct.iter().map(Gap::length).sum();
    file.keeps(total) && total / (direct.len() as u64).max(1) >= 4096
}

/// Empty extents for what is to be fetched for `gaps` and with them; ascending and apart.
fn extents(file: &RemoteFile, gaps: &[Gap<'_>]) -> Vec<Extent> {
    let mut extents = Vec::new();
    let mut taken = Vec::new();
    for class in [Class::Metadata, Class::Raw] {
        let wanted = union(wanted(file, gaps.iter().filter(|gap| gap.class == class)));
        for (offset, length) in without(&wanted, &taken) {
            Extent::cover(class, offset, length, &mut extents);
        }
        taken = wanted;
    }
    extents.sort_by_key(|extent| extent.offset);
    extents
}

/// The ranges to fetch for gaps of one class, ascending by offset.
fn wanted<'g>(file: &RemoteFile, gaps: impl Iterator<Item = &'g Gap<'g>>) -> Vec<(u64, u64)> {
    let mut wanted = Vec::new();
    let mut begun = HashSet::new();
    let mut covered = 0;
    let coming = flights::coming(file);
    for gap in gaps {
        // The gap itself in any case: another thread may add to the cache and evict in between.
        wanted.push((gap.offset, gap.length()));
        if gap.end() <= covered || begun.contains(&gap.offset) {
            continue;
        }
        for (offset, length) in widened(file, gap) {
            if offset <= gap.offset {
                covered = covered.max(offset + length);
            }
            begun.insert(offset);
            let absent = file.absent(offset, length);
            wanted.extend(
                absent
                    .into_iter()
                    .flat_map(|(offset, length)| coming.without(offset, length)),
            );
        }
    }
    wanted
}

/// The ranges to fetch because of a gap.
fn widened(file: &RemoteFile, gap: &Gap<'_>) -> Vec<(u64, u64)> {
    if gap.class == Class::Raw {
        let window = lock(&file.plan).window(gap.offset, file.window);
        if !window.is_empty() {
            return window;
        }
    }
    vec![match gap.class {
        Class::Metadata => lock(&file.ahead).block(gap.offset, gap.length(), file.size),
        Class::Raw => block(gap.offset, gap.length(), file.size),
    }]
}

/// Copies the bytes of a gap from the extents that were fetched for it.
fn fill(gap: &mut Gap<'_>, extents: &[Extent]) {
    let end = gap.end();
    let ends = |extent: &Extent| extent.offset + extent.bytes.len() as u64;
    let first = extents.partition_point(|extent| ends(extent) <= gap.offset);
    for extent in extents[first..].iter().take_while(|extent| extent.offset < end) {
        let from = gap.offset.max(extent.offset);
        let to = end.min(ends(extent));
        let source = &extent.bytes[(from - extent.offset) as usize..(to - extent.offset) as usize];
        gap.buffer[(from - gap.offset) as usize..(to - gap.offset) as usize].copy_from_slice(source);
    }
}
