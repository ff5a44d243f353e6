//! What a request wants written: checked before anything is done.

use serde::{Deserialize, Serialize};

use super::JournalError;
use super::error::invalid;

/// Offsets are signed in the system's calls.
pub(super) const LARGEST: u64 = i64::MAX as u64;
/// Pieces in one request. A piece takes more than its bytes here.
const MOST: usize = 1 << 20;

/// Bytes for one place of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) length: u64,
    /// Whether they are in the data file already and not in the journal.
    pub(super) in_place: bool,
}

impl Piece {
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

/// Refuses pieces that do not fit together, their bytes, or a file of `size`.
pub(super) fn check(
    pieces: &[(u64, u64)],
    bytes: &[u8],
    size: u64,
    ordered: bool,
) -> Result<(), JournalError> {
    if size > LARGEST {
        return Err(invalid("no file can be as long as that"));
    }
    if pieces.len() > MOST {
        return Err(invalid(format!("more than {MOST} pieces in one request")));
    }
    let (mut end, mut sum) = (0, 0u64);
    for &(offset, length) in pieces {
        if length == 0 {
            return Err(invalid("a piece has no bytes"));
        }
        if !ordered && offset < end {
            return Err(invalid("pieces overlap or are not ascending"));
        }
        end = match offset.checked_add(length) {
            Some(end) if end <= size => end,
            _ => return Err(invalid("a piece ends beyond the end of the file")),
        };
        sum = sum.saturating_add(length);
    }
    if u64::try_from(bytes.len()) != Ok(sum) {
        return Err(invalid("the pieces do not have the length of the bytes"));
    }
    Ok(())
}

/// The bytes of each of `pieces`, which are those of `bytes` in order.
pub(super) fn with_bytes<'a>(
    pieces: &'a [Piece],
    bytes: &'a [u8],
) -> impl Iterator<Item = (Piece, &'a [u8])> {
    let mut left = bytes;
    pieces.iter().map_while(move |piece| {
        let (these, rest) = left.split_at_checked(usize::try_from(piece.length).ok()?)?;
        left = rest;
        Some((*piece, these))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces, length of the bytes, whether they are ordered.
    type Case = (&'static [(u64, u64)], usize, bool);

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let good: [Case; 4] = [
            (&[], 0, false),
            (&[(0, 3), (3, 2)], 5, false),
            (&[(95, 5)], 5, false),
            (&[(50, 5), (48, 5)], 10, true),
        ];
        for (pieces, length, ordered) in good {
            check(pieces, &vec![0; length], 100, ordered).unwrap();
        }
        let bad: [Case; 8] = [
            (&[(0, 0)], 0, false),
            (&[(0, 3), (2, 3)], 6, false),
            (&[(5, 1), (0, 1)], 2, false),
            (&[(96, 5)], 5, false),
            (&[(u64::MAX, 2)], 2, false),
            (&[(0, 3)], 4, false),
            (&[(0, 3)], 2, false),
            (&[(0, u64::MAX), (1, 2)], 1, true),
        ];
        for (pieces, length, ordered) in bad {
            let refused = check(pieces, &vec![0; length], 100, ordered);
            assert!(matches!(refused, Err(JournalError::Invalid(_))), "{pieces:?}");
        }
        assert!(check(&[], &[], LARGEST + 1, false).is_err());
    }
}
