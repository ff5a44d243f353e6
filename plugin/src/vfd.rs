//! The file driver: HDF5's reads of a remote file, answered by [`RemoteFile`].
//!
//! An open file is a `Box<Driver>` whose first field is HDF5's own `H5FD_t`; this module alone turns the
//! one pointer into the other. HDF5 calls it under its global lock, opens a file up to twice (first
//! read-only, to see whether it is open already), and may call `query` with no file at all.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::sync::{Arc, Mutex, OnceLock};

use hdfstream::{Class, Error, Name, RemoteFile, Settings};

use crate::driver_info::{self, DriverInfo};
use crate::error_stack::{Topic, push, push_text};
use crate::ffi::{self, H5FD_mem_t, H5FD_t, haddr_t, herr_t, hid_t};
use crate::guard::{Failed, guard};
use crate::host::{self, DriverClass, Host};
use crate::lock_file::LockFile;
use crate::storage::Storage;
use crate::{link_failures, open_drivers};

/// A remote file as HDF5 has it open.
#[repr(C)]
pub(crate) struct Driver {
    /// HDF5's part; it fills it after `open` and reads it at any time.
    pub(crate) public: H5FD_t,
    /// Slot of its host.
    pub(crate) slot: usize,
    pub(crate) settings: Arc<Settings>,
    /// The bytes.
    pub(crate) file: Arc<RemoteFile>,
    /// End of the address space that HDF5 has given out.
    eoa: haddr_t,
    /// Where datasets keep their elements, by the address of their object header.
    pub(crate) storage: Mutex<HashMap<u64, Arc<Storage>>>,
    lock_file: OnceLock<LockFile>,
}

/// Id of the driver in `host`, registered on first use.
pub(crate) fn id(host: &'static Host) -> Result<hid_t, Failed> {
    let class = &host
        .driver_class
        .get_or_init(|| DriverClass(CLASSES[host.slot]()))
        .0;
    let id = host.driver(class);
    if id > 0 { Ok(id) } else { Err(Failed) }
}

const CLASSES: [fn() -> ffi::H5FD_class_t; host::SLOTS] = [
    class::<0>, class::<1>, class::<2>, class::<3>, class::<4>, class::<5>, class::<6>, class::<7>,
];

fn class<const SLOT: usize>() -> ffi::H5FD_class_t {
    ffi::H5FD_class_t {
        version: ffi::H5FD_CLASS_VERSION,
        value: crate::connector::VALUE as ffi::H5FD_class_value_t,
        name: crate::connector::NAME.as_ptr(),
        maxaddr: i64::MAX as haddr_t,
        fc_degree: ffi::H5F_CLOSE_WEAK,
        terminate: Some(terminate::<SLOT>),
        sb_size: None,
        sb_encode: None,
        sb_decode: None,
        fapl_size: size_of::<DriverInfo>(),
        fapl_get: Some(fapl_get),
        fapl_copy: Some(driver_info::copy),
        fapl_free: Some(driver_info::free),
        dxpl_size: 0,
        dxpl_copy: None,
        dxpl_free: None,
        open: Some(open::<SLOT>),
        close: Some(close),
        cmp: Some(compare),
        query: Some(query),
        get_type_map: None,
        alloc: None,
        free: None,
        get_eoa: Some(get_eoa),
        set_eoa: Some(set_eoa),
        get_eof: Some(get_eof),
        get_handle: Some(get_handle),
        read: Some(read),
        write: Some(write),
        read_vector: Some(read_vector),
        write_vector: None,
        read_selection: None,
        write_selection: None,
        flush: None,
        truncate: None,
        lock: Some(lock),
        unlock: Some(unlock),
        del: Some(delete::<SLOT>),
        ctl: None,
        // H5FD_FLMAP_DICHOTOMY of H5FDdevelop.h: metadata apart from raw data, to which global heaps belong.
        fl_map: [
            ffi::H5FD_MEM_SUPER,
            ffi::H5FD_MEM_SUPER,
            ffi::H5FD_MEM_SUPER,
            ffi::H5FD_MEM_DRAW,
            ffi::H5FD_MEM_DRAW,
            ffi::H5FD_MEM_SUPER,
            ffi::H5FD_MEM_SUPER,
        ],
    }
}

unsafe extern "C" fn terminate<const SLOT: usize>() -> herr_t {
    guard(SLOT, |host| {
        host.forget_driver();
        Ok(0)
    })
}

/// The driver behind HDF5's pointer.
///
/// # Safety
/// `file` came from [`open`] and is not closed.
unsafe fn driver<'a>(file: *const H5FD_t) -> &'a Driver {
    // SAFETY: `open` made a `Driver`, whose first field is the `H5FD_t`.
    unsafe { &*file.cast::<Driver>() }
}

