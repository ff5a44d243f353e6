//! `make demo` shows what it claims.

use std::time::Duration;

use crate::harness::python_file;
use crate::harness::{Plugin, built};

#[test]
fn the_demo_finds_no_difference() {
    let outcome = python_file("end_to_end/programs/demo.py")
        .arg(built::directory())
        .env("HDFSTREAM_TOOLS", built::tools())
        .plugin(Plugin::Off)
        .limit(Duration::from_secs(300))
        .run()
        .success();
    for program in ["h5py", "h5ls", "h5dump", "PyTables", "netCDF4"] {
        assert!(outcome.stdout.contains(program), "{outcome}");
    }
    assert!(outcome.stdout.contains("same as local"), "{outcome}");
}
