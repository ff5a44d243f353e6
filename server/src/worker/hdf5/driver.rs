//! The tracing driver: a read-only virtual file driver which records every read.
//!
//! `H5FD_class_t` and `H5FD_t` are written out here after `H5FDdevelop.h` of HDF5 2.2, since the
//! bindings lack fields that came with 1.14. No filter by memory type: global heaps, which hold
//! variable-length values, are read as raw data.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::mem::{offset_of, size_of};
use std::os::fd::AsRawFd;
use std::ptr;
use std::rc::Rc;

use hdf5_metno_sys::h5::{haddr_t, hbool_t, herr_t, hsize_t};
use hdf5_metno_sys::h5f::H5F_close_degree_t;
use hdf5_metno_sys::h5fd::{self, H5FDregister};
use hdf5_metno_sys::h5i::hid_t;
use libc::{c_char, c_int, c_uint, c_ulong, c_void, size_t};

use crate::worker::tracer::Tracer;

/// Drivers that are not registered with the HDF Group take values from 256 to 511 (`H5FDpublic.h`).
const VALUE: c_int = 499;
/// `H5FD_CLASS_VERSION`.
const CLASS_VERSION: c_uint = 1;
/// `H5FD_FEAT_SUPPORTS_SWMR_IO`, without which a file that is being written cannot be looked at. No
/// other feature: accumulators and sieve buffers would read more than was asked for.
const FEATURES: c_ulong = 0x0000_1000;
/// Addresses are file offsets, which are signed.
const MAX_ADDRESS: haddr_t = i64::MAX as haddr_t;

/// A slot of the class that is left empty.
type Unused = Option<unsafe extern "C" fn()>;

/// `H5FD_class_t`.
#[repr(C)]
struct Class {
    version: c_uint,
    value: c_int,
    name: *const c_char,
    maxaddr: haddr_t,
    fc_degree: H5F_close_degree_t,
    terminate: Unused,
    sb_size: Unused,
    sb_encode: Unused,
    sb_decode: Unused,
    fapl_size: size_t,
    fapl_get: Unused,
    fapl_copy: Unused,
    fapl_free: Unused,
    dxpl_size: size_t,
    dxpl_copy: Unused,
    dxpl_free: Unused,
    open: Option<unsafe extern "C" fn(*const c_char, c_uint, hid_t, haddr_t) -> *mut Public>,
    close: Option<unsafe extern "C" fn(*mut Public) -> herr_t>,
    cmp: Option<unsafe extern "C" fn(*const Public, *const Public) -> c_int>,
    query: Option<unsafe extern "C" fn(*const Public, *mut c_ulong) -> herr_t>,
    get_type_map: Unused,
    alloc: Unused,
    free: Unused,
    get_eoa: Option<unsafe extern "C" fn(*const Public, c_int) -> haddr_t>,
    set_eoa: Option<unsafe extern "C" fn(*mut Public, c_int, haddr_t) -> herr_t>,
    get_eof: Option<unsafe extern "C" fn(*const Public, c_int) -> haddr_t>,
    get_handle: Unused,
    read: Option<unsafe extern "C" fn(*mut Public, c_int, hid_t, haddr_t, size_t, *mut c_void) -> herr_t>,
    write: Option<unsafe extern "C" fn(*mut Public, c_int, hid_t, haddr_t, size_t, *const c_void) -> herr_t>,
    read_vector: Unused,
    write_vector: Unused,
    read_selection: Unused,
    write_selection: Unused,
    flush: Unused,
    truncate: Unused,
    lock: Unused,
    unlock: Unused,
    del: Unused,
    ctl: Unused,
    fl_map: [c_int; 7],
}

// SAFETY: the pointers in it lead to a string literal and to functions.
unsafe impl Sync for Class {}

/// `H5FD_t`: the fields that libhdf5 itself fills.
#[repr(C)]
struct Public {
    driver_id: hid_t,
    class: *const Class,
    fileno: c_ulong,
    access_flags: c_uint,
    feature_flags: c_ulong,
    maxaddr: haddr_t,
    base_addr: haddr_t,
    threshold: hsize_t,
    alignment: hsize_t,
    paged_aggr: hbool_t,
}

// Offsets as a C compiler lays out the structs of H5FDdevelop.h on 64-bit systems.
const _: () = {
    assert!(size_of::<Class>() == 336);
    assert!(offset_of!(Class, open) == 120);
    assert!(offset_of!(Class, read) == 208);
    assert!(offset_of!(Class, fl_map) == 304);
    assert!(size_of::<Public>() == 80);
};

static CLASS: Class = Class {
    version: CLASS_VERSION,
    value: VALUE,
    name: c"hdfstream_trace".as_ptr(),
    maxaddr: MAX_ADDRESS,
    fc_degree: H5F_close_degree_t::H5F_CLOSE_STRONG,
    terminate: None,
    sb_size: None,
    sb_encode: None,
    sb_decode: None,
    fapl_size: 0,
    fapl_get: None,
    fapl_copy: None,
    fapl_free: None,
    dxpl_size: 0,
    dxpl_copy: None,
    dxpl_free: None,
    open: Some(open),
    close: Some(close),
    cmp: Some(cmp),
    query: Some(query),
    get_type_map: None,
    alloc: None,
    free: None,
    get_eoa: Some(get_eoa),
    set_eoa: Some(set_eoa),
    get_eof: Some(get_eof),
    get_handle: None,
    read: Some(read),
    write: Some(write),
    read_vector: None,
    write_vector: None,
    read_selection: None,
    write_selection: None,
    flush: None,
    truncate: None,
    lock: None,
    unlock: None,
    del: None,
    ctl: None,
    fl_map: [0; 7],
};

