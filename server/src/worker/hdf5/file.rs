//! An open file: what is known of it as a whole, and its objects by address.

use std::mem::transmute;

use hdf5_metno_sys::h5::hsize_t;
use hdf5_metno_sys::h5f::{
    H5F_info2_t, H5F_mem_t, H5F_sect_info_t, H5Fget_create_plist, H5Fget_filesize, H5Fget_free_sections,
    H5Fget_freespace, H5Fget_info2,
};
use hdf5_metno_sys::h5g::H5Gopen2;
use hdf5_metno_sys::h5o::{H5O_token_t, H5Oopen_by_token};
use hdf5_metno_sys::h5p::{H5P_DEFAULT, H5Pget_sizes, H5Pget_userblock};

use super::Id;
use super::object::Object;

/// Most free-space sections that are listed.
const MAX_SECTIONS: usize = 1 << 20;

/// A file open under the tracing driver.
#[derive(Debug)]
pub(in crate::worker) struct OpenFile(Id);

impl OpenFile {
    pub(super) fn new(id: Id) -> Self {
        Self(id)
    }

    /// The root group.
    pub(in crate::worker) fn root(&self) -> Option<Object> {
        // SAFETY: an id that we hold and a literal.
        Id::new(unsafe { H5Gopen2(self.0.0, c"/".as_ptr(), H5P_DEFAULT) }).map(Object::new)
    }

    /// The object whose header is at `address`.
    pub(in crate::worker) fn object_at(&self, address: u64) -> Option<Object> {
        let mut bytes = [0u8; 16];
        bytes[..8].copy_from_slice(&address.to_le_bytes());
        // SAFETY: H5O_token_t is 16 plain bytes (H5public.h); native ones hold the address, little
        // endian (H5VL_native_addr_to_token). The library checks what it finds there.
        let id = unsafe { H5Oopen_by_token(self.0.0, transmute::<[u8; 16], H5O_token_t>(bytes)) };
        Id::new(id).map(Object::new)
    }

    /// Whether addresses and lengths take eight bytes each, and count from the file's beginning.
    pub(in crate::worker) fn has_usual_addresses(&self) -> bool {
        let (mut block, mut address, mut length) = (0, 0, 0);
        // SAFETY: ids that we hold; the results go to local variables of the types asked for.
        let told = unsafe {
            Id::new(H5Fget_create_plist(self.0.0)).is_some_and(|properties| {
                H5Pget_userblock(properties.0, &raw mut block) >= 0
                    && H5Pget_sizes(properties.0, &raw mut address, &raw mut length) >= 0
            })
        };
        told && (block, address, length) == (0, 8, 8)
    }

    /// Asks for the file's properties: superblock extension, shared messages, creation properties.
    pub(in crate::worker) fn touch_properties(&self) {
        let mut info = H5F_info2_t::default();
        let mut size: hsize_t = 0;
        // SAFETY: an id that we hold; the results go to local variables of the types asked for.
        unsafe {
            H5Fget_info2(self.0.0, &raw mut info);
            H5Fget_filesize(self.0.0, &raw mut size);
            drop(Id::new(H5Fget_create_plist(self.0.0)));
        }
    }

    /// Goes through the free-space managers, as h5stat does.
    pub(in crate::worker) fn touch_free_space(&self) {
        // SAFETY: an id that we hold; NULL and 0 ask for the number of sections, and the second call
        // gets room for as many as it is told.
        unsafe {
            H5Fget_freespace(self.0.0);
            let count = H5Fget_free_sections(self.0.0, H5F_mem_t::H5FD_MEM_DEFAULT, 0, std::ptr::null_mut());
            let count = usize::try_from(count).unwrap_or(0).min(MAX_SECTIONS);
            if count > 0 {
                let mut sections = vec![H5F_sect_info_t::default(); count];
                H5Fget_free_sections(
                    self.0.0,
                    H5F_mem_t::H5FD_MEM_DEFAULT,
                    count,
                    sections.as_mut_ptr(),
                );
            }
        }
    }
}
