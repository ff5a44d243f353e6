//! Chunks of HDF5 datasets, decoded here instead of by libhdf5: faster, and on all cores.
//!
//! [`Pipeline`] undoes the filters of a chunk, [`Placement`] says where its elements go. Whatever is not known
//! here for certain is answered with `None`: native HDF5 then reads, and says what is wrong.

mod fletcher32;
pub mod heap;
mod listed;
mod lz4;
pub mod lzf;
mod placement;
pub(crate) mod pool;
mod shuffle;
mod slab;
#[cfg(test)]
mod tests;

use libdeflater::Decompressor;

pub use listed::{Move, OfChunk, by_chunk};
pub use placement::Placement;
pub use slab::{Axis, Slab};

/// Bytes of working memory that a thread keeps between chunks.
const KEPT: usize = 4 << 20;

/// What undoes one filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Deflate,
    /// Of elements of so many bytes.
    Shuffle(usize),
    Fletcher32,
    Lzf,
    Lz4,
    Zstd,
}

impl Step {
    /// The step for HDF5's filter `id` with its parameters.
    fn of(id: i32, parameters: &[u32]) -> Option<Self> {
        match id {
            1 => Some(Self::Deflate),
            2 => Some(Self::Shuffle(*parameters.first()? as usize)),
            3 => Some(Self::Fletcher32),
            32000 => Some(Self::Lzf),
            32004 => Some(Self::Lz4),
            32015 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// The filters that the chunks of a dataset went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    steps: Vec<Step>,
}

/// Working memory of a thread, for one chunk after the other.
#[derive(Default)]
pub struct Workspace {
    decompressor: Decompressor,
    first: Vec<u8>,
    second: Vec<u8>,
}

/// Where the bytes are that the next step takes.
enum At {
    Stored,
    First,
    Second,
}

impl Pipeline {
    /// The pipeline of these filters: HDF5's number and parameters of each, in the order of writing. `None` when
    /// one of them is not known here.
    pub fn new<'p>(filters: impl IntoIterator<Item = (i32, &'p [u32])>) -> Option<Self> {
        let steps: Option<Vec<Step>> = filters
            .into_iter()
            .map(|(id, parameters)| Step::of(id, parameters))
            .collect();
        // A filter mask has a bit for each.
        steps
            .filter(|steps| steps.len() <= 32)
            .map(|steps| Self { steps })
    }

    /// The `size` bytes of a chunk that is stored like this; filters whose bit is set in `mask` were left out
    /// when it was written. `None` when that is not what comes out.
    pub fn decode<'w>(
        &self,
        stored: &'w [u8],
        mask: u32,
        size: usize,
        workspace: &'w mut Workspace,
    ) -> Option<&'w [u8]> {
        let applied = self.steps.iter().enumerate();
        let applied = applied.filter(|(number, _)| mask >> number & 1 == 0);
        // What each filter was given, bytes; what a compressor has made of it only the data tell.
        let mut given = Some(size);
        let sizes: Vec<(Step, Option<usize>)> = applied
            .map(|(_, step)| {
                let before = given;
                given = match step {
                    Step::Shuffle(_) => given,
                    Step::Fletcher32 => given.map(|size| size + fletcher32::BYTES),
                    Step::Deflate | Step::Lzf | Step::Lz4 | Step::Zstd => None,
                };
                (*step, before)
            })
            .collect();

        let Workspace {
            decompressor,
            first,
            second,
        } = workspace;
        let mut at = At::Stored;
        let mut length = stored.len();
        for (step, given) in sizes.into_iter().rev() {
            let (source, target) = match at {
                At::Stored => (&stored[..length], &mut *first),
                At::First => (&first[..length], &mut *second),
                At::Second => (&second[..length], &mut *first),
            };
            if step == Step::Fletcher32 {
                length = fletcher32::checked(source)?;
                continue;
            }
            let given = match step {
                Step::Shuffle(_) => length,
                _ => given?,
            };
            if target.len() < given {
                target.resize(given, 0);
            }
            let target = &mut target[..given];
            let whole = match step {
                Step::Deflate => decompressor.zlib_decompress(source, target) == Ok(given),
                Step::Shuffle(element) => {
                    shuffle::undo(element, source, target);
                    true
                }
                Step::Lzf => lzf::decompress(source, target),
                Step::Lz4 => lz4::decompress(source, target),
                Step::Zstd => zstd::bulk::decompress_to_buffer(source, target).ok() == Some(given),
                Step::Fletcher32 => true,
            };
            if !whole {
                return None;
            }
            length = given;
            at = match at {
                At::Stored | At::Second => At::First,
                At::First => At::Second,
            };
        }
        let bytes = match at {
            At::Stored => &stored[..length],
            At::First => &first[..length],
            At::Second => &second[..length],
        };
        (length == size).then_some(bytes)
    }
}

impl Workspace {
    /// Gives back what only an unusually large chunk needed.
    pub fn shrink(&mut self) {
        for buffer in [&mut self.first, &mut self.second] {
            if buffer.len() > KEPT {
                *buffer = Vec::new();
            }
        }
    }
}
