//! What our driver keeps in a file access property list: the settings, and for files that HDF5 opens
//! itself while it follows a link (external links, virtual sources) the file that holds the link.

use std::ffi::c_void;
use std::sync::Arc;

use hdfstream::{RemoteFile, Settings};

/// Driver-specific file access properties. HDF5 copies and frees them through the functions below.
#[derive(Clone)]
pub(crate) struct DriverInfo {
    /// Settings of the connector by which the first file was opened.
    pub(crate) settings: Arc<Settings>,
    /// The file whose link is being followed.
    pub(crate) linked_from: Option<Arc<RemoteFile>>,
    /// The file itself, when the connector has opened it already.
    pub(crate) opened: Option<Arc<RemoteFile>>,
}

impl DriverInfo {
    /// Hands a copy to HDF5.
    pub(crate) fn into_raw(self) -> *mut c_void {
        Box::into_raw(Box::new(self)).cast()
    }

    /// The info that HDF5 holds; `None` when a list names our driver without info.
    ///
    /// # Safety
    /// `info` is null or came from [`Self::into_raw`] and lives as long as the reference is used.
    pub(crate) unsafe fn from_ptr<'a>(info: *const c_void) -> Option<&'a Self> {
        // SAFETY: the caller's promise.
        unsafe { info.cast::<Self>().as_ref() }
    }
}

pub(crate) unsafe extern "C" fn copy(info: *const c_void) -> *mut c_void {
    // SAFETY: HDF5 passes an info of this driver. Cloning two reference counts cannot panic.
    unsafe { DriverInfo::from_ptr(info) }.map_or(std::ptr::null_mut(), |info| info.clone().into_raw())
}

pub(crate) unsafe extern "C" fn free(info: *mut c_void) -> std::ffi::c_int {
    if !info.is_null() {
        // SAFETY: HDF5 frees each info once; all come from `into_raw`.
        drop(unsafe { Box::from_raw(info.cast::<DriverInfo>()) });
    }
    0
}
