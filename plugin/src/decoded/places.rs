//! What of each chunk goes where in memory.

use hdfstream::decode::{Axis, Move, Placement, Slab, by_chunk};

use crate::dataset::Selected;
use crate::ffi::{self, hid_t};
use crate::host::Host;
use crate::storage;

/// Most chunks of one read.
const MOST: usize = 1 << 20;
/// Most parts of rows that are copied one by one.
const MOST_PARTS: usize = 1 << 20;

/// What of each chunk goes where in memory.
pub(super) struct Places {
    /// The chunks' positions within the grid.
    positions: Vec<Vec<u64>>,
    way: Way,
}

enum Way {
    Regular(Placement),
    /// For each chunk, of elements of so many bytes.
    Listed(Vec<Vec<Move>>, usize),
}

impl Places {
    /// Those of a placement; `None` when they are too many.
    pub(super) fn regular(placement: Placement) -> Option<Self> {
        Some(Self {
            positions: Odometer::new(&placement.touched(MOST)?).collect(),
            way: Way::Regular(placement),
        })
    }

    /// Those of `moves` from a dataset of these extents in chunks of this shape; `None` when they are too many.
    pub(super) fn listed(moves: &[Move], extents: &[u64], chunk: &[u64], element: usize) -> Option<Self> {
        let (positions, moves) = by_chunk(moves, extents, chunk, MOST_PARTS)?.into_iter().unzip();
        Some(Self {
            positions,
            way: Way::Listed(moves, element),
        })
    }

    /// Positions of the chunks within the grid.
    pub(super) fn positions(&self) -> &[Vec<u64>] {
        &self.positions
    }

    /// Calls `copy` with what there is to do for the chunk of that number: from which byte of the chunk, to which byte
    /// of memory, how many.
    pub(super) fn copies(&self, number: usize, mut copy: impl FnMut(usize, usize, usize)) {
        match &self.way {
            Way::Regular(placement) => placement.copies(&self.positions[number], copy),
            Way::Listed(moves, element) => {
                for run in &moves[number] {
                    copy(
                        run.from as usize * element,
                        run.to as usize * element,
                        run.count as usize * element,
                    );
                }
            }
        }
    }
}

/// What is selected in a dataset of these extents, if that is a regular hyperslab.
pub(super) fn in_file(host: &'static Host, selected: Selected, extents: &[u64]) -> Option<Slab> {
    match selected.file_space {
        ffi::H5S_ALL => Slab::all(extents.to_vec()),
        space => slab(host, space).filter(|slab| slab.extents() == extents),
    }
}

/// The selection of a dataspace, if it is a regular one.
pub(super) fn slab(host: &'static Host, space: hid_t) -> Option<Slab> {
    let h5 = &host.h5;
    // Ids that are no dataspaces (H5S_BLOCK, H5S_PLIST).
    if space < 16 {
        return None;
    }
    let extents = storage::dimensions(host, space)?;
    let rank = extents.len();
    // SAFETY: an open dataspace, and arrays with as many entries as it has dimensions.
    let slab = unsafe {
        match (h5.H5Sget_select_type)(space) {
            ffi::H5S_SEL_ALL => Slab::all(extents)?,
            ffi::H5S_SEL_HYPERSLABS if (h5.H5Sis_regular_hyperslab)(space) > 0 => {
                let mut parts = [const { Vec::new() }; 4];
                let [start, stride, count, block] = parts.each_mut().map(|part| {
                    part.resize(rank, 0);
                    part.as_mut_ptr()
                });
                if (h5.H5Sget_regular_hyperslab)(space, start, stride, count, block) < 0 {
                    return None;
                }
                let axes = (0..rank).map(|dimension| Axis {
                    start: parts[0][dimension],
                    stride: parts[1][dimension],
                    count: parts[2][dimension],
                    block: parts[3][dimension],
                });
                let slab = Slab::new(axes.collect(), extents)?;
                // A selection may have been moved as a whole, which only the bounds tell.
                let (mut first, mut last) = (vec![0; rank], vec![0; rank]);
                let got = (h5.H5Sget_select_bounds)(space, first.as_mut_ptr(), last.as_mut_ptr());
                if got < 0 || slab.bounds() != (first, last) {
                    return None;
                }
                slab
            }
            _ => return None,
        }
    };
    // SAFETY: an open dataspace. One without elements has no dimensions, like one of a single element.
    let count = unsafe { (h5.H5Sget_select_npoints)(space) };
    (u64::try_from(count) == Ok(slab.count())).then_some(slab)
}

/// All combinations of one position of each dimension, the last dimension fastest.
struct Odometer<'t> {
    touched: &'t [Vec<u64>],
    next: Option<Vec<usize>>,
}

impl<'t> Odometer<'t> {
    fn new(touched: &'t [Vec<u64>]) -> Self {
        Self {
            touched,
            next: Some(vec![0; touched.len()]),
        }
    }
}

impl Iterator for Odometer<'_> {
    type Item = Vec<u64>;

    fn next(&mut self) -> Option<Vec<u64>> {
        let mut at = self.next.take()?;
        let position = self.touched.iter().zip(&at).map(|(axis, at)| axis[*at]).collect();
        let turning = (0..at.len())
            .rev()
            .find(|&dimension| at[dimension] + 1 < self.touched[dimension].len());
        if let Some(dimension) = turning {
            at[dimension] += 1;
            at[dimension + 1..].fill(0);
            self.next = Some(at);
        }
        Some(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_dimension_turns_fastest() {
        let touched = [vec![2, 5], vec![0], vec![1, 7]];
        let all: Vec<Vec<u64>> = Odometer::new(&touched).collect();
        assert_eq!(all, [[2, 0, 1], [2, 0, 7], [5, 0, 1], [5, 0, 7]]);
    }
}
