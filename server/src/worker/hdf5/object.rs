//! Objects: groups, datasets and committed datatypes, their links and attributes.

use std::ffi::CStr;
use std::mem::{offset_of, transmute};

use hdf5_metno_sys::h5::{H5_ih_info_t, H5_iter_order_t, hbool_t, herr_t, hsize_t};
use hdf5_metno_sys::h5a::{H5A_info_t, H5Aiterate2};
use hdf5_metno_sys::h5g::{H5G_info_t, H5G_storage_type_t, H5Gget_info};
use hdf5_metno_sys::h5i::{H5I_type_t, H5Iget_type, hid_t};
use hdf5_metno_sys::h5l::{H5L_info2_t, H5Literate2};
use hdf5_metno_sys::h5o::{
    H5O_INFO_ALL, H5O_INFO_BASIC, H5O_NATIVE_INFO_ALL, H5O_hdr_info_t, H5O_info2_t, H5O_native_info_t,
    H5O_token_t, H5Oget_info3, H5Oget_native_info, H5Oopen,
};
use hdf5_metno_sys::h5p::H5P_DEFAULT;
use libc::{c_char, c_int, c_void};

use super::attribute::Attribute;
use super::dataset::Dataset;
use super::{Id, Index};

/// `H5L_TYPE_HARD`.
const HARD: c_int = 0;

/// What an object is.
#[derive(Debug)]
pub(in crate::worker) enum Kind {
    Group,
    Dataset(Dataset),
    Other,
}

/// What the walk wants to know of an object.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::worker) struct Info {
    /// Number of attributes.
    pub(in crate::worker) attributes: u64,
    /// Whether they are in a heap of their own, not in the object's header.
    pub(in crate::worker) dense_attributes: bool,
}

/// `H5L_info2_t` with its type as a plain number: in a file it is any byte, which the enumeration of
/// the bindings may not hold.
#[repr(C)]
pub(super) struct LinkInfo {
    pub(super) kind: c_int,
    corder_valid: hbool_t,
    corder: i64,
    cset: c_int,
    /// A union of a token and a length, aligned as the latter.
    pub(super) token: [u64; 2],
}

/// `H5O_native_info_t`, whose fields the bindings keep to themselves.
#[repr(C)]
#[derive(Default)]
struct NativeInfo {
    header: H5O_hdr_info_t,
    object: H5_ih_info_t,
    attributes: H5_ih_info_t,
}

const _: () = {
    assert!(size_of::<LinkInfo>() == size_of::<H5L_info2_t>());
    assert!(offset_of!(LinkInfo, token) == offset_of!(H5L_info2_t, u));
    assert!(size_of::<NativeInfo>() == size_of::<H5O_native_info_t>());
};

/// A link that the walk met.
#[derive(Debug, Clone, Copy)]
pub(in crate::worker) struct Link {
    /// Where a hard link leads.
    pub(in crate::worker) address: Option<u64>,
    /// Whether the group tracks the order in which its links were made.
    pub(in crate::worker) ordered: bool,
}

