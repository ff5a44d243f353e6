//! Ranges of a file and where their bytes are.

use std::collections::BTreeMap;
use std::ops::Range;

/// Where the bytes of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// In the journal, from this position on.
    Journal(u64),
    /// In the data file, where they belong.
    InPlace,
}

#[derive(Debug, Clone, Copy)]
struct Extent {
    end: u64,
    rank: u64,
    source: Source,
}

/// Ranges that do not overlap. Where they would, the one of higher rank counts, or of equal rank the later.
#[derive(Debug, Default)]
pub(super) struct Extents(BTreeMap<u64, Extent>);

impl Source {
    fn skip(self, length: u64) -> Self {
        match self {
            Self::Journal(position) => Self::Journal(position + length),
            Self::InPlace => Self::InPlace,
        }
    }
}

impl Extents {
    pub(super) fn insert(&mut self, range: Range<u64>, rank: u64, source: Source) {
        let put = |extents: &mut Self, part: Range<u64>| {
            if part.start < part.end {
                let extent = Extent {
                    end: part.end,
                    rank,
                    source: source.skip(part.start - range.start),
                };
                extents.0.insert(part.start, extent);
            }
        };
        let mut at = range.start;
        for start in self.starts(&range) {
            let Some(old) = self.0.remove(&start) else {
                continue;
            };
            if old.rank > rank {
                put(self, at..start);
                self.0.insert(start, old);
                at = at.max(old.end);
                continue;
            }
            if start < range.start {
                self.0.insert(
                    start,
                    Extent {
                        end: range.start,
                        ..old
                    },
                );
            }
            if old.end > range.end {
                let source = old.source.skip(range.end - start);
                self.0.insert(range.end, Extent { source, ..old });
            }
        }
        put(self, at..range.end);
    }

    fn starts(&self, range: &Range<u64>) -> Vec<u64> {
        let before = self.0.range(..range.start).next_back();
        let before = before.filter(|(_, extent)| extent.end > range.start);
        let within = self.0.range(range.clone());
        before
            .into_iter()
            .chain(within)
            .map(|(start, _)| *start)
            .collect()
    }

    /// What overlaps `range`, cut to it, ascending.
    pub(super) fn within(&self, range: Range<u64>) -> impl Iterator<Item = (Range<u64>, Source)> {
        self.starts(&range).into_iter().filter_map(move |start| {
            let extent = self.0.get(&start)?;
            let from = start.max(range.start);
            Some((from..extent.end.min(range.end), extent.source.skip(from - start)))
        })
    }

    /// What of `range` is in no extent, ascending.
    pub(super) fn gaps(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut at = range.start;
        for (covered, _) in self.within(range.clone()) {
            if at < covered.start {
                gaps.push(at..covered.start);
            }
            at = covered.end;
        }
        if at < range.end {
            gaps.push(at..range.end);
        }
        gaps
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn overlaps(&self, range: Range<u64>) -> bool {
        !self.starts(&range).is_empty()
    }

    /// End of the last one.
    pub(super) fn end(&self) -> u64 {
        self.0.last_key_value().map_or(0, |(_, extent)| extent.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_byte_is_that_of_the_highest_rank(
            inserts in prop::collection::vec((0u64..60, 1u64..30, 0u64..4), 0..30),
        ) {
            let mut extents = Extents::default();
            let mut model: Vec<Option<(u64, u64)>> = vec![None; 100];
            for (at, &(start, length, rank)) in inserts.iter().enumerate() {
                let position = u64::try_from(at).unwrap() * 1000;
                extents.insert(start..start + length, rank, Source::Journal(position));
                for byte in start..start + length {
                    let slot = &mut model[usize::try_from(byte).unwrap()];
                    if slot.is_none_or(|(old, _)| old <= rank) {
                        *slot = Some((rank, position + byte - start));
                    }
                }
            }
            let mut seen = vec![None; 100];
            for (range, source) in extents.within(0..100) {
                for byte in range.clone() {
                    prop_assert!(seen[usize::try_from(byte).unwrap()].is_none());
                    let Source::Journal(position) = source else { panic!() };
                    seen[usize::try_from(byte).unwrap()] = Some(position + byte - range.start);
                }
            }
            let wanted: Vec<_> = model.iter().map(|slot| slot.map(|(_, position)| position)).collect();
            prop_assert_eq!(&seen, &wanted);
            for gap in extents.gaps(10..90) {
                for byte in gap {
                    prop_assert!(wanted[usize::try_from(byte).unwrap()].is_none());
                }
            }
            let gaps: u64 = extents.gaps(10..90).into_iter().map(|gap| gap.end - gap.start).sum();
            prop_assert_eq!(gaps, wanted[10..90].iter().filter(|slot| slot.is_none()).count() as u64);
        }
    }
}
