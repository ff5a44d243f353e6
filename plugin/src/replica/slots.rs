//! The slots that look at objects, links and attributes: for a replica they fetch what is missing first, and refuse
//! to change anything. Then the native code does the work.

use std::ffi::{CStr, c_char, c_void};

use super::{Need, any, of_object};
use crate::error_stack::Topic;
use crate::ffi::{self, H5VL_loc_params_t, herr_t, hid_t};
use crate::guard::{Failed, guard};
use crate::host::Host;

type Request = *mut *mut c_void;
type Location = *const H5VL_loc_params_t;

/// Fetches what a call needs that looks at `location` from `object`, and from there at `name`.
///
/// # Safety
/// `location` is null or valid for the call, `object` is what HDF5 passes with it, and `name` is null or
/// NUL-terminated.
unsafe fn prepare(
    host: &'static Host,
    object: *mut c_void,
    location: Location,
    name: *const c_char,
    need: Need,
) -> Result<(), Failed> {
    if !any() {
        return Ok(());
    }
    // SAFETY: the caller's promise; the tag says which part of the union counts.
    let (kind, by, indexed) = unsafe {
        let Some(location) = location.as_ref() else {
            return Ok(());
        };
        match location.type_ {
            ffi::H5VL_OBJECT_BY_NAME => (location.obj_type, location.loc_data.loc_by_name.name, false),
            ffi::H5VL_OBJECT_BY_IDX => (location.obj_type, location.loc_data.loc_by_idx.name, true),
            ffi::H5VL_OBJECT_BY_SELF => (location.obj_type, std::ptr::null(), false),
            // By token: the object is there, as tokens come from objects.
            _ => return Ok(()),
        }
    };
    let Some((replica, address)) = of_object(host, object, kind) else {
        return Ok(());
    };
    // SAFETY: the caller's promise.
    let path = unsafe {
        let text = |name: *const c_char| match name.is_null() {
            true => &b""[..],
            false => CStr::from_ptr(name).to_bytes(),
        };
        let (first, second) = (text(by), text(name));
        match (first.is_empty(), second) {
            (_, []) => first.to_vec(),
            (true, second) => second.to_vec(),
            // From a location by name HDF5 takes a second name as relative to it.
            (false, second) => [first, b"/", second].concat(),
        }
    };
    let need = if indexed { need.with_index() } else { need };
    replica
        .prepare(address, &path, need)
        .map_err(|error| replica.push(Topic::Open, &error))
}

impl Need {
    /// The need of a call that names a group and an index in it: the group's links at least. With attributes it is an
    /// index among these.
    fn with_index(self) -> Self {
        match self {
            Self::Link | Self::Object | Self::Opened => Self::Links,
            other => other,
        }
    }
}

/// As `prepare`, for the slots of other modules that open an object.
///
/// # Safety
/// As there.
pub(crate) unsafe fn before_open(
    host: &'static Host,
    object: *mut c_void,
    location: Location,
    name: *const c_char,
) -> Result<(), Failed> {
    // SAFETY: the caller's promise.
    unsafe { prepare(host, object, location, name, Need::Opened) }
}

/// Fails if `object` is of a replica.
fn refuse(host: &'static Host, object: *mut c_void, kind: ffi::H5I_type_t) -> Result<(), Failed> {
    match of_object(host, object, kind) {
        Some((replica, _)) => Err(replica.refuse()),
        None => Ok(()),
    }
}

/// As `refuse`, with the kind of object that a location names.
///
/// # Safety
/// `location` is null or valid for the call.
unsafe fn refuse_at(host: &'static Host, object: *mut c_void, location: Location) -> Result<(), Failed> {
    // SAFETY: the caller's promise.
    match unsafe { location.as_ref() } {
        Some(location) => refuse(host, object, location.obj_type),
        None => Ok(()),
    }
}

/// Defines slots: what they do before the native code, which gets the same arguments.
macro_rules! slots {
    ($($(#[$doc:meta])* $name:ident: $class:ident.$field:ident(
        $($argument:ident: $type:ty),*
    ) -> $result:ty, |$host:ident| $before:block)*) => {
        $($(#[$doc])* pub(crate) unsafe extern "C" fn $name<const SLOT: usize>($($argument: $type),*) -> $result {
            guard(SLOT, |$host| {
                let native = $host.native.$class.$field.ok_or(Failed)?;
                // SAFETY: the arguments are HDF5's own, as what is done with them expects.
                unsafe {
                    if any() $before
                    Ok(native($($argument),*))
                }
            })
        })*

        /// Puts the slots into our class.
        pub(crate) fn replace<const SLOT: usize>(class: &mut ffi::H5VL_class_t) {
            $(class.$class.$field = Some($name::<SLOT>);)*
        }
    };
}

