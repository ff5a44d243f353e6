//! The chunks of a dataset, and which of them a selection touches.

use std::ffi::{c_int, c_uint, c_void};

use hdfstream::{Extents, StoredChunk};

use crate::decoded::Recipe;
use crate::ffi::{self, haddr_t, hid_t, hsize_t};
use crate::handle::Handle;
use crate::host::Host;
use crate::storage;

/// Most chunks whose membership in an irregular selection is tested one by one.
const MOST_TESTED: usize = 1 << 20;
/// Unfiltered chunks above this size, bytes, are not read whole by HDF5 (they exceed its chunk cache), so
/// that they are not announced either.
const LARGEST_UNFILTERED: u64 = 1 << 20;

/// Chunks that are no farther apart, bytes, count as one range.
const APART: u64 = 64 << 10;

/// The chunks of a dataset.
pub(crate) struct ChunkIndex {
    /// Elements of a chunk, by dimension.
    shape: Vec<u64>,
    /// Chunks by dimension.
    grid: Vec<u64>,
    /// Row-major number within the grid, address, bytes, and filters left out; ascending.
    chunks: Vec<Chunk>,
    /// Whether their numbers are right.
    in_order: bool,
    /// Where they all are.
    extents: Extents,
    /// How they become elements, if that can be done without the native code.
    pub(crate) recipe: Option<Recipe>,
}

/// Row-major number within the grid, address, bytes, and filters left out.
type Chunk = (u64, haddr_t, hsize_t, c_uint);

/// Number of positions in a box, both corners included; `None` when it exceeds 64 bits.
fn volume(first: &[u64], last: &[u64]) -> Option<u64> {
    first.iter().zip(last).try_fold(1u64, |product, (first, last)| {
        product.checked_mul((last - first).checked_add(1)?)
    })
}

/// Whether HDF5 tells where the chunks are that it walks over. In an extensible array of which not the first dimension
/// grows it counts them in the wrong order (`H5D__earray_idx_iterate_cb` of 1.14 to 2.2).
fn is_in_order(host: &'static Host, space: hid_t, rank: usize) -> bool {
    let mut limits = vec![0; rank];
    // SAFETY: an open dataspace of this rank; the first pointer may be null.
    let got =
        unsafe { (host.h5.H5Sget_simple_extent_dims)(space, std::ptr::null_mut(), limits.as_mut_ptr()) };
    let mut unlimited = (0..rank).filter(|&dimension| limits[dimension] == hsize_t::MAX);
    got >= 0 && !matches!((unlimited.next(), unlimited.next()), (Some(1..), None))
}

/// The ranges that `chunks` take, ascending and apart.
fn extents(chunks: &[Chunk]) -> Extents {
    let mut ranges: Vec<(u64, u64)> = chunks.iter().map(|chunk| (chunk.1, chunk.2)).collect();
    ranges.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (offset, length) in ranges {
        let end = offset.saturating_add(length);
        match joined.last_mut() {
            Some((start, before)) if offset <= start.saturating_add(*before).saturating_add(APART) => {
                *before = (*before).max(end - *start);
            }
            _ => joined.push((offset, end - offset)),
        }
    }
    joined.into()
}

/// What the walk over a chunk index collects.
struct Collected<'a> {
    shape: &'a [u64],
    grid: &'a [u64],
    in_order: bool,
    chunks: Vec<Chunk>,
}

unsafe extern "C" fn collect(
    offset: *const hsize_t,
    filters_off: c_uint,
    address: haddr_t,
    size: hsize_t,
    collected: *mut c_void,
) -> c_int {
    // SAFETY: `read` passes a `Collected` and HDF5 an offset with as many entries as the dataset has
    // dimensions. Nothing here can panic: the divisors are not zero, and wrapping arithmetic at worst makes a
    // hint useless.
    unsafe {
        let collected = &mut *collected.cast::<Collected<'_>>();
        if address != ffi::HADDR_UNDEF && size > 0 {
            let mut number = 0u64;
            for (dimension, (shape, grid)) in collected.shape.iter().zip(collected.grid).enumerate() {
                let position = *offset.add(dimension) / (*shape).max(1);
                if position >= *grid && collected.in_order {
                    return 0;
                }
                number = number.wrapping_mul(*grid).wrapping_add(position);
            }
            collected.chunks.push((number, address, size, filters_off));
        }
    }
    0
}

