//! The replaced slot that reads elements: it says which bytes are about to be read, then lets the native
//! code read, decode, convert and scatter them.

use std::ffi::c_void;
use std::sync::{Arc, PoisonError};

use hdfstream::Showing;

use crate::content::Content;
use crate::error_stack::{Saved, Topic, push, push_text};
use crate::ffi::{self, herr_t, hid_t};
use crate::guard::{Failed, guard};
use crate::handle::Handle;
use crate::host::Host;
use crate::storage::{self, Chunks, Storage};
use crate::virtual_sources::Origin;
use crate::{checked_datasets, decoded, external, link_failures, open_drivers, replica};

/// One dataset of a read: HDF5's object and the ids that say what to read.
#[derive(Clone, Copy)]
pub(crate) struct Selected {
    pub(crate) dataset: *mut c_void,
    pub(crate) memory_type: hid_t,
    pub(crate) memory_space: hid_t,
    pub(crate) file_space: hid_t,
    pub(crate) transfer: hid_t,
    pub(crate) buffer: *mut c_void,
}

pub(crate) unsafe extern "C" fn read<const SLOT: usize>(
    count: usize,
    datasets: *mut *mut c_void,
    memory_types: *mut hid_t,
    memory_spaces: *mut hid_t,
    file_spaces: *mut hid_t,
    transfer: hid_t,
    buffers: *mut *mut c_void,
    request: *mut *mut c_void,
) -> herr_t {
    guard(SLOT, |host| {
        let native = host.native.dataset_cls.read.ok_or(Failed)?;
        // SAFETY: the arguments are HDF5's own.
        let read_all = || unsafe {
            native(
                count,
                datasets,
                memory_types,
                memory_spaces,
                file_spaces,
                transfer,
                buffers,
                request,
            )
        };
        if !open_drivers::any_open() && !replica::any() {
            return Ok(read_all());
        }
        let mut left = Vec::with_capacity(count);
        let mut showing = None;
        for index in 0..count {
            // SAFETY: all arrays have `count` entries.
            let selected = unsafe {
                Selected {
                    dataset: *datasets.add(index),
                    memory_type: *memory_types.add(index),
                    memory_space: *memory_spaces.add(index),
                    file_space: *file_spaces.add(index),
                    transfer,
                    buffer: *buffers.add(index),
                }
            };
            match prepare(host, selected)? {
                Prepared::Announced(bar) => {
                    showing = showing.or(bar);
                    left.push(index);
                }
                Prepared::Read => {}
            }
        }
        // Failures of earlier calls, which were reported or do not matter.
        link_failures::take(host.slot);
        if left.len() == count {
            let status = read_all();
            if status < 0 {
                return Ok(status);
            }
        } else {
            // Some datasets were read by other means; the rest goes to the native code one by one.
            for index in left {
                // SAFETY: all arrays have `count` entries, and a read of one dataset takes arrays of one.
                let status = unsafe {
                    native(
                        1,
                        datasets.add(index),
                        memory_types.add(index),
                        memory_spaces.add(index),
                        file_spaces.add(index),
                        transfer,
                        buffers.add(index),
                        request,
                    )
                };
                if status < 0 {
                    return Ok(status);
                }
            }
        }
        all_links_followed(host)?;
        Ok(0)
    })
}

/// The native slot, of which one operation follows links: the extent of a virtual dataset without limits is that
/// of its sources.
pub(crate) unsafe extern "C" fn get<const SLOT: usize>(
    dataset: *mut c_void,
    arguments: *mut ffi::H5VL_dataset_get_args_t,
    transfer: hid_t,
    request: *mut *mut c_void,
) -> herr_t {
    guard(SLOT, |host| {
        let native = host.native.dataset_cls.get.ok_or(Failed)?;
        // SAFETY: HDF5 passes a pointer to the arguments, for the native code and for us.
        let operation = unsafe { (*arguments).op_type };
        let of_space = operation == ffi::H5VL_DATASET_GET_SPACE;
        if replica::any() && !of_space {
            // SAFETY: the arguments are HDF5's own.
            unsafe {
                let status = native(dataset, arguments, transfer, request);
                if status >= 0 {
                    replica::show_storage(host, dataset, arguments);
                }
                return Ok(status);
            }
        }
        if !of_space || !open_drivers::any_open() {
            // SAFETY: the arguments are HDF5's own.
            return Ok(unsafe { native(dataset, arguments, transfer, request) });
        }
        link_failures::take(host.slot);
        // SAFETY: as above.
        let status = unsafe { native(dataset, arguments, transfer, request) };
        if status >= 0 {
            // SAFETY: the operation has filled this part of the union.
            let space = unsafe { (*arguments).args.get_space.space_id };
            let space = Handle::own(host, space, host.h5.H5Sclose).ok_or(Failed)?;
            all_links_followed(host)?;
            // HDF5's from here on.
            std::mem::forget(space);
        }
        Ok(status)
    })
}

/// Fails when the native call just made took a source for missing that could not be reached.
fn all_links_followed(host: &'static Host) -> Result<(), Failed> {
    link_failures::take(host.slot).map_or(Ok(()), |(name, error)| {
        push(host, Topic::Read, &name, &error);
        Err(Failed)
    })
}

/// What was done before the native code reads a dataset.
pub(crate) enum Prepared {
    /// It has yet to read; with the bar to show meanwhile, if any.
    Announced(Option<Showing>),
    /// The dataset was read by other means.
    Read,
}

