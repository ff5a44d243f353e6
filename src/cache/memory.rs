//! Memory for what arrives and is kept: in large pages, if the system has them. When it is touched first, each page costs
//! more than what is written to it.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use memmap2::{Advice, MmapMut};

/// Bytes of a large page, and the longest single entry of the cache: what is evicted at once.
pub(crate) const LONGEST: usize = 2 << 20;

/// Bytes that are filled.
#[derive(Debug)]
pub(crate) enum Memory {
    /// Of the program's heap.
    Heap(Vec<u8>),
    /// Taken from the system by itself, and given back when nobody has any of it.
    Pages(MmapMut),
}

impl Memory {
    /// So many zeros.
    pub(crate) fn zeros(length: usize) -> Self {
        if length < LONGEST {
            return Self::Heap(vec![0; length]);
        }
        match MmapMut::map_anon(length) {
            Ok(pages) => {
                // Where there are no large pages, small ones do.
                let _ = pages.advise(Advice::HugePage);
                Self::Pages(pages)
            }
            Err(_) => Self::Heap(vec![0; length]),
        }
    }

    /// A copy of `bytes`.
    pub(crate) fn copy(bytes: &[u8]) -> Bytes {
        if bytes.len() < LONGEST {
            return Bytes::copy_from_slice(bytes);
        }
        let mut memory = Self::zeros(bytes.len());
        memory.copy_from_slice(bytes);
        memory.into()
    }
}

impl Deref for Memory {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Pages(pages) => pages,
        }
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Heap(bytes) => bytes,
            Self::Pages(pages) => pages,
        }
    }
}

impl From<Memory> for Bytes {
    fn from(memory: Memory) -> Self {
        match memory {
            Memory::Heap(bytes) => bytes.into(),
            Memory::Pages(pages) => Self::from_owner(pages),
        }
    }
}
