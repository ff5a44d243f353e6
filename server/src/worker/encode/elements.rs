//! Elements of a dataset, by rows.

use super::dataset::Described;
use super::form::{Form, Kind};
use super::value;
use crate::worker::direct::Direct;
use crate::worker::hdf5::Dataset;
use crate::worker::heap::{Heaps, REFERENCE};
use crate::worker::msgpack::Writer;
use crate::worker::question::{Failure, MAX_ELEMENT_BYTES};
use crate::worker::raw::RawFile;

/// Rows less than so many bytes apart are read together with what lies between them.
const GAP_BYTES: u64 = 64 << 10;
/// Most bytes read together.
const COVER_BYTES: u64 = 4 << 20;
/// Largest single element that is encoded.
const LARGEST: u64 = 64 << 20;
/// Elements of variable length that are read together: what they lead to is of any size.
const CELLS: u64 = 256;
/// The same for texts that are looked up without libhdf5.
const TEXTS: u64 = 32 << 10;
/// Bytes after which no more of these are encoded.
const TEXT_BYTES: usize = 1 << 20;
/// Most bytes into which one read of these may grow.
const MOST_TEXT: usize = 60 << 20;

/// Reads the elements of a dataset.
pub(super) struct Reader {
    described: Described,
    /// The way past libhdf5, where there is one.
    direct: Option<Direct>,
    raw: RawFile,
}

impl Reader {
    pub(super) fn new(dataset: &Dataset, described: Described, raw: RawFile) -> Self {
        Self {
            direct: described.direct(dataset),
            described,
            raw,
        }
    }

    /// The elements of a piece, or the first of them if they are of variable length, and their number.
    pub(super) fn read(
        &mut self,
        dataset: &Dataset,
        heaps: Option<&mut Heaps>,
        rows: &[(u64, u64)],
        rest: &[(u64, u64)],
    ) -> Result<(u64, Vec<u8>), Failure> {
        let Described { kind, shape, .. } = &self.described;
        let scalar = shape.is_empty();
        if !kind.form.variable() {
            let mut read = |start: &[u64], count: &[u64], out: &mut [u8]| {
                let direct = self.direct.as_mut();
                let read = direct.and_then(|direct| direct.read(dataset, &self.raw, start, count, out));
                read.or_else(|| dataset.read(&kind.memory, start, count, out))
            };
            let width = kind.memory.size() as u64;
            let bytes = fixed(&mut read, width, rows, rest, scalar)?;
            return Ok((bytes.len() as u64 / width.max(1), bytes));
        }
        if kind.form == Form::Text
            && let (Some(direct), Some(heaps)) = (&mut self.direct, heaps)
        {
            let mut read = |start: &[u64], count: &[u64], out: &mut [u8]| {
                direct.read(dataset, &self.raw, start, count, out)
            };
            let (count, texts) = texts(&mut read, heaps, &self.raw, rows, rest, scalar);
            if count > 0 {
                return Ok((count, texts));
            }
        }
        variable(dataset, kind, rows, rest, scalar)
    }
}

/// Reads a box, given by its first element and the number of them in each dimension.
type Read<'r> = &'r mut dyn FnMut(&[u64], &[u64], &mut [u8]) -> Option<()>;

/// The bytes of all elements.
fn fixed(
    read: Read<'_>,
    width: u64,
    rows: &[(u64, u64)],
    rest: &[(u64, u64)],
    scalar: bool,
) -> Result<Vec<u8>, Failure> {
    let row = rest
        .iter()
        .try_fold(width, |bytes, (_, count)| bytes.checked_mul(*count));
    let row = row.ok_or(Failure::TooLarge)?;
    let count = if scalar {
        Some(1)
    } else {
        rows.iter()
            .try_fold(0u64, |sum, (_, count)| sum.checked_add(*count))
    };
    let bytes = count
        .and_then(|count| count.checked_mul(row))
        .ok_or(Failure::TooLarge)?;
    if bytes > MAX_ELEMENT_BYTES.max(width.min(LARGEST)) {
        return Err(Failure::TooLarge);
    }
    let mut out = vec![0; usize::try_from(bytes).map_err(|_| Failure::TooLarge)?];
    if scalar {
        read(&[], &[], &mut out).ok_or(Failure::Unreadable)?;
        return Ok(out);
    }
    let mut left = out.as_mut_slice();
    let mut rows = rows;
    while let Some((&(start, _), _)) = rows.split_first() {
        let (taken, end) = together(rows, row);
        let (now, later) = rows.split_at(taken);
        rows = later;
        let wanted: u64 = now.iter().map(|(_, count)| count * row).sum();
        let (target, others) = std::mem::take(&mut left).split_at_mut(wanted as usize);
        left = others;
        let (from, count) = a_box(start, end - start, rest);
        if taken == 1 {
            read(&from, &count, target).ok_or(Failure::Unreadable)?;
        } else {
            let mut cover = vec![0; ((end - start) * row) as usize];
            read(&from, &count, &mut cover).ok_or(Failure::Unreadable)?;
            let mut at = 0;
            for (first, count) in now {
                let (begin, length) = (((first - start) * row) as usize, (count * row) as usize);
                target[at..at + length].copy_from_slice(&cover[begin..begin + length]);
                at += length;
            }
        }
    }
    Ok(out)
}

