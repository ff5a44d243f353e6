//! Reads of chunked datasets without the native code: the chunks are decoded on all cores, straight into the
//! program's buffer.
//!
//! For elements that the program wants as they are stored, or numbers that do not become smaller; for filters that are
//! known to the core library, and regular selections. Everything else is left to the native code; so is what turns out
//! to be wrong, for it to say how.

use hdfstream::decode::{Axis, Placement, Slab};
use hdfstream::{RemoteFile, StoredChunk};

use crate::chunk_index::ChunkIndex;
use crate::dataset::Selected;
use crate::error_stack::{Quiet, Saved, Topic, push};
use crate::ffi::{self, hid_t};
use crate::guard::Failed;
use crate::handle::Handle;
use crate::host::Host;
use crate::storage;

pub(crate) use recipe::Recipe;

mod recipe;

/// Larger chunks are decoded by the native code, bytes: here every core would hold some.
const LARGEST: u64 = 32 << 20;
/// Most chunks of one read.
const MOST: usize = 1 << 20;
/// When more than one part in so many is read of what must be decoded, the rest is not worth keeping for later reads.
const PARTS: u64 = 4;

/// What there is to do for a read.
struct Job<'c> {
    recipe: &'c Recipe,
    placement: Placement,
    /// Positions within the grid of chunks.
    positions: Vec<Vec<u64>>,
    stored: Vec<StoredChunk>,
    /// Bytes of a chunk.
    size: u64,
    /// Where in the program's buffer it all begins, bytes.
    begin: usize,
    conversion: Option<Conversion>,
}

/// Elements that the program wants in another type, without gaps. They are placed as they are stored and converted
/// there, for which there is room.
struct Conversion {
    stored: Handle,
    count: usize,
}

/// The program's buffer.
struct Destination(*mut u8);

// SAFETY: threads write different parts of it, while the call that owns it waits for them.
unsafe impl Sync for Destination {}

/// Reads what `selected` asks for, if that can be done here; says whether it was.
pub(crate) fn read(
    host: &'static Host,
    file: &RemoteFile,
    chunks: &ChunkIndex,
    selected: Selected,
) -> Result<bool, Failed> {
    let Some(job) = Job::new(host, chunks, selected) else {
        return Ok(false);
    };
    // SAFETY: the selected memory begins there.
    let begin = unsafe { selected.buffer.cast::<u8>().add(job.begin) };
    let destination = &Destination(begin);
    let place = |number: usize, chunk: &[u8]| {
        job.placement.copies(&job.positions[number], |from, to, length| {
            let Some(bytes) = chunk.get(from..from + length) else {
                return;
            };
            // SAFETY: `to` and `length` stay within the memory that the program's selection spans, which it says
            // is its own; no two chunks have elements for the same place.
            unsafe {
                let to = destination.0.add(to);
                match length {
                    // Single elements by single moves.
                    4 => std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, 4),
                    8 => std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, 8),
                    _ => std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, length),
                }
            }
        });
    };
    let whole = file.decode(&job.recipe.pipeline, job.size as usize, &job.stored, &place);
    let whole = whole.map_err(|error| {
        push(host, Topic::Read, file.url(), &error);
        Failed
    })?;
    match &job.conversion {
        Some(conversion) if whole => conversion.perform(host, selected, begin).map(|()| true),
        _ => Ok(whole),
    }
}

impl Conversion {
    /// That of numbers in the file to those that the program wants; `None` for other elements, and when they become
    /// smaller.
    fn new(host: &'static Host, stored: Handle, selected: Selected, count: u64) -> Option<Self> {
        let h5 = &host.h5;
        let is_number = |id: hid_t| {
            // SAFETY: an open datatype.
            let class = unsafe { (h5.H5Tget_class)(id) };
            matches!(class, ffi::H5T_INTEGER | ffi::H5T_FLOAT)
        };
        // SAFETY: open datatypes.
        let grows = unsafe { (h5.H5Tget_size)(selected.memory_type) >= (h5.H5Tget_size)(stored.id()) };
        let count = usize::try_from(count).ok()?;
        (is_number(stored.id()) && is_number(selected.memory_type) && grows).then_some(Self { stored, count })
    }

    /// Converts all elements, which begin at `begin`.
    fn perform(&self, host: &'static Host, selected: Selected, begin: *mut u8) -> Result<(), Failed> {
        let _quiet = Quiet::new(host);
        let (stored, wanted) = (self.stored.id(), selected.memory_type);
        // SAFETY: the program has as much memory there as so many elements of the wanted type take; numbers need no
        // background.
        let status = unsafe {
            (host.h5.H5Tconvert)(
                stored,
                wanted,
                self.count,
                begin.cast(),
                std::ptr::null_mut(),
                selected.transfer,
            )
        };
        if status < 0 { Err(Failed) } else { Ok(()) }
    }
}

impl<'c> Job<'c> {
    /// `None` when the read is one for the native code.
    fn new(host: &'static Host, chunks: &'c ChunkIndex, selected: Selected) -> Option<Self> {
        let recipe = chunks.recipe.as_ref()?;
        let _saved = Saved::new(host);
        let _quiet = Quiet::new(host);
        let stored = storage::datatype(host, selected.dataset)?;
        // SAFETY: an open list; a null buffer of no bytes is not written to.
        let transformed =
            unsafe { (host.h5.H5Pget_data_transform)(selected.transfer, std::ptr::null_mut(), 0) > 0 };
        if selected.buffer.is_null() || transformed {
            return None;
        }
        let all = || Slab::all(recipe.extents.clone());
        let file = match selected.file_space {
            ffi::H5S_ALL => all()?,
            space => slab(host, space).filter(|slab| slab.extents() == recipe.extents)?,
        };
        let memory = match selected.memory_space {
            // As in the file.
            ffi::H5S_ALL => file.clone(),
            space => slab(host, space)?,
        };
        // SAFETY: open datatypes.
        let same = unsafe { (host.h5.H5Tequal)(stored.id(), selected.memory_type) };
        let (memory, begin, conversion) = if same > 0 {
            (memory, 0, None)
        } else {
            let conversion = Conversion::new(host, stored, selected, file.count())?;
            // SAFETY: an open datatype.
            let element = unsafe { (host.h5.H5Tget_size)(selected.memory_type) };
            let begin = usize::try_from(memory.begin_without_gaps()?).ok()?;
            let begin = begin.checked_mul(element)?;
            (Slab::all(vec![file.count()])?, begin, Some(conversion))
        };
        let placement = Placement::new(&file, chunks.shape(), &memory, recipe.element)?;
        let size = placement.chunk_bytes();
        let touched = placement.touched(MOST).filter(|_| size <= LARGEST)?;
        let count: usize = touched.iter().map(Vec::len).product();
        // What is left of few chunks the native code keeps for the next read.
        let decoded = size * count as u64;
        if decoded <= recipe.native_cache && file.count() * recipe.element as u64 * PARTS < decoded {
            return None;
        }
        let mut positions = Vec::with_capacity(count);
        let mut wanted = Vec::with_capacity(count);
        for position in Odometer::new(&touched) {
            // One that was never written has the fill value, if any.
            let chunk = chunks.at(&position)?;
            if chunk.length > 2 * size + (1 << 16) {
                return None;
            }
            wanted.push(chunk);
            positions.push(position);
        }
        Some(Self {
            recipe,
            placement,
            positions,
            stored: wanted,
            size,
            begin,
            conversion,
        })
    }
}

/// The selection of a dataspace, if it is a regular one.
fn slab(host: &'static Host, space: hid_t) -> Option<Slab> {
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
