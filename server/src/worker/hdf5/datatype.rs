//! Datatypes whose values are stored elsewhere: variable length and references.

use hdf5_metno_sys::h5::herr_t;
use hdf5_metno_sys::h5i::hid_t;
use hdf5_metno_sys::h5p::H5P_DEFAULT;
use hdf5_metno_sys::h5s::H5Sget_simple_extent_npoints;
use hdf5_metno_sys::h5t::{
    H5T_STD_REF, H5T_class_t, H5Tget_class, H5Tget_member_type, H5Tget_nmembers, H5Tget_size, H5Tget_super,
    H5Tis_variable_str, H5Treclaim,
};
use libc::{c_uint, c_void};

use super::Id;

/// Largest value that is read, in bytes of memory without what it points to.
const MAX_VALUE_BYTES: usize = 8 << 20;

/// Whether values of this type hold references into heaps or to objects.
pub(super) fn points_elsewhere(kind: &Id) -> bool {
    // SAFETY: ids that we hold throughout. The class is one of the enumeration: the library refuses to
    // decode a datatype of any other.
    unsafe {
        match H5Tget_class(kind.0) {
            H5T_class_t::H5T_VLEN | H5T_class_t::H5T_REFERENCE => true,
            H5T_class_t::H5T_STRING => H5Tis_variable_str(kind.0) > 0,
            H5T_class_t::H5T_ARRAY => {
                Id::new(H5Tget_super(kind.0)).is_some_and(|base| points_elsewhere(&base))
            }
            H5T_class_t::H5T_COMPOUND => {
                let members = c_uint::try_from(H5Tget_nmembers(kind.0)).unwrap_or(0);
                (0..members).any(|member| {
                    Id::new(H5Tget_member_type(kind.0, member)).is_some_and(|kind| points_elsewhere(&kind))
                })
            }
            _ => false,
        }
    }
}

/// Reads values of a type and space by `read`, which gets the type to convert to and a buffer for
/// them, and releases what it allocated.
pub(super) fn read_and_forget(kind: &Id, space: &Id, read: impl FnOnce(hid_t, *mut c_void) -> herr_t) {
    // SAFETY: ids that we hold, and one that the library keeps for ever.
    unsafe {
        // Old region references are followed into their heap only when converted to the new type.
        let memory_type = match H5Tget_class(kind.0) {
            H5T_class_t::H5T_REFERENCE => *H5T_STD_REF,
            _ => kind.0,
        };
        let Some(bytes) = usize::try_from(H5Sget_simple_extent_npoints(space.0))
            .ok()
            .and_then(|points| points.checked_mul(H5Tget_size(memory_type)))
            .filter(|bytes| (1..=MAX_VALUE_BYTES).contains(bytes))
        else {
            return;
        };
        // Words, because libhdf5 stores pointers in it.
        let mut buffer = vec![0u64; bytes.div_ceil(8)];
        // After a failure part of the buffer may hold bytes of the file where pointers should be: then
        // what was allocated is lost, which the worker's short life repairs.
        if read(memory_type, buffer.as_mut_ptr().cast()) >= 0 {
            H5Treclaim(memory_type, space.0, H5P_DEFAULT, buffer.as_mut_ptr().cast());
        }
    }
}
