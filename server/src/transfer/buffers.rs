//! Buffers that are used again: fresh memory costs more than the copy into it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Bytes in a pooled buffer, the largest piece of an answer.
pub(crate) const PIECE: usize = 512 << 10;
/// Idle buffers kept.
const KEPT: usize = 64;

/// Idle buffers, shared by all requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Box<[u8]>>>>);

impl Buffers {
    /// A buffer for `wanted` bytes: at least as many, or [`PIECE`]. Its content is arbitrary.
    pub(crate) fn take(&self, wanted: u64) -> Buffer {
        let small = usize::try_from(wanted).unwrap_or(PIECE);
        let (memory, pool) = if small <= PIECE / 8 {
            (vec![0; small].into_boxed_slice(), None)
        } else {
            let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let memory = idle.unwrap_or_else(|| vec![0; PIECE].into_boxed_slice());
            (memory, Some(self.clone()))
        };
        Buffer {
            memory,
            filled: 0,
            pool,
        }
    }
}

/// Memory for one piece; goes back to its pool when the last [`Bytes`] over it is dropped.
#[derive(Debug)]
pub(crate) struct Buffer {
    memory: Box<[u8]>,
    filled: usize,
    pool: Option<Buffers>,
}

impl Buffer {
    /// The memory to fill.
    pub(crate) fn memory(&mut self) -> &mut [u8] {
        &mut self.memory
    }

    /// The first `filled` bytes, without a copy.
    pub(crate) fn into_bytes(mut self, filled: usize) -> Bytes {
        self.filled = filled.min(self.memory.len());
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(pool) = &self.pool {
            let mut idle = pool.0.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < KEPT {
                idle.push(std::mem::take(&mut self.memory));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take(u64::MAX);
        buffer.memory()[..3].copy_from_slice(b"abc");
        let bytes = buffer.into_bytes(3);
        let other = bytes.clone();
        assert_eq!(&bytes[..], b"abc");
        drop(bytes);
        assert_eq!(buffers.0.lock().unwrap().len(), 0);
        drop(other);
        assert_eq!(buffers.0.lock().unwrap().len(), 1);
        buffers.take(u64::MAX);
        assert_eq!(buffers.0.lock().unwrap().len(), 1);
    }
}
