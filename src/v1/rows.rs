//! Which part of a dataset to fetch: blocks of its first dimension, with one range of each other.

use crate::server::PARALLEL;

/// Most blocks that one request may hold.
const MOST_BLOCKS: usize = 16_777_216;
/// Most bytes that one request asks for.
const PART: u64 = 64 << 20;
/// Fewer bytes are not worth a request of their own, which another worker of the server answers.
const LITTLE: u64 = 16 << 20;

/// Blocks of rows, ascending and apart. A scalar has none, and no other dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    blocks: Vec<(u64, u64)>,
    others: Vec<(u64, u64)>,
}

impl Rows {
    /// `blocks` are starts and counts in the first dimension, ascending, not overlapping, none empty; `others`
    /// one start and count for each other dimension.
    #[must_use]
    pub fn new(blocks: Vec<(u64, u64)>, others: Vec<(u64, u64)>) -> Self {
        Self { blocks, others }
    }

    /// The one element of a scalar.
    #[must_use]
    pub fn scalar() -> Self {
        Self::new(Vec::new(), Vec::new())
    }

    /// Blocks in the first dimension.
    #[must_use]
    pub fn blocks(&self) -> &[(u64, u64)] {
        &self.blocks
    }

    /// Ranges of the other dimensions.
    #[must_use]
    pub fn others(&self) -> &[(u64, u64)] {
        &self.others
    }

    /// Extents of what is wanted; none of a scalar.
    pub(super) fn shape(&self) -> Vec<u64> {
        let rows = self.blocks.iter().map(|block| block.1).sum();
        let first = (!self.blocks.is_empty()).then_some(rows);
        let others = self.others.iter().map(|other| other.1);
        first.into_iter().chain(others).collect()
    }

    /// Elements of one row.
    #[must_use]
    pub fn width(&self) -> u64 {
        self.others
            .iter()
            .fold(1, |count: u64, &(_, one)| count.saturating_mul(one))
    }

    /// Elements in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        if self.blocks.is_empty() && self.others.is_empty() {
            return 1;
        }
        let rows = self
            .blocks
            .iter()
            .fold(0, |count: u64, &(_, one)| count.saturating_add(one));
        rows.saturating_mul(self.width())
    }

    /// The same in parts, one for each request, for elements of so many bytes.
    pub(super) fn parts(&self, element: u64) -> Vec<Self> {
        if self.blocks.is_empty() {
            return vec![self.clone()];
        }
        let row = self.width().saturating_mul(element).max(1);
        let all = self.count().saturating_mul(element);
        let part = all.div_ceil(PARALLEL as u64).clamp(LITTLE, PART);
        let most = (part / row).max(1);
        let mut parts = Vec::new();
        let mut now = Vec::new();
        let mut room = most;
        for &(mut start, mut count) in &self.blocks {
            while count > 0 {
                let here = count.min(room);
                now.push((start, here));
                start += here;
                count -= here;
                room -= here;
                if room == 0 || now.len() == MOST_BLOCKS {
                    parts.push(Self::new(std::mem::take(&mut now), self.others.clone()));
                    room = most;
                }
            }
        }
        if !now.is_empty() {
            parts.push(Self::new(now, self.others.clone()));
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_one_request_and_much_is_several() {
        let of = |rows| Rows::new(vec![(0, rows)], vec![(0, 4)]).parts(4);
        assert_eq!(of(1 << 20).len(), 1);
        assert_eq!(of(2 << 20).len(), 2);
        assert_eq!(of(4 << 20).len(), 4);
        assert_eq!(of(16 << 20).len(), 4);
    }

    #[test]
    fn parts_hold_64_mebibytes_at_most() {
        let all = Rows::new(vec![(0, 10 << 20)], vec![(0, 3)]);
        let parts = all.parts(8);
        assert_eq!(parts.len(), 4);
        assert_eq!(parts.iter().map(Rows::count).sum::<u64>(), 30 << 20);
        assert!(parts.iter().all(|part| part.count() * 8 <= PART));
        // A row is never cut.
        let wide = Rows::new(vec![(5, 3)], vec![(0, 100 << 20)]);
        assert_eq!(wide.parts(8).len(), 3);
    }

    #[test]
    fn long_lists_of_points_are_split() {
        let points = (0..MOST_BLOCKS as u64 + 5).map(|point| (2 * point, 1)).collect();
        let parts = Rows::new(points, Vec::new()).parts(1);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].blocks().len(), MOST_BLOCKS);
        assert_eq!(parts[1].blocks()[0], (2 * MOST_BLOCKS as u64, 1));
    }

    #[test]
    fn a_scalar_is_one_element() {
        assert_eq!(Rows::scalar().count(), 1);
        assert_eq!(Rows::scalar().parts(8), [Rows::scalar()]);
    }
}
