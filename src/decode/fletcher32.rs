//! HDF5's checksum filter: the checksum follows the data.

/// Bytes of a checksum.
pub(super) const BYTES: usize = 4;
/// Words that are added before the sums are folded, so that they do not overflow.
const WORDS: usize = 360;

/// How many of `bytes` come before their checksum; `None` when it is not theirs. (HDF5 before 1.6.3 wrote it
/// otherwise on some machines: also for native code.)
pub(super) fn checked(bytes: &[u8]) -> Option<usize> {
    let (data, stored) = bytes.split_last_chunk::<BYTES>()?;
    (sum(data) == u32::from_le_bytes(*stored)).then_some(data.len())
}

fn fold(sum: u32) -> u32 {
    (sum & 0xffff) + (sum >> 16)
}

/// Fletcher's checksum over words of 16 bits, the higher byte first.
pub(super) fn sum(data: &[u8]) -> u32 {
    let (mut first, mut second) = (0u32, 0u32);
    for part in data.chunks(2 * WORDS) {
        let (words, rest) = part.as_chunks::<2>();
        for word in words {
            first += u32::from(u16::from_be_bytes(*word));
            second += first;
        }
        if let [last] = rest {
            first += u32::from(*last) << 8;
            second += first;
        }
        (first, second) = (fold(first), fold(second));
    }
    fold(second) << 16 | fold(first)
}
