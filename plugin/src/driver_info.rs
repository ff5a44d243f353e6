//! What our driver keeps in a file access property list: the settings, and for files that HDF5 opens
//! itself while it follows a link (external links, virtual sources) the file that holds the link.

use std::ffi::c_void;
use std::sync::Arc;

use hdfstream::{Begin, RemoteFile, Settings, WritableFile};

use crate::content::Content;
use crate::host::Host;
use crate::open_drivers;
use crate::plain_driver::PlainDriver;

/// Driver-specific file access properties. HDF5 copies and frees them through the functions below.
#[derive(Clone)]
pub(crate) struct DriverInfo {
    /// Settings of the connector by which the first file was opened.
    pub(crate) settings: Arc<Settings>,
    /// The file whose link is being followed.
    pub(crate) linked_from: Option<Content>,
    /// The driver that the program chose.
    pub(crate) chosen: PlainDriver,
    /// The file itself, when the connector has opened it already.
    pub(crate) opened: Option<Opened>,
}

/// A file that the connector has opened, for the driver.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) content: Content,
    /// Whether it is being made: before HDF5 does that it asks for the file as it is, to see whether it is open.
    pub(crate) new: bool,
    /// Whether the connector will say how HDF5 fared with it, by [`Self::end`].
    pub(crate) settles: bool,
}

impl Opened {
    /// A file to read.
    pub(crate) fn reading(file: Arc<RemoteFile>) -> Self {
        Self::again(Content::Reading(file))
    }

    /// A file that HDF5 has open already.
    pub(crate) fn again(content: Content) -> Self {
        Self {
            content,
            new: false,
            settles: false,
        }
    }

    /// A file to write.
    pub(crate) fn writing(file: Arc<WritableFile>, begin: Begin) -> Self {
        Self {
            content: Content::Writing(file),
            new: begin != Begin::Existing,
            settles: true,
        }
    }

    /// HDF5 has done what it was asked to with the file: it is open, or not. What could not be opened leaves no trace
    /// on the server.
    pub(crate) fn end(&self, host: &Host, open: bool) {
        match self.content.writer().filter(|_| self.settles) {
            Some(_) if open => open_drivers::settle(host.slot, &self.content),
            Some(file) => file.abandon(),
            None => {}
        }
    }
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
