//! All types, spaces and links: what the client shows is what h5py shows, or nothing.

use std::time::Duration;

use super::script;
use crate::harness::{Server, corpus};

#[test]
fn values_and_slices_are_those_that_h5py_reads() {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with("import v1_files; v1_files.main()", directory.path());
    let server = Server::over(directory.path());
    let compare = script("v1_values.py").arg(server.base());
    let compare = compare.arg(directory.path().join("types.h5"));
    compare.limit(Duration::from_secs(300)).run().success();
}
