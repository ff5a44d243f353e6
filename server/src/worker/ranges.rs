//! Sets of byte ranges: what has been touched already, and what to put in a pack.

use std::collections::BTreeMap;

/// A set of bytes, kept as disjoint ranges that neither overlap nor adjoin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeSet {
    /// First byte to one past the last.
    ranges: BTreeMap<u64, u64>,
    bytes: u64,
}

impl RangeSet {
    /// Adds `length` bytes at `offset`; hands those that were not in the set to `fresh` as
    /// `(offset, length)`. Ranges beyond the end of `u64` are cut.
    pub fn insert(&mut self, offset: u64, length: u64, mut fresh: impl FnMut(u64, u64)) {
        let end = offset.saturating_add(length);
        if offset >= end {
            return;
        }
        let (mut merged_start, mut merged_end) = (offset, end);
        // Missing bytes begin here; moves right over what is already there.
        let mut at = offset;
        if let Some((&start, &before)) = self.ranges.range(..=offset).next_back()
            && before >= offset
        {
            if before >= end {
                return;
            }
            merged_start = start;
            at = before;
        }
        while at <= end
            && let Some((&start, &stop)) = self.ranges.range(at..=end).next()
        {
            if start > at {
                self.bytes += start - at;
                fresh(at, start - at);
            }
            at = stop;
            merged_end = merged_end.max(stop);
            self.ranges.remove(&start);
        }
        if at < end {
            self.bytes += end - at;
            fresh(at, end - at);
        }
        self.ranges.insert(merged_start, merged_end);
    }

    /// Number of bytes in the set.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Number of ranges.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there is nothing in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges as `(offset, length)`, ascending, cut at `size`; gaps of less than `gap` bytes are
    /// swallowed.
    #[must_use]
    pub fn merged(&self, gap: u64, size: u64) -> Vec<(u64, u64)> {
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (&start, &end) in &self.ranges {
            let end = end.min(size);
            if start >= end {
                break;
            }
            match merged.last_mut() {
                Some((offset, length)) if start - (*offset + *length) < gap => *length = end - *offset,
                _ => merged.push((start, end - start)),
            }
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_range_set_is_a_set_of_bytes(inserts in prop::collection::vec((0u64..200, 0u64..40), 0..40)) {
            let mut set = RangeSet::default();
            let mut bytes = [false; 240];
            for (offset, length) in inserts {
                let mut announced = Vec::new();
                set.insert(offset, length, |at, count| announced.extend(at..at + count));
                let expected: Vec<u64> =
                    (offset..offset + length).filter(|&at| !bytes[at as usize]).collect();
                prop_assert_eq!(announced, expected);
                for at in offset..offset + length {
                    bytes[at as usize] = true;
                }
            }
            prop_assert_eq!(set.bytes(), bytes.iter().filter(|&&there| there).count() as u64);
            let covered: Vec<u64> =
                set.merged(0, 1000).into_iter().flat_map(|(at, count)| at..at + count).collect();
            let expected: Vec<u64> = (0..240).filter(|&at| bytes[at as usize]).collect();
            prop_assert_eq!(covered, expected);
            prop_assert_eq!(set.merged(0, 1000).len(), set.len());
        }
    }

    #[test]
    fn gaps_are_swallowed_and_the_end_of_file_cuts() {
        let mut set = RangeSet::default();
        for (offset, length) in [(0, 10), (15, 5), (40, 10)] {
            set.insert(offset, length, |_, _| {});
        }
        assert_eq!(set.merged(6, 45), vec![(0, 20), (40, 5)]);
        assert_eq!(set.merged(1000, 16), vec![(0, 16)]);
    }
}
