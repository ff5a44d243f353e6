//! Everything that programs ask of a file's metadata, as text: two files with equal descriptions are
//! alike to a program that does not read large data.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use hdf5_metno_sys::LOCK;
use hdf5_metno_sys::h5::{H5_index_t, H5_iter_order_t, H5open};
use hdf5_metno_sys::h5a::{H5A_info_t, H5Aclose, H5Aget_space, H5Aget_type, H5Aiterate2, H5Aopen, H5Aread};
use hdf5_metno_sys::h5d::{
    H5Dchunk_iter, H5Dget_create_plist, H5Dget_num_chunks, H5Dget_offset, H5Dget_space, H5Dget_storage_size,
    H5Dget_type, H5Dread,
};
use hdf5_metno_sys::h5e::{H5E_DEFAULT, H5Eset_auto2};
use hdf5_metno_sys::h5f::{
    H5F_ACC_RDONLY, H5F_info2_t, H5F_mem_t, H5Fclose, H5Fget_free_sections, H5Fget_freespace, H5Fget_info2,
    H5Fopen,
};
use hdf5_metno_sys::h5g::{H5G_info_t, H5Gget_info};
use hdf5_metno_sys::h5i::{H5I_type_t, H5Idec_ref, H5Iget_type, hid_t};
use hdf5_metno_sys::h5l::{H5L_info2_t, H5L_type_t, H5Lget_val, H5Literate2};
use hdf5_metno_sys::h5o::{
    H5O_INFO_ALL, H5O_NATIVE_INFO_ALL, H5O_info2_t, H5O_native_info_t, H5O_token_t, H5Oget_comment,
    H5Oget_info3, H5Oget_native_info, H5Oopen,
};
use hdf5_metno_sys::h5p::{H5P_DEFAULT, H5Pclose, H5Pencode2, H5Pget_external_count};
use hdf5_metno_sys::h5r::{H5R_ref_t, H5Rdestroy, H5Ropen_object, H5Ropen_region};
use hdf5_metno_sys::h5s::{H5S_ALL, H5Sget_simple_extent_npoints};
use hdf5_metno_sys::h5t::{
    H5T_class_t, H5Tencode, H5Tget_class, H5Tget_size, H5Tget_super, H5Tis_variable_str, hvl_t,
};
use libc::{c_char, c_int, c_uint, c_void};

use super::files::unlocked_access;

/// Largest stored data that is part of the description, as of the walk.
const SMALL_BYTES: u64 = 4096;

struct Description {
    text: String,
    met: HashSet<[u8; 16]>,
}

/// Describes the file at `path`.
pub(crate) fn describe(path: &Path) -> String {
    let _locked = LOCK.lock();
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    let mut description = Description {
        text: String::new(),
        met: HashSet::new(),
    };
    // SAFETY: (all blocks of this file) ids made a few lines before or given by a caller who holds
    // them, results in variables of the types that the library's headers ask for, and the lock held.
    unsafe {
        H5open();
        H5Eset_auto2(H5E_DEFAULT, None, ptr::null_mut());

        let access = unlocked_access();
        let file = H5Fopen(name.as_ptr(), H5F_ACC_RDONLY, access);
        H5Pclose(access);
        assert!(file > 0, "{} is not to be opened", path.display());
        let mut info = H5F_info2_t::default();
        let result = H5Fget_info2(file, &raw mut info);
        let free = H5Fget_freespace(file);
        let sections = H5Fget_free_sections(file, H5F_mem_t::H5FD_MEM_DEFAULT, 0, ptr::null_mut());
        let _ = writeln!(description.text, "{result} {info:?} {free} {sections}");
        description.object(H5Oopen(file, c"/".as_ptr(), H5P_DEFAULT));
        H5Fclose(file);
    }
    description.text
}

