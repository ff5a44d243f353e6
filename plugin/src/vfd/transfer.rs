//! Bytes to and from HDF5.

use std::ffi::c_void;

use hdfstream::{Class, Error};

use super::{Driver, driver};
use crate::error_stack::{Topic, push, push_text};
use crate::ffi::{self, H5FD_mem_t, H5FD_t, haddr_t, herr_t, hid_t};
use crate::guard::{Failed, guard};
use crate::host::Host;

fn class_of(kind: H5FD_mem_t) -> Class {
    if kind == ffi::H5FD_MEM_DRAW {
        Class::Raw
    } else {
        Class::Metadata
    }
}

pub(super) unsafe extern "C" fn read(
    file: *mut H5FD_t,
    kind: H5FD_mem_t,
    _dxpl: hid_t,
    address: haddr_t,
    size: usize,
    buffer: *mut c_void,
) -> herr_t {
    // SAFETY: an open file of ours.
    let driver = unsafe { driver(file) };
    guard(driver.slot, |host| {
        if size == 0 {
            return Ok(0);
        }
        // SAFETY: HDF5 passes `size` writable bytes that nobody else uses during the call.
        let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), size) };
        fill(host, driver, &mut [(class_of(kind), address, buffer)])
    })
}

pub(super) unsafe extern "C" fn read_vector(
    file: *mut H5FD_t,
    _dxpl: hid_t,
    count: u32,
    kinds: *mut H5FD_mem_t,
    addresses: *mut haddr_t,
    sizes: *mut usize,
    buffers: *mut *mut c_void,
) -> herr_t {
    // SAFETY: an open file of ours.
    let driver = unsafe { driver(file) };
    guard(driver.slot, |host| {
        // SAFETY: the arguments are HDF5's own.
        let pieces = unsafe { pieces(count, kinds, addresses, sizes, buffers) };
        let mut pieces: Vec<_> = pieces
            .into_iter()
            .map(|(class, address, size, buffer)| {
                // SAFETY: HDF5 passes `size` writable bytes a piece; the pieces of a read do not overlap.
                let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), size) };
                (class, address, buffer)
            })
            .collect();
        fill(host, driver, &mut pieces)
    })
}

/// Reads what HDF5 wants. Who follows a writer goes on with its newest version when the server has the present one
/// no longer: HDF5 expects the file to change beneath it.
fn fill(
    host: &'static Host,
    driver: &Driver,
    pieces: &mut [(Class, u64, &mut [u8])],
) -> Result<herr_t, Failed> {
    let content = driver.content();
    let mut read = content.read_vector(pieces);
    if matches!(read, Err(Error::Changed { .. })) {
        read = match driver.refresh() {
            Ok(false) => read,
            Ok(true) => driver.content().read_vector(pieces),
            Err(error) => Err(error),
        };
    }
    read.map(|()| 0).map_err(|error| {
        push(host, Topic::Read, content.url(), &error);
        Failed
    })
}

pub(super) unsafe extern "C" fn write(
    file: *mut H5FD_t,
    kind: H5FD_mem_t,
    _dxpl: hid_t,
    address: haddr_t,
    size: usize,
    buffer: *const c_void,
) -> herr_t {
    // SAFETY: an open file of ours.
    let driver = unsafe { driver(file) };
    guard(driver.slot, |host| {
        if size == 0 {
            return Ok(0);
        }
        // SAFETY: HDF5 passes `size` readable bytes.
        let buffer = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), size) };
        keep(host, driver, &[(class_of(kind), address, buffer)])
    })
}

pub(super) unsafe extern "C" fn write_vector(
    file: *mut H5FD_t,
    _dxpl: hid_t,
    count: u32,
    kinds: *mut H5FD_mem_t,
    addresses: *mut haddr_t,
    sizes: *mut usize,
    buffers: *mut *const c_void,
) -> herr_t {
    // SAFETY: an open file of ours.
    let driver = unsafe { driver(file) };
    guard(driver.slot, |host| {
        // SAFETY: the arguments are HDF5's own.
        let pieces = unsafe { pieces(count, kinds, addresses, sizes, buffers) };
        let pieces: Vec<_> = pieces
            .into_iter()
            .map(|(class, address, size, buffer)| {
                // SAFETY: HDF5 passes `size` readable bytes a piece.
                let buffer = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), size) };
                (class, address, buffer)
            })
            .collect();
        keep(host, driver, &pieces)
    })
}

/// Takes what HDF5 writes, until the next commit.
fn keep(host: &'static Host, driver: &Driver, pieces: &[(Class, u64, &[u8])]) -> Result<herr_t, Failed> {
    let content = driver.content();
    let Some(file) = content.writer() else {
        push_text(
            host,
            Topic::Unsupported,
            &format!("{}: the file is open for reading only", content.url()),
        );
        return Err(Failed);
    };
    driver.commits.writing(file, pieces);
    file.write_vector(pieces).map(|()| 0).map_err(|error| {
        push(host, Topic::Write, content.url(), &error);
        Failed
    })
}

/// The pieces of a vector call: class, address, size and buffer. Those of no size are left out.
///
/// # Safety
/// The arguments are those of HDF5's `read_vector` or `write_vector`.
unsafe fn pieces<B: Copy>(
    count: u32,
    kinds: *const H5FD_mem_t,
    addresses: *const haddr_t,
    sizes: *const usize,
    buffers: *const B,
) -> Vec<(Class, u64, usize, B)> {
    let mut pieces = Vec::with_capacity(count as usize);
    let (mut kind, mut size) = (ffi::H5FD_MEM_DEFAULT, 0);
    let (mut kinds_end, mut sizes_end) = (false, false);
    for index in 0..count as usize {
        // SAFETY: `addresses` and `buffers` have `count` entries. `sizes` and `kinds` may be cut short:
        // behind the first zero size (not the first entry) the last size repeats, behind the first
        // NOLIST the last kind (H5FDdevelop.h, `read_vector`); nothing beyond those is read here.
        let (address, buffer) = unsafe {
            if !sizes_end {
                let next = *sizes.add(index);
                sizes_end = index > 0 && next == 0;
                if !sizes_end {
                    size = next;
                }
            }
            if !kinds_end {
                let next = *kinds.add(index);
                kinds_end = index > 0 && next == ffi::H5FD_MEM_NOLIST;
                if !kinds_end {
                    kind = next;
                }
            }
            (*addresses.add(index), *buffers.add(index))
        };
        if size > 0 {
            pieces.push((class_of(kind), address, size, buffer));
        }
    }
    pieces
}
