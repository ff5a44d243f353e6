//! The slots that concern changes: a flush of an object of a remote file saves the file, a refresh shows what others
//! saved, and raw files are not written.

use std::ffi::{c_char, c_void};

use crate::error_stack::{Topic, push, push_text};
use crate::ffi::{self, H5VL_loc_params_t, herr_t, hid_t};
use crate::guard::{Failed, guard};
use crate::host::Host;
use crate::replica::slots;
use crate::vfd::Driver;
use crate::{dataset, open_drivers};

type Request = *mut *mut c_void;
type Location = *const H5VL_loc_params_t;

/// Puts the slots into our class, in front of those of replicas.
pub(crate) fn replace<const SLOT: usize>(class: &mut ffi::H5VL_class_t) {
    class.dataset_cls.write = Some(write_datasets::<SLOT>);
    class.dataset_cls.specific = Some(dataset_specific::<SLOT>);
    class.datatype_cls.specific = Some(datatype_specific::<SLOT>);
    class.group_cls.specific = Some(group_specific::<SLOT>);
}

/// What an operation on an object does with its file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Flush,
    Refresh,
    Other,
}

/// Calls `body` with the driver of the remote file that `object` is in, if it is in one.
fn with_driver<T>(
    host: &'static Host,
    object: *mut c_void,
    kind: ffi::H5I_type_t,
    body: impl FnOnce(&Driver) -> T,
) -> Option<T> {
    if !open_drivers::any_open() {
        return None;
    }
    let (file_number, _) = dataset::identity(host, object, kind)?;
    open_drivers::with_file_number(host.slot, file_number, body)
}

/// Does what `effect` means for the file of `object`, and `native`.
fn act(
    host: &'static Host,
    object: *mut c_void,
    kind: ffi::H5I_type_t,
    effect: Effect,
    native: impl FnOnce() -> herr_t,
) -> Result<herr_t, Failed> {
    if effect == Effect::Refresh {
        refresh(host, object, kind)?;
    }
    let status = native();
    if status >= 0 && effect == Effect::Flush {
        flush(host, object, kind)?;
    }
    Ok(status)
}

/// Goes on with the newest version of the file, where the program follows somebody who writes it.
fn refresh(host: &'static Host, object: *mut c_void, kind: ffi::H5I_type_t) -> Result<(), Failed> {
    let refreshed = with_driver(host, object, kind, |driver| {
        driver.refresh().map_err(|error| (driver.content(), error))
    });
    match refreshed {
        Some(Err((content, error))) => {
            push(host, Topic::Read, content.url(), &error);
            Err(Failed)
        }
        _ => Ok(()),
    }
}

/// Saves the file: of a single object nothing could be saved that is sound. Where readers follow, HDF5's own flush of
/// the object has saved it.
fn flush(host: &'static Host, object: *mut c_void, kind: ffi::H5I_type_t) -> Result<(), Failed> {
    if with_driver(host, object, kind, Driver::is_saved_as_a_whole) != Some(true) {
        return Ok(());
    }
    let native = host.native.file_cls.specific.ok_or(Failed)?;
    // SAFETY: plain data for which zeros are valid; the operation says which part of the union counts. The native
    // code finds the file of the open object.
    let status = unsafe {
        let mut arguments: ffi::H5VL_file_specific_args_t = std::mem::zeroed();
        arguments.op_type = ffi::H5VL_FILE_FLUSH;
        arguments.args.flush.obj_type = kind;
        arguments.args.flush.scope = ffi::H5F_SCOPE_LOCAL;
        native(object, &raw mut arguments, ffi::H5P_DEFAULT, std::ptr::null_mut())
    };
    if status < 0 { Err(Failed) } else { Ok(()) }
}

unsafe extern "C" fn dataset_specific<const SLOT: usize>(
    dataset: *mut c_void,
    arguments: *mut ffi::H5VL_dataset_specific_args_t,
    transfer: hid_t,
    request: Request,
) -> herr_t {
    guard(SLOT, |host| {
        // SAFETY: HDF5 passes a pointer to the arguments.
        let effect = match unsafe { (*arguments).op_type } {
            ffi::H5VL_DATASET_FLUSH => Effect::Flush,
            ffi::H5VL_DATASET_REFRESH => Effect::Refresh,
            _ => Effect::Other,
        };
        act(host, dataset, ffi::H5I_DATASET, effect, || {
            // SAFETY: the arguments are HDF5's own.
            unsafe { slots::dataset_specific::<SLOT>(dataset, arguments, transfer, request) }
        })
    })
}

