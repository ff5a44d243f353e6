//! The only look that this process takes into a file: does it begin as HDF5 files do?

use std::fs::File;
use std::os::unix::fs::FileExt;

/// HDF5 looks for its signature at 0, 512, 1024, 2048 and so on; user blocks beyond this are not known
/// to exist, and each look costs a read.
const LAST_SIGNATURE: u64 = 1 << 20;
const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// Whether the file begins as HDF5 files do, possibly after a user block.
pub(super) fn has_signature(file: &File, size: u64) -> bool {
    let mut offset = 0u64;
    while offset <= LAST_SIGNATURE && offset + 8 <= size {
        let mut bytes = [0u8; 8];
        if file.read_exact_at(&mut bytes, offset).is_err() {
            return false;
        }
        if bytes == SIGNATURE {
            return true;
        }
        offset = if offset == 0 { 512 } else { offset * 2 };
    }
    false
}
