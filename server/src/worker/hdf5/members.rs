//! The members of a group and the names of attributes, for replies of protocol v1.

use std::ffi::{CStr, CString};

use hdf5_metno_sys::h5::{H5_index_t, H5_iter_order_t, herr_t, hsize_t};
use hdf5_metno_sys::h5a::{H5A_info_t, H5Aiterate2, H5Aopen};
use hdf5_metno_sys::h5g::{H5G_info_t, H5G_storage_type_t, H5Gget_info};
use hdf5_metno_sys::h5i::hid_t;
use hdf5_metno_sys::h5l::{H5L_info2_t, H5Lget_val, H5Literate2};
use hdf5_metno_sys::h5p::H5P_DEFAULT;
use libc::{c_char, c_int, c_void};

use super::Id;
use super::object::{LinkInfo, Object};
use super::stored::OpenAttribute;

/// `H5L_TYPE_HARD`, `H5L_TYPE_SOFT`.
const HARD: c_int = 0;
const SOFT: c_int = 1;
/// Longest target of a soft link that is looked at.
const MAX_TARGET: usize = 1 << 16;

/// A member of a group.
#[derive(Debug)]
pub(in crate::worker) struct Member {
    pub(in crate::worker) name: CString,
    pub(in crate::worker) leads: Leads,
}

/// Where a link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::worker) enum Leads {
    /// To the object at an address.
    To(u64),
    /// By a path of so many bytes, with its final NUL.
    Soft(usize),
    /// Out of the file, or wherever a user-defined link says.
    Elsewhere,
}

impl Object {
    /// Number of links of this group.
    pub(in crate::worker) fn link_count(&self) -> Option<u64> {
        let mut info = H5G_info_t {
            storage_type: H5G_storage_type_t::H5G_STORAGE_TYPE_UNKNOWN,
            nlinks: 0,
            max_corder: 0,
            mounted: 0,
        };
        // SAFETY: an id that we hold; the result goes to a local variable.
        let result = unsafe { H5Gget_info(self.id(), &raw mut info) };
        (result >= 0).then_some(info.nlinks)
    }

    /// At most `most` members from number `position` on, in the order in which they are stored.
    pub(in crate::worker) fn members(&self, position: u64, most: usize) -> Option<Vec<Member>> {
        let mut found = Members {
            members: Vec::new(),
            most,
        };
        let mut position: hsize_t = position;
        // SAFETY: an id that we hold; `on_member` gets back the pointer to `found`, which outlives the call,
        // during which nothing else uses it.
        let result = unsafe {
            H5Literate2(
                self.id(),
                H5_index_t::H5_INDEX_NAME,
                H5_iter_order_t::H5_ITER_NATIVE,
                &raw mut position,
                Some(on_member),
                (&raw mut found).cast(),
            )
        };
        (result >= 0).then_some(found.members)
    }

    /// The path that a soft link of this group holds.
    pub(in crate::worker) fn soft_target(&self, name: &CStr, size: usize) -> Option<Vec<u8>> {
        if size > MAX_TARGET {
            return None;
        }
        let mut target = vec![0u8; size];
        // SAFETY: an id that we hold, a string, and a buffer as long as is said.
        let result = unsafe {
            H5Lget_val(
                self.id(),
                name.as_ptr(),
                target.as_mut_ptr().cast(),
                size,
                H5P_DEFAULT,
            )
        };
        target.truncate(target.iter().position(|&byte| byte == 0).unwrap_or(size));
        (result >= 0).then_some(target)
    }

    /// The names of all attributes, sorted by their bytes.
    pub(in crate::worker) fn attribute_names(&self) -> Option<Vec<CString>> {
        let mut names: Vec<CString> = Vec::new();
        let mut position: hsize_t = 0;
        // SAFETY: as in `members`.
        let result = unsafe {
            H5Aiterate2(
                self.id(),
                H5_index_t::H5_INDEX_NAME,
                H5_iter_order_t::H5_ITER_NATIVE,
                &raw mut position,
                Some(on_attribute),
                (&raw mut names).cast(),
            )
        };
        names.sort_unstable();
        (result >= 0).then_some(names)
    }

    /// An attribute.
    pub(in crate::worker) fn attribute(&self, name: &CStr) -> Option<OpenAttribute> {
        // SAFETY: an id that we hold and a string.
        Id::new(unsafe { H5Aopen(self.id(), name.as_ptr(), H5P_DEFAULT) }).map(OpenAttribute)
    }
}

struct Members {
    members: Vec<Member>,
    most: usize,
}

unsafe extern "C" fn on_member(
    _: hid_t,
    name: *const c_char,
    info: *const H5L_info2_t,
    data: *mut c_void,
) -> herr_t {
    // SAFETY: the library's own struct, laid out as ours, and a string, both valid during the call.
    let (info, name) = unsafe { (&*info.cast::<LinkInfo>(), CStr::from_ptr(name)) };
    // SAFETY: what `members` passed, see there.
    let found = unsafe { &mut *data.cast::<Members>() };
    let leads = match info.kind {
        // Tokens are bytes, and native ones hold the address little endian.
        HARD => Leads::To(u64::from_le(info.token[0])),
        SOFT => Leads::Soft(usize::try_from(info.token[0]).unwrap_or(usize::MAX)),
        _ => Leads::Elsewhere,
    };
    found.members.push(Member {
        name: name.to_owned(),
        leads,
    });
    herr_t::from(found.members.len() >= found.most)
}

unsafe extern "C" fn on_attribute(
    _: hid_t,
    name: *const c_char,
    _: *const H5A_info_t,
    data: *mut c_void,
) -> herr_t {
    // SAFETY: the string is valid during the call; the pointer is what `attribute_names` passed.
    unsafe { (*data.cast::<Vec<CString>>()).push(CStr::from_ptr(name).to_owned()) };
    0
}