slots! {
    attribute_create: attr_cls.create(
        object: *mut c_void, location: Location, name: *const c_char, datatype: hid_t, space: hid_t, creation: hid_t,
        access: hid_t, transfer: hid_t, request: Request
    ) -> *mut c_void, |host| { refuse_at(host, object, location)?; }

    attribute_open: attr_cls.open(
        object: *mut c_void, location: Location, name: *const c_char, access: hid_t, transfer: hid_t,
        request: Request
    ) -> *mut c_void, |host| { prepare(host, object, location, std::ptr::null(), Need::Attributes)?; }

    attribute_write: attr_cls.write(
        attribute: *mut c_void, datatype: hid_t, buffer: *const c_void, transfer: hid_t, request: Request
    ) -> herr_t, |host| { refuse(host, attribute, ffi::H5I_ATTR)?; }

    attribute_get: attr_cls.get(
        object: *mut c_void, arguments: *mut ffi::H5VL_attr_get_args_t, transfer: hid_t, request: Request
    ) -> herr_t, |host| {
        let location = match (*arguments).op_type {
            ffi::H5VL_ATTR_GET_INFO => &raw const (*arguments).args.get_info.loc_params,
            ffi::H5VL_ATTR_GET_NAME => &raw const (*arguments).args.get_name.loc_params,
            _ => std::ptr::null(),
        };
        prepare(host, object, location, std::ptr::null(), Need::Attributes)?;
    }

    attribute_specific: attr_cls.specific(
        object: *mut c_void, location: Location, arguments: *mut ffi::H5VL_attr_specific_args_t, transfer: hid_t,
        request: Request
    ) -> herr_t, |host| {
        match (*arguments).op_type {
            ffi::H5VL_ATTR_EXISTS | ffi::H5VL_ATTR_ITER => {
                prepare(host, object, location, std::ptr::null(), Need::Attributes)?;
            }
            _ => refuse_at(host, object, location)?,
        }
    }

    dataset_create: dataset_cls.create(
        object: *mut c_void, location: Location, name: *const c_char, link: hid_t, datatype: hid_t, space: hid_t,
        creation: hid_t, access: hid_t, transfer: hid_t, request: Request
    ) -> *mut c_void, |host| { refuse_at(host, object, location)?; }

    dataset_write: dataset_cls.write(
        count: usize, datasets: *mut *mut c_void, memory_types: *mut hid_t, memory_spaces: *mut hid_t,
        file_spaces: *mut hid_t, transfer: hid_t, buffers: *mut *const c_void, request: Request
    ) -> herr_t, |host| {
        for index in 0..count {
            refuse(host, *datasets.add(index), ffi::H5I_DATASET)?;
        }
    }

    dataset_specific: dataset_cls.specific(
        dataset: *mut c_void, arguments: *mut ffi::H5VL_dataset_specific_args_t, transfer: hid_t, request: Request
    ) -> herr_t, |host| {
        if (*arguments).op_type == ffi::H5VL_DATASET_SET_EXTENT {
            refuse(host, dataset, ffi::H5I_DATASET)?;
        }
    }

    datatype_commit: datatype_cls.commit(
        object: *mut c_void, location: Location, name: *const c_char, datatype: hid_t, link: hid_t, creation: hid_t,
        access: hid_t, transfer: hid_t, request: Request
    ) -> *mut c_void, |host| { refuse_at(host, object, location)?; }

    datatype_open: datatype_cls.open(
        object: *mut c_void, location: Location, name: *const c_char, access: hid_t, transfer: hid_t,
        request: Request
    ) -> *mut c_void, |host| { prepare(host, object, location, name, Need::Object)?; }

    group_create: group_cls.create(
        object: *mut c_void, location: Location, name: *const c_char, link: hid_t, creation: hid_t, access: hid_t,
        transfer: hid_t, request: Request
    ) -> *mut c_void, |host| { refuse_at(host, object, location)?; }

    group_get: group_cls.get(
        object: *mut c_void, arguments: *mut ffi::H5VL_group_get_args_t, transfer: hid_t, request: Request
    ) -> herr_t, |host| {
        if (*arguments).op_type == ffi::H5VL_GROUP_GET_INFO {
            let location = &raw const (*arguments).args.get_info.loc_params;
            prepare(host, object, location, std::ptr::null(), Need::Links)?;
        }
    }

    /// The deprecated calls H5Giterate and H5Gget_objinfo. Both sets of arguments begin with the location, in every
    /// supported version.
    group_optional: group_cls.optional(
        object: *mut c_void, arguments: *mut ffi::H5VL_optional_args_t, transfer: hid_t, request: Request
    ) -> herr_t, |host| {
        let need = match (*arguments).op_type {
            ffi::H5VL_NATIVE_GROUP_ITERATE_OLD => Some(Need::Links),
            ffi::H5VL_NATIVE_GROUP_GET_OBJINFO => Some(Need::Object),
            _ => None,
        };
        if let Some(need) = need {
            prepare(host, object, (*arguments).args.cast::<H5VL_loc_params_t>(), std::ptr::null(), need)?;
        }
    }

    link_create: link_cls.create(
        arguments: *mut ffi::H5VL_link_create_args_t, object: *mut c_void, location: Location, creation: hid_t,
        access: hid_t, transfer: hid_t, request: Request
    ) -> herr_t, |host| { refuse_at(host, object, location)?; }

    link_copy: link_cls.copy(
        source: *mut c_void, from: Location, destination: *mut c_void, to: Location, creation: hid_t, access: hid_t,
        transfer: hid_t, request: Request
    ) -> herr_t, |host| {
        // One of the two may be left out: then both are in the same file.
        let changed = if destination.is_null() { source } else { destination };
        refuse_at(host, changed, to)?;
        prepare(host, source, from, std::ptr::null(), Need::Link)?;
    }

    link_move: link_cls.move_(
        source: *mut c_void, from: Location, destination: *mut c_void, to: Location, creation: hid_t, access: hid_t,
        transfer: hid_t, request: Request
    ) -> herr_t, |host| {
        refuse_at(host, source, from)?;
        refuse_at(host, destination, to)?;
    }

    link_get: link_cls.get(
        object: *mut c_void, location: Location, arguments: *mut ffi::H5VL_link_get_args_t, transfer: hid_t,
        request: Request
    ) -> herr_t, |host| { prepare(host, object, location, std::ptr::null(), Need::Link)?; }

    link_specific: link_cls.specific(
        object: *mut c_void, location: Location, arguments: *mut ffi::H5VL_link_specific_args_t, transfer: hid_t,
        request: Request
    ) -> herr_t, |host| {
        match (*arguments).op_type {
            ffi::H5VL_LINK_EXISTS => prepare(host, object, location, std::ptr::null(), Need::Link)?,
            ffi::H5VL_LINK_ITER => {
                let need = if (*arguments).args.iterate.recursive { Need::Everything } else { Need::Links };
                prepare(host, object, location, std::ptr::null(), need)?;
            }
            _ => refuse_at(host, object, location)?,
        }
    }

    object_copy: object_cls.copy(
        source: *mut c_void, from: Location, name: *const c_char, destination: *mut c_void, to: Location,
        new_name: *const c_char, copying: hid_t, creation: hid_t, transfer: hid_t, request: Request
    ) -> herr_t, |host| {
        refuse_at(host, destination, to)?;
        prepare(host, source, from, name, Need::Everything)?;
        super::copying::bring_elements(host, source, from, name)?;
    }

    object_get: object_cls.get(
        object: *mut c_void, location: Location, arguments: *mut ffi::H5VL_object_get_args_t, transfer: hid_t,
        request: Request
    ) -> herr_t, |host| {
        let counts_attributes = (*arguments).op_type == ffi::H5VL_OBJECT_GET_INFO
            && (*arguments).args.get_info.fields & ffi::H5O_INFO_NUM_ATTRS != 0;
        prepare(host, object, location, std::ptr::null(), Need::Object)?;
        if counts_attributes {
            prepare(host, object, location, std::ptr::null(), Need::Attributes)?;
        }
    }

    object_specific: object_cls.specific(
        object: *mut c_void, location: Location, arguments: *mut ffi::H5VL_object_specific_args_t, transfer: hid_t,
        request: Request
    ) -> herr_t, |host| {
        match (*arguments).op_type {
            ffi::H5VL_OBJECT_CHANGE_REF_COUNT => refuse_at(host, object, location)?,
            ffi::H5VL_OBJECT_VISIT => prepare(host, object, location, std::ptr::null(), Need::Everything)?,
            _ => prepare(host, object, location, std::ptr::null(), Need::Object)?,
        }
    }

    object_optional: object_cls.optional(
        object: *mut c_void, location: Location, arguments: *mut ffi::H5VL_optional_args_t, transfer: hid_t,
        request: Request
    ) -> herr_t, |host| { prepare(host, object, location, std::ptr::null(), Need::Object)?; }
}