/// A file to be looked at, as the driver holds it.
#[repr(C)]
pub(super) struct TracedFile {
    /// First, so that libhdf5's pointer to it is a pointer to the whole.
    public: Public,
    file: Rc<File>,
    size: u64,
    end_of_address_space: haddr_t,
    tracer: Rc<RefCell<Tracer>>,
}

impl TracedFile {
    pub(super) fn new(file: Rc<File>, size: u64, tracer: Rc<RefCell<Tracer>>) -> Box<Self> {
        Box::new(Self {
            public: Public {
                driver_id: 0,
                class: ptr::null(),
                fileno: 0,
                access_flags: 0,
                feature_flags: 0,
                maxaddr: 0,
                base_addr: 0,
                threshold: 0,
                alignment: 0,
                paged_aggr: 0,
            },
            file,
            size,
            end_of_address_space: 0,
            tracer,
        })
    }
}

thread_local! {
    /// The file that the next `open` is for. There is one a job: whatever else libhdf5 wants to open,
    /// sources of virtual datasets above all, is refused.
    static NEXT: Cell<Option<Box<TracedFile>>> = const { Cell::new(None) };
}

/// Registers the driver.
pub(super) fn register() -> hid_t {
    // SAFETY: CLASS is laid out as the library's own H5FD_class_t (asserted above) and lives for ever;
    // the bindings' type of that name is that of an older library, hence the cast.
    unsafe { H5FDregister(ptr::from_ref(&CLASS).cast::<h5fd::H5FD_class_t>()) }
}

/// Hands over the file for the next open; `None` takes back one that was not opened.
pub(super) fn set_next(file: Option<Box<TracedFile>>) {
    NEXT.set(file);
}

unsafe extern "C" fn open(_: *const c_char, flags: c_uint, _: hid_t, _: haddr_t) -> *mut Public {
    // H5F_ACC_RDWR, TRUNC, EXCL and CREAT.
    if flags & 0x17 != 0 {
        return ptr::null_mut();
    }
    NEXT.take()
        .map_or(ptr::null_mut(), |file| Box::into_raw(file).cast::<Public>())
}

unsafe extern "C" fn close(file: *mut Public) -> herr_t {
    // SAFETY: libhdf5 closes a file once, and got it from Box::into_raw in `open`.
    drop(unsafe { Box::from_raw(file.cast::<TracedFile>()) });
    0
}

unsafe extern "C" fn cmp(one: *const Public, other: *const Public) -> c_int {
    match one.cmp(&other) {
        std::cmp::Ordering::Less => -1,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => 1,
    }
}

unsafe extern "C" fn query(_: *const Public, flags: *mut c_ulong) -> herr_t {
    // SAFETY: NULL, or the library's own variable (H5FD_query). The file itself may be NULL.
    if let Some(flags) = unsafe { flags.as_mut() } {
        *flags = FEATURES;
    }
    0
}

unsafe extern "C" fn get_eoa(file: *const Public, _: c_int) -> haddr_t {
    // SAFETY: libhdf5 passes what `open` gave it and `close` has not yet taken back.
    unsafe { (*file.cast::<TracedFile>()).end_of_address_space }
}

unsafe extern "C" fn set_eoa(file: *mut Public, _: c_int, address: haddr_t) -> herr_t {
    // SAFETY: as in `get_eoa`; the field is not borrowed anywhere while libhdf5 runs.
    unsafe { (*file.cast::<TracedFile>()).end_of_address_space = address };
    0
}

unsafe extern "C" fn get_eof(file: *const Public, _: c_int) -> haddr_t {
    // SAFETY: as in `get_eoa`.
    unsafe { (*file.cast::<TracedFile>()).size }
}

unsafe extern "C" fn read(
    file: *mut Public,
    _: c_int,
    _: hid_t,
    address: haddr_t,
    length: size_t,
    buffer: *mut c_void,
) -> herr_t {
    // SAFETY: as in `get_eoa`; the one field that others change is behind a RefCell.
    let file = unsafe { &*file.cast::<TracedFile>() };
    // Bytes beyond the end of the file are zero, as all drivers have it.
    let there = file.size.saturating_sub(address).min(length as u64);
    let touched = match file.tracer.try_borrow_mut() {
        Ok(mut tracer) => tracer.touch(address, there),
        Err(_) => false,
    };
    if !touched {
        return -1;
    }
    let mut done = 0usize;
    while (done as u64) < there {
        let Ok(offset) = libc::off_t::try_from(address + done as u64) else {
            return -1;
        };
        // SAFETY: libhdf5 gives a buffer of `length` bytes, of which `there` - `done` are left here.
        let count = unsafe {
            libc::pread(
                file.file.as_raw_fd(),
                buffer.byte_add(done),
                there as usize - done,
                offset,
            )
        };
        match usize::try_from(count) {
            // The file was cut while we looked; what is missing reads as zeros below.
            Ok(0) => break,
            Ok(count) => done += count,
            Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return -1,
        }
    }
    // SAFETY: `done` bytes of the buffer's `length` are filled, the rest is written here.
    unsafe { ptr::write_bytes(buffer.cast::<u8>().add(done), 0, length - done) };
    0
}

/// Files are opened for reading only, but H5FDregister insists on the slot.
unsafe extern "C" fn write(
    _: *mut Public,
    _: c_int,
    _: hid_t,
    _: haddr_t,
    _: size_t,
    _: *const c_void,
) -> herr_t {
    -1
}
