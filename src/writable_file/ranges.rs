//! A set of bytes by their offsets, as ranges that do not touch.

use std::collections::BTreeMap;

/// Beginnings with their ends.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds the bytes from `start` to before `end`.
    pub(super) fn add(&mut self, mut start: u64, mut end: u64) {
        if start >= end {
            return;
        }
        while let Some((&first, &last)) = self
            .0
            .range(..=end)
            .next_back()
            .filter(|(_, last)| **last >= start)
        {
            start = start.min(first);
            end = end.max(last);
            self.0.remove(&first);
        }
        self.0.insert(start, end);
    }

    /// The parts of a range (offset and length) that are in the set, ascending.
    pub(super) fn within(&self, offset: u64, length: u64) -> Vec<(u64, u64)> {
        let end = offset.saturating_add(length);
        let before = self
            .0
            .range(..offset)
            .next_back()
            .filter(|(_, last)| **last > offset);
        before
            .into_iter()
            .chain(self.0.range(offset..end.max(offset)))
            .map(|(&first, &last)| (first.max(offset), last.min(end)))
            .map(|(first, last)| (first, last - first))
            .collect()
    }

    /// All ranges (offset and length), ascending.
    pub(super) fn all(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().map(|(&first, &last)| (first, last - first))
    }

    /// Number of bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.all().map(|(_, length)| length).sum()
    }

    /// One past the last byte.
    pub(super) fn end(&self) -> u64 {
        self.0.last_key_value().map_or(0, |(_, &end)| end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_was_added(
            added in prop::collection::vec((0..200u64, 0..30u64), 0..30),
            (offset, length) in (0..220u64, 0..60u64),
        ) {
            let mut ranges = Ranges::default();
            let mut model = [false; 300];
            for (start, length) in added {
                ranges.add(start, start + length);
                model[start as usize..(start + length) as usize].fill(true);
            }
            let mut shown = [false; 300];
            let mut last = None;
            for (start, length) in ranges.all() {
                prop_assert!(length > 0 && last.is_none_or(|end| start > end));
                last = Some(start + length);
                shown[start as usize..(start + length) as usize].fill(true);
            }
            prop_assert_eq!(shown, model);
            prop_assert_eq!(ranges.bytes(), model.iter().filter(|there| **there).count() as u64);
            prop_assert_eq!(ranges.end(), model.iter().rposition(|there| *there).map_or(0, |at| at as u64 + 1));
            let mut found = [false; 300];
            for (start, length) in ranges.within(offset, length) {
                found[start as usize..(start + length) as usize].fill(true);
            }
            for at in 0..300u64 {
                let inside = (offset..offset + length).contains(&at);
                prop_assert_eq!(found[at as usize], inside && model[at as usize]);
            }
        }
    }
}
