//! Virtual datasets whose elements end in external raw storage.
//!
//! HDF5 reads the sources of a virtual dataset past the connector, and external raw storage past every
//! driver. Together they would make a remote file read files of the client's disk, so they are looked for,
//! once for each virtual dataset, before it is read for the first time.

use std::ffi::{CString, c_char};
use std::sync::Arc;

use hdfstream::Settings;

use crate::content::Content;
use crate::driver_info::DriverInfo;
use crate::error_stack::{Quiet, Saved};
use crate::ffi::{self, hid_t};
use crate::handle::Handle;
use crate::host::Host;
use crate::open_drivers;
use crate::plain_driver::PlainDriver;
use crate::vfd::{self, Driver};

/// Virtual datasets may take elements from virtual datasets; deeper nests than this count as external.
const DEEPEST: u32 = 16;
/// Most source files looked for under one name with a block number in it.
const MOST_BLOCKS: u64 = 10_000;

/// A file whose virtual datasets are looked at.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) file: Content,
    pub(crate) settings: Arc<Settings>,
}

/// Whether a dataset with this creation list, in the file `origin`, takes elements from external raw storage.
/// Sources that cannot be opened have no elements; HDF5 shows fill values for them.
pub(crate) fn end_in_raw_files(host: &'static Host, origin: &Origin, creation: &Handle) -> bool {
    let _saved = Saved::new(host);
    let _quiet = Quiet::new(host);
    any_source_is_raw(host, origin, creation.id(), 0)
}

fn any_source_is_raw(host: &'static Host, origin: &Origin, creation: hid_t, depth: u32) -> bool {
    if depth > DEEPEST {
        return true;
    }
    let mut count = 0;
    // SAFETY: an open creation list of a virtual dataset.
    if unsafe { (host.h5.H5Pget_virtual_count)(creation, &raw mut count) } < 0 {
        return false;
    }
    (0..count).any(|index| {
        let file = name(|buffer, size| {
            // SAFETY: HDF5 writes at most `size` bytes, the end included.
            unsafe { (host.h5.H5Pget_virtual_filename)(creation, index, buffer, size) }
        });
        let dataset = name(|buffer, size| {
            // SAFETY: as above.
            unsafe { (host.h5.H5Pget_virtual_dsetname)(creation, index, buffer, size) }
        });
        let (Some(file), Some(dataset)) = (file, dataset) else {
            return false;
        };
        if !has_block_number(&file) && !has_block_number(&dataset) {
            return source_is_raw(host, origin, &file, &dataset, depth).unwrap_or(false);
        }
        // HDF5 counts blocks up until one is missing.
        (0..MOST_BLOCKS)
            .map_while(|block| {
                let (file, dataset) = (
                    with_block_number(&file, block),
                    with_block_number(&dataset, block),
                );
                source_is_raw(host, origin, &file, &dataset, depth)
            })
            .any(|raw| raw)
    })
}

/// Whether one source keeps its elements in raw files; `None` when it cannot be opened.
fn source_is_raw(
    host: &'static Host,
    origin: &Origin,
    file: &str,
    dataset: &str,
    depth: u32,
) -> Option<bool> {
    let own = if file == "." {
        Some(origin.file.url().to_owned())
    } else {
        None
    };
    let candidates = own.map_or_else(|| candidates(origin.file.url(), file), |url| vec![url]);
    let opened = candidates.iter().find_map(|name| open(host, origin, name))?;
    let dataset = CString::new(dataset).ok()?;
    // SAFETY: an open file and a NUL-terminated name.
    let dataset = unsafe { (host.h5.H5Dopen2)(opened.id(), dataset.as_ptr(), ffi::H5P_DEFAULT) };
    let dataset = Handle::own(host, dataset, host.h5.H5Dclose)?;
    // SAFETY: an open dataset.
    let creation = unsafe { (host.h5.H5Dget_create_plist)(dataset.id()) };
    let creation = Handle::own(host, creation, host.h5.H5Pclose)?;
    // SAFETY: an open creation list.
    unsafe {
        if (host.h5.H5Pget_external_count)(creation.id()) > 0 {
            return Some(true);
        }
        if (host.h5.H5Pget_layout)(creation.id()) != ffi::H5D_VIRTUAL {
            return Some(false);
        }
    }
    let mut number = 0;
    // SAFETY: an open file.
    if unsafe { (host.h5.H5Fget_fileno)(opened.id(), &raw mut number) } < 0 {
        return None;
    }
    let file = open_drivers::with_file_number(host.slot, number, Driver::content)?;
    let origin = Origin {
        file,
        settings: Arc::clone(&origin.settings),
    };
    Some(any_source_is_raw(host, &origin, creation.id(), depth + 1))
}

