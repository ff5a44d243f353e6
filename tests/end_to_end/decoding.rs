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
fn memory_does_not_grow_with_what_is_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::over(directory.path());
    let path = directory.path().join("large.h5");
    python(LARGE).arg(&path).plugin(Plugin::Off).run().success();
    python(SLABS)
        .arg(server.url("large.h5"))
        .plugin(Plugin::On)
        .limit(Duration::from_secs(300))
        .run()
        .success();
}

/// 1 GiB that takes no room on the disk, and as much in chunks.
const LARGE: &str = r#"
import sys, h5py, numpy
from h5py import h5d, h5p, h5s, h5t
with h5py.File(sys.argv[1], "w") as file:
    creation = h5p.create(h5p.DATASET_CREATE)
    creation.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5d.FILL_TIME_NEVER)
    h5d.create(file.id, b"flat", h5t.IEEE_F32LE, h5s.create_simple((1 << 28,)), creation)
    stored = {"chunks": (1 << 20,), "compression": "gzip", "compression_opts": 1}
    chunked = file.create_dataset("chunked", (1 << 28,), "f4", **stored)
    chunk = numpy.arange(1 << 20, dtype="f4")
    chunked[: 1 << 20] = chunk
    stored = chunked.id.read_direct_chunk((0,))[1]
    for number in range(256):
        chunked.id.write_direct_chunk((number << 20,), stored)
"#;

/// Natively it is what one slab takes. With the memory for raw data twice on top the limit would be 576 MiB more.
const SLABS: &str = r#"
import resource, sys, h5py
with h5py.File(sys.argv[1]) as file:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, kind in [("flat", "f4"), ("flat", "f2"), ("chunked", "f4"), ("chunked", "f8")]:
        view = file[name].astype(kind)
        for start in range(0, 1 << 28, 1 << 23):
            read = view[start : start + (1 << 23)]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    assert grown < 64 + 2 * 256 + 64, grown
"#;

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
