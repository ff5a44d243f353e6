//! From ranges to a pack: read, check that the file is still the same, compress.

use hdfstream::protocol::Pack;

use super::Error;
use crate::store::ServedFile;
use crate::worker::RangeSet;

/// Bytes between two ranges that are sent along rather than have another range.
const GAP: u64 = 512;

/// Packs `ranges` of `file`.
pub(super) async fn pack(file: ServedFile, ranges: RangeSet) -> Result<Pack, Error> {
    tokio::task::spawn_blocking(move || build(&file, &ranges))
        .await
        .map_err(|_| Error::Ending)?
}

fn build(file: &ServedFile, ranges: &RangeSet) -> Result<Pack, Error> {
    let unreadable = |source| Error::Read {
        path: file.path.clone(),
        source,
    };
    let ranges = ranges.merged(GAP, file.size);
    let total: u64 = ranges.iter().map(|&(_, length)| length).sum();
    // The budget of a job and GAP bytes for each range bound the sum.
    let mut bytes = vec![0u8; usize::try_from(total).map_err(|_| Error::Ending)?];
    let mut rest = bytes.as_mut_slice();
    for &(offset, length) in &ranges {
        let (piece, after) = rest.split_at_mut(length as usize);
        file.read_at(piece, offset).map_err(unreadable)?;
        rest = after;
    }
    if !file.is_current().map_err(unreadable)? {
        return Err(Error::Changed(file.path.clone()));
    }
    Pack::compress(ranges, &bytes).map_err(|source| Error::Pack {
        path: file.path.clone(),
        source,
    })
}
