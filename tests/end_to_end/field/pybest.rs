//! PyBEST: checkpoint files that processes lock, through HDF5 and through the descriptor beneath.

use super::{same, script};
use crate::harness::mounted::Mounted;

#[test]
fn files_are_locked_as_on_the_disk() {
    let mounted = Mounted::new();
    same(&mounted, "field_locked_file.py");
    let truncate = script("field_locked_file.py").arg("truncate");
    let truncate = truncate.arg(mounted.path().join("checkpoint.h5"));
    let output = mounted.remote(truncate).output();
    let lines: Vec<&str> = output.lines().collect();
    let refused = "while it is written: truncate BlockingIOError 11";
    let kept = "still there ['count', 'energies', 'more', 'orbitals']";
    assert_eq!(lines, [refused, "neighbour 0", kept]);
}
