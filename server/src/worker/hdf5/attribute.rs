//! Attributes: those whose values lead to other places of the file are read.

use std::ffi::CStr;

use hdf5_metno_sys::h5a::{H5Aget_space, H5Aget_type, H5Aopen, H5Aread};
use hdf5_metno_sys::h5i::hid_t;
use hdf5_metno_sys::h5p::H5P_DEFAULT;

use super::{Id, datatype};

/// The least bytes that a value pointing elsewhere takes in a file: the length and heap reference of
/// a variable-length one with 2-byte addresses.
const LEAST_POINTER: u64 = 10;

/// An attribute that [`super::Object::each_attribute`] met.
pub(in crate::worker) struct Attribute<'a> {
    object: hid_t,
    name: &'a CStr,
    size: u64,
    /// Whether the object tracks the order in which its attributes were made.
    pub(in crate::worker) ordered: bool,
}

impl<'a> Attribute<'a> {
    pub(super) fn new(object: hid_t, name: &'a CStr, size: u64, ordered: bool) -> Self {
        Self {
            object,
            name,
            size,
            ordered,
        }
    }

    /// Reads the value when that touches more than the attribute itself, which the iteration that
    /// found it has touched already.
    pub(in crate::worker) fn touch_value(&self) {
        if self.size < LEAST_POINTER {
            return;
        }
        // SAFETY: the object is open during the iteration, the name valid for as long as `self`.
        let Some(attribute) = Id::new(unsafe { H5Aopen(self.object, self.name.as_ptr(), H5P_DEFAULT) })
        else {
            return;
        };
        // SAFETY: an id that we hold.
        let Some(kind) = Id::new(unsafe { H5Aget_type(attribute.0) }) else {
            return;
        };
        if !datatype::points_elsewhere(&kind) {
            return;
        }
        // SAFETY: an id that we hold.
        let Some(space) = Id::new(unsafe { H5Aget_space(attribute.0) }) else {
            return;
        };
        // SAFETY: the buffer that `read_and_forget` gives has room for the whole value in that type.
        datatype::read_and_forget(&kind, &space, |memory_type, buffer| unsafe {
            H5Aread(attribute.0, memory_type, buffer)
        });
    }
}