impl ChunkIndex {
    /// Walks the index of `dataset`, whose creation list is given; `None` when that is of no use.
    pub(crate) fn read(
        host: &'static Host,
        dataset: *mut c_void,
        creation: &Handle,
        filtered: bool,
    ) -> Option<Self> {
        let space = storage::space(host, dataset)?;
        let dimensions = storage::dimensions(host, space.id())?;
        let mut shape = vec![0; dimensions.len()];
        // SAFETY: the array has as many entries as announced.
        let rank = unsafe {
            (host.h5.H5Pget_chunk)(
                creation.id(),
                c_int::try_from(shape.len()).ok()?,
                shape.as_mut_ptr(),
            )
        };
        if usize::try_from(rank) != Ok(shape.len()) || shape.contains(&0) {
            return None;
        }
        let grid: Vec<u64> = dimensions
            .iter()
            .zip(&shape)
            .map(|(all, chunk)| all.div_ceil(*chunk))
            .collect();
        grid.iter()
            .try_fold(1u64, |product, count| product.checked_mul(*count))?;

        let in_order = is_in_order(host, space.id(), dimensions.len());
        let mut collected = Collected {
            shape: &shape,
            grid: &grid,
            in_order,
            chunks: Vec::new(),
        };
        // SAFETY: plain data for which zeros are valid; the operation number says which part counts, and
        // that part is alike in all versions (test `headers`).
        let status = unsafe {
            let mut arguments: ffi::H5VL_native_dataset_optional_args_t = std::mem::zeroed();
            arguments.chunk_iter.op = Some(collect);
            arguments.chunk_iter.op_data = (&raw mut collected).cast();
            storage::native_operation(
                host,
                dataset,
                ffi::H5VL_NATIVE_DATASET_CHUNK_ITER as c_int,
                &mut arguments,
            )?
        };
        if status < 0 {
            return None;
        }
        let mut chunks = collected.chunks;
        if !filtered && chunks.iter().any(|chunk| chunk.2 > LARGEST_UNFILTERED) {
            return None;
        }
        chunks.sort_unstable();
        let known = in_order && chunks.windows(2).all(|pair| pair[0].0 != pair[1].0);
        let recipe = match known {
            true => Recipe::of(host, dataset, creation, &dimensions),
            false => None,
        };
        Some(Self {
            extents: extents(&chunks),
            shape,
            grid,
            chunks,
            in_order,
            recipe,
        })
    }

    /// Where all chunks are.
    pub(crate) fn extents(&self) -> &Extents {
        &self.extents
    }

    /// Elements of a chunk, by dimension.
    pub(crate) fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The chunk at a position within the grid, unless it was never written.
    pub(crate) fn at(&self, position: &[u64]) -> Option<StoredChunk> {
        let number = self.number(position);
        let found = self.chunks.binary_search_by_key(&number, |chunk| chunk.0).ok()?;
        let (_, offset, length, mask) = self.chunks[found];
        Some(StoredChunk { offset, length, mask })
    }

    /// Row-major number of a position within the grid.
    fn number(&self, position: &[u64]) -> u64 {
        position.iter().zip(&self.grid).fold(0u64, |number, (at, grid)| {
            number.wrapping_mul(*grid).wrapping_add(*at)
        })
    }

    /// Address and bytes of the chunks that the selection of `space` touches, in the order in which HDF5
    /// reads them. Empty when that is not known.
    pub(crate) fn selected(&self, host: &'static Host, space: hid_t) -> Vec<(u64, u64)> {
        let all = || self.chunks.iter().map(|chunk| (chunk.1, chunk.2)).collect();
        if space == ffi::H5S_ALL {
            return all();
        }
        if !self.in_order {
            return Vec::new();
        }
        let rank = self.shape.len();
        let (mut first, mut last) = (vec![0; rank], vec![0; rank]);
        // SAFETY: the selection's rank is checked before the arrays are filled; ids that are no dataspaces
        // (H5S_BLOCK, H5S_PLIST) make the first call fail.
        let points = unsafe {
            if space < 16
                || (host.h5.H5Sget_simple_extent_ndims)(space) != rank as c_int
                // An empty selection has no bounds.
                || (host.h5.H5Sget_select_npoints)(space) <= 0
                || (host.h5.H5Sget_select_bounds)(space, first.as_mut_ptr(), last.as_mut_ptr()) < 0
            {
                return Vec::new();
            }
            (host.h5.H5Sget_select_npoints)(space)
        };
        if first.iter().zip(&last).any(|(first, last)| first > last) {
            return Vec::new();
        }
        let solid = u64::try_from(points).ok() == volume(&first, &last);
        let mut touched = self.in_box(&first, &last);
        if !solid && touched.len() > 1 && touched.len() <= MOST_TESTED {
            touched.retain(|chunk| self.intersects(host, space, chunk.0));
        }
        touched.into_iter().map(|chunk| (chunk.1, chunk.2)).collect()
    }

