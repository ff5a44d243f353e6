//! What to fetch beyond what was asked for: planned ranges, and blocks that grow on sequential access.

/// Bytes of planned ranges that are fetched at once.
const WINDOW: u64 = 32 << 20;
/// Longer planned ranges are taken in parts of this size, bytes.
const PART: u64 = 8 << 20;
/// Smallest block, and the alignment of all blocks, bytes.
const BLOCK: u64 = 64 << 10;
/// Largest block, bytes.
const LARGEST_BLOCK: u64 = 4 << 20;

/// Raw ranges that are about to be read, in their order.
#[derive(Debug, Default)]
pub(super) struct Plan {
    ranges: Vec<(u64, u64)>,
    /// Numbers of `ranges`, ascending by offset.
    by_offset: Vec<usize>,
    /// Number of the first range after the last window; `None` when nobody asked for one.
    next: Option<usize>,
}

impl Plan {
    pub(super) fn new(ranges: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut parts = Vec::new();
        for (offset, length) in ranges {
            if offset.checked_add(length).is_none() {
                continue;
            }
            for start in (0..length).step_by(PART as usize) {
                parts.push((offset + start, PART.min(length - start)));
            }
        }
        let ranges = parts;
        let mut by_offset: Vec<usize> = (0..ranges.len()).collect();
        by_offset.sort_by_key(|&number| ranges[number].0);
        Self {
            ranges,
            by_offset,
            next: None,
        }
    }

    /// Whether nothing is planned.
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Bytes of all ranges.
    pub(super) fn bytes(&self) -> u64 {
        self.ranges.iter().map(|range| range.1).sum()
    }

    /// Number of the planned range that `offset` lies in.
    pub(super) fn find(&self, offset: u64) -> Option<usize> {
        let after = self
            .by_offset
            .partition_point(|&number| self.ranges[number].0 <= offset);
        let number = *self.by_offset.get(after.checked_sub(1)?)?;
        let (start, length) = self.ranges[number];
        (offset < start + length).then_some(number)
    }

    /// The planned ranges to fetch when `offset` is missing: from there on, in order, as long as they fit
    /// in a window and in `most` bytes. Empty when `offset` is in no planned range.
    pub(super) fn window(&mut self, offset: u64, most: u64) -> Vec<(u64, u64)> {
        let Some(first) = self.find(offset) else {
            return Vec::new();
        };
        let (start, length) = self.ranges[first];
        let within = (start + length - offset).min(most.min(WINDOW));
        let mut window = vec![(offset, within)];
        self.follow(&mut window, first + 1, most);
        window
    }

    /// The planned ranges after the last window; empty unless there was one, and at the end.
    pub(super) fn following(&mut self, most: u64) -> Vec<(u64, u64)> {
        let mut window = Vec::new();
        if let Some(next) = self.next.take() {
            self.follow(&mut window, next, most);
        }
        window
    }

    fn follow(&mut self, window: &mut Vec<(u64, u64)>, from: usize, most: u64) {
        let mut left = most.min(WINDOW) - window.iter().map(|range| range.1).sum::<u64>();
        let mut next = from;
        while let Some(&(offset, length)) = self.ranges.get(next)
            && length <= left
        {
            left -= length;
            window.push((offset, length));
            next += 1;
        }
        self.next = Some(next);
    }
}

/// Guesses how much more than asked for will be wanted.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Where the last block ended.
    next: u64,
    size: u64,
}

impl Ahead {
    /// The block, aligned but for the end of the file, to fetch for a missing range of a file of `size`
    /// bytes.
    pub(super) fn block(&mut self, offset: u64, length: u64, size: u64) -> (u64, u64) {
        let follows = self.size > 0 && offset <= self.next && offset + BLOCK > self.next;
        self.size = if follows {
            (self.size * 2).min(LARGEST_BLOCK)
        } else {
            BLOCK
        };
        let start = offset / BLOCK * BLOCK;
        let wanted = offset.saturating_add(length).max(start.saturating_add(self.size));
        let end = wanted.div_ceil(BLOCK).saturating_mul(BLOCK).min(size);
        self.next = end;
        (start, end.saturating_sub(start))
    }
}

