//! The format of HDF5's LZ4 filter: the size, the size of a block, then the blocks with the sizes that they have
//! compressed. All numbers have their highest byte first.

/// Fills `target` with what `source` decompresses to; says whether that is exactly so many bytes.
pub(super) fn decompress(source: &[u8], target: &mut [u8]) -> bool {
    fill(source, target).is_some()
}

fn fill(source: &[u8], target: &mut [u8]) -> Option<()> {
    let (size, rest) = source.split_first_chunk()?;
    let (block, mut rest) = rest.split_first_chunk()?;
    let block = u32::from_be_bytes(*block) as usize;
    if u64::from_be_bytes(*size) != target.len() as u64 || block == 0 {
        return None;
    }
    for part in target.chunks_mut(block) {
        let (size, after) = rest.split_first_chunk()?;
        let (stored, after) = after.split_at_checked(u32::from_be_bytes(*size) as usize)?;
        rest = after;
        // A block that does not become smaller is stored as it is.
        if stored.len() == part.len() {
            part.copy_from_slice(stored);
        } else if lz4_flex::block::decompress_into(stored, part).ok() != Some(part.len()) {
            return None;
        }
    }
    Some(())
}
