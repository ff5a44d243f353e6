//! The names by which programs opened remote files. HDF5 knows a remote file by its URL; a program that
//! opened a stub or an abbreviated name wants to hear that name from `H5Fget_name`.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_void};
use std::sync::{Mutex, PoisonError};

#[derive(Default)]
struct Names {
    /// By HDF5's file object (its address), while it is open.
    by_file: HashMap<usize, CString>,
    /// By URL, for objects, which do not tell by which file object they were reached: the latest.
    by_url: HashMap<CString, CString>,
}

static NAMES: Mutex<Option<Names>> = Mutex::new(None);

/// Remembers that `file` was opened as `name`.
pub(crate) fn remember(file: *const c_void, url: CString, name: &CStr) {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    names.by_file.insert(file as usize, name.to_owned());
    names.by_url.insert(url, name.to_owned());
}

/// Forgets a file that is closed; its address may come back for another.
pub(crate) fn forget(file: *const c_void) {
    if let Some(names) = NAMES.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        names.by_file.remove(&(file as usize));
    }
}

/// The name by which `file` was opened.
pub(crate) fn of_file(file: *const c_void) -> Option<CString> {
    NAMES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_ref()?
        .by_file
        .get(&(file as usize))
        .cloned()
}

/// The name by which the file at `url` was last opened.
pub(crate) fn of_url(url: &CStr) -> Option<CString> {
    NAMES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_ref()?
        .by_url
        .get(url)
        .cloned()
}
