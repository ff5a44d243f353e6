//! The file driver: what HDF5 reads from and writes to a remote file.
//!
//! An open file is a `Box<Driver>` whose first field is HDF5's own `H5FD_t`; this module and those below it alone
//! turn the one pointer into the other. HDF5 calls it under its global lock, opens a file up to twice (first as it
//! is, to see whether it is open already), and may call `query` with no file at all.

mod commits;
mod opening;
mod transfer;

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hdfstream::{Error, Settings};

use crate::content::Content;
use crate::driver_info::{self, DriverInfo};
use crate::error_stack::{Topic, push, push_text};
use crate::ffi::{self, H5FD_mem_t, H5FD_t, haddr_t, herr_t, hid_t};
use crate::guard::{Failed, guard};
use crate::host::{self, DriverClass, Host};
use crate::lock_file::LockFile;
use crate::plain_driver::PlainDriver;
use crate::storage::Storage;
use crate::{ending, link_failures, open_drivers};
use commits::Commits;

/// A remote file as HDF5 has it open.
#[repr(C)]
pub(crate) struct Driver {
    /// HDF5's part; it fills it after `open` and reads it at any time.
    pub(crate) public: H5FD_t,
    /// Slot of its host.
    pub(crate) slot: usize,
    pub(crate) settings: Arc<Settings>,
    /// The driver that the program chose.
    chosen: PlainDriver,
    /// The bytes. Readers that follow a writer are given another version now and then.
    content: Mutex<Content>,
    /// The URL by which HDF5 opened it; the server may know the file by another.
    name: String,
    /// Whether it was opened to follow somebody who writes it meanwhile (HDF5's SWMR).
    follows: bool,
    commits: Commits,
    /// End of the address space that HDF5 has given out.
    eoa: haddr_t,
    /// Where datasets keep their elements, by the address of their object header.
    pub(crate) storage: Mutex<HashMap<u64, Arc<Storage>>>,
    lock_file: OnceLock<LockFile>,
}

impl Driver {
    /// The file.
    pub(crate) fn content(&self) -> Content {
        self.content
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the file is known by `url`.
    pub(crate) fn is_named(&self, url: &str) -> bool {
        self.name == url || self.content().url() == url
    }

    /// For a reader that follows a writer: goes on with the newest version; tells whether it is another.
    pub(crate) fn refresh(&self) -> Result<bool, Error> {
        let Content::Reading(file) = self.content() else {
            return Ok(false);
        };
        if !self.follows {
            return Ok(false);
        }
        let Some(newer) = file.refreshed()? else {
            return Ok(false);
        };
        *self.content.lock().unwrap_or_else(PoisonError::into_inner) = Content::Reading(newer);
        self.storage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        Ok(true)
    }

    /// Whether the file may be another version at the next read.
    pub(crate) fn follows(&self) -> bool {
        self.follows
    }

    /// Whether the bytes are not any more those that the file had when it was opened for writing.
    pub(crate) fn is_changed(&self) -> bool {
        self.commits.is_changed()
    }

    /// Whether the file is written, and saved only as a whole: not where readers follow.
    pub(crate) fn is_saved_as_a_whole(&self) -> bool {
        self.content().writer().is_some() && !self.commits.is_ordered()
    }

    /// HDF5 has opened the file for good.
    pub(crate) fn settle(&self) {
        self.commits.settle(&self.content());
    }
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
        read: Some(transfer::read),
        write: Some(transfer::write),
        read_vector: Some(transfer::read_vector),
        write_vector: Some(transfer::write_vector),
        read_selection: None,
        write_selection: None,
        flush: Some(commits::flush),
        truncate: Some(commits::truncate),
        lock: Some(lock),
        unlock: Some(unlock),
        // The connector removes files by their names.
        del: None,
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
                chosen: PlainDriver::default(),
                opened: None,
            },
        };
        // HDF5 looks first whether a file that it is to make is open already.
        if info.opened.as_ref().is_some_and(|opened| opened.new) && flags & ffi::H5F_ACC_CREAT == 0 {
            return Err(Failed);
        }
        let opened = match &info.opened {
            Some(opened) => Ok(opened.content.clone()),
            None => opening::open(SLOT, &name, &info, opening::wanted(host, fapl, flags)),
        };
        if info.linked_from.is_some() {
            link_failures::note(SLOT, &name, &opened);
        }
        let content = opened.map_err(fail)?;
        if host.reads_raw_files_itself() {
            opening::refuse_raw_files(host, &content)?;
        }
        if content.size() > maxaddr {
            push_text(
                host,
                Topic::Open,
                &format!("{}: the file is too large for this HDF5", content.url()),
            );
            return Err(Failed);
        }
        let driver = Box::into_raw(Box::new(Driver {
            // SAFETY: plain integers and a pointer, which HDF5 fills in once we return.
            public: unsafe { std::mem::zeroed() },
            slot: SLOT,
            settings: info.settings,
            chosen: info.chosen,
            name: name.into_owned(),
            content: Mutex::new(content),
            follows: flags & ffi::H5F_ACC_SWMR_READ != 0,
            commits: Commits::new(info.opened.is_some_and(|opened| opened.settles)),
            eoa: 0,
            storage: Mutex::default(),
            lock_file: OnceLock::new(),
        }));
        open_drivers::add(driver);
        ending::prepare();
        Ok(driver.cast())
    })
}

unsafe extern "C" fn close(file: *mut H5FD_t) -> herr_t {
    let driver = file.cast::<Driver>();
    open_drivers::remove(driver);
    // SAFETY: HDF5 closes each file once and does not use it any more; it came from `Box::into_raw`.
    let driver = unsafe { Box::from_raw(driver) };
    guard(driver.slot, |host| commits::close(host, &driver).map(|()| 0))
}

unsafe extern "C" fn fapl_get(file: *mut H5FD_t) -> *mut c_void {
    // SAFETY: an open file of ours.
    let driver = unsafe { driver(file) };
    DriverInfo {
        settings: Arc::clone(&driver.settings),
        linked_from: Some(driver.content()),
        chosen: driver.chosen,
        opened: None,
    }
    .into_raw()
}

unsafe extern "C" fn compare(first: *const H5FD_t, second: *const H5FD_t) -> c_int {
    // SAFETY: HDF5 compares open files of one driver only.
    let (first, second) = unsafe { (driver(first), driver(second)) };
    first.content().order(&second.content()) as c_int
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
    unsafe { driver(file) }.content().size()
}

/// Gives a descriptor of a local lock file, so that programs which take `flock` on a file's descriptor
/// exclude each other on this machine.
unsafe extern "C" fn get_handle(file: *mut H5FD_t, _fapl: hid_t, handle: *mut *mut c_void) -> herr_t {
    // SAFETY: an open file of ours.
    let driver = unsafe { driver(file) };
    guard(driver.slot, |host| {
        if driver.lock_file.get().is_none() {
            let content = driver.content();
            let made = LockFile::open(content.url()).map_err(|error| {
                push_text(
                    host,
                    Topic::Open,
                    &format!("no lock file for {}: {error}", content.url()),
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

/// Nothing is to be done: readers keep the version that they opened, and who writes has the server's lease since the
/// file was opened.
unsafe extern "C" fn lock(_file: *mut H5FD_t, _exclusive: bool) -> herr_t {
    0
}

unsafe extern "C" fn unlock(_file: *mut H5FD_t) -> herr_t {
    0
}
