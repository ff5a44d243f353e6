//! Whether the program has HDF5 lock its files: then only one at a time may write a remote one.

use crate::ffi::hid_t;
use crate::host::Host;

/// Whether files opened by the access list `fapl` are locked. The environment counts over the list, as it does in
/// HDF5 (`H5F__check_if_using_file_locks`).
pub(crate) fn is_used(host: &'static Host, fapl: hid_t) -> bool {
    if let Some(said) = std::env::var_os("HDF5_USE_FILE_LOCKING").and_then(|value| said(value.to_str()?)) {
        return said;
    }
    let (mut used, mut ignored) = (true, true);
    // SAFETY: the list is open during the call, the out-pointers live through it.
    let got = unsafe { (host.h5.H5Pget_file_locking)(fapl, &raw mut used, &raw mut ignored) };
    got < 0 || used
}

/// What the variable says; other values HDF5 does not understand either, and ignores.
fn said(value: &str) -> Option<bool> {
    match value {
        "FALSE" | "0" => Some(false),
        "TRUE" | "1" | "BEST_EFFORT" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_read_as_hdf5_does() {
        let values = ["FALSE", "0", "TRUE", "1", "BEST_EFFORT", "false", "", "2"];
        let read = values.map(said);
        let (off, on) = (Some(false), Some(true));
        assert_eq!(read, [off, off, on, on, on, None, None, None]);
    }
}
