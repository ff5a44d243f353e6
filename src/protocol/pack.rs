//! A pack: scattered ranges of a file, sent together and compressed.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::MAX_REPLY_BYTES;

/// Bytes that are compressed together: who needs a few of a pack need not decompress all of it.
const FRAME: usize = 128 << 10;

/// Ranges of a file with their bytes, concatenated and compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// `(offset, length)` in bytes, ascending, not overlapping, none empty.
    pub ranges: Vec<(u64, u64)>,
    /// zstd frames, one after the other, with the bytes of all ranges.
    #[serde(with = "serde_bytes")]
    pub zstd: Vec<u8>,
}

/// A part of a pack that is decompressed at once.
#[derive(Debug, Clone)]
pub struct Frame {
    /// `(offset, length)` in bytes, ascending, not overlapping: where in the file its bytes belong, one piece after
    /// the other.
    pub pieces: Vec<(u64, u64)>,
    zstd: Bytes,
    length: usize,
}

impl Frame {
    /// Its bytes.
    ///
    /// # Errors
    /// [`PackError::Length`] and [`PackError::Frame`].
    pub fn unpack(&self) -> Result<Bytes, PackError> {
        let bytes = Bytes::from(zstd::bulk::decompress(&self.zstd, self.length)?);
        match bytes.len() == self.length {
            true => Ok(bytes),
            false => Err(PackError::Length {
                expected: self.length,
                found: bytes.len(),
            }),
        }
    }

    /// Bytes of all pieces.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }
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
        let mut compressor = zstd::bulk::Compressor::new(1)?;
        let mut zstd = compressor.compress(&bytes[..bytes.len().min(FRAME)])?;
        for part in bytes.chunks(FRAME).skip(1) {
            zstd.extend(compressor.compress(part)?);
        }
        Ok(Self { ranges, zstd })
    }

    /// Checks what can be checked without decompressing, and divides into frames.
    ///
    /// # Errors
    /// See [`PackError`]. All frames together have at most [`MAX_REPLY_BYTES`], whatever the pack announces.
    pub fn into_frames(self) -> Result<Vec<Frame>, PackError> {
        let expected = self.length()?;
        let mut zstd = Bytes::from(self.zstd);
        let mut ranges = self.ranges.into_iter();
        // What is left of a range that began in the frame before.
        let mut begun = None;
        let mut frames = Vec::new();
        let mut found = 0;
        while !zstd.is_empty() {
            let (size, length) = measure(&zstd, expected - found)?;
            found += length;
            if found > expected {
                return Err(PackError::Length { expected, found });
            }
            let mut pieces = Vec::new();
            let mut room = length as u64;
            while room > 0 {
                let Some((offset, length)) = begun.take().or_else(|| ranges.next()) else {
                    break;
                };
                let now = room.min(length);
                pieces.push((offset, now));
                begun = (now < length).then_some((offset + now, length - now));
                room -= now;
            }
            frames.push(Frame {
                pieces,
                zstd: zstd.split_to(size),
                length,
            });
        }
        match found == expected {
            true => Ok(frames),
            false => Err(PackError::Length { expected, found }),
        }
    }

    /// Checks and decompresses; returns each piece's offset with its bytes.
    ///
    /// # Errors
    /// As [`Self::into_frames`].
    pub fn unpack(&self) -> Result<Vec<(u64, Bytes)>, PackError> {
        let mut pieces = Vec::with_capacity(self.ranges.len());
        for frame in self.clone().into_frames()? {
            let mut bytes = frame.unpack()?;
            for (offset, length) in frame.pieces {
                pieces.push((offset, bytes.split_to(length as usize)));
            }
        }
        Ok(pieces)
    }

    /// Bytes of all ranges.
    fn length(&self) -> Result<usize, PackError> {
        let mut total = 0u64;
        let mut end = 0u64;
        for &(offset, length) in &self.ranges {
            if length == 0 || offset < end {
                return Err(PackError::Ranges);
            }
            end = offset.checked_add(length).ok_or(PackError::Ranges)?;
            total += length;
        }
        match usize::try_from(total) {
            Ok(total) if total <= MAX_REPLY_BYTES => Ok(total),
            _ => Err(PackError::Ranges),
        }
    }
}

/// Bytes of the first frame of `zstd`, and of what is in it; of which `left` are expected, if it does not say.
fn measure(zstd: &[u8], left: usize) -> Result<(usize, usize), PackError> {
    let damaged = |reason: &str| PackError::Frame(std::io::Error::other(reason.to_owned()));
    let size = zstd::zstd_safe::find_frame_compressed_size(zstd)
        .map_err(|code| damaged(zstd::zstd_safe::get_error_name(code)))?;
    let length =
        zstd::zstd_safe::get_frame_content_size(zstd).map_err(|error| damaged(&error.to_string()))?;
    let length = length.map_or(Ok(left), usize::try_from);
    Ok((size, length.map_err(|_| PackError::Ranges)?))
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
    fn large_packs_have_frames_that_are_unpacked_by_themselves() {
        let bytes: Vec<u8> = (0..FRAME as u32 + 100).map(|number| (number / 7) as u8).collect();
        let ranges = vec![(0, 10), (50, FRAME as u64), (1 << 30, 90)];
        let pack = Pack::compress(ranges, &bytes).unwrap();
        let frames = pack.clone().into_frames().unwrap();
        let pieces: Vec<_> = frames.iter().map(|frame| frame.pieces.clone()).collect();
        let first = FRAME as u64 - 10;
        assert_eq!(pieces[0], [(0, 10), (50, first)]);
        assert_eq!(pieces[1], [(50 + first, 10), (1 << 30, 90)]);
        assert_eq!(frames[1].unpack().unwrap(), bytes[FRAME..]);
        // As servers did before, and clients that know of one frame only.
        assert_eq!(zstd::bulk::decompress(&pack.zstd, bytes.len()).unwrap(), bytes);
        let whole = Pack {
            zstd: zstd::bulk::compress(&bytes, 1).unwrap(),
            ..pack.clone()
        };
        for pack in [whole, pack] {
            let pieces = pack.unpack().unwrap();
            let joined: Vec<u8> = pieces.iter().flat_map(|piece| piece.1.to_vec()).collect();
            assert_eq!(joined, bytes);
        }
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
