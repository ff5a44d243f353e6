//! Datatypes as replies of protocol v1 need them: what a stored type is, and types of memory made of parts.

use std::ffi::CStr;

use hdf5_metno_sys::h5::H5free_memory;
use hdf5_metno_sys::h5i::hid_t;
use hdf5_metno_sys::h5t::{
    H5T_class_t, H5T_direction_t, H5T_order_t, H5T_sign_t, H5T_str_t, H5Tarray_create2, H5Tcopy, H5Tcreate,
    H5Tequal, H5Tget_array_dims2, H5Tget_array_ndims, H5Tget_class, H5Tget_member_name, H5Tget_member_type,
    H5Tget_native_type, H5Tget_nmembers, H5Tget_sign, H5Tget_size, H5Tget_super, H5Tinsert,
    H5Tis_variable_str, H5Tset_order, H5Tset_strpad, H5Tvlen_create,
};
use libc::{c_uint, c_void};

use super::Id;

unsafe extern "C" {
    /// Not in the bindings (`H5Tpublic.h`, since 1.14.4).
    static H5T_IEEE_F16LE_g: hid_t;
}

/// `H5T_COMPLEX`, which came with HDF5 2.0.
const COMPLEX: i32 = 11;
/// `H5S_MAX_RANK`.
const MAX_RANK: usize = 32;

/// What a datatype is, as far as it matters to a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::worker) enum Class {
    Integer {
        signed: bool,
    },
    Float,
    Complex,
    FixedText,
    VariableText,
    Enumeration,
    Array(Vec<u64>),
    Compound,
    Sequence,
    /// Bits, opaque data, references, times.
    Other,
}

/// A datatype, of a file or of memory.
#[derive(Debug)]
pub(in crate::worker) struct Datatype(pub(super) Id);

impl Datatype {
    pub(in crate::worker) fn class(&self) -> Class {
        let id = self.0.0;
        // SAFETY: an id that we hold, also below. The class is one of the enumeration: the library refuses
        // to decode a datatype of any other.
        let class = unsafe { H5Tget_class(id) };
        match class {
            H5T_class_t::H5T_INTEGER => {
                // SAFETY: as above; the sign is one of two.
                let sign = unsafe { H5Tget_sign(id) };
                Class::Integer {
                    signed: sign == H5T_sign_t::H5T_SGN_2,
                }
            }
            H5T_class_t::H5T_FLOAT => Class::Float,
            // SAFETY: as above.
            H5T_class_t::H5T_STRING if unsafe { H5Tis_variable_str(id) } > 0 => Class::VariableText,
            H5T_class_t::H5T_STRING => Class::FixedText,
            H5T_class_t::H5T_ENUM => Class::Enumeration,
            H5T_class_t::H5T_ARRAY => self.dimensions().map_or(Class::Other, Class::Array),
            H5T_class_t::H5T_COMPOUND => Class::Compound,
            H5T_class_t::H5T_VLEN => Class::Sequence,
            other if other as i32 == COMPLEX => Class::Complex,
            _ => Class::Other,
        }
    }

    /// Bytes of one element.
    pub(in crate::worker) fn size(&self) -> usize {
        // SAFETY: an id that we hold.
        unsafe { H5Tget_size(self.0.0) }
    }

    /// The type that an array, enumeration, sequence or complex number is made of.
    pub(in crate::worker) fn base(&self) -> Option<Self> {
        // SAFETY: an id that we hold.
        Id::new(unsafe { H5Tget_super(self.0.0) }).map(Self)
    }

    fn dimensions(&self) -> Option<Vec<u64>> {
        // SAFETY: an id that we hold; the second call gets room for as many as the first said.
        unsafe {
            let rank = usize::try_from(H5Tget_array_ndims(self.0.0)).ok()?;
            let mut dimensions = vec![0; rank];
            (rank <= MAX_RANK && H5Tget_array_dims2(self.0.0, dimensions.as_mut_ptr()) >= 0)
                .then_some(dimensions)
        }
    }

