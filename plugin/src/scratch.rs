//! A dataset in memory that stands for one whose elements HDF5 cannot fetch itself: native code reads from it, so that
//! selections and conversions are HDF5's own.

use std::ffi::c_void;

use crate::dataset::Selected;
use crate::ffi::{self, hid_t};
use crate::handle::Handle;
use crate::host::Host;

/// A dataset in memory.
pub(crate) struct Scratch {
    host: &'static Host,
    // Closed in this order.
    dataset: Handle,
    datatype: Handle,
    _file: Handle,
}

impl Scratch {
    /// Makes one of these dimensions and this type.
    pub(crate) fn new(host: &'static Host, dimensions: &[u64], datatype: &Handle) -> Option<Self> {
        let h5 = &host.h5;
        let rank = i32::try_from(dimensions.len()).ok()?;
        // SAFETY: all ids are open, all names NUL-terminated, and `dimensions` has `rank` entries.
        unsafe {
            let access = (h5.H5Pcreate)(host.ids.plist_file_access.get());
            let access = Handle::own(host, access, h5.H5Pclose)?;
            if (h5.H5Pset_fapl_core)(access.id(), 1 << 20, false) < 0 {
                return None;
            }
            let name = c"hdfstream-scratch".as_ptr();
            let file = (h5.H5Fcreate)(name, ffi::H5F_ACC_TRUNC, ffi::H5P_DEFAULT, access.id());
            let file = Handle::own(host, file, h5.H5Fclose)?;
            // A committed type belongs to its file; the copy does not.
            let datatype = Handle::own(host, (h5.H5Tcopy)(datatype.id()), h5.H5Tclose)?;
            let space = (h5.H5Screate_simple)(rank, dimensions.as_ptr(), std::ptr::null());
            let space = Handle::own(host, space, h5.H5Sclose)?;
            let (type_id, space_id) = (datatype.id(), space.id());
            let list = ffi::H5P_DEFAULT;
            let dataset = (h5.H5Dcreate2)(file.id(), c"data".as_ptr(), type_id, space_id, list, list, list);
            let dataset = Handle::own(host, dataset, h5.H5Dclose)?;
            Some(Self {
                host,
                dataset,
                datatype,
                _file: file,
            })
        }
    }

    /// Whether elements can be converted to the memory type at all; if not, HDF5's reason is on the stack.
    pub(crate) fn converts_to(&self, memory_type: hid_t, transfer: hid_t) -> bool {
        let h5 = &self.host.h5;
        // SAFETY: nothing is selected, so that the byte is not written to.
        unsafe {
            let nothing = (h5.H5Screate_simple)(1, [1].as_ptr(), std::ptr::null());
            let Some(nothing) = Handle::own(self.host, nothing, h5.H5Sclose) else {
                return false;
            };
            let nowhere = (h5.H5Dget_space)(self.dataset.id());
            let Some(nowhere) = Handle::own(self.host, nowhere, h5.H5Sclose) else {
                return false;
            };
            let mut byte = 0u8;
            (h5.H5Sselect_none)(nothing.id()) >= 0
                && (h5.H5Sselect_none)(nowhere.id()) >= 0
                && (h5.H5Dread)(
                    self.dataset.id(),
                    memory_type,
                    nothing.id(),
                    nowhere.id(),
                    transfer,
                    (&raw mut byte).cast(),
                ) >= 0
        }
    }

    /// Takes what `elements` points to as all elements and reads from them what `selected` asks for. Its dataset is
    /// not looked at.
    pub(crate) fn read(&self, elements: *const c_void, selected: Selected) -> bool {
        let h5 = &self.host.h5;
        let (all, list) = (ffi::H5S_ALL, ffi::H5P_DEFAULT);
        // SAFETY: every element is there in the type that it is written as, and the buffer is the program's, for
        // the selection that it gave.
        unsafe {
            (h5.H5Dwrite)(self.dataset.id(), self.datatype.id(), all, all, list, elements) >= 0
                && (h5.H5Dread)(
                    self.dataset.id(),
                    selected.memory_type,
                    selected.memory_space,
                    selected.file_space,
                    selected.transfer,
                    selected.buffer,
                ) >= 0
        }
    }
}
