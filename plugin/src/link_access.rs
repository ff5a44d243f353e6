//! Link access lists in which a program says how targets of external links are opened. HDF5 opens those past the
//! connector: with a plain driver it would look for them on the client's own disk.

use std::ffi::c_void;
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

/// While this lives, the list of a call has our driver for targets of links, where the program asked for a plain one.
struct Lent {
    host: &'static Host,
    list: hid_t,
    /// What the program put into the list.
    own: Handle,
}

impl Lent {
    /// # Safety
    /// `location` is null or valid for the call, and `object` is what HDF5 passes with it.
    unsafe fn new(host: &'static Host, object: *mut c_void, location: Location) -> Option<Self> {
        if !open_drivers::any_open() {
            return None;
        }
        // SAFETY: the caller's promise; the tag says which part of the union counts.
        let (kind, list) = unsafe {
            let location = location.as_ref()?;
            let list = match location.type_ {
                ffi::H5VL_OBJECT_BY_NAME => location.loc_data.loc_by_name.lapl_id,
                ffi::H5VL_OBJECT_BY_IDX => location.loc_data.loc_by_idx.lapl_id,
                _ => return None,
            };
            (location.obj_type, list)
        };
        let h5 = &host.h5;
        // SAFETY: the list is open during the call. Where nothing was put in, there is no id.
        let own = Handle::own(host, unsafe { (h5.H5Pget_elink_fapl)(list) }, h5.H5Pclose)?;
        let chosen = PlainDriver::of(host, own.id())?;
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
            let driver = vfd::id(host).ok()?;
            let set = (h5.H5Pset_driver)(copy.id(), driver, (&raw const info).cast()) >= 0
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

/// Defines slots that lend a list to the slots of other modules.
macro_rules! slots {
    ($($name:ident: $class:ident.$field:ident by $($inner:ident)::+, ($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(unsafe extern "C" fn $name<const SLOT: usize>(
            object: *mut c_void, location: Location, $($argument: $type),*
        ) -> $result {
            guard(SLOT, |host| {
                // SAFETY: the arguments are HDF5's own.
                unsafe {
                    let _lent = Lent::new(host, object, location);
                    Ok::<_, Failed>($($inner)::+::<SLOT>(object, location, $($argument),*))
                }
            })
        })*

        /// Puts the slots into our class, in front of all others.
        pub(crate) fn replace<const SLOT: usize>(class: &mut ffi::H5VL_class_t) {
            $(class.$class.$field = Some($name::<SLOT>);)*
        }
    };
}

slots! {
    object_open: object_cls.open by crate::intent::open_object,
        (opened: *mut ffi::H5I_type_t, transfer: hid_t, request: Request) -> *mut c_void;
    object_get: object_cls.get by crate::replica::slots::object_get,
        (arguments: *mut ffi::H5VL_object_get_args_t, transfer: hid_t, request: Request) -> herr_t;
    object_specific: object_cls.specific by crate::writing::object_specific,
        (arguments: *mut ffi::H5VL_object_specific_args_t, transfer: hid_t, request: Request) -> herr_t;
    object_optional: object_cls.optional by crate::replica::slots::object_optional,
        (arguments: *mut ffi::H5VL_optional_args_t, transfer: hid_t, request: Request) -> herr_t;
    link_get: link_cls.get by crate::replica::slots::link_get,
        (arguments: *mut ffi::H5VL_link_get_args_t, transfer: hid_t, request: Request) -> herr_t;
    link_specific: link_cls.specific by crate::replica::slots::link_specific,
        (arguments: *mut ffi::H5VL_link_specific_args_t, transfer: hid_t, request: Request) -> herr_t;
}
