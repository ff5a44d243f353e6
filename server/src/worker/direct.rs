//! Elements as they are stored, read without libhdf5's conversions and caches, which take longer: decoded chunks, and
//! elements that lie in a row. What is not clear here is answered with `None`: libhdf5 then reads, or says what is
//! wrong.

use std::num::NonZeroUsize;

use hdfstream::decode::{Axis, Pipeline, Placement, Slab, Workspace};
use lru::LruCache;

use super::hdf5::{Dataset, Storage};
use super::raw::RawFile;

/// Bytes of decoded chunks that are kept, so that rows of a chunk cost one decoding; one chunk may be larger.
const KEPT: usize = 64 << 20;
/// Most chunks kept.
const MOST_KEPT: NonZeroUsize = NonZeroUsize::new(1 << 14).unwrap();
/// Larger chunks are left to libhdf5, bytes: memory is limited.
const LARGEST: usize = 256 << 20;
/// Most chunks of one read.
const MOST: usize = 1 << 16;

/// A dataset whose elements can be had like this.
#[derive(Debug)]
pub(super) struct Direct {
    layout: Layout,
    extents: Vec<u64>,
    /// Bytes of a stored element.
    width: usize,
}

#[derive(Debug)]
enum Layout {
    /// From a byte of the file on.
    Row(u64),
    Chunks(Box<Chunks>),
}

struct Chunks {
    shape: Vec<u64>,
    pipeline: Pipeline,
    stored: Vec<u8>,
    workspace: Workspace,
    /// Decoded ones that were wanted in part.
    kept: LruCache<Vec<u64>, Vec<u8>>,
    kept_bytes: usize,
}

impl std::fmt::Debug for Chunks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { shape, pipeline, .. } = self;
        write!(formatter, "{shape:?} {pipeline:?}")
    }
}

impl Direct {
    /// That of a dataset of these extents, with elements of `width` bytes in the file.
    pub(super) fn of(dataset: &Dataset, storage: &Storage, extents: &[u64], width: usize) -> Option<Self> {
        let all = extents
            .iter()
            .try_fold(width as u64, |bytes, extent| bytes.checked_mul(*extent))?;
        let layout = match storage {
            Storage::Contiguous { offset, bytes } if *bytes == all => Layout::Row(*offset),
            Storage::Chunked { extents: shape, .. } => Layout::Chunks(Box::new(Chunks {
                shape: shape.clone(),
                pipeline: dataset.pipeline()?,
                stored: Vec::new(),
                workspace: Workspace::default(),
                kept: LruCache::new(MOST_KEPT),
                kept_bytes: 0,
            })),
            _ => return None,
        };
        Some(Self {
            layout,
            extents: extents.to_vec(),
            width,
        })
    }

    /// Reads a box of elements into `out`, which has room for exactly those.
    pub(super) fn read(
        &mut self,
        dataset: &Dataset,
        file: &RawFile,
        start: &[u64],
        count: &[u64],
        out: &mut [u8],
    ) -> Option<()> {
        match &mut self.layout {
            Layout::Row(offset) => {
                let first = place_in_row(&self.extents, start, count)?;
                let bytes = first.checked_mul(self.width as u64)?;
                file.read(offset.checked_add(bytes)?, out)
            }
            Layout::Chunks(chunks) => {
                let axes = start.iter().zip(count).map(|(&start, &count)| Axis {
                    start,
                    stride: count,
                    count: 1,
                    block: count,
                });
                let wanted = Slab::new(axes.collect(), self.extents.clone())?;
                chunks.read(dataset, &wanted, self.width, out)
            }
        }
    }
}

/// How many elements come before a box, if all of its elements lie in a row.
fn place_in_row(extents: &[u64], start: &[u64], count: &[u64]) -> Option<u64> {
    let mut first = 0;
    let mut step = 1;
    // Once a dimension is wanted in part, only one of each outer one can be.
    let mut cut = false;
    for ((&extent, &start), &count) in extents.iter().zip(start).zip(count).rev() {
        if cut && count != 1 {
            return None;
        }
        cut |= count != extent;
        first += start * step;
        step *= extent;
    }
    Some(first)
}

impl Chunks {
    fn read(&mut self, dataset: &Dataset, wanted: &Slab, width: usize, out: &mut [u8]) -> Option<()> {
        let memory = Slab::all(vec![wanted.count()])?;
        let placement = Placement::new(wanted, &self.shape, &memory, width)?;
        let size = usize::try_from(placement.chunk_bytes()).ok()?;
        if size > LARGEST || wanted.count().checked_mul(width as u64) != Some(out.len() as u64) {
            return None;
        }
        let touched = placement.touched(MOST)?;
        let (first, last) = wanted.bounds();
        let mut numbers = vec![0; touched.len()];
        loop {
            let position: Vec<u64> = numbers.iter().zip(&touched).map(|(&at, all)| all[at]).collect();
            // Whether later reads can want nothing more of it.
            let whole = position
                .iter()
                .zip(&self.shape)
                .zip(first.iter().zip(&last))
                .zip(wanted.extents())
                .all(|(((at, length), (first, last)), extent)| {
                    let begin = at * length;
                    *first <= begin && (begin + length).min(*extent) <= last + 1
                });
            let place = |chunk: &[u8]| {
                let mut placed = Some(());
                placement.copies(&position, |from, to, length| {
                    match (chunk.get(from..from + length), out.get_mut(to..to + length)) {
                        (Some(from), Some(to)) => to.copy_from_slice(from),
                        _ => placed = None,
                    }
                });
                placed
            };
            self.with_chunk(dataset, &position, size, !whole, place)?;
            // On to the next one, the last dimension first.
            let mut dimension = touched.len();
            loop {
                let Some(outer) = dimension.checked_sub(1) else {
                    return Some(());
                };
                dimension = outer;
                numbers[dimension] += 1;
                if numbers[dimension] < touched[dimension].len() {
                    break;
                }
                numbers[dimension] = 0;
            }
        }
    }

    /// Calls `place` with the decoded chunk at `position`, which is kept afterwards if so wanted.
    fn with_chunk(
        &mut self,
        dataset: &Dataset,
        position: &[u64],
        size: usize,
        keep: bool,
        mut place: impl FnMut(&[u8]) -> Option<()>,
    ) -> Option<()> {
        if let Some(chunk) = self.kept.get(position) {
            return place(chunk);
        }
        let corner: Vec<u64> = position
            .iter()
            .zip(&self.shape)
            .map(|(at, length)| at * length)
            .collect();
        let most = size.saturating_mul(2).saturating_add(1 << 16);
        let (stored, mask) = dataset.stored_chunk(&corner, most, &mut self.stored)?;
        let decoded = self.pipeline.decode(stored, mask, size, &mut self.workspace)?;
        place(decoded)?;
        let decoded = keep.then(|| decoded.to_vec());
        self.workspace.shrink();
        if self.stored.len() > KEPT {
            self.stored = Vec::new();
        }
        if let Some(decoded) = decoded {
            self.keep(position, decoded);
        }
        Some(())
    }

    fn keep(&mut self, position: &[u64], decoded: Vec<u8>) {
        while self.kept_bytes + decoded.len() > KEPT || self.kept.len() == MOST_KEPT.get() {
            let Some((_, oldest)) = self.kept.pop_lru() else {
                break;
            };
            self.kept_bytes -= oldest.len();
        }
        self.kept_bytes += decoded.len();
        self.kept.put(position.to_vec(), decoded);
    }
}
