//! Which byte of a version is in which segment.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::segment::Segment;

/// Ranges of a file with the segments that have them; apart.
#[derive(Debug, Default)]
pub(super) struct Index(BTreeMap<u64, Piece>);

#[derive(Debug, Clone)]
struct Piece {
    end: u64,
    segment: Arc<Segment>,
    extent: usize,
}

/// Some bytes in one extent of a segment.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// In the file.
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) segment: Arc<Segment>,
    pub(super) extent: usize,
}

impl Place {
    /// Fills `buffer`, which is as long as this place; says whether the bytes could be had.
    pub(super) fn read(&self, buffer: &mut [u8]) -> bool {
        let from = self.offset - self.segment.head.extents[self.extent].0;
        self.segment.read(self.extent, from, buffer).is_ok()
    }
}

impl Index {
    /// Adds what nothing has yet.
    pub(super) fn add(&mut self, segment: &Arc<Segment>) {
        for (extent, &(offset, length)) in segment.head.extents.iter().enumerate() {
            for (start, length) in self.missing(offset, length) {
                let piece = Piece {
                    end: start + length,
                    segment: Arc::clone(segment),
                    extent,
                };
                self.0.insert(start, piece);
            }
        }
    }

    /// Where the bytes of a range are, ascending, as far as they are anywhere.
    pub(super) fn places(&self, offset: u64, length: u64) -> Vec<Place> {
        let end = offset.saturating_add(length);
        let before = self.0.range(..offset).next_back();
        let first = before.filter(|(_, piece)| piece.end > offset);
        let all = first.into_iter().chain(self.0.range(offset..end.max(offset)));
        let sound = all.filter(|(_, piece)| !piece.segment.is_lost());
        sound
            .map(|(&start, piece)| {
                let (from, to) = (start.max(offset), piece.end.min(end));
                Place {
                    offset: from,
                    length: to - from,
                    segment: Arc::clone(&piece.segment),
                    extent: piece.extent,
                }
            })
            .collect()
    }

    /// The parts of a range that no segment has.
    pub(super) fn missing(&self, offset: u64, length: u64) -> Vec<(u64, u64)> {
        gaps(offset, length, &self.places(offset, length))
    }
}

/// What of a range is in none of `places`, which are ascending and within it.
pub(super) fn gaps(offset: u64, length: u64, places: &[Place]) -> Vec<(u64, u64)> {
    let mut gaps = Vec::new();
    let mut at = offset;
    for place in places {
        if place.offset > at {
            gaps.push((at, place.offset - at));
        }
        at = place.offset + place.length;
    }
    let end = offset.saturating_add(length);
    if at < end {
        gaps.push((at, end - at));
    }
    gaps
}
