//! Datasets: everything but raw data, and of that the little that programs are sure to want.

use hdf5_metno_sys::h5::{haddr_t, hsize_t};
use hdf5_metno_sys::h5d::{
    H5D_layout_t, H5Dchunk_iter, H5Dget_create_plist, H5Dget_offset, H5Dget_space, H5Dget_storage_size,
    H5Dget_type, H5Dread,
};
use hdf5_metno_sys::h5i::hid_t;
use hdf5_metno_sys::h5p::{H5P_DEFAULT, H5Pget_external_count, H5Pget_layout};
use hdf5_metno_sys::h5s::H5S_ALL;
use libc::{c_int, c_uint, c_void};

use super::{Id, datatype};

/// Datasets of no more stored bytes are sent along: names, scales, coordinates.
const SMALL_BYTES: u64 = 4 << 10;
/// The same for variable-length data and references, which need one request for each heap else.
const SMALL_POINTERS_BYTES: u64 = 64 << 10;
/// `HADDR_UNDEF`.
const UNDEFINED: haddr_t = haddr_t::MAX;

/// Receives `(offset, length)`; false stops.
type OnRange<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

/// An open dataset; the [`super::Object`] that it was made from keeps it open.
#[derive(Debug)]
pub(in crate::worker) struct Dataset(hid_t);

impl Dataset {
    pub(super) fn new(id: hid_t) -> Self {
        Self(id)
    }

    pub(super) fn id(&self) -> hid_t {
        self.0
    }

    /// Touches type, space, creation properties and the whole chunk index, and reads small data.
    /// Ranges of raw data that are worth having, but need not be read for that, go to `each`.
    /// Returns whether the elements are in raw files beside the HDF5 file (external storage), if that can
    /// be told.
    pub(in crate::worker) fn touch(&self, each: OnRange<'_>) -> Option<bool> {
        // Fill values of variable length are read from their heap, as are the mappings of virtual
        // datasets and the names of external files.
        // SAFETY: the dataset is open for as long as the object that made `self`.
        let properties = Id::new(unsafe { H5Dget_create_plist(self.0) })?;
        // SAFETY: an id that we hold.
        let raw_files = unsafe { H5Pget_external_count(properties.0) };
        let raw_files = (raw_files >= 0).then_some(raw_files > 0);
        // Iterates over the chunk index; H5Dget_num_chunks and H5Dchunk_iter touch the same blocks.
        // SAFETY: as above.
        let stored = unsafe { H5Dget_storage_size(self.0) };
        // Virtual datasets ask their sources for the extent; those in other files are refused.
        // SAFETY: as above.
        let space = Id::new(unsafe { H5Dget_space(self.0) });
        // SAFETY: as above.
        let kind = Id::new(unsafe { H5Dget_type(self.0) });
        // SAFETY: an id that we hold.
        let inside =
            raw_files == Some(false) && unsafe { H5Pget_layout(properties.0) } != H5D_layout_t::H5D_VIRTUAL;
        if let (true, Some(kind), Some(space)) = (inside, kind, space) {
            self.touch_elements(&kind, &space, stored, each);
        }
        raw_files
    }

    /// The elements, when they are few.
    fn touch_elements(&self, kind: &Id, space: &Id, stored: u64, mut each: OnRange<'_>) {
        if stored == 0 || stored > SMALL_POINTERS_BYTES {
            return;
        }
        if datatype::points_elsewhere(kind) {
            // SAFETY: the dataset is open; `read_and_forget` gives a buffer for all elements.
            datatype::read_and_forget(kind, space, |memory_type, buffer| unsafe {
                H5Dread(self.0, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer)
            });
            return;
        }
        if stored > SMALL_BYTES {
            return;
        }
        // SAFETY: the dataset is open.
        let offset = unsafe { H5Dget_offset(self.0) };
        if offset == UNDEFINED {
            // SAFETY: the dataset is open; `on_chunk` gets back the pointer to `each`, which outlives
            // the call, during which nothing else uses it.
            unsafe { H5Dchunk_iter(self.0, H5P_DEFAULT, Some(on_chunk), (&raw mut each).cast()) };
        } else {
            each(offset, stored);
        }
    }
}

unsafe extern "C" fn on_chunk(
    _: *const hsize_t,
    _: c_uint,
    address: haddr_t,
    size: hsize_t,
    data: *mut c_void,
) -> c_int {
    // SAFETY: what `touch` passed, see there.
    let each = unsafe { &mut *data.cast::<OnRange<'_>>() };
    c_int::from(!each(address, size))
}
