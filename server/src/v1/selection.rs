//! Which elements of a dataset are wanted, and in which pieces they are read. Pure arithmetic.

use hdfstream::protocol::Run;

use crate::worker::question::{MAX_ELEMENT_BYTES, MAX_ROWS};

/// Most blocks of a request.
pub(super) const MAX_BLOCKS: usize = 1 << 24;
/// Most dimensions of a slice.
pub(super) const MAX_DIMENSIONS: usize = 8;
/// Bytes of a piece, unless an element or a chunk asks for more.
const PIECE: u64 = 1 << 20;
/// Most runs that are worth sending as bytes of the file.
const MAX_RUNS: u64 = 1 << 16;

/// Blocks that share their range in all dimensions but the first, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocks {
    /// Start and count in the first dimension; touching ones are joined, empty ones left out.
    pub(super) rows: Vec<(u64, u64)>,
    /// Start and count in the others.
    pub(super) rest: Vec<(u64, u64)>,
    /// Whether there are no dimensions at all.
    pub(super) scalar: bool,
    /// Where the last block ends, so that order can be checked.
    end: u64,
}

/// Why blocks are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Disorder {
    #[error("slices must be in ascending order and must not overlap")]
    Order,
    #[error("the slice has another number of dimensions than the dataset")]
    Rank,
    #[error("the slice reaches beyond the dataset")]
    Beyond,
}

impl Blocks {
    pub(super) fn scalar() -> Self {
        Self {
            scalar: true,
            ..Self::new(Vec::new())
        }
    }

    pub(super) fn new(rest: Vec<(u64, u64)>) -> Self {
        Self {
            rows: Vec::new(),
            rest,
            scalar: false,
            end: 0,
        }
    }

    /// All of a dataset.
    pub(super) fn whole(shape: &[u64]) -> Self {
        let Some((&rows, rest)) = shape.split_first() else {
            return Self::scalar();
        };
        let mut blocks = Self::new(rest.iter().map(|&extent| (0, extent)).collect());
        // Alone, it is in order.
        let _ = blocks.push(0, rows);
        blocks
    }

    /// Adds a block.
    pub(super) fn push(&mut self, start: u64, count: u64) -> Result<(), Disorder> {
        if start < self.end {
            return Err(Disorder::Order);
        }
        self.end = start.checked_add(count).ok_or(Disorder::Beyond)?;
        match self.rows.last_mut() {
            _ if count == 0 => {}
            Some((last, length)) if *last + *length == start => *length += count,
            _ => self.rows.push((start, count)),
        }
        Ok(())
    }

    /// Whether all of it lies in a dataset of these extents.
    pub(super) fn check(&self, shape: &[u64]) -> Result<(), Disorder> {
        let Some((&rows, extents)) = shape.split_first() else {
            return if self.scalar { Ok(()) } else { Err(Disorder::Rank) };
        };
        if self.scalar || extents.len() != self.rest.len() {
            return Err(Disorder::Rank);
        }
        let inside = |(&(start, count), &extent): (&(u64, u64), &u64)| {
            start.checked_add(count).is_some_and(|end| end <= extent)
        };
        if self.end <= rows && self.rest.iter().zip(extents).all(inside) {
            Ok(())
        } else {
            Err(Disorder::Beyond)
        }
    }

    /// The extents of what is selected.
    pub(super) fn shape(&self) -> Vec<u64> {
        if self.scalar {
            return Vec::new();
        }
        let rows = self.rows.iter().map(|(_, count)| count).sum();
        std::iter::once(rows)
            .chain(self.rest.iter().map(|(_, count)| *count))
            .collect()
    }

    /// The number of selected elements, if it can be counted.
    pub(super) fn elements(&self) -> Option<u64> {
        self.shape()
            .iter()
            .try_fold(1u64, |product, extent| product.checked_mul(*extent))
    }