    /// Number of fields of a compound.
    pub(in crate::worker) fn fields(&self) -> u32 {
        // SAFETY: an id that we hold.
        u32::try_from(unsafe { H5Tget_nmembers(self.0.0) }).unwrap_or(0)
    }

    /// Name and type of a field.
    pub(in crate::worker) fn field(&self, number: u32) -> Option<(Vec<u8>, Self)> {
        // SAFETY: an id that we hold; the name is the library's, given to us to free.
        unsafe {
            let name = H5Tget_member_name(self.0.0, c_uint::from(number));
            if name.is_null() {
                return None;
            }
            let copy = CStr::from_ptr(name).to_bytes().to_vec();
            H5free_memory(name.cast::<c_void>());
            let kind = Id::new(H5Tget_member_type(self.0.0, c_uint::from(number)))?;
            Some((copy, Self(kind)))
        }
    }

    /// This machine's type for such numbers.
    pub(in crate::worker) fn native(&self) -> Option<Self> {
        // SAFETY: an id that we hold.
        Id::new(unsafe { H5Tget_native_type(self.0.0, H5T_direction_t::H5T_DIR_ASCEND) }).map(Self)
    }

    /// IEEE half precision in this order, which converts without a native type: whether there is one depends
    /// on the compiler of libhdf5.
    pub(in crate::worker) fn half() -> Option<Self> {
        // SAFETY: an id that the library keeps for ever.
        Id::new(unsafe { H5Tcopy(H5T_IEEE_F16LE_g) }).map(Self)
    }

    /// The same with the bytes of each number the other way round.
    pub(in crate::worker) fn big_endian(&self) -> Option<Self> {
        let copy = self.copy()?;
        // SAFETY: an id that we hold.
        (unsafe { H5Tset_order(copy.0.0, H5T_order_t::H5T_ORDER_BE) } >= 0).then_some(copy)
    }

    /// A text of the same size, padded with NUL.
    pub(in crate::worker) fn null_padded(&self) -> Option<Self> {
        let copy = self.copy()?;
        // SAFETY: an id that we hold.
        (unsafe { H5Tset_strpad(copy.0.0, H5T_str_t::H5T_STR_NULLPAD) } >= 0).then_some(copy)
    }

    pub(in crate::worker) fn copy(&self) -> Option<Self> {
        // SAFETY: an id that we hold.
        Id::new(unsafe { H5Tcopy(self.0.0) }).map(Self)
    }

    /// An array of this.
    pub(in crate::worker) fn array(&self, dimensions: &[u64]) -> Option<Self> {
        let rank = c_uint::try_from(dimensions.len()).ok()?;
        // SAFETY: an id that we hold, and as many extents as are announced.
        Id::new(unsafe { H5Tarray_create2(self.0.0, rank, dimensions.as_ptr()) }).map(Self)
    }

    /// A sequence of any number of this.
    pub(in crate::worker) fn sequence(&self) -> Option<Self> {
        // SAFETY: an id that we hold.
        Id::new(unsafe { H5Tvlen_create(self.0.0) }).map(Self)
    }

    /// A compound of these fields, each with its name and one right behind the other.
    pub(in crate::worker) fn packed(fields: &[(&CStr, &Self)]) -> Option<Self> {
        let size = fields.iter().map(|(_, kind)| kind.size()).sum();
        // SAFETY: a plain size, ids that we hold, strings that outlive the calls.
        unsafe {
            let compound = Id::new(H5Tcreate(H5T_class_t::H5T_COMPOUND, size))?;
            let mut offset = 0;
            for (name, kind) in fields {
                if H5Tinsert(compound.0, name.as_ptr(), offset, kind.0.0) < 0 {
                    return None;
                }
                offset += kind.size();
            }
            Some(Self(compound))
        }
    }
}

impl PartialEq for Datatype {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: ids that we hold.
        unsafe { H5Tequal(self.0.0, other.0.0) > 0 }
    }
}
