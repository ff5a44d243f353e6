//! The replaced slots that open objects. For files with more metadata than one pack holds they say which
//! object is about to be opened, so that a miss brings all of it at once; then the native code opens it.

use std::ffi::{CStr, c_char, c_void};

use hdfstream::protocol::Intent;

use crate::ffi::{self, hid_t};
use crate::guard::{Failed, guard};
use crate::host::Host;
use crate::{dataset, open_drivers, replica};

/// Announces that `name` will be opened from the object at `location`.
///
/// # Safety
/// `location` is null or valid for the call, `object` is what HDF5 passes with it, and `name` is null or
/// NUL-terminated.
unsafe fn announce(
    host: &'static Host,
    object: *mut c_void,
    location: *const ffi::H5VL_loc_params_t,
    name: *const c_char,
) {
    if !open_drivers::any_wants_intents(host.slot) {
        return;
    }
    // SAFETY: the caller's promise; the tag says which part of the union counts.
    let (kind, name) = unsafe {
        let Some(location) = location.as_ref() else { return };
        let name = match location.type_ {
            ffi::H5VL_OBJECT_BY_NAME => location.loc_data.loc_by_name.name,
            ffi::H5VL_OBJECT_BY_SELF if !name.is_null() => name,
            // By index or token: which object that is, only the native code finds out.
            _ => return,
        };
        let Ok(name) = CStr::from_ptr(name).to_str() else {
            return;
        };
        (location.obj_type, name.to_owned())
    };
    if let Some((file_number, address)) = dataset::identity(host, object, kind) {
        open_drivers::with_file_number(host.slot, file_number, |driver| {
            if let Some(file) = driver.content().on_server().filter(|file| file.wants_intents()) {
                file.announce(with_siblings(address, name));
            }
        });
    }
}

/// What to ask when `name` is opened from the object at `address`: first for the group that holds it, with
/// all its members, because programs rarely open just one of them; then for the object itself.
fn with_siblings(address: u64, name: String) -> Vec<Intent> {
    let group = name
        .trim_end_matches('/')
        .rsplit_once('/')
        .map_or(".", |(group, _)| group);
    let group = Intent::Object {
        address,
        name: if group.is_empty() { "/" } else { group }.to_owned(),
    };
    vec![group, Intent::Object { address, name }]
}

pub(crate) unsafe extern "C" fn open_object<const SLOT: usize>(
    object: *mut c_void,
    location: *const ffi::H5VL_loc_params_t,
    opened_type: *mut ffi::H5I_type_t,
    transfer: hid_t,
    request: *mut *mut c_void,
) -> *mut c_void {
    guard(SLOT, |host| {
        let native = host.native.object_cls.open.ok_or(Failed)?;
        // SAFETY: the arguments are HDF5's own.
        unsafe {
            replica::slots::before_open(host, object, location, std::ptr::null())?;
            announce(host, object, location, std::ptr::null());
            Ok(native(object, location, opened_type, transfer, request))
        }
    })
}

/// The native slots that open a group or a dataset by its name.
type OpenByName = unsafe extern "C" fn(
    *mut c_void,
    *const ffi::H5VL_loc_params_t,
    *const c_char,
    hid_t,
    hid_t,
    *mut *mut c_void,
) -> *mut c_void;

pub(crate) unsafe extern "C" fn open_group<const SLOT: usize>(
    object: *mut c_void,
    location: *const ffi::H5VL_loc_params_t,
    name: *const c_char,
    access: hid_t,
    transfer: hid_t,
    request: *mut *mut c_void,
) -> *mut c_void {
    let open: fn(&Host) -> Option<OpenByName> = |host| host.native.group_cls.open;
    // SAFETY: the arguments are HDF5's own.
    unsafe { open_by_name::<SLOT>(open, object, location, name, access, transfer, request) }
}

pub(crate) unsafe extern "C" fn open_dataset<const SLOT: usize>(
    object: *mut c_void,
    location: *const ffi::H5VL_loc_params_t,
    name: *const c_char,
    access: hid_t,
    transfer: hid_t,
    request: *mut *mut c_void,
) -> *mut c_void {
    let open: fn(&Host) -> Option<OpenByName> = |host| host.native.dataset_cls.open;
    // SAFETY: the arguments are HDF5's own.
    unsafe { open_by_name::<SLOT>(open, object, location, name, access, transfer, request) }
}

/// Announces the object and lets the native code open it.
///
/// # Safety
/// The arguments are HDF5's own, for the slot that `native` picks.
unsafe fn open_by_name<const SLOT: usize>(
    native: fn(&Host) -> Option<OpenByName>,
    object: *mut c_void,
    location: *const ffi::H5VL_loc_params_t,
    name: *const c_char,
    access: hid_t,
    transfer: hid_t,
    request: *mut *mut c_void,
) -> *mut c_void {
    guard(SLOT, |host| {
        let native = native(host).ok_or(Failed)?;
        // SAFETY: the caller's promise.
        unsafe {
            replica::slots::before_open(host, object, location, name)?;
            announce(host, object, location, name);
            Ok(native(object, location, name, access, transfer, request))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_asked_for_before_its_member() {
        let asked = |name: &str| {
            let names = with_siblings(1, name.to_owned())
                .into_iter()
                .map(|intent| match intent {
                    Intent::Object { name, .. } => name,
                    Intent::File => unreachable!(),
                });
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(asked("member"), ". member");
        assert_eq!(asked("group/member"), "group group/member");
        assert_eq!(asked("/member"), "/ /member");
        assert_eq!(asked("/group/member/"), "/group /group/member/");
    }
}
