//! A pack: scattered ranges of a file, sent together and compressed.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::MAX_REPLY_BYTES;

/// Ranges of a file with their bytes, concatenated and compressed as one zstd frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// `(offset, length)` in bytes, ascending, not overlapping, none empty.
    pub ranges: Vec<(u64, u64)>,
    /// One zstd frame with the bytes of all ranges.
    #[serde(with = "serde_bytes")]
    pub zstd: Vec<u8>,
}

/// Why a pack cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Ranges overlap, are unsorted, empty or too many bytes.
    #[error("the ranges of a metadata pack are malformed")]
    Ranges,
    /// The frame does not hold what the ranges promise.
    #[error("a metadata pack holds {found} bytes where {expected} were announced")]
    Length {
        /// Sum of the ranges, bytes.
        expected: usize,
        /// Bytes in the frame.
        found: usize,
    },
    /// The zstd frame is damaged.
    #[error("a metadata pack cannot be decompressed: {0}")]
    Frame(#[from] std::io::Error),
}

impl Pack {
    /// Compresses `bytes`, the concatenation of `ranges`.
    ///
    /// # Errors
    /// When zstd fails, which only lack of memory causes.
    pub fn compress(ranges: Vec<(u64, u64)>, bytes: &[u8]) -> Result<Self, PackError> {
        Ok(Self {
            ranges,
            zstd: zstd::bulk::compress(bytes, 1)?,
        })
    }

    /// Checks and decompresses; returns each range's offset with its bytes.
    ///
    /// # Errors
    /// See [`PackError`]. At most [`MAX_REPLY_BYTES`] are ever allocated, whatever the pack announces.
    pub fn unpack(&self) -> Result<Vec<(u64, Bytes)>, PackError> {
        let mut total = 0u64;
        let mut end = 0u64;
        for &(offset, length) in &self.ranges {
            if length == 0 || offset < end {
                return Err(PackError::Ranges);
            }
            end = offset.checked_add(length).ok_or(PackError::Ranges)?;
            total += length;
        }
        let expected = usize::try_from(total).map_err(|_| PackError::Ranges)?;
        if expected > MAX_REPLY_BYTES {
            return Err(PackError::Ranges);
        }
        let bytes = Bytes::from(zstd::bulk::decompress(&self.zstd, expected)?);
        if bytes.len() != expected {
            return Err(PackError::Length {
                expected,
                found: bytes.len(),
            });
        }
        let mut at = 0usize;
        let mut pieces = Vec::with_capacity(self.ranges.len());
        for &(offset, length) in &self.ranges {
            // The sum fits usize, so each length does.
            let length = length as usize;
            pieces.push((offset, bytes.slice(at..at + length)));
            at += length;
        }
        Ok(pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let pack = Pack::compress(vec![(0, 3), (10, 2)], b"abcde").unwrap();
        let pieces = pack.unpack().unwrap();
        assert_eq!(
            pieces,
            vec![(0, Bytes::from_static(b"abc")), (10, Bytes::from_static(b"de"))]
        );
    }

    #[test]
    fn forged_packs_are_refused() {
        let good = Pack::compress(vec![(0, 3)], b"abc").unwrap();
        for ranges in [
            vec![(0, 4)],
            vec![(0, 2)],
            vec![(0, u64::MAX)],
            vec![(5, 1), (4, 2)],
            vec![(0, 0)],
        ] {
            assert!(
                Pack {
                    ranges,
                    ..good.clone()
                }
                .unpack()
                .is_err()
            );
        }
        assert!(
            Pack {
                zstd: vec![1, 2, 3],
                ..good
            }
            .unpack()
            .is_err()
        );
    }
}
