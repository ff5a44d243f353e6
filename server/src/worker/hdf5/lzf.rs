//! h5py's own filter, LZF, which libhdf5 does not have: decoding only.

use std::ptr;
use std::slice;

use hdf5_metno_sys::h5::{H5allocate_memory, H5free_memory, herr_t};
use hdf5_metno_sys::h5z::{H5Z_FLAG_REVERSE, H5Z_class2_t, H5Zregister};
use hdfstream::decode::lzf;
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
        let Some(length) = lzf::length(encoded).filter(|&length| length > 0) else {
            return 0;
        };
        let memory = H5allocate_memory(length, 1);
        if memory.is_null() {
            return 0;
        }
        if !lzf::decompress(encoded, slice::from_raw_parts_mut(memory.cast::<u8>(), length)) {
            H5free_memory(memory);
            return 0;
        }
        H5free_memory(*buffer);
        *buffer = memory;
        *size = length;
        length
    }
}
