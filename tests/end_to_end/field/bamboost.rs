//! bamboost: collections of simulations, whose data files are written by several processes.

use super::same;
use crate::harness::mounted::Mounted;

#[test]
fn collections_have_remote_data_files() {
    same(&Mounted::new(), "field_bamboost.py");
}
