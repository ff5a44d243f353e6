//! Elements of a dataset, by rows.

use super::form::Kind;
use super::value;
use crate::worker::hdf5::Dataset;
use crate::worker::msgpack::Writer;
use crate::worker::question::{Failure, MAX_ELEMENT_BYTES};

/// Rows less than so many bytes apart are read together with what lies between them.
const GAP_BYTES: u64 = 64 << 10;
/// Most bytes read together.
const COVER_BYTES: u64 = 4 << 20;
/// Largest single element that is encoded.
const LARGEST: u64 = 64 << 20;
/// Elements of variable length that are read together: what they lead to is of any size.
const CELLS: u64 = 256;
/// Bytes after which no more of these are encoded.
const TEXT_BYTES: usize = 1 << 20;
/// Most bytes into which one read of these may grow.
const MOST_TEXT: usize = 60 << 20;

/// The bytes of all elements.
pub(super) fn fixed(
    dataset: &Dataset,
    kind: &Kind,
    rows: &[(u64, u64)],
    rest: &[(u64, u64)],
    scalar: bool,
) -> Result<Vec<u8>, Failure> {
    let width = kind.memory.size() as u64;
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
        dataset
            .read(&kind.memory, &[], &[], &mut out)
            .ok_or(Failure::Unreadable)?;
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
        let read = |into: &mut [u8]| {
            let (from, count) = a_box(start, end - start, rest);
            dataset
                .read(&kind.memory, &from, &count, into)
                .ok_or(Failure::Unreadable)
        };
        if taken == 1 {
            read(target)?;
        } else {
            let mut cover = vec![0; ((end - start) * row) as usize];
            read(&mut cover)?;
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

/// Begins with elements of variable length and goes on until there is enough for a piece.
pub(super) fn variable(
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
