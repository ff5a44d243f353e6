//! HDF5's error stack: pushing our errors so that programs understand them, and keeping it unharmed.
//!
//! Every public call of HDF5 clears the stack when it starts. h5py decides by the innermost message
//! which exception to raise (`errno = 2` becomes FileNotFoundError), so clean-up that calls HDF5 after a
//! failure must put the stack back.

use std::ffi::{CString, c_uint};

use crate::ffi::{self, hid_t};
use crate::host::Host;

/// Keeps the error stack, and puts it back when dropped.
pub(crate) struct Saved {
    host: &'static Host,
    stack: hid_t,
}

impl Saved {
    pub(crate) fn new(host: &'static Host) -> Self {
        // SAFETY: takes the current stack and clears it; no arguments.
        let stack = unsafe { (host.h5.H5Eget_current_stack)() };
        Self { host, stack }
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        if self.stack > 0 {
            // SAFETY: the stack is ours; the call closes the id.
            unsafe { (self.host.h5.H5Eset_current_stack)(self.stack) };
        }
    }
}

/// Stops HDF5 from printing errors of calls whose failure is dealt with here.
pub(crate) struct Quiet {
    host: &'static Host,
    print: ffi::H5E_auto2_t,
    data: *mut std::ffi::c_void,
}

impl Quiet {
    pub(crate) fn new(host: &'static Host) -> Self {
        let mut quiet = Self {
            host,
            print: None,
            data: std::ptr::null_mut(),
        };
        // SAFETY: the out-pointers live through the call. This fails only when the program installed
        // a printer of the old interface; then we leave it alone.
        unsafe {
            if (host.h5.H5Eget_auto2)(ffi::H5E_DEFAULT, &raw mut quiet.print, &raw mut quiet.data) >= 0 {
                (host.h5.H5Eset_auto2)(ffi::H5E_DEFAULT, None, std::ptr::null_mut());
            }
        }
        quiet
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if self.print.is_some() {
            // SAFETY: gives back what `new` found.
            unsafe { (self.host.h5.H5Eset_auto2)(ffi::H5E_DEFAULT, self.print, self.data) };
        }
    }
}

/// What a failed operation was about; decides HDF5's major and minor error.
#[derive(Clone, Copy)]
pub(crate) enum Topic {
    /// Opening, creating or deleting a file.
    Open,
    /// Reading bytes.
    Read,
    /// Saving what was written.
    Write,
    /// Something that cannot be done remotely.
    Unsupported,
    /// A fault of ours.
    Internal,
}

/// Pushes an error of the core library. The text has the form that HDF5's own drivers use, from which
/// h5py takes `errno`.
pub(crate) fn push(host: &Host, topic: Topic, name: &str, error: &hdfstream::Error) {
    let verb = match topic {
        Topic::Read => "unable to read remote file",
        Topic::Write => "unable to write remote file",
        _ => "unable to open remote file",
    };
    let name = hdfstream::name::without_login(name);
    push_text(
        host,
        topic,
        &format!(
            "{verb}: name = '{name}', errno = {}, error message = '{error}'",
            error.errno()
        ),
    );
}

/// Pushes a sentence.
pub(crate) fn push_text(host: &Host, topic: Topic, text: &str) {
    let (major, minor) = match topic {
        Topic::Open => (&host.ids.major_file, &host.ids.minor_cannot_open),
        Topic::Read => (&host.ids.major_file, &host.ids.minor_read),
        Topic::Write => (&host.ids.major_file, &host.ids.minor_write),
        Topic::Unsupported => (&host.ids.major_dataset, &host.ids.minor_unsupported),
        Topic::Internal => (&host.ids.major_plugin, &host.ids.minor_unsupported),
    };
    let text = CString::new(text.replace('\0', "?")).unwrap_or_default();
    let line: c_uint = 0;
    // SAFETY: all strings are NUL-terminated and are copied by HDF5; "%s" takes exactly the one
    // argument that follows, so that the text's own `%` mean nothing.
    unsafe {
        (host.h5.H5Epush2)(
            ffi::H5E_DEFAULT,
            c"hdfstream".as_ptr(),
            c"hdfstream".as_ptr(),
            line,
            host.ids.error_class.get(),
            major.get(),
            minor.get(),
            c"%s".as_ptr(),
            text.as_ptr(),
        );
    }
}