/// The block, aligned but for the end of the file, around a range of a file of `size` bytes.
pub(super) fn block(offset: u64, length: u64, size: u64) -> (u64, u64) {
    let start = offset / BLOCK * BLOCK;
    let end = offset
        .saturating_add(length)
        .div_ceil(BLOCK)
        .saturating_mul(BLOCK)
        .min(size);
    (start, end.saturating_sub(start))
}

/// The union of ranges, ascending.
pub(super) fn union(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let mut union: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
    for (offset, length) in ranges {
        match union.last_mut() {
            Some((start, before)) if offset <= *start + *before => {
                *before = (*before).max(offset + length - *start);
            }
            _ => union.push((offset, length)),
        }
    }
    union
}

/// What of `ranges` lies in none of `taken`; both ascending and apart.
pub(super) fn without(ranges: &[(u64, u64)], taken: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut left = Vec::with_capacity(ranges.len());
    let mut taken = taken.iter().peekable();
    for &(offset, length) in ranges {
        let end = offset + length;
        let mut at = offset;
        while let Some(&&(start, size)) = taken.peek() {
            if start >= end {
                break;
            }
            if start > at {
                left.push((at, start - at));
            }
            at = at.max(start + size);
            if start + size > end {
                // It may reach into the next range too.
                break;
            }
            taken.next();
        }
        if at < end {
            left.push((at, end - at));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_at_the_miss_and_follows_the_order_given() {
        let mut plan = Plan::new(vec![
            (5000, 100),
            (1000, 100),
            (9000, 0),
            (3000, 100),
            (u64::MAX, 9),
        ]);
        assert_eq!(
            plan.window(5000, 1 << 30),
            [(5000, 100), (1000, 100), (3000, 100)]
        );
        assert_eq!(plan.window(1010, 1 << 30), [(1010, 90), (3000, 100)]);
        assert_eq!(plan.window(5000, 250), [(5000, 100), (1000, 100)]);
        assert_eq!(plan.window(5000, 60), [(5000, 60)]);
        assert!(plan.window(1100, 1 << 30).is_empty());
        assert!(plan.window(0, 1 << 30).is_empty());
        assert!(Plan::default().window(0, 1 << 30).is_empty());
        plan.window(5000, 100);
        assert_eq!(plan.following(150), [(1000, 100)]);
        assert_eq!(plan.following(150), [(3000, 100)]);
        assert!(plan.following(150).is_empty());
        let mut large = Plan::new(vec![(0, 40 << 20), (50 << 20, 1)]);
        assert_eq!(union(large.window(5, 1 << 30)), [(5, WINDOW - 5)]);
        assert_eq!(large.following(1 << 30), [(WINDOW, PART), (50 << 20, 1)]);
    }

    #[test]
    fn blocks_grow_while_access_is_sequential() {
        let mut ahead = Ahead::default();
        assert_eq!(ahead.block(100, 10, 1 << 30), (0, BLOCK));
        assert_eq!(ahead.block(BLOCK, 10, 1 << 30), (BLOCK, 2 * BLOCK));
        assert_eq!(ahead.block(3 * BLOCK - 4, 10, 1 << 30), (2 * BLOCK, 4 * BLOCK));
        assert_eq!(ahead.block(100 * BLOCK, 10, 1 << 30), (100 * BLOCK, BLOCK));
        assert_eq!(
            ahead.block(200 * BLOCK + 1, BLOCK, 1 << 30),
            (200 * BLOCK, 2 * BLOCK)
        );
        assert_eq!(ahead.block(70, 10, 100), (0, 100));
        let mut at = 0;
        for _ in 0..20 {
            let (start, length) = ahead.block(at, 1, u64::MAX);
            at = start + length;
        }
        assert_eq!(ahead.size, LARGEST_BLOCK);
    }

    #[test]
    fn unions_are_sorted_and_apart() {
        assert_eq!(
            union(vec![(10, 5), (0, 3), (14, 4), (3, 1), (11, 1)]),
            [(0, 4), (10, 8)]
        );
    }

    #[test]
    fn what_is_taken_is_left_out() {
        assert_eq!(
            without(&[(0, 10), (20, 10)], &[(5, 17), (25, 1), (40, 2)]),
            [(0, 5), (22, 3), (26, 4)]
        );
        assert_eq!(without(&[(0, 10)], &[(0, 10)]), []);
        assert_eq!(without(&[(0, 10)], &[]), [(0, 10)]);
    }
}