impl Description {
    unsafe fn object(&mut self, id: hid_t) {
        let mut comment = [0u8; 64];
        // SAFETY: see `describe`; the structs are plain numbers, for which zeros are valid.
        unsafe {
            let mut info: H5O_info2_t = std::mem::zeroed();
            let mut native: H5O_native_info_t = std::mem::zeroed();
            let first = H5Oget_info3(id, &raw mut info, H5O_INFO_ALL);
            let second = H5Oget_native_info(id, &raw mut native, H5O_NATIVE_INFO_ALL);
            H5Oget_comment(id, comment.as_mut_ptr().cast(), 64);
            info.fileno = 0;
            let _ = writeln!(
                self.text,
                "{id:?} {first} {second} {info:?} {native:?} {comment:?}",
                id = id > 0
            );
            if id < 0
                || !self
                    .met
                    .insert(std::mem::transmute::<H5O_token_t, [u8; 16]>(info.token))
            {
                return;
            }
            for index in [H5_index_t::H5_INDEX_NAME, H5_index_t::H5_INDEX_CRT_ORDER] {
                let data = ptr::from_mut(self).cast();
                let order = H5_iter_order_t::H5_ITER_INC;
                let result = H5Aiterate2(id, index, order, ptr::null_mut(), Some(on_attribute), data);
                let _ = writeln!(self.text, "attributes end {result}");
            }
            match H5Iget_type(id) {
                H5I_type_t::H5I_GROUP => self.links(id),
                H5I_type_t::H5I_DATASET => self.dataset(id),
                _ => {}
            }
            H5Idec_ref(id);
        }
    }

    unsafe fn links(&mut self, id: hid_t) {
        // SAFETY: see `describe`.
        unsafe {
            let mut info: H5G_info_t = std::mem::zeroed();
            H5Gget_info(id, &raw mut info);
            let _ = writeln!(self.text, "group {info:?}");
            for index in [H5_index_t::H5_INDEX_CRT_ORDER, H5_index_t::H5_INDEX_NAME] {
                let mut names: Vec<CString> = Vec::new();
                let order = H5_iter_order_t::H5_ITER_INC;
                let data = (&raw mut names).cast();
                let result = H5Literate2(id, index, order, ptr::null_mut(), Some(on_link), data);
                let _ = writeln!(self.text, "links end {result} {names:?}");
                if index == H5_index_t::H5_INDEX_NAME {
                    for name in names {
                        let mut value = [0u8; 64];
                        H5Lget_val(id, name.as_ptr(), value.as_mut_ptr().cast(), 64, H5P_DEFAULT);
                        let _ = writeln!(self.text, "{name:?} {value:?}");
                        if value[0] == 0 {
                            self.object(H5Oopen(id, name.as_ptr(), H5P_DEFAULT));
                        }
                    }
                }
            }
        }
    }

    unsafe fn dataset(&mut self, id: hid_t) {
        // SAFETY: see `describe`; the buffers have the sizes that the first calls ask for.
        unsafe {
            let (kind, space, list) = (H5Dget_type(id), H5Dget_space(id), H5Dget_create_plist(id));
            let stored = H5Dget_storage_size(id);
            let (mut length, mut count) = (0usize, 0u64);
            H5Pencode2(list, ptr::null_mut(), &raw mut length, H5P_DEFAULT);
            let mut properties = vec![0u8; length];
            H5Pencode2(list, properties.as_mut_ptr().cast(), &raw mut length, H5P_DEFAULT);
            let points = H5Sget_simple_extent_npoints(space);
            let offset = H5Dget_offset(id);
            let result = H5Dget_num_chunks(id, space, &raw mut count);
            let _ = writeln!(
                self.text,
                "dataset {points} {stored} {offset} {result} {count} {properties:?}"
            );
            let result = H5Dchunk_iter(id, H5P_DEFAULT, Some(on_chunk), ptr::from_mut(self).cast());
            let _ = writeln!(self.text, "chunks end {result}");
            if stored > 0 && stored <= SMALL_BYTES && H5Pget_external_count(list) == 0 {
                self.values(kind, points, |buffer| {
                    H5Dread(id, kind, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer)
                });
            }
            for id in [kind, space, list] {
                H5Idec_ref(id);
            }
        }
    }

