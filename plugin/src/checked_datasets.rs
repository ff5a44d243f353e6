//! Open datasets of which is known that they keep no elements in raw files: that is asked before each write, stays as it
//! is as long as a dataset is open, and costs more than a small write.

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ffi::{herr_t, hid_t};
use crate::guard::{Failed, guard};

/// HDF5's objects, by their addresses.
static CHECKED: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

fn checked() -> MutexGuard<'static, BTreeSet<usize>> {
    CHECKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether `dataset` was found to keep none.
pub(crate) fn knows(dataset: *const c_void) -> bool {
    checked().contains(&(dataset as usize))
}

/// Remembers that `dataset` keeps none.
pub(crate) fn remember(dataset: *const c_void) {
    checked().insert(dataset as usize);
}

/// The native slot; the address of a dataset that is closed may come back for another.
pub(crate) unsafe extern "C" fn close<const SLOT: usize>(
    dataset: *mut c_void,
    transfer: hid_t,
    request: *mut *mut c_void,
) -> herr_t {
    guard(SLOT, |host| {
        let native = host.native.dataset_cls.close.ok_or(Failed)?;
        checked().remove(&(dataset as usize));
        // SAFETY: the arguments are HDF5's own.
        Ok(unsafe { native(dataset, transfer, request) })
    })
}
