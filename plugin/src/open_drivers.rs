//! The remote files that HDF5 has open, in all hosts of the process: how an object of HDF5 is recognised as one
//! of a remote file, and how a file that is opened again is found.

use std::ffi::c_ulong;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::content::Content;
use crate::vfd::Driver;

/// The drivers that are open, in all hosts.
static OPEN: Mutex<Vec<OpenDriver>> = Mutex::new(Vec::new());
/// Their number, so that programs with no remote file pay nothing.
static OPEN_COUNT: AtomicUsize = AtomicUsize::new(0);

struct OpenDriver(*const Driver);
// SAFETY: the pointers are only followed by threads that hold their host's lock, see `with_file_number`.
unsafe impl Send for OpenDriver {}

/// Calls `body` with the first open driver of the host `slot` for which `is_it` holds.
fn with_first<T>(slot: usize, is_it: impl Fn(&Driver) -> bool, body: impl FnOnce(&Driver) -> T) -> Option<T> {
    let found = {
        let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |driver: *const Driver| {
            // SAFETY: drivers leave the list before they are freed, in `close`.
            let driver = unsafe { &*driver };
            driver.slot == slot && is_it(driver)
        };
        open.iter().map(|open| open.0).find(|&driver| fits(driver))?
    };
    // SAFETY: files are closed only by calls of the same host, whose lock this thread holds throughout.
    Some(body(unsafe { &*found }))
}

/// Calls `body` with the open remote file that HDF5 knows by `number` in the host `slot`, if there is one.
/// (HDF5 gives every open file a number, and every object tells that of its file.)
pub(crate) fn with_file_number<T>(
    slot: usize,
    number: c_ulong,
    body: impl FnOnce(&Driver) -> T,
) -> Option<T> {
    with_first(slot, |driver| driver.public.fileno == number, body)
}

/// The file that HDF5 in the host `slot` has open by `url`. HDF5 takes two opens of one file for the same; a file
/// that is written here is what this program is to see whenever it opens it, and nobody may write one that is open
/// for reading.
pub(crate) fn by_url(slot: usize, url: &str) -> Option<Content> {
    if !any_open() {
        return None;
    }
    with_first(slot, |driver| driver.is_named(url), Driver::content)
}

/// The file that HDF5 in the host `slot` writes by `url`.
pub(crate) fn writer_by_url(slot: usize, url: &str) -> Option<Content> {
    by_url(slot, url).filter(|content| content.writer().is_some())
}

/// Whether HDF5 in the host `slot` has this very file open.
pub(crate) fn holds(slot: usize, content: &Content) -> bool {
    with_first(slot, |driver| driver.content().is(content), |_| ()).is_some()
}

/// Whether HDF5 in the host `slot` has this file open to follow somebody who writes it.
pub(crate) fn follows(slot: usize, content: &Content) -> bool {
    with_first(slot, |driver| driver.content().is(content), Driver::follows).unwrap_or_default()
}

/// Says that HDF5 in the host `slot` has opened the file for good; from now on it may be committed.
pub(crate) fn settle(slot: usize, content: &Content) {
    with_first(slot, |driver| driver.content().is(content), Driver::settle);
}

/// Whether any remote file is open.
pub(crate) fn any_open() -> bool {
    OPEN_COUNT.load(Ordering::Relaxed) > 0
}

/// Whether any remote file of the host in `slot` has metadata that is fetched object by object.
pub(crate) fn any_wants_intents(slot: usize) -> bool {
    let wants = |driver: &Driver| {
        driver
            .content()
            .on_server()
            .is_some_and(|file| file.wants_intents())
    };
    any_open() && with_first(slot, wants, |_| ()).is_some()
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