    unsafe fn values(&mut self, kind: hid_t, points: i64, read: impl FnOnce(*mut c_void) -> c_int) {
        // SAFETY: see `describe`; the values are as the type says once `read` succeeded, and what they
        // point to lives until the program ends.
        unsafe {
            let mut length = 0usize;
            H5Tencode(kind, ptr::null_mut(), &raw mut length);
            let mut encoded = vec![0u8; length];
            H5Tencode(kind, encoded.as_mut_ptr().cast(), &raw mut length);
            let _ = writeln!(self.text, "type {encoded:?}");
            let points = usize::try_from(points).unwrap();
            let size = H5Tget_size(kind);
            let mut words = vec![0u64; (points * size).div_ceil(8)];
            let result = read(words.as_mut_ptr().cast());
            let _ = writeln!(self.text, "values {result}");
            if result < 0 {
                return;
            }
            for number in 0..points {
                match H5Tget_class(kind) {
                    H5T_class_t::H5T_STRING if H5Tis_variable_str(kind) > 0 => {
                        let text = *words.as_ptr().cast::<*const c_char>().add(number);
                        let _ = writeln!(self.text, "{:?}", CStr::from_ptr(text));
                    }
                    H5T_class_t::H5T_VLEN => {
                        let value = &*words.as_ptr().cast::<hvl_t>().add(number);
                        let base = H5Tget_super(kind);
                        let bytes =
                            std::slice::from_raw_parts(value.p.cast::<u8>(), value.len * H5Tget_size(base));
                        let _ = writeln!(self.text, "{bytes:?}");
                    }
                    H5T_class_t::H5T_REFERENCE => {
                        let reference = words.as_mut_ptr().cast::<H5R_ref_t>().add(number);
                        let object = H5Ropen_object(reference, H5P_DEFAULT, H5P_DEFAULT);
                        let region = H5Ropen_region(reference, H5P_DEFAULT, H5P_DEFAULT);
                        let _ = writeln!(self.text, "{} {}", object > 0, region > 0);
                        for id in [object, region] {
                            H5Idec_ref(id);
                        }
                        // It holds the file open.
                        H5Rdestroy(reference);
                    }
                    _ => {
                        let bytes =
                            std::slice::from_raw_parts(words.as_ptr().cast::<u8>().add(number * size), size);
                        let _ = writeln!(self.text, "{bytes:?}");
                    }
                }
            }
        }
    }
}

unsafe extern "C" fn on_link(
    _: hid_t,
    name: *const c_char,
    info: *const H5L_info2_t,
    data: *mut c_void,
) -> c_int {
    // SAFETY: see `describe`.
    unsafe {
        assert!((*info).type_ != H5L_type_t::H5L_TYPE_ERROR);
        (*data.cast::<Vec<CString>>()).push(CStr::from_ptr(name).to_owned());
    }
    0
}

unsafe extern "C" fn on_attribute(
    id: hid_t,
    name: *const c_char,
    info: *const H5A_info_t,
    data: *mut c_void,
) -> c_int {
    // SAFETY: see `describe`.
    unsafe {
        let description = &mut *data.cast::<Description>();
        let info = &*info;
        let _ = writeln!(
            description.text,
            "{:?} {} {}",
            CStr::from_ptr(name),
            info.corder,
            info.data_size
        );
        let attribute = H5Aopen(id, name, H5P_DEFAULT);
        let (kind, space) = (H5Aget_type(attribute), H5Aget_space(attribute));
        description.values(kind, H5Sget_simple_extent_npoints(space), |buffer| {
            H5Aread(attribute, kind, buffer)
        });
        H5Aclose(attribute);
    }
    0
}

unsafe extern "C" fn on_chunk(
    offset: *const u64,
    mask: c_uint,
    address: u64,
    size: u64,
    data: *mut c_void,
) -> c_int {
    // SAFETY: see `describe`.
    unsafe {
        let description = &mut *data.cast::<Description>();
        let _ = writeln!(description.text, "{} {mask} {address} {size}", *offset);
    }
    0
}
