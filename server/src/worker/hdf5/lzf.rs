//! h5py's own filter, LZF, which libhdf5 does not have: decoding only.
//!
//! A first byte below 32 announces so many bytes and one more as they are. Others hold the length in their upper three
//! bits (7: one more byte of it follows), and with the byte after that how far behind what is there to be repeated
//! begins.

use std::ptr;
use std::slice;

use hdf5_metno_sys::h5::{H5allocate_memory, H5free_memory, herr_t};
use hdf5_metno_sys::h5z::{H5Z_FLAG_REVERSE, H5Z_class2_t, H5Zregister};
use libc::{c_int, c_uint, c_void, size_t};

/// As the HDF Group registered it.
const FILTER: c_int = 32_000;
/// `H5Z_CLASS_T_VERS`.
const CLASS_VERSION: c_int = 1;

/// Makes the filter known; negative when that fails.
pub(super) fn register() -> herr_t {
    let class = H5Z_class2_t {
        version: CLASS_VERSION,
        id: FILTER,
        encoder_present: 0,
        decoder_present: 1,
        name: c"lzf".as_ptr(),
        can_apply: None,
        set_local: None,
        filter: Some(filter),
    };
    // SAFETY: libhdf5 copies the class, and the name lives for ever.
    unsafe { H5Zregister(ptr::from_ref(&class).cast()) }
}

/// Returns the number of bytes decoded, 0 for failure.
unsafe extern "C" fn filter(
    flags: c_uint,
    _: size_t,
    _: *const c_uint,
    filled: size_t,
    size: *mut size_t,
    buffer: *mut *mut c_void,
) -> size_t {
    if flags & H5Z_FLAG_REVERSE == 0 {
        return 0;
    }
    // SAFETY: libhdf5 hands over a buffer of its own with `filled` bytes, and takes back another one in its place,
    // with its size, that was allocated likewise.
    unsafe {
        let encoded = slice::from_raw_parts((*buffer).cast::<u8>(), filled);
        let Some(length) = length(encoded).filter(|&length| length > 0) else {
            return 0;
        };
        let memory = H5allocate_memory(length, 1);
        if memory.is_null() {
            return 0;
        }
        if decode(encoded, slice::from_raw_parts_mut(memory.cast::<u8>(), length)).is_none() {
            H5free_memory(memory);
            return 0;
        }
        H5free_memory(*buffer);
        *buffer = memory;
        *size = length;
        length
    }
}

/// What comes next.
enum Step<'a> {
    Bytes(&'a [u8]),
    Repeat { back: usize, count: usize },
}

/// Takes the next step off `encoded`.
fn step<'a>(encoded: &mut &'a [u8]) -> Option<Step<'a>> {
    let mut byte = || {
        let (&first, rest) = encoded.split_first()?;
        *encoded = rest;
        Some(usize::from(first))
    };
    let first = byte()?;
    if first < 32 {
        let (bytes, rest) = encoded.split_at_checked(first + 1)?;
        *encoded = rest;
        return Some(Step::Bytes(bytes));
    }
    let more = if first >> 5 == 7 { byte()? } else { 0 };
    let back = ((first & 31) << 8) + byte()? + 1;
    Some(Step::Repeat {
        back,
        count: (first >> 5) + more + 2,
    })
}

/// Bytes that will be decoded.
fn length(mut encoded: &[u8]) -> Option<usize> {
    let mut length = 0;
    while !encoded.is_empty() {
        length += match step(&mut encoded)? {
            Step::Bytes(bytes) => bytes.len(),
            Step::Repeat { count, .. } => count,
        };
    }
    Some(length)
}

fn decode(mut encoded: &[u8], decoded: &mut [u8]) -> Option<()> {
    let mut at = 0;
    while !encoded.is_empty() {
        match step(&mut encoded)? {
            Step::Bytes(bytes) => {
                decoded.get_mut(at..at + bytes.len())?.copy_from_slice(bytes);
                at += bytes.len();
            }
            Step::Repeat { back, count } => {
                let mut from = at.checked_sub(back)?;
                let end = at + count;
                if end > decoded.len() {
                    return None;
                }
                // What is repeated may reach into what it makes: then it can be copied only as far as it is there.
                while at < end {
                    let now = (at - from).min(end - at);
                    decoded.copy_within(from..from + now, at);
                    from += now;
                    at += now;
                }
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoded: &[u8]) -> Option<Vec<u8>> {
        let mut decoded = vec![0; length(encoded)?];
        decode(encoded, &mut decoded)?;
        Some(decoded)
    }

    #[test]
    fn bytes_and_repetitions() {
        assert_eq!(decoded(b"\x02abc").as_deref(), Some(&b"abc"[..]));
        // Two behind, five in all.
        assert_eq!(decoded(b"\x01ab\x60\x01").as_deref(), Some(&b"abababa"[..]));
        // A long one: 7 + 3 + 2.
        assert_eq!(decoded(b"\x00x\xE0\x03\x00").as_deref(), Some(&[b'x'; 13][..]));
    }

    #[test]
    fn what_is_damaged_is_refused() {
        for damaged in [
            &b"\x02ab"[..],
            b"\x01ab\x60",
            b"\x01ab\x60\x02",
            b"\xE0",
            b"\x00x\xE0\x03",
        ] {
            assert_eq!(decoded(damaged), None, "{damaged:?}");
        }
    }
}
