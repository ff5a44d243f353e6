//! The files that a suite left on the server, seen by programs of the server's own machine.

use std::time::Duration;

use crate::harness::mounted::{Mounted, files_below};
use crate::harness::{built, python_file};

/// Panics unless h5py and h5dump read every file, to the end, and nothing lies there that is no HDF5 file.
pub(super) fn check(mounted: &Mounted, at_least: usize) {
    let served = mounted.served();
    let count = files_below(&served).len();
    assert!(
        count >= at_least,
        "{count} files were left; were they made remotely?"
    );
    let h5dump = built::tools().join("hdf5-1.14/bin/h5dump");
    let check = python_file("end_to_end/programs/check_files.py")
        .arg(&served)
        .arg(h5dump);
    let outcome = check.limit(Duration::from_secs(1200)).run();
    assert_eq!(outcome.stdout, format!("valid {count}\n"), "{outcome}");
}