/// Finds out which file HDF5 means by `name`. It opens link targets past the connector, by names that it
/// puts together from the working directory, the parent's name and the link's value; those of them that
/// are no remote names must not reach the client's own disk.
fn open_remote(name: &str, info: &DriverInfo, write: bool) -> Result<Arc<RemoteFile>, Error> {
    let meaning = match &info.linked_from {
        Some(_) => hdfstream::name::resolve_link(name),
        None => hdfstream::resolve(name),
    };
    match (meaning, info.linked_from.as_ref()) {
        (Name::Remote(remote), Some(parent)) => parent.open_named(&remote, &info.settings, write),
        (Name::Remote(remote), None) => RemoteFile::open(&remote, &info.settings, write),
        (Name::Local, Some(parent)) if name.starts_with('/') => parent.open_linked(name),
        (Name::Local, Some(parent)) => Err(Error::NotFound {
            url: format!("{name} (named by a link in {})", parent.url()),
            server: "this program reads no local file for a remote one: the server".into(),
        }),
        (Name::Local, None) => Err(Error::InvalidName {
            name: name.to_owned(),
            reason: "a remote file has a name like https://host/hdfstream/file.h5".into(),
        }),
    }
}

/// Refuses a file unless the server has seen that no dataset of it keeps its elements in raw files. Without
/// our connector HDF5 would look for those on the client's disk.
fn refuse_raw_files(host: &'static Host, file: &RemoteFile) -> Result<(), Failed> {
    let why = match file.holds_raw_files() {
        Ok(Some(false)) => return Ok(()),
        Ok(Some(true)) => "it has datasets with external raw storage",
        Ok(None) => "the server could not look at all of it",
        Err(error) => {
            push(host, Topic::Open, file.url(), &error);
            return Err(Failed);
        }
    };
    push_text(
        host,
        Topic::Open,
        &format!(
            "{}: {why}; set HDF5_VOL_CONNECTOR=hdfstream to open this file",
            file.url()
        ),
    );
    Err(Failed)
}

unsafe extern "C" fn open<const SLOT: usize>(
    name: *const c_char,
    flags: c_uint,
    fapl: hid_t,
    maxaddr: haddr_t,
) -> *mut H5FD_t {
    guard(SLOT, |host| {
        // SAFETY: HDF5 passes a NUL-terminated name.
        let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
        let fail = |error: Error| {
            push(host, Topic::Open, &name, &error);
            Failed
        };
        // SAFETY: the list is open during the call; its info, if any, is of this driver.
        let info = match unsafe { DriverInfo::from_ptr((host.h5.H5Pget_driver_info)(fapl)) } {
            Some(info) => info.clone(),
            None => DriverInfo {
                settings: Arc::new(Settings::load(None).map_err(fail)?),
                linked_from: None,
                opened: None,
            },
        };
        let write =
            flags & (ffi::H5F_ACC_RDWR | ffi::H5F_ACC_TRUNC | ffi::H5F_ACC_CREAT | ffi::H5F_ACC_EXCL) != 0;
        let opened = match &info.opened {
            Some(file) => Ok(Arc::clone(file)),
            None => open_remote(&name, &info, write),
        };
        if info.linked_from.is_some() {
            link_failures::note(SLOT, &name, &opened);
        }
        let file = opened.map_err(fail)?;
        if host.reads_raw_files_itself() {
            refuse_raw_files(host, &file)?;
        }
        if file.size() > maxaddr {
            push_text(
                host,
                Topic::Open,
                &format!("{}: the file is too large for this HDF5", file.url()),
            );
            return Err(Failed);
        }
        let driver = Box::into_raw(Box::new(Driver {
            // SAFETY: plain integers and a pointer, which HDF5 fills in once we return.
            public: unsafe { std::mem::zeroed() },
            slot: SLOT,
            settings: info.settings,
            file,
            eoa: 0,
            storage: Mutex::default(),
            lock_file: OnceLock::new(),
        }));
        open_drivers::add(driver);
        Ok(driver.cast())
    })
}

unsafe extern "C" fn close(file: *mut H5FD_t) -> herr_t {
    let driver = file.cast::<Driver>();
    open_drivers::remove(driver);
    // SAFETY: HDF5 closes each file once and does not use it any more; it came from `Box::into_raw`.
    drop(unsafe { Box::from_raw(driver) });
    0
}

unsafe extern "C" fn fapl_get(file: *mut H5FD_t) -> *mut c_void {
    // SAFETY: an open file of ours.
    let driver = unsafe { driver(file) };
    DriverInfo {
        settings: Arc::clone(&driver.settings),
        linked_from: Some(Arc::clone(&driver.file)),
        opened: None,
    }
    .into_raw()
}

