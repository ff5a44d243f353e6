//! HDF5 types for the types that the protocol describes.

use std::ffi::CString;

use hdfstream::v1::Element;

use crate::ffi::{self, hid_t};
use crate::handle::Handle;
use crate::host::Host;

/// `H5T_VARIABLE` of H5Tpublic.h, a cast that bindgen does not carry over.
const VARIABLE: usize = usize::MAX;

/// Makes the type; `None` when this HDF5 has none like it.
pub(super) fn datatype(host: &'static Host, element: &Element) -> Option<Handle> {
    let h5 = &host.h5;
    let ids = &host.ids;
    // SAFETY: all ids are open, all names NUL-terminated, and dimensions are as many as is said.
    unsafe {
        match element {
            Element::Integer {
                size,
                signed,
                big_endian,
            } => {
                let copy = copied(host, ids.type_integer.get())?;
                let sign = if *signed {
                    ffi::H5T_SGN_2
                } else {
                    ffi::H5T_SGN_NONE
                };
                let done = (h5.H5Tset_precision)(copy.id(), 8 * size) >= 0
                    && (h5.H5Tset_size)(copy.id(), *size) >= 0
                    && (h5.H5Tset_sign)(copy.id(), sign) >= 0
                    && ordered(host, &copy, *big_endian);
                done.then_some(copy)
            }
            Element::Float { size, big_endian } => {
                let copy = match size {
                    2 => half(host)?,
                    4 => copied(host, ids.type_float.get())?,
                    8 => copied(host, ids.type_double.get())?,
                    _ => {
                        let long = copied(host, ids.type_long_double.get())?;
                        // Only where it is the 80-bit format of x86.
                        let same = cfg!(target_arch = "x86_64") && (h5.H5Tget_size)(long.id()) == *size;
                        same.then_some(long)?
                    }
                };
                ordered(host, &copy, *big_endian).then_some(copy)
            }
            Element::Text(size) => {
                let copy = copied(host, ids.type_text.get())?;
                let done = (h5.H5Tset_size)(copy.id(), *size) >= 0
                    && (h5.H5Tset_strpad)(copy.id(), ffi::H5T_STR_NULLPAD) >= 0;
                done.then_some(copy)
            }
            Element::VariableText => {
                let copy = copied(host, ids.type_text.get())?;
                let done = (h5.H5Tset_size)(copy.id(), VARIABLE) >= 0
                    && (h5.H5Tset_cset)(copy.id(), ffi::H5T_CSET_UTF8) >= 0;
                done.then_some(copy)
            }
            Element::Compound(fields) => {
                let size = usize::try_from(element.size()?).ok()?;
                let compound = (h5.H5Tcreate)(ffi::H5T_COMPOUND, size);
                let compound = Handle::own(host, compound, h5.H5Tclose)?;
                let mut offset = 0;
                for field in fields {
                    let name = CString::new(field.name.as_slice()).ok()?;
                    let inner = datatype(host, &field.element)?;
                    if (h5.H5Tinsert)(compound.id(), name.as_ptr(), offset, inner.id()) < 0 {
                        return None;
                    }
                    offset += usize::try_from(field.element.size()?).ok()?;
                }
                Some(compound)
            }
            Element::Array(inner, dimensions) => {
                let inner = datatype(host, inner)?;
                let rank = u32::try_from(dimensions.len()).ok()?;
                let array = (h5.H5Tarray_create2)(inner.id(), rank, dimensions.as_ptr());
                Handle::own(host, array, h5.H5Tclose)
            }
            Element::Sequence(inner) => {
                let inner = datatype(host, inner)?;
                Handle::own(host, (h5.H5Tvlen_create)(inner.id()), h5.H5Tclose)
            }
        }
    }
}

fn copied(host: &'static Host, id: hid_t) -> Option<Handle> {
    // SAFETY: one of HDF5's own types.
    Handle::own(host, unsafe { (host.h5.H5Tcopy)(id) }, host.h5.H5Tclose)
}

fn ordered(host: &'static Host, datatype: &Handle, big_endian: bool) -> bool {
    // SAFETY: an open type of ours.
    !big_endian || unsafe { (host.h5.H5Tset_order)(datatype.id(), ffi::H5T_ORDER_BE) } >= 0
}

/// IEEE's 16-bit number, made from the 32-bit one: not every HDF5 has it ready.
fn half(host: &'static Host) -> Option<Handle> {
    let h5 = &host.h5;
    let copy = copied(host, host.ids.type_float.get())?;
    // SAFETY: an open type of ours. The fields must lie within the precision at every step.
    let done = unsafe {
        (h5.H5Tset_fields)(copy.id(), 15, 10, 5, 0, 10) >= 0
            && (h5.H5Tset_precision)(copy.id(), 16) >= 0
            && (h5.H5Tset_size)(copy.id(), 2) >= 0
            && (h5.H5Tset_ebias)(copy.id(), 15) >= 0
    };
    done.then_some(copy)
}
