//! The remote files that HDF5 has open, in all hosts of the process: how an object of HDF5 is recognised as one
//! of a remote file.

use std::ffi::c_ulong;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::vfd::Driver;

/// The drivers that are open, in all hosts.
static OPEN: Mutex<Vec<OpenDriver>> = Mutex::new(Vec::new());
/// Their number, so that programs with no remote file pay nothing.
static OPEN_COUNT: AtomicUsize = AtomicUsize::new(0);

struct OpenDriver(*const Driver);
// SAFETY: the pointers are only followed by threads that hold their host's lock, see `with_file_number`.
unsafe impl Send for OpenDriver {}

/// Calls `body` with the open remote file that HDF5 knows by `number` in the host `slot`, if there is one.
/// (HDF5 gives every open file a number, and every object tells that of its file.)
pub(crate) fn with_file_number<T>(
    slot: usize,
    number: c_ulong,
    body: impl FnOnce(&Driver) -> T,
) -> Option<T> {
    let found = {
        let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |driver: *const Driver| {
            // SAFETY: drivers leave the list before they are freed, in `close`.
            let driver = unsafe { &*driver };
            driver.slot == slot && driver.public.fileno == number
        };
        open.iter().map(|open| open.0).find(|&driver| is_it(driver))?
    };
    // SAFETY: files are closed only by calls of the same host, whose lock this thread holds throughout.
    Some(body(unsafe { &*found }))
}

/// Whether any remote file is open.
pub(crate) fn any_open() -> bool {
    OPEN_COUNT.load(Ordering::Relaxed) > 0
}

/// Whether any remote file of the host in `slot` has metadata that is fetched object by object.
pub(crate) fn any_wants_intents(slot: usize) -> bool {
    any_open() && {
        let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().any(|open| {
            // SAFETY: drivers leave the list before they are freed, in `close`.
            let driver = unsafe { &*open.0 };
            driver.slot == slot && driver.file.wants_intents()
        })
    }
}

/// Enters a driver that is about to be handed to HDF5.
pub(crate) fn add(driver: *const Driver) {
    OPEN.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(OpenDriver(driver));
    OPEN_COUNT.fetch_add(1, Ordering::Relaxed);
}

/// Removes a driver that is about to be freed.
pub(crate) fn remove(driver: *const Driver) {
    OPEN.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|open| !std::ptr::eq(open.0, driver));
    OPEN_COUNT.fetch_sub(1, Ordering::Relaxed);
}