    /// The bytes of a file in which elements of `width` lie in a row from `offset` on; `None` if there are
    /// too many pieces for that. The blocks must have been checked.
    pub(super) fn runs(&self, shape: &[u64], offset: u64, width: u64) -> Option<Vec<Run>> {
        if self.scalar {
            return Some(vec![Run::range(offset, width)]);
        }
        // How many of the last dimensions are wanted whole: their elements lie in a row.
        let extents = shape.get(1..)?;
        let whole = self.rest.iter().zip(extents).rev();
        let whole = whole.take_while(|((_, count), extent)| count == *extent).count();
        let cut = self.rest.len() - whole;
        let inner: u64 = extents[cut..].iter().product::<u64>() * width;
        let row: u64 = extents.iter().product::<u64>() * width;
        let starts = |&(start, count): &(u64, u64)| match self.rest[..cut] {
            [] => vec![Run::range(offset + start * row, count * row)],
            [(first, length)] => vec![Run {
                offset: offset + start * row + first * inner,
                length: length * inner,
                stride: row,
                count,
            }],
            // More dimensions that are cut are left to the workers.
            _ => Vec::new(),
        };
        let few = self.rows.len() as u64 <= MAX_RUNS && cut <= 1;
        few.then(|| self.rows.iter().flat_map(starts).collect())
    }
}

/// What is read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) rows: Vec<(u64, u64)>,
    pub(super) rest: Vec<(u64, u64)>,
    /// How many elements that are.
    pub(super) elements: u64,
}

/// Goes through the selected elements in order.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    blocks: &'a Blocks,
    width: u64,
    chunk: &'a [u64],
    /// The present block, the rows of it that are done, and the elements of the next row that are done.
    block: usize,
    row: u64,
    within: u64,
    left: u64,
}

impl<'a> Pieces<'a> {
    /// Of elements of `width` bytes, stored in chunks of these extents, if any.
    pub(super) fn new(blocks: &'a Blocks, width: u64, chunk: &'a [u64]) -> Self {
        Self {
            blocks,
            width: width.max(1),
            chunk,
            block: 0,
            row: 0,
            within: 0,
            left: blocks.elements().unwrap_or(0),
        }
    }

    /// Extent of a chunk in this dimension.
    fn chunk(&self, dimension: usize) -> u64 {
        self.chunk.get(dimension).map_or(1, |&extent| extent.max(1))
    }

    /// Whether chunks are so large that each is in several pieces.
    pub(super) fn share_chunks(&self) -> bool {
        let mut slice = self
            .blocks
            .rest
            .iter()
            .fold(self.width, |bytes, (_, count)| bytes.saturating_mul(*count));
        let mut rest = self.blocks.rest.iter();
        // What lies between the first and the last of a chunk.
        for dimension in 0..self.chunk.len() {
            if self.chunk(dimension) > 1 {
                return slice.saturating_mul(self.chunk(dimension)) > MAX_ELEMENT_BYTES;
            }
            slice /= rest.next().map_or(1, |&(_, count)| count.max(1));
        }
        false
    }

    /// How many of the slices of a dimension from `at` on make a piece, with so many bytes each: up to the border of
    /// a chunk if that is near.
    fn together(&self, dimension: usize, at: u64, bytes: u64) -> u64 {
        let chunk = self.chunk(dimension);
        let most = (PIECE / bytes.max(1)).max(1);
        let border = |slices: u64| ((at + slices) / chunk * chunk).saturating_sub(at);
        let wanted = if chunk <= most {
            border(most)
        } else if chunk.saturating_mul(bytes) <= MAX_ELEMENT_BYTES {
            border(chunk)
        } else {
            most
        };
        wanted.max(1)
    }

    /// The next piece; none at the end.
    pub(super) fn next(&self) -> Option<Piece> {
        if self.left == 0 {
            return None;
        }
        if self.blocks.scalar {
            return Some(Piece {
                rows: Vec::new(),
                rest: Vec::new(),
                elements: 1,
            });
        }
        let row: u64 = self.blocks.rest.iter().map(|(_, count)| count).product();
        if self.within == 0 && row.saturating_mul(self.width) <= PIECE {
            Some(self.rows(row))
        } else {
            Some(self.part_of_row(row))
        }
    }

