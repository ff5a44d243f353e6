//! PyMoDAQ: measurements saved through h5py and through PyTables, and followed while they are taken.

use super::same;
use crate::harness::mounted::Mounted;

#[test]
fn both_backends_save_and_follow() {
    same(&Mounted::new(), "field_pymodaq.py");
}
