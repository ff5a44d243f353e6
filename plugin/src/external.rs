//! Datasets with external raw storage. HDF5 reads such files by plain system calls, past every driver; for a
//! remote file that would read files of the client's disk. The server reads them instead.
//!
//! The raw bytes are written into a scratch dataset of the same type and shape in memory, which the native
//! code then reads: selections and conversions are HDF5's own.

use std::ffi::{CStr, c_char, c_uint};

use hdfstream::RemoteFile;

use crate::dataset::Selected;
use crate::error_stack::{Quiet, Topic, push, push_text};
use crate::ffi::{self, hid_t, hsize_t};
use crate::guard::Failed;
use crate::handle::Handle;
use crate::host::Host;
use crate::storage;

/// Largest dataset that is read this way, bytes; it is held in memory twice.
const LARGEST: u64 = 1 << 31;
/// Bytes of one request.
const PIECE: u64 = 64 << 20;

/// A part of a dataset's bytes in a raw file.
pub(crate) struct Segment {
    name: String,
    offset: u64,
    /// Bytes; [`hsize_t::MAX`] for "all the rest".
    length: hsize_t,
}

/// The segments that a creation list names.
pub(crate) fn segments(host: &'static Host, creation: &Handle, count: i32) -> Option<Vec<Segment>> {
    (0..c_uint::try_from(count).ok()?)
        .map(|index| {
            let mut name = [0 as c_char; 4096];
            let (mut offset, mut length) = (0, 0);
            // SAFETY: an open list, and out-pointers that live through the call. HDF5 cuts the name to the
            // space given without terminating it, so one byte less is offered.
            let got = unsafe {
                (host.h5.H5Pget_external)(
                    creation.id(),
                    index,
                    name.len() - 1,
                    name.as_mut_ptr(),
                    &raw mut offset,
                    &raw mut length,
                )
            };
            if got < 0 {
                return None;
            }
            // SAFETY: the array began as zeros and its last byte still is one.
            let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_str().ok()?.to_owned();
            Some(Segment {
                name,
                offset: u64::try_from(offset).ok()?,
                length,
            })
        })
        .collect()
}

/// Reads what `selected` asks for.
pub(crate) fn read(
    host: &'static Host,
    file: &RemoteFile,
    segments: &[Segment],
    selected: Selected,
) -> Result<(), Failed> {
    let space = storage::space(host, selected.dataset).ok_or(Failed)?;
    let datatype = storage::datatype(host, selected.dataset).ok_or(Failed)?;
    // SAFETY: open ids.
    let (elements, element) = unsafe {
        (
            (host.h5.H5Sget_simple_extent_npoints)(space.id()),
            (host.h5.H5Tget_size)(datatype.id()),
        )
    };
    let total = u64::try_from(elements)
        .ok()
        .and_then(|elements| elements.checked_mul(element as u64));
    let total = total.filter(|total| *total <= LARGEST).ok_or_else(|| {
        let limit = LARGEST >> 20;
        push_text(
            host,
            Topic::Unsupported,
            &format!(
                "{}: a dataset with external storage above {limit} MiB cannot be read remotely",
                file.url()
            ),
        );
        Failed
    })?;
    let _quiet = Quiet::new(host);
    let scratch = Scratch::new(host, &space, &datatype).ok_or(Failed)?;
    if !scratch.converts_to(selected.memory_type, selected.transfer) {
        return Err(Failed);
    }
    let bytes = fetch(file, segments, total).map_err(|(name, error)| {
        if matches!(error, hdfstream::Error::NotFound { .. }) {
            // What HDF5 says of a local one comes first: h5py shows the innermost message.
            push_text(host, Topic::Read, "unable to open external raw data file");
            push_text(
                host,
                Topic::Read,
                &format!("{}: there is no '{name}' beside it on its server", file.url()),
            );
        } else {
            push(host, Topic::Read, file.url(), &error);
        }
        Failed
    })?;
    if scratch.read(&bytes, selected) {
        Ok(())
    } else {
        Err(Failed)
    }
}

/// All bytes of the dataset, from all segments; what the segments do not cover is zero. An error comes with the
/// name of the raw file.
fn fetch<'s>(
    file: &RemoteFile,
    segments: &'s [Segment],
    total: u64,
) -> Result<Vec<u8>, (&'s str, hdfstream::Error)> {
    let mut bytes = Vec::new();
    let mut missing = total;
    for segment in segments {
        let mut left = segment.length.min(missing);
        let mut at = segment.offset;
        missing -= left;
        while left > 0 {
            let piece = left.min(PIECE);
            let read = file
                .read_external(&segment.name, at, piece)
                .map_err(|error| (&*segment.name, error))?;
            bytes.extend_from_slice(&read);
            at = at.saturating_add(piece);
            left -= piece;
        }
    }
    // `total` is at most `LARGEST`.
    bytes.resize(total as usize, 0);
    Ok(bytes)
}

/// A dataset in memory with the type and shape of one in raw files.
struct Scratch {
    host: &'static Host,
    // Closed in this order.
    dataset: Handle,
    datatype: Handle,
    _file: Handle,
}

impl Scratch {
    fn new(host: &'static Host, space: &Handle, datatype: &Handle) -> Option<Self> {
        let h5 = &host.h5;
        // Without the maximum dimensions, which only chunks and raw files can grow to.
        let dimensions = storage::dimensions(host, space.id())?;
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
    fn converts_to(&self, memory_type: hid_t, transfer: hid_t) -> bool {
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

    /// Takes `bytes` as the elements and reads from them what `selected` asks for.
    fn read(&self, bytes: &[u8], selected: Selected) -> bool {
        let h5 = &self.host.h5;
        let (all, list) = (ffi::H5S_ALL, ffi::H5P_DEFAULT);
        // SAFETY: `bytes` holds every element in the type that it is written as, and the buffer is the
        // program's, for the selection that it gave.
        unsafe {
            (h5.H5Dwrite)(
                self.dataset.id(),
                self.datatype.id(),
                all,
                all,
                list,
                bytes.as_ptr().cast(),
            ) >= 0
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