    /// Notes that so many elements have been had.
    pub(super) fn advance(&mut self, elements: u64) {
        let row: u64 = self.blocks.rest.iter().map(|(_, count)| count).product();
        self.left = self.left.saturating_sub(elements);
        self.within += elements;
        let mut rows = self.within / row.max(1);
        self.within %= row.max(1);
        while rows > 0
            && let Some((_, count)) = self.blocks.rows.get(self.block)
        {
            let taken = rows.min(count - self.row);
            rows -= taken;
            self.row += taken;
            if self.row == *count {
                self.block += 1;
                self.row = 0;
            }
        }
    }

    /// Whole rows, up to the border of a chunk if that is near.
    fn rows(&self, row: u64) -> Piece {
        let at = self
            .blocks
            .rows
            .get(self.block)
            .map_or(0, |(start, _)| start + self.row);
        let mut wanted = self.together(0, at, row * self.width);
        let mut rows = Vec::new();
        let mut done = self.row;
        for &(start, count) in self.blocks.rows.iter().skip(self.block).take(MAX_ROWS) {
            let taken = wanted.min(count - done);
            rows.push((start + done, taken));
            done = 0;
            wanted -= taken;
            if wanted == 0 {
                break;
            }
        }
        let count: u64 = rows.iter().map(|(_, count)| count).sum();
        Piece {
            rows,
            rest: self.blocks.rest.clone(),
            elements: count * row,
        }
    }

