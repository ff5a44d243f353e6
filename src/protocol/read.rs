//! Reading bytes: many ranges in one request, regular ones folded into runs.

use serde::{Deserialize, Serialize};

use super::{MAX_READ_BYTES, MAX_RUNS};

/// `count` pieces of `length` bytes, the first at `offset`, their beginnings `stride` bytes apart.
/// On the wire an array `[offset, length, stride, count]`. A plain range has count 1 and stride 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64, u64, u64)", into = "(u64, u64, u64, u64)")]
pub struct Run {
    /// First byte of the first piece.
    pub offset: u64,
    /// Bytes in each piece; never 0.
    pub length: u64,
    /// Bytes from the beginning of a piece to that of the next; at least `length` when `count` > 1.
    pub stride: u64,
    /// Number of pieces; never 0.
    pub count: u64,
}

impl From<(u64, u64, u64, u64)> for Run {
    fn from((offset, length, stride, count): (u64, u64, u64, u64)) -> Self {
        Self {
            offset,
            length,
            stride,
            count,
        }
    }
}

impl From<Run> for (u64, u64, u64, u64) {
    fn from(run: Run) -> Self {
        (run.offset, run.length, run.stride, run.count)
    }
}

/// Why a list of runs is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RunsError {
    /// More than [`MAX_RUNS`] runs.
    #[error("more than {MAX_RUNS} runs in one request")]
    TooMany,
    /// More than [`MAX_READ_BYTES`] bytes.
    #[error("more than {MAX_READ_BYTES} bytes in one request")]
    TooLarge,
    /// A run with no bytes, overlapping pieces, or pieces beyond the end of the file.
    #[error("run {0} is empty, overlaps itself or ends beyond the file")]
    Malformed(usize),
}

impl Run {
    /// A single range.
    #[must_use]
    pub fn range(offset: u64, length: u64) -> Self {
        Self {
            offset,
            length,
            stride: 0,
            count: 1,
        }
    }

    /// Bytes that the run delivers; `None` on overflow.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.length.checked_mul(self.count)
    }

    /// One past the last byte touched; `None` on overflow or for a run that is not well formed.
    #[must_use]
    pub fn end(&self) -> Option<u64> {
        if self.length == 0 || self.count == 0 || (self.count > 1 && self.stride < self.length) {
            return None;
        }
        let last = self.stride.checked_mul(self.count - 1)?;
        self.offset.checked_add(last)?.checked_add(self.length)
    }

    /// Checks a list of runs against a file of `size` bytes and returns the number of bytes it asks for.
    ///
    /// # Errors
    /// See [`RunsError`].
    pub fn check(runs: &[Self], size: u64) -> Result<u64, RunsError> {
        if runs.len() > MAX_RUNS {
            return Err(RunsError::TooMany);
        }
        let mut total = 0u64;
        for (index, run) in runs.iter().enumerate() {
            match (run.end(), run.bytes()) {
                (Some(end), Some(bytes)) if end <= size => {
                    total = total.checked_add(bytes).ok_or(RunsError::TooLarge)?;
                }
                _ => return Err(RunsError::Malformed(index)),
            }
        }
        if total > MAX_READ_BYTES {
            return Err(RunsError::TooLarge);
        }
        Ok(total)
    }
}

/// Body of `POST {base}/v2/read`. The answer is the bytes of all runs, in order and without framing;
/// its length is announced, so that a cut answer is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRequest {
    /// Path as in [`super::OpenReply::path`].
    pub path: String,
    /// The version to read; another one answers [`super::ErrorKind::Changed`].
    pub version: String,
    /// What to read.
    pub runs: Vec<Run>,
    /// A lease: what is read is then what its next commit will make of the file, as far as it was staged.
    #[serde(default)]
    pub lease: Option<String>,
}

/// Body of `POST {base}/v2/external`: bytes of a raw file that a dataset of `path` keeps its data in
/// (HDF5's external storage). Answered like [`ReadRequest`]; beyond the end of the raw file the bytes
/// are zero, as HDF5 has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalRequest {
    /// The HDF5 file.
    pub path: String,
    /// Its version.
    pub version: String,
    /// Name of the raw file as stored in the HDF5 file; relative names are resolved against the
    /// directory of `path`.
    pub name: String,
    /// First byte.
    pub offset: u64,
    /// Number of bytes, at most [`MAX_READ_BYTES`].
    pub length: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_beyond_the_file_or_overflowing_are_refused() {
        assert_eq!(Run::check(&[Run::range(0, 10)], 10), Ok(10));
        assert_eq!(Run::check(&[Run::range(1, 10)], 10), Err(RunsError::Malformed(0)));
        let strided = Run {
            offset: 4,
            length: 4,
            stride: 8,
            count: 3,
        };
        assert_eq!(Run::check(&[strided], 24), Ok(12));
        assert_eq!(Run::check(&[strided], 23), Err(RunsError::Malformed(0)));
        let overlapping = Run { stride: 3, ..strided };
        assert_eq!(Run::check(&[overlapping], 1 << 40), Err(RunsError::Malformed(0)));
        let huge = Run {
            offset: u64::MAX,
            length: 2,
            stride: u64::MAX,
            count: u64::MAX,
        };
        assert_eq!(Run::check(&[huge], u64::MAX), Err(RunsError::Malformed(0)));
    }
}
