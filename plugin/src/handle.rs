//! Ids of HDF5 that close themselves.

use crate::error_stack::Saved;
use crate::ffi::{self, hid_t};
use crate::host::Host;

/// An id that we own. Closing it leaves HDF5's error stack as it was.
pub(crate) struct Handle {
    id: hid_t,
    host: &'static Host,
    close: unsafe extern "C" fn(hid_t) -> ffi::herr_t,
}

impl Handle {
    /// Takes over an id that a call of HDF5 returned; `None` if the call failed.
    pub(crate) fn own(
        host: &'static Host,
        id: hid_t,
        close: unsafe extern "C" fn(hid_t) -> ffi::herr_t,
    ) -> Option<Self> {
        (id > 0).then_some(Self { id, host, close })
    }

    /// The id, valid as long as the handle.
    pub(crate) fn id(&self) -> hid_t {
        self.id
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _saved = Saved::new(self.host);
        // SAFETY: the id is ours, open, and of the kind that `close` closes.
        unsafe { (self.close)(self.id) };
    }
}
