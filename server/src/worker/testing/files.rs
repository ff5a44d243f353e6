//! Files to look at, made by libhdf5.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use hdf5_metno_sys::LOCK;
use hdf5_metno_sys::h5::H5open;
use hdf5_metno_sys::h5a::{H5Aclose, H5Acreate2, H5Awrite};
use hdf5_metno_sys::h5d::{H5D_alloc_time_t, H5D_layout_t, H5Dclose, H5Dcreate2, H5Dwrite};
use hdf5_metno_sys::h5f::{H5F_ACC_TRUNC, H5F_close_degree_t, H5F_libver_t, H5Fclose, H5Fcreate};
use hdf5_metno_sys::h5g::{H5Gclose, H5Gcreate2};
use hdf5_metno_sys::h5i::hid_t;
use hdf5_metno_sys::h5l::{H5Lcreate_external, H5Lcreate_hard, H5Lcreate_soft};
#[expect(deprecated, reason = "old files have comments")]
use hdf5_metno_sys::h5o::H5Oset_comment_by_name;
use hdf5_metno_sys::h5p::{
    H5P_CLS_DATASET_CREATE, H5P_CLS_FILE_ACCESS, H5P_CLS_FILE_CREATE, H5P_CLS_GROUP_CREATE, H5P_DEFAULT,
    H5Pclose, H5Pcreate, H5Pset_alloc_time, H5Pset_attr_creation_order, H5Pset_chunk, H5Pset_deflate,
    H5Pset_external, H5Pset_fclose_degree, H5Pset_file_locking, H5Pset_layout, H5Pset_libver_bounds,
    H5Pset_link_creation_order, H5Pset_userblock, H5Pset_virtual,
};
use hdf5_metno_sys::h5r::{H5R_ref_t, H5Rcreate_object, H5Rcreate_region, H5Rdestroy};
use hdf5_metno_sys::h5s::{H5S_ALL, H5S_UNLIMITED, H5S_class_t, H5Sclose, H5Screate, H5Screate_simple};
use hdf5_metno_sys::h5t::{
    H5T_C_S1, H5T_NATIVE_DOUBLE, H5T_NATIVE_INT, H5T_STD_REF, H5T_VARIABLE, H5Tclose, H5Tcommit2, H5Tcopy,
    H5Tset_size, H5Tvlen_create, hvl_t,
};

/// Creation order tracked and indexed.
const ORDERED: u32 = 3;

/// A file access list without locks: libhdf5's descriptors survive exec, so that a worker which is
/// started while a file is being made would keep its lock.
pub(super) unsafe fn unlocked_access() -> hid_t {
    // SAFETY: see `create`.
    unsafe {
        let access = H5Pcreate(*H5P_CLS_FILE_ACCESS);
        H5Pset_file_locking(access, 0, 1);
        H5Pset_fclose_degree(access, H5F_close_degree_t::H5F_CLOSE_STRONG);
        access
    }
}

unsafe fn create(path: &Path, latest: bool, userblock: u64) -> hid_t {
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: (all blocks of this file) the ids are those made a few lines before, the buffers hold as
    // many elements as the spaces say, and the caller holds the lock.
    unsafe {
        H5open();
        let access = unlocked_access();
        // 2.0 and later would write the format of 1.8 unless told otherwise.
        let oldest = if latest {
            H5F_libver_t::H5F_LIBVER_V200
        } else {
            H5F_libver_t::H5F_LIBVER_EARLIEST
        };
        H5Pset_libver_bounds(access, oldest, H5F_libver_t::H5F_LIBVER_V200);
        let creation = H5Pcreate(*H5P_CLS_FILE_CREATE);
        H5Pset_userblock(creation, userblock);
        let file = H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, creation, access);
        assert!(file > 0);
        H5Pclose(access);
        H5Pclose(creation);
        file
    }
}

unsafe fn attribute(at: hid_t, name: &CStr, kind: hid_t, count: u64, values: *const libc::c_void) {
    // SAFETY: see `create`.
    unsafe {
        let space = match count {
            0 => H5Screate(H5S_class_t::H5S_SCALAR),
            _ => H5Screate_simple(1, &raw const count, ptr::null()),
        };
        let attribute = H5Acreate2(at, name.as_ptr(), kind, space, H5P_DEFAULT, H5P_DEFAULT);
        assert!(attribute > 0);
        assert!(H5Awrite(attribute, kind, values) >= 0);
        H5Aclose(attribute);
        H5Sclose(space);
    }
}

