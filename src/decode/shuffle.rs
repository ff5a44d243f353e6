//! HDF5's shuffle filter: the first bytes of all elements, then the second bytes, and so on.

/// Puts the bytes of `source` back into elements of `size` bytes; both are equally long. Bytes behind the last whole
/// element were not moved.
pub(super) fn undo(size: usize, source: &[u8], target: &mut [u8]) {
    let elements = source.len().checked_div(size).unwrap_or_default();
    if size <= 1 || elements <= 1 {
        target.copy_from_slice(source);
        return;
    }
    let (planes, rest) = source.split_at(elements * size);
    let (target, target_rest) = target.split_at_mut(planes.len());
    target_rest.copy_from_slice(rest);
    match size {
        2 => of_2(planes, target),
        4 => of_4(planes, target),
        8 => of_8(planes, target),
        _ => of_any(size, planes, target),
    }
}

fn of_2(planes: &[u8], target: &mut [u8]) {
    let elements = target.as_chunks_mut::<2>().0;
    let (a, b) = planes.split_at(elements.len());
    for ((element, a), b) in elements.iter_mut().zip(a).zip(b) {
        *element = [*a, *b];
    }
}

fn of_4(planes: &[u8], target: &mut [u8]) {
    let elements = target.as_chunks_mut::<4>().0;
    let (ab, cd) = planes.split_at(2 * elements.len());
    let (a, b) = ab.split_at(elements.len());
    let (c, d) = cd.split_at(elements.len());
    for ((((element, a), b), c), d) in elements.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *element = [*a, *b, *c, *d];
    }
}

/// In blocks that stay in the fastest cache: halves first, then pairs of halves.
fn of_8(planes: &[u8], target: &mut [u8]) {
    const BLOCK: usize = 512;
    let elements = target.as_chunks_mut::<8>().0;
    let count = elements.len();
    let (mut low, mut high) = ([[0u8; 4]; BLOCK], [[0u8; 4]; BLOCK]);
    for (number, block) in elements.chunks_mut(BLOCK).enumerate() {
        let start = number * BLOCK;
        let plane = |which: usize| &planes[which * count + start..][..block.len()];
        for (half, from) in [(&mut low, 0), (&mut high, 4)] {
            let (a, b, c, d) = (plane(from), plane(from + 1), plane(from + 2), plane(from + 3));
            for ((((part, a), b), c), d) in half.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *part = [*a, *b, *c, *d];
            }
        }
        for ((element, low), high) in block.iter_mut().zip(&low).zip(&high) {
            let whole = u64::from(u32::from_le_bytes(*low)) | u64::from(u32::from_le_bytes(*high)) << 32;
            *element = whole.to_le_bytes();
        }
    }
}

/// In blocks, lest every byte touches another line of the cache.
fn of_any(size: usize, planes: &[u8], target: &mut [u8]) {
    const BLOCK: usize = 64;
    let count = planes.len() / size;
    for (number, block) in target.chunks_mut(BLOCK * size).enumerate() {
        let here = block.len() / size;
        for (which, plane) in planes.chunks_exact(count).enumerate() {
            let part = &plane[number * BLOCK..][..here];
            for (element, byte) in block.chunks_exact_mut(size).zip(part) {
                element[which] = *byte;
            }
        }
    }
}
