//! Where the elements of a chunk go in the program's memory.

use super::slab::{Axis, Slab, row_major};

/// Where elements go that are selected in a dataset of chunks.
#[derive(Debug, Clone)]
pub struct Placement {
    /// What is selected in the dataset.
    file: Vec<Axis>,
    /// Elements of a chunk, by dimension.
    chunk: Vec<u64>,
    /// By dimension of the dataset, where its selected elements go, and how far apart neighbours are there, bytes.
    memory: Vec<(Axis, u64)>,
    /// What all places begin at, bytes.
    base: u64,
    /// Bytes of an element.
    element: u64,
}

/// Bytes that are next to each other in a chunk and in memory.
#[derive(Debug, Clone, Copy)]
struct Run {
    from: u64,
    to: u64,
    length: u64,
}

impl Placement {
    /// Takes the elements of `file`, in chunks of this shape, to those of `memory`, in the order of both. `None` when
    /// the two do not go together dimension by dimension.
    #[must_use]
    pub fn new(file: &Slab, chunk: &[u64], memory: &Slab, element: usize) -> Option<Self> {
        let element = element as u64;
        let size = |extents: &[u64]| {
            let size = extents
                .iter()
                .try_fold(element, |size, extent| size.checked_mul(*extent));
            size.filter(|size| *size > 0 && *size <= i64::MAX as u64)
        };
        size(&memory.extents)?;
        size(chunk)?;
        if chunk.len() != file.axes.len() || file.count() != memory.count() {
            return None;
        }
        let (places, base) = if let Some(begin) = memory.begin_without_gaps() {
            let lengths: Vec<u64> = file.axes.iter().map(Axis::length).collect();
            let dense = row_major(&lengths);
            let places = lengths
                .iter()
                .map(|length| Axis::all(*length))
                .zip(dense)
                .collect();
            (places, begin)
        } else {
            by_dimension(file, memory)?
        };
        Some(Self {
            file: file.axes.clone(),
            chunk: chunk.to_vec(),
            memory: places
                .into_iter()
                .map(|(axis, step): (Axis, u64)| (axis, step * element))
                .collect(),
            base: base * element,
            element,
        })
    }

    /// Positions, in the grid of chunks, of those with selected elements; by dimension, ascending. `None` when they are
    /// more than `most`.
    #[must_use]
    pub fn touched(&self, most: usize) -> Option<Vec<Vec<u64>>> {
        let mut room = most;
        let mut all = Vec::with_capacity(self.file.len());
        for (axis, chunk) in self.file.iter().zip(&self.chunk) {
            let mut touched = Vec::new();
            let mut done = 0;
            // From one selected element to the first one in another chunk.
            while done < axis.length() {
                if touched.len() == room {
                    return None;
                }
                let position = axis.coordinate(done) / chunk;
                touched.push(position);
                done = axis.before(position.saturating_add(1).saturating_mul(*chunk));
            }
            room /= touched.len().max(1);
            all.push(touched);
        }
        Some(all)
    }

    /// Bytes of a chunk.
    #[must_use]
    pub fn chunk_bytes(&self) -> u64 {
        self.chunk.iter().product::<u64>() * self.element
    }

    /// Selected elements of a dimension that are in the chunk at `position`: the first, and behind the last.
    fn range(&self, dimension: usize, position: &[u64]) -> (u64, u64) {
        let (axis, chunk) = (&self.file[dimension], self.chunk[dimension]);
        let start = position[dimension].saturating_mul(chunk);
        (axis.before(start), axis.before(start.saturating_add(chunk)))
    }

    /// Calls `copy` with what there is to do for the chunk at `position`: from which byte of the chunk, to which byte
    /// of memory, how many.
    pub fn copies(&self, position: &[u64], mut copy: impl FnMut(usize, usize, usize)) {
        // Runs of dimensions, the innermost first. As long as a whole chunk's extent is one run, it is part of those
        // of the next dimension.
        let mut tables = Vec::with_capacity(position.len());
        let mut to = self.base;
        let mut bytes = self.element;
        let mut solid = true;
        for dimension in (0..position.len()).rev() {
            let table = self.runs(dimension, position, bytes, solid);
            bytes *= self.chunk[dimension];
            match table.as_slice() {
                [run] if solid && run.length == bytes => to += run.to,
                _ => {
                    tables.push(table);
                    solid = false;
                }
            }
        }
        match tables.split_first() {
            None => copy(0, to as usize, bytes as usize),
            Some((innermost, outer)) => walk(outer, innermost, 0, to, &mut copy),
        }
    }

    /// The runs of one dimension, of which neighbours are `bytes` apart in the chunk. They are joined only if all
    /// that lies between neighbours is part of them.
    fn runs(&self, dimension: usize, position: &[u64], bytes: u64, solid: bool) -> Vec<Run> {
        let axis = &self.file[dimension];
        let (places, step) = &self.memory[dimension];
        let start = position[dimension] * self.chunk[dimension];
        let (from, to) = self.range(dimension, position);
        let joined = solid && *step == bytes;
        let mut runs = Vec::new();
        let mut number = from;
        while number < to {
            let length = match joined {
                // Up to the end of the block in the file, or of that in memory.
                true => (axis.block - number % axis.block)
                    .min(places.block - number % places.block)
                    .min(to - number),
                false => 1,
            };
            let run = Run {
                from: (axis.coordinate(number) - start) * bytes,
                to: places.coordinate(number) * step,
                length: length * bytes,
            };
            number += length;
            match runs.last_mut() {
                Some(Run { from, to, length })
                    if joined && *from + *length == run.from && *to + *length == run.to =>
                {
                    *length += run.length;
                }
                _ => runs.push(run),
            }
        }
        runs
    }
}

/// Where elements go when both selections have the same lengths, but for dimensions of one element; and the first
/// of the places.
fn by_dimension(file: &Slab, memory: &Slab) -> Option<(Vec<(Axis, u64)>, u64)> {
    let mut wide = Vec::new();
    let mut base = 0;
    for (axis, step) in memory.axes.iter().zip(memory.steps()) {
        match axis.length() {
            1 => base += axis.start * step,
            _ => wide.push((*axis, step)),
        }
    }
    let mut wide = wide.into_iter();
    let mut places = Vec::with_capacity(file.axes.len());
    for axis in &file.axes {
        places.push(match axis.length() {
            1 => (Axis::all(1), 1),
            length => wide.next().filter(|(place, _)| place.length() == length)?,
        });
    }
    wide.next().is_none().then_some((places, base))
}

fn walk(
    outer: &[Vec<Run>],
    innermost: &[Run],
    from: u64,
    to: u64,
    copy: &mut impl FnMut(usize, usize, usize),
) {
    match outer.split_last() {
        None => {
            for run in innermost {
                copy(
                    (from + run.from) as usize,
                    (to + run.to) as usize,
                    run.length as usize,
                );
            }
        }
        Some((table, inner)) => {
            for run in table {
                walk(inner, innermost, from + run.from, to + run.to, copy);
            }
        }
    }
}
