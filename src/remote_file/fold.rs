//! Turns wanted ranges into the runs of a request: regular ones are folded, small gaps read over.

use crate::protocol::Run;
use crate::server::reply::{Piece, Sink};

/// Gaps up to this many bytes are read over: they cost less than naming another run.
const SMALL_GAP: u64 = 256;
/// Gaps between larger ranges are read over up to this share of the smaller neighbour.
const GAP_SHARE: u64 = 8;
/// Longest gap that is ever read over, bytes.
const LONGEST_GAP: u64 = 64 << 10;
/// Fewer equally spaced ranges than this are not worth a folded run.
const FOLDED: usize = 3;

/// Runs for `wanted` (offset and where its bytes go), ascending and not overlapping, and where the
/// bytes of the answer go.
pub(super) fn fold<S: Sink>(wanted: Vec<(u64, S)>) -> (Vec<Run>, Vec<Piece<S>>) {
    let spans: Vec<(u64, u64)> = wanted
        .iter()
        .map(|(offset, sink)| (*offset, sink.room() as u64))
        .collect();
    let runs = runs(&joined(&spans));
    let mut pieces = Vec::with_capacity(wanted.len());
    let mut wanted = wanted.into_iter().peekable();
    for run in &runs {
        for number in 0..run.count {
            let start = run.offset + number * run.stride;
            let end = start + run.length;
            let mut at = start;
            while let Some((offset, sink)) = wanted.next_if(|(offset, _)| *offset < end) {
                if offset > at {
                    pieces.push(Piece::Skip((offset - at) as usize));
                }
                at = offset + sink.room() as u64;
                pieces.push(Piece::Fill(sink));
            }
            if at < end {
                pieces.push(Piece::Skip((end - at) as usize));
            }
        }
    }
    (runs, pieces)
}

/// Joins neighbours that touch, or lie so close that reading the gap is cheap for their size.
fn joined(spans: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut joined: Vec<(u64, u64)> = Vec::with_capacity(spans.len());
    for &(offset, length) in spans {
        if let Some((start, before)) = joined.last_mut() {
            let gap = offset - (*start + *before);
            if gap <= (length.min(*before) / GAP_SHARE).min(LONGEST_GAP) {
                *before = offset + length - *start;
                continue;
            }
        }
        joined.push((offset, length));
    }
    joined
}

/// Folds spans of equal length and spacing; irregular ones are joined over small gaps.
fn runs(spans: &[(u64, u64)]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut rest = spans;
    while let Some(&(offset, length)) = rest.first() {
        let regular = regular(rest);
        if regular >= FOLDED {
            runs.push(Run {
                offset,
                length,
                stride: rest[1].0 - offset,
                count: regular as u64,
            });
            rest = &rest[regular..];
            continue;
        }
        match runs.last_mut() {
            Some(last) if last.count == 1 && offset - (last.offset + last.length) <= SMALL_GAP => {
                last.length = offset + length - last.offset;
            }
            _ => runs.push(Run::range(offset, length)),
        }
        rest = &rest[1..];
    }
    runs
}

/// How many of the first spans have equal length and spacing.
fn regular(spans: &[(u64, u64)]) -> usize {
    let [first, second, ..] = spans else {
        return spans.len();
    };
    let stride = second.0 - first.0;
    1 + spans
        .windows(2)
        .take_while(|pair| pair[1].0 - pair[0].0 == stride && pair[1].1 == first.1)
        .count()
}

/// What is left of `runs` after their first `done` bytes were delivered.
pub(super) fn rest(runs: &[Run], mut done: u64) -> Vec<Run> {
    let mut left = Vec::new();
    for &run in runs {
        let bytes = run.length * run.count;
        if done >= bytes {
            done -= bytes;
            continue;
        }
        let (whole, part) = (done / run.length, done % run.length);
        done = 0;
        let mut run = Run {
            offset: run.offset + whole * run.stride,
            count: run.count - whole,
            ..run
        };
        if part > 0 {
            left.push(Run::range(run.offset + part, run.length - part));
            run.offset += run.stride;
            run.count -= 1;
        }
        if run.count > 0 {
            left.push(run);
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a server does.
    fn serve(runs: &[Run], content: &[u8]) -> Vec<u8> {
        let mut reply = Vec::new();
        for run in runs {
            for number in 0..run.count {
                let start = (run.offset + number * run.stride) as usize;
                reply.extend_from_slice(&content[start..start + run.length as usize]);
            }
        }
        reply
    }

    fn content(size: usize) -> Vec<u8> {
        (0..size).map(|at| (at * 7 + at / 256) as u8).collect()
    }

    #[test]
    fn a_column_of_a_matrix_is_one_run() {
        let mut buffers = vec![[0u8; 8]; 1000];
        let wanted = buffers
            .iter_mut()
            .enumerate()
            .map(|(row, buffer)| (2048 + row as u64 * 800, &mut buffer[..]))
            .collect();
        let (runs, _) = fold(wanted);
        assert_eq!(
            runs,
            [Run {
                offset: 2048,
                length: 8,
                stride: 800,
                count: 1000
            }]
        );
    }

    #[test]
    fn neighbours_and_small_gaps_are_one_range() {
        let mut buffers = [[0u8; 100]; 4];
        let offsets = [0, 100, 205, 560];
        let wanted = offsets
            .iter()
            .copied()
            .zip(buffers.iter_mut().map(|buffer| &mut buffer[..]))
            .collect();
        assert_eq!(fold(wanted).0, [Run::range(0, 660)]);
    }

    proptest! {
        #[test]
        fn every_byte_lands_where_it_belongs(
            steps in proptest::collection::vec((prop_oneof![0..20u64, 0..2000u64], prop_oneof![Just(8u64), 1..300u64], 1..6u64), 0..30),
            cut in 0.0..1.0f64,
        ) {
            let mut spans = Vec::new();
            let mut at = 0;
            for (gap, length, times) in steps {
                for _ in 0..times {
                    spans.push((at + gap, length));
                    at += gap + length;
                }
            }
            let content = content(at as usize);
            let mut buffers: Vec<Vec<u8>> = spans.iter().map(|&(_, length)| vec![0; length as usize]).collect();
            let wanted = spans.iter().map(|span| span.0).zip(buffers.iter_mut().map(|buffer| &mut buffer[..])).collect();
            let (runs, pieces) = fold(wanted);
            let total = Run::check(&runs, content.len() as u64).unwrap();
            let reply = serve(&runs, &content);
            prop_assert_eq!(reply.len() as u64, total);

            let done = (total as f64 * cut) as u64;
            let left = rest(&runs, done);
            prop_assert_eq!(serve(&left, &content), &reply[done as usize..]);

            let mut scatter = crate::server::reply::Scatter::new(pieces, Box::new(|_| Ok(Vec::new())));
            crate::server::reply::Reply::chunk(&mut scatter, &reply).unwrap();
            crate::server::reply::Reply::end(&mut scatter).unwrap();
            drop(scatter);
            for (&(offset, length), buffer) in spans.iter().zip(&buffers) {
                prop_assert_eq!(&buffer[..], &content[offset as usize..(offset + length) as usize]);
            }
        }
    }
}
