//! Link access lists in which a program says how targets of external links are opened. HDF5 opens those past the
//! connector: with a plain driver it would look for them on the client's own disk.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use crate::driver_info::DriverInfo;
use crate::ffi::{self, H5VL_loc_params_t, herr_t, hid_t};
use crate::guard::{Failed, guard};
use crate::handle::Handle;
use crate::host::Host;
use crate::plain_driver::PlainDriver;
use crate::{dataset, open_drivers, vfd};

type Request = *mut *mut c_void;
type Location = *const H5VL_loc_params_t;

/// While this lives, a list that a call may follow links by has our driver for their targets, where the program asked
/// for another one.
struct Lent {
    host: &'static Host,
    list: hid_t,
    /// What the program put into the list.
    own: Handle,
}

/// The link access list of a location, if it has one.
///
/// # Safety
/// `location` is null or valid for the call.
unsafe fn list_of(location: Location) -> Option<hid_t> {
    // SAFETY: the caller's promise; the tag says which part of the union counts.
    unsafe {
        let location = location.as_ref()?;
        match location.type_ {
            ffi::H5VL_OBJECT_BY_NAME => Some(location.loc_data.loc_by_name.lapl_id),
            ffi::H5VL_OBJECT_BY_IDX => Some(location.loc_data.loc_by_idx.lapl_id),
            _ => None,
        }
    }
}

