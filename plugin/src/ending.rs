//! What is still to be done when the program ends.

use std::sync::Once;

/// A remote file was opened: what was read of it may have to be brought to disk at the end.
pub(crate) fn prepare() {
    static ONCE: Once = Once::new();
    // SAFETY: the function is never unloaded (`-z nodelete`) and does not panic.
    ONCE.call_once(|| unsafe {
        libc::atexit(finish);
    });
}

extern "C" fn finish() {
    hdfstream::disk_cache::finish();
}