/// Called for each link; false stops.
type OnLink<'a> = &'a mut dyn FnMut(Link) -> bool;
/// Called for each attribute; false stops.
type OnAttribute<'a> = &'a mut dyn FnMut(Attribute<'_>) -> bool;

/// An open object.
#[derive(Debug)]
pub(in crate::worker) struct Object(Id);

impl Object {
    pub(super) fn new(id: Id) -> Self {
        Self(id)
    }

    pub(super) fn id(&self) -> hid_t {
        self.0.0
    }

    /// Where the header of this object is.
    pub(in crate::worker) fn address(&self) -> Option<u64> {
        let mut info = std::mem::MaybeUninit::<H5O_info2_t>::zeroed();
        // SAFETY: as in `info` below.
        unsafe {
            if H5Oget_info3(self.0.0, info.as_mut_ptr(), H5O_INFO_BASIC) < 0 {
                return None;
            }
            // Tokens are 16 bytes (H5public.h), and native ones hold the address little endian.
            let token = transmute::<H5O_token_t, [u8; 16]>(info.assume_init().token);
            token.first_chunk().copied().map(u64::from_le_bytes)
        }
    }

    /// Follows a path of links from here. External links fail, since [`super::Library`] has
    /// unregistered their class.
    pub(in crate::worker) fn open(&self, name: &CStr) -> Option<Self> {
        // SAFETY: an id that we hold and a string that outlives the call.
        Id::new(unsafe { H5Oopen(self.0.0, name.as_ptr(), H5P_DEFAULT) }).map(Self)
    }

    /// What this is.
    pub(in crate::worker) fn kind(&self) -> Kind {
        // SAFETY: an id that we hold. The library makes up the answer, not the file.
        match unsafe { H5Iget_type(self.0.0) } {
            H5I_type_t::H5I_GROUP => Kind::Group,
            H5I_type_t::H5I_DATASET => Kind::Dataset(Dataset::new(self.0.0)),
            _ => Kind::Other,
        }
    }

    /// Object information with everything that can be asked for: the sizes of metadata, for which
    /// h5py asks, touch the roots of all indices.
    pub(in crate::worker) fn info(&self) -> Info {
        let mut native = NativeInfo::default();
        let mut info = std::mem::MaybeUninit::<H5O_info2_t>::zeroed();
        // SAFETY: an id that we hold; the results go to local variables laid out as the library
        // expects (asserted above). All-zero is a valid H5O_info2_t: 0 is a type of object, and the
        // library stores only its own values there.
        unsafe {
            if H5Oget_info3(self.0.0, info.as_mut_ptr(), H5O_INFO_ALL) < 0 {
                return Info::default();
            }
            H5Oget_native_info(
                self.0.0,
                (&raw mut native).cast::<H5O_native_info_t>(),
                H5O_NATIVE_INFO_ALL,
            );
            Info {
                attributes: info.assume_init().num_attrs,
                dense_attributes: native.attributes.index_size > 0,
            }
        }
    }

    /// Whether this group keeps its links in a heap of their own, in the format of 1.8 and later.
    pub(in crate::worker) fn has_dense_links(&self) -> bool {
        let mut info = H5G_info_t {
            storage_type: H5G_storage_type_t::H5G_STORAGE_TYPE_UNKNOWN,
            nlinks: 0,
            max_corder: 0,
            mounted: 0,
        };
        // SAFETY: an id that we hold; the result goes to a local variable.
        let result = unsafe { H5Gget_info(self.0.0, &raw mut info) };
        result >= 0 && info.storage_type == H5G_storage_type_t::H5G_STORAGE_TYPE_DENSE
    }

    /// Goes through the links in the order in which they are stored.
    pub(in crate::worker) fn each_link(&self, index: Index, mut each: OnLink<'_>) {
        let mut position: hsize_t = 0;
        // SAFETY: an id that we hold; `on_link` gets back the pointer to `each`, which outlives the
        // call, during which nothing else uses it.
        unsafe {
            H5Literate2(
                self.0.0,
                index.into(),
                H5_iter_order_t::H5_ITER_NATIVE,
                &raw mut position,
                Some(on_link),
                (&raw mut each).cast(),
            );
        }
    }

    /// Goes through the attributes in the order in which they are stored.
    pub(in crate::worker) fn each_attribute(&self, index: Index, mut each: OnAttribute<'_>) {
        let mut position: hsize_t = 0;
        // SAFETY: as in `each_link`.
        unsafe {
            H5Aiterate2(
                self.0.0,
                index.into(),
                H5_iter_order_t::H5_ITER_NATIVE,
                &raw mut position,
                Some(on_attribute),
                (&raw mut each).cast(),
            );
        }
    }
}

unsafe extern "C" fn on_link(
    _: hid_t,
    _: *const c_char,
    info: *const H5L_info2_t,
    data: *mut c_void,
) -> herr_t {
    // SAFETY: the library's own struct, laid out as ours (asserted above) and valid during the call.
    let info = unsafe { &*info.cast::<LinkInfo>() };
    // SAFETY: what `each_link` passed, see there.
    let each = unsafe { &mut *data.cast::<OnLink<'_>>() };
    let link = Link {
        // Tokens are bytes, and native ones hold the address little endian.
        address: (info.kind == HARD).then(|| u64::from_le(info.token[0])),
        ordered: info.corder_valid != 0,
    };
    herr_t::from(!each(link))
}

unsafe extern "C" fn on_attribute(
    object: hid_t,
    name: *const c_char,
    info: *const H5A_info_t,
    data: *mut c_void,
) -> herr_t {
    // SAFETY: name and information are the library's own and valid during the call. The character set
    // in the latter, which a file could forge, is never looked at.
    let (name, size, ordered) =
        unsafe { (CStr::from_ptr(name), (*info).data_size, (*info).corder_valid != 0) };
    // SAFETY: what `each_attribute` passed, see there.
    let each = unsafe { &mut *data.cast::<OnAttribute<'_>>() };
    herr_t::from(!each(Attribute::new(object, name, size, ordered)))
}