unsafe extern "C" fn datatype_specific<const SLOT: usize>(
    datatype: *mut c_void,
    arguments: *mut ffi::H5VL_datatype_specific_args_t,
    transfer: hid_t,
    request: Request,
) -> herr_t {
    guard(SLOT, |host| {
        let native = host.native.datatype_cls.specific.ok_or(Failed)?;
        // SAFETY: HDF5 passes a pointer to the arguments.
        let effect = match unsafe { (*arguments).op_type } {
            ffi::H5VL_DATATYPE_FLUSH => Effect::Flush,
            ffi::H5VL_DATATYPE_REFRESH => Effect::Refresh,
            _ => Effect::Other,
        };
        act(host, datatype, ffi::H5I_DATATYPE, effect, || {
            // SAFETY: the arguments are HDF5's own.
            unsafe { native(datatype, arguments, transfer, request) }
        })
    })
}

unsafe extern "C" fn group_specific<const SLOT: usize>(
    group: *mut c_void,
    arguments: *mut ffi::H5VL_group_specific_args_t,
    transfer: hid_t,
    request: Request,
) -> herr_t {
    guard(SLOT, |host| {
        let native = host.native.group_cls.specific.ok_or(Failed)?;
        // SAFETY: HDF5 passes a pointer to the arguments.
        let effect = match unsafe { (*arguments).op_type } {
            ffi::H5VL_GROUP_FLUSH => Effect::Flush,
            ffi::H5VL_GROUP_REFRESH => Effect::Refresh,
            _ => Effect::Other,
        };
        act(host, group, ffi::H5I_GROUP, effect, || {
            // SAFETY: the arguments are HDF5's own.
            unsafe { native(group, arguments, transfer, request) }
        })
    })
}

pub(crate) unsafe extern "C" fn object_specific<const SLOT: usize>(
    object: *mut c_void,
    location: Location,
    arguments: *mut ffi::H5VL_object_specific_args_t,
    transfer: hid_t,
    request: Request,
) -> herr_t {
    guard(SLOT, |host| {
        // SAFETY: HDF5 passes pointers to the arguments and to a location.
        let (effect, kind) = unsafe {
            let effect = match (*arguments).op_type {
                ffi::H5VL_OBJECT_FLUSH => Effect::Flush,
                ffi::H5VL_OBJECT_REFRESH => Effect::Refresh,
                _ => Effect::Other,
            };
            (effect, (*location).obj_type)
        };
        act(host, object, kind, effect, || {
            // SAFETY: the arguments are HDF5's own.
            unsafe { slots::object_specific::<SLOT>(object, location, arguments, transfer, request) }
        })
    })
}

pub(crate) unsafe extern "C" fn create_dataset<const SLOT: usize>(
    object: *mut c_void,
    location: Location,
    name: *const c_char,
    link: hid_t,
    datatype: hid_t,
    space: hid_t,
    creation: hid_t,
    access: hid_t,
    transfer: hid_t,
    request: Request,
) -> *mut c_void {
    guard(SLOT, |host| {
        // SAFETY: an open creation list, and a location that HDF5 passes.
        let (files, kind) = unsafe { ((host.h5.H5Pget_external_count)(creation), (*location).obj_type) };
        if files > 0
            && let Some(content) = with_driver(host, object, kind, Driver::content)
        {
            push_text(
                host,
                Topic::Unsupported,
                &format!(
                    "{}: a remote file cannot have datasets with external raw storage made from here",
                    content.url()
                ),
            );
            return Err(Failed);
        }
        // SAFETY: the arguments are HDF5's own.
        Ok(unsafe {
            slots::dataset_create::<SLOT>(
                object, location, name, link, datatype, space, creation, access, transfer, request,
            )
        })
    })
}

unsafe extern "C" fn write_datasets<const SLOT: usize>(
    count: usize,
    datasets: *mut *mut c_void,
    memory_types: *mut hid_t,
    memory_spaces: *mut hid_t,
    file_spaces: *mut hid_t,
    transfer: hid_t,
    buffers: *mut *const c_void,
    request: Request,
) -> herr_t {
    guard(SLOT, |host| {
        if open_drivers::any_open() {
            for index in 0..count {
                // SAFETY: the array has `count` entries.
                dataset::refuse_raw_files(host, unsafe { *datasets.add(index) })?;
            }
        }
        // SAFETY: the arguments are HDF5's own.
        Ok(unsafe {
            slots::dataset_write::<SLOT>(
                count,
                datasets,
                memory_types,
                memory_spaces,
                file_spaces,
                transfer,
                buffers,
                request,
            )
        })
    })
}
