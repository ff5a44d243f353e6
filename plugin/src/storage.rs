//! Where a dataset keeps its elements, and what else its native object tells.

use std::ffi::{c_int, c_void};
use std::sync::Arc;

use crate::chunk_index::ChunkIndex;
use crate::contiguous::Contiguous;
use crate::external::{self, Segment};
use crate::ffi::{self, hid_t};
use crate::handle::Handle;
use crate::host::Host;
use crate::virtual_sources::{self, Origin};

/// Where a dataset keeps its elements.
pub(crate) enum Storage {
    /// Where the native code reads them well by itself: compact, virtual, not written yet.
    Native,
    /// One after the other.
    Contiguous(Contiguous),
    /// In a virtual dataset that leads to raw files, which cannot be read remotely.
    VirtualOfRawFiles,
    /// In chunks.
    Chunked(ChunkIndex),
    /// In raw files beside the HDF5 file.
    External(Vec<Segment>),
}

/// What to do about the chunks of a dataset.
pub(crate) enum Chunks {
    /// To walk their index.
    Walk,
    /// To take what was found before.
    Known(Arc<Storage>),
    /// To leave them to the native code: they are changing, and it keeps some to itself.
    Leave,
}

/// Finds out where `dataset` keeps its elements. Whatever fails makes it [`Storage::Native`]: the native code
/// will then say what is wrong.
pub(crate) fn storage_of(
    host: &'static Host,
    origin: &Origin,
    dataset: *mut c_void,
    chunks: Chunks,
) -> Arc<Storage> {
    let found = creation_list(host, dataset).map(|creation| look(host, origin, dataset, &creation, chunks));
    found.unwrap_or_else(|| Arc::new(Storage::Native))
}

fn look(
    host: &'static Host,
    origin: &Origin,
    dataset: *mut c_void,
    creation: &Handle,
    chunks: Chunks,
) -> Arc<Storage> {
    // SAFETY: an open dataset creation list.
    let (layout, files, filters) = unsafe {
        (
            (host.h5.H5Pget_layout)(creation.id()),
            (host.h5.H5Pget_external_count)(creation.id()),
            (host.h5.H5Pget_nfilters)(creation.id()),
        )
    };
    let found = if files > 0 {
        external::segments(host, creation, files).map_or(Storage::Native, Storage::External)
    } else if layout == ffi::H5D_VIRTUAL && virtual_sources::end_in_raw_files(host, origin, creation) {
        Storage::VirtualOfRawFiles
    } else if layout == ffi::H5D_CONTIGUOUS {
        Contiguous::of(host, dataset).map_or(Storage::Native, Storage::Contiguous)
    } else if layout != ffi::H5D_CHUNKED {
        Storage::Native
    } else {
        match chunks {
            Chunks::Known(known) if matches!(*known, Storage::Chunked(_)) => return known,
            Chunks::Leave => Storage::Native,
            Chunks::Walk | Chunks::Known(_) => ChunkIndex::read(host, dataset, creation, filters > 0)
                .map_or(Storage::Native, Storage::Chunked),
        }
    };
    Arc::new(found)
}

fn creation_list(host: &'static Host, dataset: *mut c_void) -> Option<Handle> {
    let id = get(host, dataset, ffi::H5VL_DATASET_GET_DCPL, |arguments| {
        // SAFETY: the operation fills this part of the union.
        unsafe { arguments.args.get_dcpl.dcpl_id }
    })?;
    Handle::own(host, id, host.h5.H5Pclose)
}

/// Has the native code do one of its own operations on `dataset`. The list is a real one: HDF5 keeps it for the end of a
/// walk over chunks, which fails with `H5P_DEFAULT`.
///
/// # Safety
/// `arguments` holds what the operation wants, with pointers that live through the call.
pub(crate) unsafe fn native_operation(
    host: &'static Host,
    dataset: *mut c_void,
    operation: c_int,
    arguments: &mut ffi::H5VL_native_dataset_optional_args_t,
) -> Option<ffi::herr_t> {
    let mut optional = ffi::H5VL_optional_args_t {
        op_type: operation,
        args: (&raw mut *arguments).cast(),
    };
    // SAFETY: an open dataset; the rest is the caller's promise.
    let status = unsafe {
        host.native.dataset_cls.optional?(
            dataset,
            &raw mut optional,
            host.ids.list_transfer.get(),
            std::ptr::null_mut(),
        )
    };
    Some(status)
}

/// The access list of `dataset`.
pub(crate) fn access_list(host: &'static Host, dataset: *mut c_void) -> Option<Handle> {
    let id = get(host, dataset, ffi::H5VL_DATASET_GET_DAPL, |arguments| {
        // SAFETY: the operation fills this part of the union.
        unsafe { arguments.args.get_dapl.dapl_id }
    })?;
    Handle::own(host, id, host.h5.H5Pclose)
}

/// The dataspace of `dataset`.
pub(crate) fn space(host: &'static Host, dataset: *mut c_void) -> Option<Handle> {
    let id = get(host, dataset, ffi::H5VL_DATASET_GET_SPACE, |arguments| {
        // SAFETY: the operation fills this part of the union.
        unsafe { arguments.args.get_space.space_id }
    })?;
    Handle::own(host, id, host.h5.H5Sclose)
}

/// The type of `dataset` as stored.
pub(crate) fn datatype(host: &'static Host, dataset: *mut c_void) -> Option<Handle> {
    let id = get(host, dataset, ffi::H5VL_DATASET_GET_TYPE, |arguments| {
        // SAFETY: the operation fills this part of the union.
        unsafe { arguments.args.get_type.type_id }
    })?;
    Handle::own(host, id, host.h5.H5Tclose)
}

fn get(
    host: &'static Host,
    dataset: *mut c_void,
    operation: ffi::H5VL_dataset_get_t,
    answer: impl FnOnce(&ffi::H5VL_dataset_get_args_t) -> hid_t,
) -> Option<hid_t> {
    let native = host.native.dataset_cls.get?;
    // SAFETY: plain data for which zeros are valid; the operation says which part of the union counts.
    let mut arguments: ffi::H5VL_dataset_get_args_t = unsafe { std::mem::zeroed() };
    arguments.op_type = operation;
    // SAFETY: an open dataset of this host and arguments that live through the call.
    let status = unsafe {
        native(
            dataset,
            &raw mut arguments,
            ffi::H5P_DEFAULT,
            std::ptr::null_mut(),
        )
    };
    (status >= 0).then(|| answer(&arguments))
}

/// Dimensions of a simple dataspace, in elements.
pub(crate) fn dimensions(host: &'static Host, space: hid_t) -> Option<Vec<u64>> {
    // SAFETY: an open dataspace.
    let rank = unsafe { (host.h5.H5Sget_simple_extent_ndims)(space) };
    let mut dimensions = vec![0; usize::try_from(rank).ok()?];
    // SAFETY: the array has `rank` entries; the second pointer may be null.
    let got =
        unsafe { (host.h5.H5Sget_simple_extent_dims)(space, dimensions.as_mut_ptr(), std::ptr::null_mut()) };
    (got >= 0).then_some(dimensions)
}
