//! The format of LZF, which h5py writes: literal runs, and copies of what came shortly before.

/// Bytes that `source` decompresses to; `None` when it is cut.
#[must_use]
pub fn length(mut source: &[u8]) -> Option<usize> {
    let mut length = 0usize;
    while let Some((&control, rest)) = source.split_first() {
        let (bytes, taken) = match usize::from(control) {
            literal @ 0..32 => (literal + 1, literal + 1),
            long @ 224.. => (usize::from(*rest.first()?) + (long >> 5) + 2, 2),
            short => ((short >> 5) + 2, 1),
        };
        length = length.checked_add(bytes)?;
        source = rest.split_at_checked(taken)?.1;
    }
    Some(length)
}

/// Fills `target` with what `source` decompresses to; says whether that is exactly so many bytes.
#[must_use]
pub fn decompress(source: &[u8], target: &mut [u8]) -> bool {
    fill(source, target) == Some(target.len())
}

/// Bytes written; `None` when `source` is no LZF or more than there is room for.
fn fill(mut source: &[u8], target: &mut [u8]) -> Option<usize> {
    let mut at = 0;
    while let Some((&control, rest)) = source.split_first() {
        if control < 32 {
            let (literal, rest) = rest.split_at_checked(usize::from(control) + 1)?;
            target.get_mut(at..at + literal.len())?.copy_from_slice(literal);
            at += literal.len();
            source = rest;
            continue;
        }
        let mut length = usize::from(control >> 5);
        let mut rest = rest;
        if length == 7 {
            let (&more, after) = rest.split_first()?;
            length += usize::from(more);
            rest = after;
        }
        length += 2;
        let (&low, after) = rest.split_first()?;
        source = after;
        let distance = (usize::from(control & 31) << 8 | usize::from(low)) + 1;
        let from = at.checked_sub(distance)?;
        if at + length > target.len() {
            return None;
        }
        // What is copied may reach into what it makes: then it repeats.
        let mut done = 0;
        while done < length {
            let now = (length - done).min(distance + done);
            target.copy_within(from..from + now, at + done);
            done += now;
        }
        at += length;
    }
    Some(at)
}