unsafe extern "C" fn compare(first: *const H5FD_t, second: *const H5FD_t) -> c_int {
    // SAFETY: HDF5 compares open files of one driver only.
    let (first, second) = unsafe { (driver(first), driver(second)) };
    first.file.same_file(&second.file) as c_int
}

unsafe extern "C" fn query(_file: *const H5FD_t, flags: *mut c_ulong) -> herr_t {
    if !flags.is_null() {
        let features = ffi::H5FD_FEAT_AGGREGATE_METADATA
            | ffi::H5FD_FEAT_ACCUMULATE_METADATA
            | ffi::H5FD_FEAT_DATA_SIEVE
            | ffi::H5FD_FEAT_AGGREGATE_SMALLDATA
            | ffi::H5FD_FEAT_SUPPORTS_SWMR_IO
            | ffi::H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
        // SAFETY: HDF5 passes a pointer to fill.
        unsafe { *flags = c_ulong::from(features) };
    }
    0
}

unsafe extern "C" fn get_eoa(file: *const H5FD_t, _type: H5FD_mem_t) -> haddr_t {
    // SAFETY: an open file of ours.
    unsafe { driver(file) }.eoa
}

unsafe extern "C" fn set_eoa(file: *mut H5FD_t, _type: H5FD_mem_t, address: haddr_t) -> herr_t {
    // SAFETY: an open file of ours; HDF5's lock makes this the only access.
    unsafe { (*file.cast::<Driver>()).eoa = address };
    0
}

unsafe extern "C" fn get_eof(file: *const H5FD_t, _type: H5FD_mem_t) -> haddr_t {
    // SAFETY: an open file of ours.
    unsafe { driver(file) }.file.size()
}

/// Gives a descriptor of a local lock file, so that programs which take `flock` on a file's descriptor
/// exclude each other on this machine.
unsafe extern "C" fn get_handle(file: *mut H5FD_t, _fapl: hid_t, handle: *mut *mut c_void) -> herr_t {
    // SAFETY: an open file of ours.
    let driver = unsafe { driver(file) };
    guard(driver.slot, |host| {
        if driver.lock_file.get().is_none() {
            let made = LockFile::open(driver.file.url()).map_err(|error| {
                push_text(
                    host,
                    Topic::Open,
                    &format!("no lock file for {}: {error}", driver.file.url()),
                );
                Failed
            })?;
            let _ = driver.lock_file.set(made);
        }
        let lock_file = driver.lock_file.get().ok_or(Failed)?;
        // SAFETY: HDF5 passes a pointer to fill; the descriptor lives as long as the driver.
        unsafe { *handle = lock_file.descriptor_pointer() };
        Ok(0)
    })
}

fn class_of(kind: H5FD_mem_t) -> Class {
    if kind == ffi::H5FD_MEM_DRAW {
        Class::Raw
    } else {
        Class::Metadata
    }
}

unsafe extern "C" fn read(
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
        driver
            .file
            .read(class_of(kind), address, buffer)
            .map_err(|error| {
                push(host, Topic::Read, driver.file.url(), &error);
                Failed
            })?;
        Ok(0)
    })
}

unsafe extern "C" fn read_vector(
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
                // SAFETY: HDF5 passes `size` writable bytes a piece; the pieces of a read do not overlap.
                let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), size) };
                pieces.push((class_of(kind), address, buffer));
            }
        }
        driver.file.read_vector(&mut pieces).map_err(|error| {
            push(host, Topic::Read, driver.file.url(), &error);
            Failed
        })?;
        Ok(0)
    })
}

unsafe extern "C" fn write(
    file: *mut H5FD_t,
    _kind: H5FD_mem_t,
    _dxpl: hid_t,
    _address: haddr_t,
    _size: usize,
    _buffer: *const c_void,
) -> herr_t {
    // SAFETY: an open file of ours.
    let driver = unsafe { driver(file) };
    guard(driver.slot, |host| {
        push_text(
            host,
            Topic::Unsupported,
            &format!("{}: the file is open for reading only", driver.file.url()),
        );
        Err(Failed)
    })
}

/// Readers need no lock: they keep the version that they opened.
unsafe extern "C" fn lock(_file: *mut H5FD_t, _exclusive: bool) -> herr_t {
    0
}

unsafe extern "C" fn unlock(_file: *mut H5FD_t) -> herr_t {
    0
}

unsafe extern "C" fn delete<const SLOT: usize>(name: *const c_char, _fapl: hid_t) -> herr_t {
    guard(SLOT, |host| {
        // SAFETY: HDF5 passes a NUL-terminated name.
        let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
        let error = Error::ReadOnly {
            url: name.to_string(),
            server: "the server".into(),
        };
        push(host, Topic::Open, &name, &error);
        Err(Failed)
    })
}