/// The names under which HDF5 looks for a source (`H5F_prefix_open_file`).
fn candidates(url: &str, target: &str) -> Vec<String> {
    let folder = url.rfind('/').map_or("", |end| &url[..=end]);
    match target.strip_prefix('/') {
        Some(_) => {
            let last = target.rsplit('/').next().unwrap_or(target);
            vec![target.to_owned(), format!("{folder}{last}")]
        }
        None => vec![format!("{folder}{target}"), target.to_owned()],
    }
}

/// Opens a source as HDF5 does: natively, by our driver, on behalf of `origin`.
fn open(host: &'static Host, origin: &Origin, name: &str) -> Option<Handle> {
    let name = CString::new(name).ok()?;
    let info = DriverInfo {
        settings: Arc::clone(&origin.settings),
        linked_from: Some(origin.file.clone()),
        chosen: PlainDriver::default(),
        opened: None,
    };
    // SAFETY: ids are open, the name is NUL-terminated, and HDF5 copies the info before it returns.
    unsafe {
        let access = (host.h5.H5Pcreate)(host.ids.plist_file_access.get());
        let access = Handle::own(host, access, host.h5.H5Pclose)?;
        let native = (host.h5.H5VLget_connector_id_by_name)(c"native".as_ptr());
        let native = Handle::own(host, native, host.h5.H5Idec_ref)?;
        if (host.h5.H5Pset_vol)(access.id(), native.id(), std::ptr::null()) < 0
            || (host.h5.H5Pset_driver)(access.id(), vfd::id(host).ok()?, (&raw const info).cast()) < 0
        {
            return None;
        }
        let file = (host.h5.H5Fopen)(name.as_ptr(), ffi::H5F_ACC_RDONLY, access.id());
        Handle::own(host, file, host.h5.H5Fclose)
    }
}

/// Reads a name of any length: HDF5 tells the length first.
fn name(get: impl Fn(*mut c_char, usize) -> isize) -> Option<String> {
    let length = usize::try_from(get(std::ptr::null_mut(), 0)).ok()?;
    let mut buffer = vec![0u8; length + 1];
    let got = get(buffer.as_mut_ptr().cast(), buffer.len());
    buffer.truncate(length.min(usize::try_from(got).ok()?));
    String::from_utf8(buffer).ok()
}

/// Whether a source's name holds the block number `%b` (H5Pset_virtual; `%%` is a percent sign).
fn has_block_number(name: &str) -> bool {
    name.replace("%%", "").contains("%b")
}

fn with_block_number(name: &str, block: u64) -> String {
    name.split("%%")
        .map(|part| part.replace("%b", &block.to_string()))
        .collect::<Vec<_>>()
        .join("%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_looked_for_where_hdf5_does() {
        let url = "https://host/hdfstream/run/all.h5";
        assert_eq!(
            candidates(url, "part.h5")[0],
            "https://host/hdfstream/run/part.h5"
        );
        assert_eq!(
            candidates(url, "/data/part.h5"),
            ["/data/part.h5", "https://host/hdfstream/run/part.h5"]
        );
    }

    #[test]
    fn block_numbers_are_filled_in() {
        assert!(has_block_number("part%b.h5"));
        assert!(!has_block_number("100%%b.h5"));
        assert_eq!(with_block_number("a%%%b-%b", 7), "a%7-7");
    }
}
