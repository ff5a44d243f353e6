//! HDF5's superblock: the marks in it that say that somebody writes the file.
//!
//! A commit takes them out of what it sends, so that the server's file can be opened by anybody at any time, also
//! when the writer is never heard of again.

/// How every superblock begins.
const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";
/// Somebody writes the file; somebody writes it while others read (SWMR).
const MARKS: u8 = 0b101;
/// First place after 0 where a superblock may be; the others are its doubles.
const FIRST: u64 = 512;
/// No superblock is longer.
pub(super) const LONGEST: u64 = 128;

/// Where a superblock may be in a file of `size` bytes, in the order in which HDF5 looks.
pub(super) fn places(size: u64) -> impl Iterator<Item = u64> {
    let doubles = std::iter::successors(Some(FIRST), |place| place.checked_mul(2));
    std::iter::once(0)
        .chain(doubles)
        .take_while(move |place| *place < size)
}

/// Whether a superblock begins with these bytes.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE)
}

/// How many bytes of the superblock whose first 10 bytes these are [`unmark`] wants.
pub(super) fn length(head: &[u8]) -> Option<usize> {
    let [version, offsets] = [*head.get(8)?, *head.get(9)?];
    match version {
        _ if !begins(head) => None,
        // Without a checksum.
        0 | 1 => Some(24),
        2 | 3 if matches!(offsets, 2 | 4 | 8) => Some(12 + 4 * usize::from(offsets) + 4),
        _ => None,
    }
}

/// Takes the marks out of a superblock, of which there are as many bytes as [`length`] says; `false` when it has
/// none, or is not what it should be.
pub(super) fn unmark(superblock: &mut [u8]) -> bool {
    if length(superblock) != Some(superblock.len()) {
        return false;
    }
    if superblock[8] < 2 {
        let marked = superblock[20] & MARKS != 0;
        superblock[20] &= !MARKS;
        return marked;
    }
    let (covered, sum) = superblock.split_at_mut(superblock.len() - 4);
    if covered[11] & MARKS == 0 || *sum != lookup3(covered).to_le_bytes() {
        return false;
    }
    covered[11] &= !MARKS;
    sum.copy_from_slice(&lookup3(covered).to_le_bytes());
    true
}

/// Bob Jenkins' lookup3 (`hashlittle` with the initial value 0), by which HDF5 checks its metadata.
fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let [mut a, mut b, mut c] = [start; 3];
    let word = |bytes: &[u8]| {
        let mut word = [0; 4];
        word[..bytes.len()].copy_from_slice(bytes);
        u32::from_le_bytes(word)
    };
    let mut rest = bytes;
    while rest.len() > 12 {
        a = a.wrapping_add(word(&rest[..4]));
        b = b.wrapping_add(word(&rest[4..8]));
        c = c.wrapping_add(word(&rest[8..12]));
        mix(&mut a, &mut b, &mut c);
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return c;
    }
    let part = |number: usize| {
        let from = (4 * number).min(rest.len());
        word(&rest[from..(from + 4).min(rest.len())])
    };
    a = a.wrapping_add(part(0));
    b = b.wrapping_add(part(1));
    c = c.wrapping_add(part(2));
    finish(a, b, c)
}

fn mix(a: &mut u32, b: &mut u32, c: &mut u32) {
    let step = |x: &mut u32, y: &mut u32, z: &mut u32, turn: u32| {
        *x = x.wrapping_sub(*z) ^ z.rotate_left(turn);
        *z = z.wrapping_add(*y);
    };
    step(a, b, c, 4);
    step(b, c, a, 6);
    step(c, a, b, 8);
    step(a, b, c, 16);
    step(b, c, a, 19);
    step(c, a, b, 4);
}

fn finish(mut a: u32, mut b: u32, mut c: u32) -> u32 {
    let step = |x: &mut u32, y: u32, turn: u32| *x = (*x ^ y).wrapping_sub(y.rotate_left(turn));
    step(&mut c, b, 14);
    step(&mut a, c, 11);
    step(&mut b, a, 25);
    step(&mut c, b, 16);
    step(&mut a, c, 4);
    step(&mut b, a, 14);
    step(&mut c, b, 24);
    c
}

/// The checksum as it stands in a superblock.
#[cfg(test)]
pub(super) fn sum(covered: &[u8]) -> [u8; 4] {
    lookup3(covered).to_le_bytes()
}

#[cfg(test)]
mod tests;