unsafe fn dataset(
    at: hid_t,
    name: &CStr,
    kind: hid_t,
    extent: (&[u64], Option<&[u64]>),
    creation: hid_t,
    values: *const libc::c_void,
) {
    // SAFETY: see `create`.
    unsafe {
        let space = H5Screate_simple(
            extent.0.len() as i32,
            extent.0.as_ptr(),
            extent.1.map_or(ptr::null(), <[u64]>::as_ptr),
        );
        let id = H5Dcreate2(at, name.as_ptr(), kind, space, H5P_DEFAULT, creation, H5P_DEFAULT);
        assert!(id > 0, "{name:?}");
        if !values.is_null() {
            assert!(H5Dwrite(id, kind, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
        }
        H5Dclose(id);
        H5Sclose(space);
    }
}

unsafe fn group(at: hid_t, name: &CStr, creation: hid_t) -> hid_t {
    // SAFETY: see `create`.
    let group = unsafe { H5Gcreate2(at, name.as_ptr(), H5P_DEFAULT, creation, H5P_DEFAULT) };
    assert!(group > 0);
    group
}

/// A small file with something of everything that keeps metadata in places of its own.
pub(crate) fn make_varied(path: &Path, latest: bool, userblock: u64) {
    let _locked = LOCK.lock();
    // SAFETY: see `create`.
    unsafe {
        let file = create(path, latest, userblock);
        groups(file);
        datasets(file);
        references(file);
        H5Fclose(file);
    }
}

unsafe fn groups(file: hid_t) {
    // SAFETY: see `create`.
    unsafe {
        let outer = group(file, c"deep", H5P_DEFAULT);
        let inner = group(outer, c"er", H5P_DEFAULT);
        #[expect(deprecated, reason = "old files have comments")]
        H5Oset_comment_by_name(outer, c"er".as_ptr(), c"said of it".as_ptr(), H5P_DEFAULT);
        H5Lcreate_hard(
            file,
            c"/".as_ptr(),
            inner,
            c"again".as_ptr(),
            H5P_DEFAULT,
            H5P_DEFAULT,
        );
        H5Lcreate_soft(
            c"/deep/er".as_ptr(),
            file,
            c"soft".as_ptr(),
            H5P_DEFAULT,
            H5P_DEFAULT,
        );
        H5Lcreate_soft(
            c"/nowhere".as_ptr(),
            file,
            c"dangling".as_ptr(),
            H5P_DEFAULT,
            H5P_DEFAULT,
        );
        let target = c"/etc/passwd";
        H5Lcreate_external(
            target.as_ptr(),
            c"/".as_ptr(),
            file,
            c"out".as_ptr(),
            H5P_DEFAULT,
            H5P_DEFAULT,
        );

        let ordered = H5Pcreate(*H5P_CLS_GROUP_CREATE);
        H5Pset_link_creation_order(ordered, ORDERED);
        H5Pset_attr_creation_order(ordered, ORDERED);
        let many = group(file, c"many", ordered);
        for number in (0..300).rev() {
            let name = CString::new(format!("member {number}")).unwrap();
            H5Gclose(group(many, &name, H5P_DEFAULT));
            attribute(many, &name, *H5T_NATIVE_INT, 0, (&raw const number).cast());
        }
        let values = vec![7i32; 5000];
        attribute(many, c"larger", *H5T_NATIVE_INT, 5000, values.as_ptr().cast());
        for id in [outer, inner, many] {
            H5Gclose(id);
        }
        H5Pclose(ordered);
    }
}

unsafe fn datasets(file: hid_t) {
    let ints: Vec<i32> = (0..40_000).collect();
    let values = ints.as_ptr().cast();
    // SAFETY: see `create`.
    unsafe {
        let int = *H5T_NATIVE_INT;
        dataset(file, c"small", int, (&[100], None), H5P_DEFAULT, values);
        dataset(file, c"large", int, (&[40_000], None), H5P_DEFAULT, values);
        dataset(file, c"unwritten", int, (&[1000], None), H5P_DEFAULT, ptr::null());

        let list = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        H5Pset_layout(list, H5D_layout_t::H5D_COMPACT);
        dataset(file, c"compact", int, (&[50], None), list, values);
        H5Pclose(list);

        let list = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        H5Pset_chunk(list, 1, [10u64].as_ptr());
        dataset(file, c"few chunks", int, (&[30], None), list, values);
        dataset(file, c"many chunks", int, (&[40_000], None), list, values);
        H5Pset_deflate(list, 1);
        dataset(
            file,
            c"extensible",
            int,
            (&[40_000], Some(&[H5S_UNLIMITED])),
            list,
            values,
        );
        H5Pclose(list);

        let list = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        H5Pset_chunk(list, 2, [5u64, 5].as_ptr());
        let unlimited = [H5S_UNLIMITED; 2];
        dataset(
            file,
            c"unlimited",
            int,
            (&[200, 200], Some(&unlimited)),
            list,
            values,
        );
        H5Pset_alloc_time(list, H5D_alloc_time_t::H5D_ALLOC_TIME_EARLY);
        dataset(file, c"implicit", int, (&[200, 200], None), list, values);
        H5Pclose(list);

        let list = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        H5Pset_external(list, c"/etc/passwd".as_ptr(), 0, 4000);
        dataset(file, c"external", int, (&[1000], None), list, ptr::null());
        H5Pclose(list);

        let list = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        let space = H5Screate_simple(1, [1000u64].as_ptr(), ptr::null());
        H5Pset_virtual(list, space, c"/etc/passwd".as_ptr(), c"x".as_ptr(), space);
        dataset(file, c"virtual", int, (&[1000], None), list, ptr::null());
        H5Sclose(space);
        H5Pclose(list);
    }
}

unsafe fn references(file: hid_t) {
    let texts: Vec<CString> = (0..40)
        .map(|n| CString::new("text ".repeat(n)).unwrap())
        .collect();
    let pointers: Vec<_> = texts.iter().map(|text| text.as_ptr()).collect();
    let sequence = vec![5i32; 3000];
    // SAFETY: see `create`.
    unsafe {
        let string = H5Tcopy(*H5T_C_S1);
        H5Tset_size(string, H5T_VARIABLE);
        dataset(
            file,
            c"texts",
            string,
            (&[40], None),
            H5P_DEFAULT,
            pointers.as_ptr().cast(),
        );
        attribute(file, c"texts", string, 40, pointers.as_ptr().cast());

        let list = H5Tvlen_create(*H5T_NATIVE_INT);
        let value = hvl_t {
            len: sequence.len(),
            p: sequence.as_ptr().cast_mut().cast(),
        };
        attribute(file, c"sequence", list, 1, (&raw const value).cast());

        let named = H5Tcopy(*H5T_NATIVE_DOUBLE);
        H5Tcommit2(
            file,
            c"named".as_ptr(),
            named,
            H5P_DEFAULT,
            H5P_DEFAULT,
            H5P_DEFAULT,
        );
        let value = 1.5f64;
        attribute(file, c"of a named type", named, 0, (&raw const value).cast());

        let mut references = [H5R_ref_t::default(), H5R_ref_t::default()];
        let space = H5Screate_simple(1, [100u64].as_ptr(), ptr::null());
        let (name, first) = (c"/small".as_ptr(), references.as_mut_ptr());
        assert!(H5Rcreate_object(file, name, H5P_DEFAULT, first) >= 0);
        assert!(H5Rcreate_region(file, name, space, H5P_DEFAULT, first.add(1)) >= 0);
        attribute(file, c"references", *H5T_STD_REF, 2, references.as_ptr().cast());
        dataset(
            file,
            c"references",
            *H5T_STD_REF,
            (&[2], None),
            H5P_DEFAULT,
            references.as_ptr().cast(),
        );
        for reference in &mut references {
            H5Rdestroy(reference);
        }
        H5Sclose(space);
        for id in [string, list, named] {
            H5Tclose(id);
        }
    }
}

/// `groups` groups of `members` datasets each, one attribute on each of them.
pub(crate) fn make_many(path: &Path, latest: bool, groups: u32, members: u32) {
    let _locked = LOCK.lock();
    let values: Vec<i32> = (0..10).collect();
    // SAFETY: see `create`.
    unsafe {
        let file = create(path, latest, 0);
        for number in 0..groups {
            let name = CString::new(format!("group {number}")).unwrap();
            let outer = group(file, &name, H5P_DEFAULT);
            for number in 0..members {
                let name = CString::new(format!("member {number}")).unwrap();
                let space = H5Screate_simple(1, [10u64].as_ptr(), ptr::null());
                let id = H5Dcreate2(
                    outer,
                    name.as_ptr(),
                    *H5T_NATIVE_INT,
                    space,
                    H5P_DEFAULT,
                    H5P_DEFAULT,
                    H5P_DEFAULT,
                );
                H5Dwrite(
                    id,
                    *H5T_NATIVE_INT,
                    H5S_ALL,
                    H5S_ALL,
                    H5P_DEFAULT,
                    values.as_ptr().cast(),
                );
                attribute(id, c"number", *H5T_NATIVE_INT, 0, (&raw const number).cast());
                H5Dclose(id);
                H5Sclose(space);
            }
            H5Gclose(outer);
        }
        H5Fclose(file);
    }
}