    /// A box within one row: as many slices of a dimension as fit, of the first dimension at whose border
    /// the row is.
    fn part_of_row(&self, row: u64) -> Piece {
        let counts: Vec<u64> = self.blocks.rest.iter().map(|(_, count)| *count).collect();
        let start = self
            .blocks
            .rows
            .get(self.block)
            .map_or(0, |(start, _)| start + self.row);
        let mut rest = Vec::with_capacity(counts.len());
        let mut slice = row;
        let mut at = self.within;
        let mut elements = 1;
        let mut cut = false;
        for (&(start, count), number) in self.blocks.rest.iter().zip(1..) {
            if cut {
                rest.push((start, count));
                elements *= count;
                continue;
            }
            slice /= count;
            let index = at / slice;
            at %= slice;
            let last = number == counts.len();
            cut = at == 0 && (last || slice.saturating_mul(self.width) <= PIECE);
            let taken = if cut {
                self.together(number, start + index, slice * self.width)
                    .min(count - index)
            } else {
                1
            };
            rest.push((start + index, taken));
            elements *= taken;
        }
        Piece {
            rows: vec![(start, 1)],
            rest,
            elements,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbers of the elements of a box in a dataset of `shape`, in order.
    fn numbers(shape: &[u64], rows: &[(u64, u64)], rest: &[(u64, u64)]) -> Vec<u64> {
        let mut found = Vec::new();
        for &(start, count) in rows {
            for row in start..start + count {
                let mut some = vec![row];
                for (&(start, count), extent) in rest.iter().zip(&shape[1..]) {
                    some = some
                        .into_iter()
                        .flat_map(|at| (start..start + count).map(move |index| at * extent + index))
                        .collect();
                }
                found.extend(some);
            }
        }
        found
    }

    fn selection() -> impl Strategy<Value = (Vec<u64>, Blocks)> {
        let rest = prop::collection::vec((1..12u64, 0..12u64, 0..12u64), 0..4);
        let rows = prop::collection::vec((0..4u64, 0..6u64), 1..8);
        (rest, rows, 0..3u64).prop_map(|(rest, rows, spare)| {
            let extents: Vec<u64> = rest.iter().map(|(extent, ..)| *extent).collect();
            let ranges = rest.iter().map(|&(extent, start, count)| {
                let start = start % extent;
                (start, count % (extent - start + 1))
            });
            let mut blocks = Blocks::new(ranges.collect());
            for (gap, count) in rows {
                blocks.push(blocks.end + gap, count).unwrap();
            }
            let shape = std::iter::once(blocks.end + spare).chain(extents).collect();
            (shape, blocks)
        })
    }

    proptest! {
        #[test]
        fn pieces_bring_every_element_once_and_in_order(
            (shape, blocks) in selection(),
            width in prop_oneof![1..9u64, 100_000..700_000u64, 2_000_000..9_000_000u64],
            chunk in prop::collection::vec(1..20u64, 0..5),
            partial in any::<bool>(),
        ) {
            blocks.check(&shape).unwrap();
            let mut pieces = Pieces::new(&blocks, width, &chunk);
            let mut found = Vec::new();
            while let Some(piece) = pieces.next() {
                let mut some = numbers(&shape, &piece.rows, &piece.rest);
                prop_assert_eq!(some.len() as u64, piece.elements);
                prop_assert!(piece.elements == 1 || piece.elements * width <= MAX_ELEMENT_BYTES);
                // Elements of variable length can be fewer than were asked for.
                if partial {
                    some.truncate(some.len().div_ceil(2));
                }
                pieces.advance(some.len() as u64);
                found.extend(some);
            }
            prop_assert_eq!(pieces.left, 0);
            prop_assert_eq!(found, numbers(&shape, &blocks.rows, &blocks.rest));
        }

        #[test]
        fn runs_are_the_bytes_of_the_elements((shape, blocks) in selection(), width in 1..5u64, offset in 0..99u64) {
            let Some(runs) = blocks.runs(&shape, offset, width) else { return Ok(()) };
            let mut bytes = Vec::new();
            for run in runs {
                for piece in 0..run.count {
                    let start = run.offset + piece * run.stride;
                    bytes.extend(start..start + run.length);
                }
            }
            let elements = numbers(&shape, &blocks.rows, &blocks.rest);
            let expected: Vec<u64> = elements.iter().flat_map(|at| (0..width).map(move |byte| offset + at * width + byte)).collect();
            prop_assert_eq!(bytes, expected);
        }
    }

    #[test]
    fn what_lies_outside_is_refused() {
        let mut blocks = Blocks::new(vec![(1, 2)]);
        blocks.push(5, 5).unwrap();
        assert_eq!(blocks.push(9, 1), Err(Disorder::Order));
        assert_eq!(blocks.push(u64::MAX, 2), Err(Disorder::Beyond));
        assert_eq!(blocks.check(&[10, 3]), Ok(()));
        for (shape, why) in [
            (&[9, 3][..], Disorder::Beyond),
            (&[10, 2], Disorder::Beyond),
            (&[10], Disorder::Rank),
            (&[10, 3, 1], Disorder::Rank),
            (&[], Disorder::Rank),
        ] {
            assert_eq!(blocks.check(shape), Err(why));
        }
        assert_eq!(Blocks::scalar().check(&[]), Ok(()));
        assert_eq!(Blocks::scalar().check(&[1]), Err(Disorder::Rank));
    }

    #[test]
    fn pieces_end_where_chunks_do() {
        let first = |shape: &[u64], chunk: &[u64]| {
            let blocks = Blocks::whole(shape);
            let piece = Pieces::new(&blocks, 8, chunk).next().unwrap();
            (piece.rows, piece.rest)
        };
        assert_eq!(first(&[100_000, 8], &[1_000, 8]).0, [(0, 16_000)]);
        assert_eq!(first(&[100_000, 8], &[60_000, 8]).0, [(0, 60_000)]);
        let wide = [3, 10, 1_000_000];
        assert_eq!(first(&wide, &[]), (vec![(0, 1)], vec![(0, 1), (0, 131_072)]));
        let images = [50, 4096, 4096];
        assert_eq!(
            first(&images, &[1, 200, 300]),
            (vec![(0, 1)], vec![(0, 200), (0, 4096)])
        );
    }

    #[test]
    fn large_chunks_are_shared_by_pieces() {
        let shared = |shape: &[u64], chunk: &[u64]| {
            let blocks = Blocks::whole(shape);
            Pieces::new(&blocks, 8, chunk).share_chunks()
        };
        assert!(!shared(&[100_000, 8], &[]));
        assert!(!shared(&[100_000, 8], &[60_000, 8]));
        assert!(shared(&[1_000_000, 8], &[600_000, 8]));
        assert!(shared(&[2, 8 << 20], &[1, 8 << 20]));
        assert!(!shared(&[50, 4096, 4096], &[1, 200, 300]));
        assert!(shared(&[50, 4096, 4096], &[2, 200, 300]));
        assert!(!shared(&[], &[]));
    }
}
