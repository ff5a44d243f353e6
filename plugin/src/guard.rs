//! The one place where panics stop: every function that HDF5 calls runs inside [`guard`].

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error_stack::{Topic, push_text};
use crate::host::{self, Host};

/// The value by which a C function says that it failed.
pub(crate) trait Failure {
    const FAILURE: Self;
}

impl Failure for i32 {
    const FAILURE: Self = -1;
}

impl<T> Failure for *mut T {
    const FAILURE: Self = std::ptr::null_mut();
}

/// The operation failed and the reason is on HDF5's error stack.
pub(crate) struct Failed;

/// Runs `body` for the host in `slot`. A failure or panic becomes the C failure value; a panic's message
/// goes onto HDF5's error stack.
pub(crate) fn guard<T: Failure>(slot: usize, body: impl FnOnce(&'static Host) -> Result<T, Failed>) -> T {
    let Some(host) = host::at(slot) else {
        return T::FAILURE;
    };
    match catch_unwind(AssertUnwindSafe(|| body(host))) {
        Ok(Ok(value)) => value,
        Ok(Err(Failed)) => T::FAILURE,
        Err(panic) => {
            let reason = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("unknown reason");
            push_text(
                host,
                Topic::Internal,
                &format!("hdfstream failed unexpectedly: {reason}"),
            );
            T::FAILURE
        }
    }
}