    /// The chunks that a box of elements touches, both corners included.
    fn in_box(&self, first: &[u64], last: &[u64]) -> Vec<Chunk> {
        let from: Vec<u64> = first
            .iter()
            .zip(&self.shape)
            .map(|(at, chunk)| at / chunk)
            .collect();
        let to: Vec<u64> = last
            .iter()
            .zip(&self.shape)
            .map(|(at, chunk)| at / chunk)
            .collect();
        let candidates = volume(&from, &to);
        if candidates.is_none_or(|count| count >= self.chunks.len() as u64) {
            return self
                .chunks
                .iter()
                .filter(|chunk| {
                    self.position(chunk.0)
                        .iter()
                        .zip(from.iter().zip(&to))
                        .all(|(at, (from, to))| from <= at && at <= to)
                })
                .copied()
                .collect();
        }
        let mut found = Vec::new();
        let mut at = from.clone();
        loop {
            // A selection beyond the dataset is for the native code to refuse.
            let number = self.number(&at);
            if let Ok(index) = self.chunks.binary_search_by_key(&number, |chunk| chunk.0) {
                found.push(self.chunks[index]);
            }
            // Count up like an odometer, the last dimension fastest.
            let Some(dimension) = (0..at.len())
                .rev()
                .find(|&dimension| at[dimension] < to[dimension])
            else {
                return found;
            };
            at[dimension] += 1;
            at[dimension + 1..].copy_from_slice(&from[dimension + 1..]);
        }
    }

    /// Position of a chunk within the grid.
    fn position(&self, mut number: u64) -> Vec<u64> {
        let mut position = vec![0; self.grid.len()];
        for (at, grid) in position.iter_mut().zip(&self.grid).rev() {
            *at = number % (*grid).max(1);
            number /= (*grid).max(1);
        }
        position
    }

    fn intersects(&self, host: &'static Host, space: hid_t, number: u64) -> bool {
        let start: Vec<u64> = self
            .position(number)
            .iter()
            .zip(&self.shape)
            .map(|(at, chunk)| at * chunk)
            .collect();
        let end: Vec<u64> = start
            .iter()
            .zip(&self.shape)
            .map(|(start, chunk)| start + chunk - 1)
            .collect();
        // SAFETY: both arrays have an entry for each dimension of the selection.
        unsafe { (host.h5.H5Sselect_intersect_block)(space, start.as_ptr(), end.as_ptr()) != 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> ChunkIndex {
        // A grid of 3 x 4 chunks of 10 x 5 elements; chunk 7 was never written.
        let chunks: Vec<Chunk> = (0..12)
            .filter(|number| *number != 7)
            .map(|number| (number, 1000 + number, 1, 0))
            .collect();
        ChunkIndex {
            shape: vec![10, 5],
            grid: vec![3, 4],
            extents: extents(&chunks),
            chunks,
            in_order: true,
            recipe: None,
        }
    }

    fn numbers(found: &[Chunk]) -> Vec<u64> {
        found.iter().map(|chunk| chunk.0).collect()
    }

    #[test]
    fn a_box_touches_the_chunks_it_overlaps() {
        let index = index();
        assert_eq!(numbers(&index.in_box(&[0, 0], &[9, 4])), [0]);
        assert_eq!(numbers(&index.in_box(&[9, 4], &[10, 5])), [0, 1, 4, 5]);
        assert_eq!(numbers(&index.in_box(&[15, 12], &[15, 19])), [6]);
        assert_eq!(numbers(&index.in_box(&[0, 0], &[29, 19])).len(), 11);
    }

    #[test]
    fn ranges_of_chunks_are_joined_where_they_are_near() {
        let chunks = [
            (0, 500, 10, 0),
            (1, 100, 50, 0),
            (2, 500 + APART + 10, 1, 0),
            (3, 1 << 30, 7, 0),
        ];
        assert_eq!(extents(&chunks)[..], [(100, 411 + APART), (1 << 30, 7)]);
        assert!(extents(&[]).is_empty());
    }

    #[test]
    fn positions_and_numbers_agree() {
        assert_eq!(index().position(11), [2, 3]);
        assert_eq!(index().position(4), [1, 0]);
    }
}
