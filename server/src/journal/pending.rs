//! The parts of the commit that is to come.

use std::collections::BTreeMap;

use super::extents::{Extents, Source};
use super::pieces::Piece;

/// Number of the part that comes with the commit itself and counts over all others.
pub(super) const LAST: u64 = u64::MAX;

#[derive(Debug)]
struct Part {
    pieces: Vec<Piece>,
    /// Where its bytes are in the journal.
    position: u64,
    done: bool,
}

/// What was staged since the last commit.
#[derive(Debug, Default)]
pub(super) struct Pending {
    parts: BTreeMap<u64, Part>,
    /// What the writer would read of it.
    view: Extents,
    /// Ranges of the data file in which something was written, or half written.
    touched: Extents,
}

/// Bytes of the journal that belong into the data file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Write {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) position: u64,
}

/// What a commit does to the data file.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) size: u64,
    /// In this order.
    pub(super) writes: Vec<Write>,
    /// Ranges that hold something which does not count, and must hold zeros.
    pub(super) zeros: Vec<std::ops::Range<u64>>,
}

impl Plan {
    /// The ranges that are written, as offset and length, with those that are not further apart than `near` as one.
    pub(super) fn spans(&self, near: u64) -> Vec<(u64, u64)> {
        let mut spans: Vec<(u64, u64)> = Vec::new();
        for write in &self.writes {
            match spans.last_mut() {
                Some((offset, length)) if (*offset..=*offset + *length + near).contains(&write.offset) => {
                    *length = (*length).max(write.offset - *offset + write.length);
                }
                _ => spans.push((write.offset, write.length)),
            }
        }
        spans
    }
}

impl Pending {
    /// A part whose record is written, but not yet its bytes in place.
    pub(super) fn begin(&mut self, part: u64, pieces: Vec<Piece>, position: u64) {
        for piece in pieces.iter().filter(|piece| piece.in_place) {
            self.touched.insert(piece.offset..piece.end(), 0, Source::InPlace);
        }
        let part_is = Part {
            done: !pieces.iter().any(|piece| piece.in_place),
            pieces,
            position,
        };
        let done = part_is.done;
        self.parts.insert(part, part_is);
        if done {
            self.finish(part);
        }
    }

    /// Its bytes are all there.
    pub(super) fn finish(&mut self, part: u64) {
        let Some(found) = self.parts.get_mut(&part) else {
            return;
        };
        found.done = true;
        if part != LAST {
            found.insert_into(&mut self.view, part);
        }
    }

    pub(super) fn has(&self, part: u64) -> bool {
        self.parts.get(&part).is_some_and(|part| part.done)
    }

    /// Whether all parts below `parts` are there.
    pub(super) fn is_complete(&self, parts: u64) -> bool {
        let there = self.parts.range(..parts).filter(|(_, part)| part.done).count();
        u64::try_from(there) == Ok(parts)
    }

    /// Whether there are parts from `parts` on.
    pub(super) fn has_more_than(&self, parts: u64) -> bool {
        self.parts.range(parts..LAST).any(|(_, part)| part.done)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether something was written in place.
    pub(super) fn has_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Whether something was written in place beyond `size`.
    pub(super) fn has_touched_beyond(&self, size: u64) -> bool {
        self.touched.end() > size
    }

    /// Whether all of a range is as it was at the last commit.
    pub(super) fn is_untouched(&self, range: std::ops::Range<u64>) -> bool {
        !self.touched.overlaps(range)
    }

    /// What the writer would read of it.
    pub(super) fn view(&self) -> &Extents {
        &self.view
    }

    /// What the commit of the parts below `parts` does, when the file has `size` then.
    pub(super) fn plan(&self, parts: u64, size: u64, ordered: bool) -> Plan {
        let mut extents = Extents::default();
        for (&number, part) in self.parts.range(..parts) {
            part.insert_into(&mut extents, number);
        }
        let last = self.parts.get(&LAST).filter(|part| part.done);
        if let Some(last) = last
            && !ordered
        {
            last.insert_into(&mut extents, LAST);
        }
        let mut writes: Vec<Write> = extents
            .within(0..size)
            .filter_map(|(range, source)| match source {
                Source::Journal(position) => Some(Write {
                    offset: range.start,
                    length: range.end - range.start,
                    position,
                }),
                Source::InPlace => None,
            })
            .collect();
        if let Some(last) = last
            && ordered
        {
            writes.extend(last.in_journal());
        }
        let zeros = self
            .touched
            .within(0..size)
            .flat_map(|(touched, _)| extents.gaps(touched))
            .collect();
        Plan { size, writes, zeros }
    }
}

impl Part {
    fn insert_into(&self, extents: &mut Extents, rank: u64) {
        let mut position = self.position;
        for piece in &self.pieces {
            let source = match piece.in_place {
                true => Source::InPlace,
                false => Source::Journal(position),
            };
            extents.insert(piece.offset..piece.end(), rank, source);
            position += if piece.in_place { 0 } else { piece.length };
        }
    }

    /// Its pieces in the journal, in order.
    fn in_journal(&self) -> impl Iterator<Item = Write> {
        let mut position = self.position;
        let pieces = self.pieces.iter().filter(|piece| !piece.in_place);
        pieces.map(move |piece| {
            let write = Write {
                offset: piece.offset,
                length: piece.length,
                position,
            };
            position += piece.length;
            write
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_near_is_one_span() {
        let write = |(offset, length)| Write {
            offset,
            length,
            position: 0,
        };
        let spans = |writes: &[(u64, u64)]| {
            let plan = Plan {
                size: 1000,
                writes: writes.iter().copied().map(write).collect(),
                zeros: Vec::new(),
            };
            plan.spans(10)
        };
        assert_eq!(spans(&[]), []);
        assert_eq!(spans(&[(0, 5), (5, 5), (20, 5), (36, 1)]), [(0, 25), (36, 1)]);
        // Ordered writes may come in any order and overlap.
        assert_eq!(spans(&[(50, 5), (10, 5), (12, 1)]), [(50, 5), (10, 5)]);
    }
}