impl Lent {
    /// Lends `list`, by which links are followed from `object`.
    ///
    /// # Safety
    /// `location` is null or valid for the call, `object` is what HDF5 passes with it, and `list` is open.
    unsafe fn new(
        host: &'static Host,
        object: *mut c_void,
        location: Location,
        list: Option<hid_t>,
    ) -> Option<Self> {
        // A default says nothing.
        let list = list.filter(|list| *list != ffi::H5P_DEFAULT)?;
        if !open_drivers::any_open() || object.is_null() {
            return None;
        }
        // SAFETY: the caller's promise.
        let kind = unsafe { location.as_ref()?.obj_type };
        let h5 = &host.h5;
        // SAFETY: the list is open during the call. Where nothing was put in, there is no id.
        let own = Handle::own(host, unsafe { (h5.H5Pget_elink_fapl)(list) }, h5.H5Pclose)?;
        let ours = vfd::id(host).ok()?;
        // SAFETY: the list is open.
        if unsafe { (h5.H5Pget_driver)(own.id()) } == ours {
            return None;
        }
        // Drivers that are not plain open files of this machine as well.
        let chosen = PlainDriver::of(host, own.id()).unwrap_or_default();
        let (file_number, _) = dataset::identity(host, object, kind)?;
        let (linked_from, settings) = open_drivers::with_file_number(host.slot, file_number, |driver| {
            (driver.content(), Arc::clone(&driver.settings))
        })?;
        let info = DriverInfo {
            settings,
            linked_from: Some(linked_from),
            chosen,
            opened: None,
        };
        // SAFETY: open lists; HDF5 copies the info and the list before it returns.
        unsafe {
            let copy = Handle::own(host, (h5.H5Pcopy)(own.id()), h5.H5Pclose)?;
            let set = (h5.H5Pset_driver)(copy.id(), ours, (&raw const info).cast()) >= 0
                && (h5.H5Pset_elink_fapl)(list, copy.id()) >= 0;
            set.then_some(Self { host, list, own })
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: both lists are open.
        unsafe { (self.host.h5.H5Pset_elink_fapl)(self.list, self.own.id()) };
    }
}

/// Defines slots that lend lists to the slots of other modules: those of locations, and those that a call itself
/// gets. An object belongs to each.
macro_rules! slots {
    ($($name:ident: $class:ident.$field:ident by $($inner:ident)::+, ($($argument:ident: $type:ty),*) -> $result:ty,
        [$(($object:expr, $location:expr $(, $list:expr)?)),*];)*) => {
        $(unsafe extern "C" fn $name<const SLOT: usize>($($argument: $type),*) -> $result {
            guard(SLOT, |host| {
                // SAFETY: the arguments are HDF5's own.
                unsafe {
                    let _lent = [$(
                        Lent::new(host, $object, $location, list_of($location)),
                        $(Lent::new(host, $object, $location, Some($list)),)?
                    )*];
                    Ok::<_, Failed>($($inner)::+::<SLOT>($($argument),*))
                }
            })
        })*

        /// Puts the slots into our class, in front of all others.
        pub(crate) fn replace<const SLOT: usize>(class: &mut ffi::H5VL_class_t) {
            $(class.$class.$field = Some($name::<SLOT>);)*
        }
    };
}

/// Where an attribute is looked at.
///
/// # Safety
/// The arguments are HDF5's own.
unsafe fn of_attribute(arguments: *mut ffi::H5VL_attr_get_args_t) -> Location {
    // SAFETY: the caller's promise; the tag says which part of the union counts.
    unsafe {
        match (*arguments).op_type {
            ffi::H5VL_ATTR_GET_INFO => &raw const (*arguments).args.get_info.loc_params,
            ffi::H5VL_ATTR_GET_NAME => &raw const (*arguments).args.get_name.loc_params,
            _ => std::ptr::null(),
        }
    }
}

/// Where a group is looked at.
///
/// # Safety
/// The arguments are HDF5's own.
unsafe fn of_group(arguments: *mut ffi::H5VL_group_get_args_t) -> Location {
    // SAFETY: the caller's promise; the tag says which part of the union counts.
    unsafe {
        match (*arguments).op_type {
            ffi::H5VL_GROUP_GET_INFO => &raw const (*arguments).args.get_info.loc_params,
            _ => std::ptr::null(),
        }
    }
}

/// The object that a hard link will lead to, and where it is.
///
/// # Safety
/// The arguments are HDF5's own.
unsafe fn of_hard_link(arguments: *mut ffi::H5VL_link_create_args_t) -> (*mut c_void, Location) {
    // SAFETY: the caller's promise; the tag says which part of the union counts.
    unsafe {
        match (*arguments).op_type {
            ffi::H5VL_LINK_CREATE_HARD => {
                let link = &raw const (*arguments).args.hard;
                ((*link).curr_obj, &raw const (*link).curr_loc_params)
            }
            _ => (std::ptr::null_mut(), std::ptr::null()),
        }
    }
}

slots! {
    attribute_create: attr_cls.create by crate::replica::slots::attribute_create,
        (object: *mut c_void, location: Location, name: *const c_char, datatype: hid_t, space: hid_t,
         creation: hid_t, access: hid_t, transfer: hid_t, request: Request) -> *mut c_void,
        [(object, location)];
    attribute_open: attr_cls.open by crate::replica::slots::attribute_open,
        (object: *mut c_void, location: Location, name: *const c_char, access: hid_t, transfer: hid_t,
         request: Request) -> *mut c_void,
        [(object, location)];
    attribute_get: attr_cls.get by crate::replica::slots::attribute_get,
        (object: *mut c_void, arguments: *mut ffi::H5VL_attr_get_args_t, transfer: hid_t, request: Request) -> herr_t,
        [(object, of_attribute(arguments))];
    attribute_specific: attr_cls.specific by crate::replica::slots::attribute_specific,
        (object: *mut c_void, location: Location, arguments: *mut ffi::H5VL_attr_specific_args_t, transfer: hid_t,
         request: Request) -> herr_t,
        [(object, location)];
    dataset_create: dataset_cls.create by crate::writing::create_dataset,
        (object: *mut c_void, location: Location, name: *const c_char, link: hid_t, datatype: hid_t, space: hid_t,
         creation: hid_t, access: hid_t, transfer: hid_t, request: Request) -> *mut c_void,
        [(object, location, access)];
    dataset_open: dataset_cls.open by crate::intent::open_dataset,
        (object: *mut c_void, location: Location, name: *const c_char, access: hid_t, transfer: hid_t,
         request: Request) -> *mut c_void,
        [(object, location, access)];
    datatype_commit: datatype_cls.commit by crate::replica::slots::datatype_commit,
        (object: *mut c_void, location: Location, name: *const c_char, datatype: hid_t, link: hid_t, creation: hid_t,
         access: hid_t, transfer: hid_t, request: Request) -> *mut c_void,
        [(object, location, access)];
    datatype_open: datatype_cls.open by crate::replica::slots::datatype_open,
        (object: *mut c_void, location: Location, name: *const c_char, access: hid_t, transfer: hid_t,
         request: Request) -> *mut c_void,
        [(object, location, access)];
    group_create: group_cls.create by crate::replica::slots::group_create,
        (object: *mut c_void, location: Location, name: *const c_char, link: hid_t, creation: hid_t, access: hid_t,
         transfer: hid_t, request: Request) -> *mut c_void,
        [(object, location, access)];
    group_open: group_cls.open by crate::intent::open_group,
        (object: *mut c_void, location: Location, name: *const c_char, access: hid_t, transfer: hid_t,
         request: Request) -> *mut c_void,
        [(object, location, access)];
    group_get: group_cls.get by crate::replica::slots::group_get,
        (object: *mut c_void, arguments: *mut ffi::H5VL_group_get_args_t, transfer: hid_t, request: Request) -> herr_t,
        [(object, of_group(arguments))];
    object_open: object_cls.open by crate::intent::open_object,
        (object: *mut c_void, location: Location, opened: *mut ffi::H5I_type_t, transfer: hid_t,
         request: Request) -> *mut c_void,
        [(object, location)];
    object_get: object_cls.get by crate::replica::slots::object_get,
        (object: *mut c_void, location: Location, arguments: *mut ffi::H5VL_object_get_args_t, transfer: hid_t,
         request: Request) -> herr_t,
        [(object, location)];
    object_specific: object_cls.specific by crate::writing::object_specific,
        (object: *mut c_void, location: Location, arguments: *mut ffi::H5VL_object_specific_args_t, transfer: hid_t,
         request: Request) -> herr_t,
        [(object, location)];
    object_optional: object_cls.optional by crate::replica::slots::object_optional,
        (object: *mut c_void, location: Location, arguments: *mut ffi::H5VL_optional_args_t, transfer: hid_t,
         request: Request) -> herr_t,
        [(object, location)];
    link_create: link_cls.create by crate::replica::slots::link_create,
        (arguments: *mut ffi::H5VL_link_create_args_t, object: *mut c_void, location: Location, creation: hid_t,
         access: hid_t, transfer: hid_t, request: Request) -> herr_t,
        [(object, location, access), (of_hard_link(arguments).0, of_hard_link(arguments).1, access)];
    link_copy: link_cls.copy by crate::replica::slots::link_copy,
        (source: *mut c_void, from: Location, destination: *mut c_void, to: Location, creation: hid_t, access: hid_t,
         transfer: hid_t, request: Request) -> herr_t,
        [(source, from, access), (destination, to, access)];
    link_move: link_cls.move_ by crate::replica::slots::link_move,
        (source: *mut c_void, from: Location, destination: *mut c_void, to: Location, creation: hid_t, access: hid_t,
         transfer: hid_t, request: Request) -> herr_t,
        [(source, from, access), (destination, to, access)];
    link_get: link_cls.get by crate::replica::slots::link_get,
        (object: *mut c_void, location: Location, arguments: *mut ffi::H5VL_link_get_args_t, transfer: hid_t,
         request: Request) -> herr_t,
        [(object, location)];
    link_specific: link_cls.specific by crate::replica::slots::link_specific,
        (object: *mut c_void, location: Location, arguments: *mut ffi::H5VL_link_specific_args_t, transfer: hid_t,
         request: Request) -> herr_t,
        [(object, location)];
}
