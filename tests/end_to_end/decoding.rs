//! Datasets of random layouts, filters and types, by random selections, are what native HDF5 reads from the
//! local file, in every HDF5 that Python packages carry.

use std::time::Duration;

use crate::harness::{Host, Plugin, Server, corpus, python, python_file};

const READS: &str = "2500";

/// Reads files of random datasets, locally and remotely.
fn reads_the_same(host: Host) {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::over(directory.path());
    for (seed, format) in [("1", "earliest"), ("2", "v110")] {
        let name = format!("{format}.h5");
        let local = directory.path().join(&name);
        python_file("end_to_end/programs/layouts.py")
            .arg(&local)
            .args([seed, format])
            .run()
            .success();
        let outcome = python_file("end_to_end/programs/read_regions.py")
            .arg(host.module())
            .arg(&local)
            .arg(server.url(&name))
            .arg(READS)
            .plugin(Plugin::On)
            .limit(Duration::from_secs(300))
            .run()
            .success();
        let stats = outcome.stats();
        assert!(
            stats.chunks_decoded > 1000,
            "hardly anything was decoded here: {stats:?}"
        );
    }
}

#[test]
fn regions_are_the_same_in_hdf5_2_0() {
    reads_the_same(Host::H5py);
}

#[test]
fn regions_are_the_same_in_hdf5_1_14() {
    reads_the_same(Host::Tables);
}

#[test]
fn regions_are_the_same_in_hdf5_2_2() {
    reads_the_same(Host::NetCdf4);
}

#[test]
fn a_forked_child_decodes_too() {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.chunked('file.h5', 64, 1 << 14)",
        directory.path(),
    );
    let server = Server::over(directory.path());
    let outcome = python(FORK)
        .arg(server.url("file.h5"))
        .plugin(Plugin::On)
        .run()
        .success();
    assert!(outcome.stats().chunks_decoded >= 128, "{:?}", outcome.stats());
}

const FORK: &str = r#"
import os, sys, h5py
def read():
    with h5py.File(sys.argv[1]) as file:
        return file["x0"][...]
before = read()
child = os.fork()
same = (read() == before).all()
if child == 0:
    os._exit(0 if same else 3)
assert same and os.waitpid(child, 0)[1] == 0
"#;