/// How many of the first runs are read as one, and where that ends.
fn together(rows: &[(u64, u64)], row: u64) -> (usize, u64) {
    let Some((&(start, count), others)) = rows.split_first() else {
        return (0, 0);
    };
    let mut end = start + count;
    let mut taken = 1;
    for &(next, count) in others {
        let near = next.saturating_sub(end).saturating_mul(row) <= GAP_BYTES;
        let small = (next + count).saturating_sub(start).saturating_mul(row) <= COVER_BYTES;
        if !near || !small || next < end {
            break;
        }
        end = next + count;
        taken += 1;
    }
    (taken, end)
}

/// Begins with texts of variable length and goes on until there is enough for a piece, or something that only libhdf5
/// can read; how many, and their encoding.
fn texts(
    read: Read<'_>,
    heaps: &mut Heaps,
    raw: &RawFile,
    rows: &[(u64, u64)],
    rest: &[(u64, u64)],
    scalar: bool,
) -> (u64, Vec<u8>) {
    let mut out = Writer::default();
    let mut done = 0;
    let mut encode = |from: &[u64], count: &[u64]| {
        let elements: u64 = count.iter().product();
        let mut references = vec![0; elements as usize * REFERENCE];
        read(from, count, &mut references)?;
        for reference in references.as_chunks::<REFERENCE>().0 {
            out.text(heaps.text(raw, reference)?);
            done += 1;
            if out.len() >= TEXT_BYTES {
                return None;
            }
        }
        Some(())
    };
    if scalar {
        encode(&[], &[]);
        return (done, out.into_bytes());
    }
    let row: u64 = rest.iter().map(|(_, count)| count).product();
    let step = (TEXTS / row.max(1)).max(1);
    'all: for &(start, count) in rows {
        for at in (start..start + count).step_by(step as usize) {
            let (from, count) = a_box(at, step.min(start + count - at), rest);
            if encode(&from, &count).is_none() {
                break 'all;
            }
        }
    }
    (done, out.into_bytes())
}

/// Begins with elements of variable length and goes on until there is enough for a piece.
fn variable(
    dataset: &Dataset,
    kind: &Kind,
    rows: &[(u64, u64)],
    rest: &[(u64, u64)],
    scalar: bool,
) -> Result<(u64, Vec<u8>), Failure> {
    let mut out = Writer::default();
    let mut done = 0;
    let mut encode = |from: &[u64], count: &[u64]| {
        let values = dataset.read_variable(&kind.memory, from, count);
        for cell in values.ok_or(Failure::Unreadable)?.cells() {
            value::cell(&kind.form, cell, &mut out);
            if out.len() > MOST_TEXT {
                return Err(Failure::TooLarge);
            }
        }
        done += count.iter().product::<u64>();
        Ok(out.len() >= TEXT_BYTES)
    };
    if scalar {
        encode(&[], &[])?;
        return Ok((done, out.into_bytes()));
    }
    let row: u64 = rest.iter().map(|(_, count)| count).product();
    for &(start, count) in rows {
        // A row of many elements comes by itself; the front makes it as narrow as can be.
        let step = (CELLS / row.max(1)).max(1);
        for at in (start..start + count).step_by(step as usize) {
            let (from, count) = a_box(at, step.min(start + count - at), rest);
            if encode(&from, &count)? {
                return Ok((done, out.into_bytes()));
            }
        }
    }
    Ok((done, out.into_bytes()))
}

fn a_box(start: u64, count: u64, rest: &[(u64, u64)]) -> (Vec<u64>, Vec<u64>) {
    let rest = rest.iter().copied();
    std::iter::once((start, count)).chain(rest).unzip()
}
