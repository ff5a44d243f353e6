//! A set of bytes by their offsets, as ranges that do not touch.

use std::collections::BTreeMap;

/// Beginnings with their ends.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds the bytes from `start` to before `end`.
    pub(crate) fn add(&mut self, mut start: u64, mut end: u64) {
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

    /// Removes the bytes from `start` to before `end`; says how many there were.
    pub(crate) fn remove(&mut self, start: u64, end: u64) -> u64 {
        let mut removed = 0;
        for (offset, length) in self.within(start, end.saturating_sub(start)) {
            let found = self.0.range_mut(..=offset).next_back();
            let Some((&first, last)) = found else {
                continue;
            };
            let behind = std::mem::replace(last, offset);
            if first == offset {
                self.0.remove(&first);
            }
            if behind > offset + length {
                self.0.insert(offset + length, behind);
            }
            removed += length;
        }
        removed
    }

    /// The parts of a range (offset and length) that are in the set, ascending.
    pub(crate) fn within(&self, offset: u64, length: u64) -> Vec<(u64, u64)> {
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
            .filter(|range| range.1 > 0)
            .collect()
    }

    /// Whether any byte of a range (offset and length) is in the set.
    pub(crate) fn holds_some(&self, offset: u64, length: u64) -> bool {
        let before = self.0.range(..offset.saturating_add(length)).next_back();
        length > 0 && before.is_some_and(|(_, last)| *last > offset)
    }

    /// The parts of a range (offset and length) that are not in the set, ascending.
    pub(crate) fn without(&self, offset: u64, length: u64) -> Vec<(u64, u64)> {
        let end = offset.saturating_add(length);
        let mut at = offset;
        let mut left = Vec::new();
        for (start, length) in self.within(offset, length) {
            if start > at {
                left.push((at, start - at));
            }
            at = start + length;
        }
        if at < end {
            left.push((at, end - at));
        }
        left
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All ranges (offset and length), ascending.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().map(|(&first, &last)| (first, last - first))
    }

    /// Number of bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.all().map(|(_, length)| length).sum()
    }

    /// One past the last byte.
    pub(crate) fn end(&self) -> u64 {
        self.0.last_key_value().map_or(0, |(_, &end)| end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_was_added_and_not_removed(
            steps in prop::collection::vec((any::<bool>(), 0..200u64, 0..30u64), 0..30),
            (offset, length) in (0..220u64, 0..60u64),
        ) {
            let mut ranges = Ranges::default();
            let mut model = [false; 300];
            for (adds, start, length) in steps {
                let changed = &mut model[start as usize..(start + length) as usize];
                if adds {
                    ranges.add(start, start + length);
                } else {
                    let there = changed.iter().filter(|there| **there).count() as u64;
                    prop_assert_eq!(ranges.remove(start, start + length), there);
                }
                changed.fill(adds);
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
            prop_assert_eq!(ranges.holds_some(offset, length), found.contains(&true));
            let mut lacking = [false; 300];
            for (start, length) in ranges.without(offset, length) {
                lacking[start as usize..(start + length) as usize].fill(true);
            }
            for at in 0..300u64 {
                prop_assert_eq!(
                    lacking[at as usize],
                    (offset..offset + length).contains(&at) && !found[at as usize]
                );
                let inside = (offset..offset + length).contains(&at);
                prop_assert_eq!(found[at as usize], inside && model[at as usize]);
            }
        }
    }
}
