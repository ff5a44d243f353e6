//! Our connector's class: the host's native one, cloned, with a few slots replaced.
//!
//! Objects stay genuine native objects. Everything that HDF5 asks of native objects only (H5Literate1,
//! H5Gget_objinfo, ...) therefore works, and so does discovery under HDF5 2.x, which registers what we
//! open under the native connector.

use std::ffi::c_void;

use crate::ffi;
use crate::host::{self, ConnectorClass, Host};
use crate::{checked_datasets, connector, dataset, file, intent, link_access, replica, writing};

/// The class for the libhdf5 that holds `return_address`.
///
/// # Errors
/// A sentence for the user when this libhdf5 cannot be served.
pub(crate) fn for_caller(return_address: *const c_void) -> Result<&'static ffi::H5VL_class_t, String> {
    let host = host::of_caller(return_address)?;
    Ok(class_of(host))
}

/// The class for `host`.
pub(crate) fn class_of(host: &'static Host) -> &'static ffi::H5VL_class_t {
    &host
        .class
        .get_or_init(|| {
            let mut class = host.native;
            REPLACE[host.slot](&mut class);
            ConnectorClass(class)
        })
        .0
}

const REPLACE: [fn(&mut ffi::H5VL_class_t); host::SLOTS] = [
    replace::<0>,
    replace::<1>,
    replace::<2>,
    replace::<3>,
    replace::<4>,
    replace::<5>,
    replace::<6>,
    replace::<7>,
];

fn replace<const SLOT: usize>(class: &mut ffi::H5VL_class_t) {
    class.value = connector::VALUE;
    class.name = connector::NAME.as_ptr();
    class.conn_version = 1;
    class.initialize = Some(connector::initialize);
    class.terminate = Some(connector::terminate::<SLOT>);
    class.info_cls = connector::info_class::<SLOT>();

    class.file_cls.create = Some(file::create::<SLOT>);
    class.file_cls.open = Some(file::open::<SLOT>);
    class.file_cls.get = Some(file::get::<SLOT>);
    class.file_cls.specific = Some(file::specific::<SLOT>);
    class.file_cls.close = Some(file::close::<SLOT>);

    class.dataset_cls.open = Some(intent::open_dataset::<SLOT>);
    class.dataset_cls.get = Some(dataset::get::<SLOT>);
    class.dataset_cls.read = Some(dataset::read::<SLOT>);
    class.dataset_cls.close = Some(checked_datasets::close::<SLOT>);
    class.group_cls.open = Some(intent::open_group::<SLOT>);
    class.object_cls.open = Some(intent::open_object::<SLOT>);

    replica::slots::replace::<SLOT>(class);
    writing::replace::<SLOT>(class);
    link_access::replace::<SLOT>(class);

    class.introspect_cls.get_conn_cls = Some(connector::get_conn_cls::<SLOT>);
}