/// Announces the chunks that a read will touch. External storage is read here: it never passes through a driver,
/// and the native code would read local files.
fn prepare(host: &'static Host, selected: Selected) -> Result<Prepared, Failed> {
    if replica::read(host, selected)? {
        return Ok(Prepared::Read);
    }
    let Some((content, storage)) = storage_of(host, selected.dataset, true) else {
        return Ok(Prepared::Announced(None));
    };
    match &*storage {
        Storage::Native => Ok(Prepared::Announced(None)),
        Storage::Contiguous(contiguous) => match &content {
            Content::Reading(file) if !open_drivers::follows(host.slot, &content) => {
                contiguous.read(host, file, selected)
            }
            _ => Ok(Prepared::Announced(None)),
        },
        Storage::VirtualOfRawFiles => {
            push_text(
                host,
                Topic::Unsupported,
                &format!(
                    "{}: this virtual dataset takes elements from external raw storage, which cannot be read remotely",
                    content.url()
                ),
            );
            Err(Failed)
        }
        Storage::Chunked(chunks) => {
            if let Content::Reading(file) = &content {
                file.occupy(chunks.extents());
            }
            if let Content::Reading(file) = &content
                && !open_drivers::follows(host.slot, &content)
                && let Some(prepared) = decoded::read(host, file, chunks, selected)?
            {
                return Ok(prepared);
            }
            let _saved = Saved::new(host);
            let ranges = chunks.selected(host, selected.file_space);
            let showing = match content.on_server() {
                Some(file) if !ranges.is_empty() => file.plan(ranges),
                _ => None,
            };
            Ok(Prepared::Announced(showing))
        }
        Storage::External(segments) => {
            let file = content.on_server().ok_or_else(|| {
                push_text(
                    host,
                    Topic::Unsupported,
                    &format!(
                        "{}: external raw storage is read once the file is saved",
                        content.url()
                    ),
                );
                Failed
            })?;
            external::read(host, &file, segments, selected).map(|()| Prepared::Read)
        }
    }
}

/// The remote file of `dataset` and where it keeps its elements; `None` for a dataset of a local file.
fn storage_of(host: &'static Host, dataset: *mut c_void, to_read: bool) -> Option<(Content, Arc<Storage>)> {
    let (file_number, address) = identity(host, dataset, ffi::H5I_DATASET)?;
    open_drivers::with_file_number(host.slot, file_number, |driver| {
        let content = driver.content();
        let known = driver
            .storage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&address)
            .cloned();
        let chunks = match (known, content.writer()) {
            (Some(known), None) => return (content, known),
            // What is at an address of a file that is written may be another dataset by now.
            (_, Some(_)) if !to_read || driver.is_changed() => Chunks::Leave,
            (Some(known), Some(_)) => Chunks::Known(known),
            (None, _) => Chunks::Walk,
        };
        let _saved = Saved::new(host);
        let origin = Origin {
            file: content.clone(),
            settings: Arc::clone(&driver.settings),
        };
        let found = storage::storage_of(host, &origin, dataset, chunks);
        if to_read {
            let mut storage = driver.storage.lock().unwrap_or_else(PoisonError::into_inner);
            storage.insert(address, Arc::clone(&found));
        }
        (content, found)
    })
}

/// Refuses to write a dataset that keeps its elements in raw files: the native code would write files of this
/// machine, which a remote file names.
pub(crate) fn refuse_raw_files(host: &'static Host, dataset: *mut c_void) -> Result<(), Failed> {
    if checked_datasets::knows(dataset) {
        return Ok(());
    }
    match storage_of(host, dataset, false) {
        Some((content, storage)) if matches!(*storage, Storage::External(_) | Storage::VirtualOfRawFiles) => {
            push_text(
                host,
                Topic::Unsupported,
                &format!(
                    "{}: this dataset keeps its elements in external raw storage, which cannot be written remotely",
                    content.url()
                ),
            );
            Err(Failed)
        }
        _ => {
            checked_datasets::remember(dataset);
            Ok(())
        }
    }
}

/// Number of the file that `object` is in, and the address of its object header. `kind` is HDF5's type of
/// the object; a file stands for its root group.
pub(crate) fn identity(
    host: &'static Host,
    object: *mut c_void,
    kind: ffi::H5I_type_t,
) -> Option<(std::ffi::c_ulong, u64)> {
    // SAFETY: plain data for which zeros are valid; the tag says that the union does not count.
    let mut location: ffi::H5VL_loc_params_t = unsafe { std::mem::zeroed() };
    location.type_ = ffi::H5VL_OBJECT_BY_SELF;
    location.obj_type = kind;
    identity_at(host, object, &location)
}

/// As [`identity`], of the object at `location` from `object`.
pub(crate) fn identity_at(
    host: &'static Host,
    object: *mut c_void,
    location: &ffi::H5VL_loc_params_t,
) -> Option<(std::ffi::c_ulong, u64)> {
    let get = host.native.object_cls.get?;
    // SAFETY: both structures are plain data for which zeros are valid; the tags set below say which parts
    // of their unions count. `info` lives through the call.
    unsafe {
        let mut info: ffi::H5O_info2_t = std::mem::zeroed();
        let mut arguments: ffi::H5VL_object_get_args_t = std::mem::zeroed();
        arguments.op_type = ffi::H5VL_OBJECT_GET_INFO;
        arguments.args.get_info.fields = ffi::H5O_INFO_BASIC;
        arguments.args.get_info.oinfo = &raw mut info;
        let status = get(
            object,
            location,
            &raw mut arguments,
            ffi::H5P_DEFAULT,
            std::ptr::null_mut(),
        );
        if status < 0 {
            return None;
        }
        // A native token is the address, little-endian, in as many bytes as the file uses (H5VLnative_token.c).
        let mut address = [0; 8];
        address.copy_from_slice(&info.token.__data[..8]);
        Some((info.fileno, u64::from_le_bytes(address)))
    }
}
