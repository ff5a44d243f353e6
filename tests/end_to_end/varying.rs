//! What varies in length is what native HDF5 reads from the local file: texts in whatever layout and selection, other
//! sequences, and what is damaged.

use std::path::Path;

use crate::harness::{Host, Plugin, Server, python, python_file};

/// Makes the file of all kinds.
fn make(path: &Path, format: &str) {
    python_file("end_to_end/programs/varying_files.py")
        .arg(path)
        .arg(format)
        .run()
        .success();
}

fn texts_are_the_same(host: Host) {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::over(directory.path());
    for format in ["earliest", "v110"] {
        let name = format!("{format}.h5");
        let local = directory.path().join(&name);
        make(&local, format);
        python_file("end_to_end/programs/read_varying.py")
            .arg(host.module())
            .arg(&local)
            .arg(server.url(&name))
            .arg("300")
            .plugin(Plugin::On)
            .run()
            .success();
    }
}

#[test]
fn texts_are_the_same_in_hdf5_2_0() {
    texts_are_the_same(Host::H5py);
}

#[test]
fn texts_are_the_same_in_hdf5_1_14() {
    texts_are_the_same(Host::Tables);
}

#[test]
fn texts_are_the_same_in_hdf5_2_2() {
    texts_are_the_same(Host::NetCdf4);
}

/// Reads everything by h5py, as whole datasets and in slices.
const SHOW: &str = r#"
import hashlib, sys, h5py
with h5py.File(sys.argv[1]) as file:
    for name in sorted(file):
        data = file[name]
        for part in [(), slice(3, 70), slice(1, None, 11)] if data.ndim else [()]:
            try:
                found = data[part]
            except OSError as error:
                print(name, part, str(error).replace(sys.argv[1], "FILE"))
                continue
            if data.ndim and h5py.check_ref_dtype(data.dtype):
                found = [file[one].name for one in found.ravel()]
            found = [repr(one) for one in (found.ravel() if hasattr(found, "ravel") else found)]
            print(name, part, len(found), hashlib.sha256("\n".join(found).encode()).hexdigest())
    print([list(value) for value in file.get("contiguous", file["/"]).attrs.values()])
"#;

#[test]
fn h5py_shows_the_same_of_all_kinds() {
    let directory = tempfile::tempdir().expect("a directory");
    let local = directory.path().join("all.h5");
    make(&local, "earliest");
    let server = Server::over(directory.path());
    let expected = python(SHOW).arg(&local).plugin(Plugin::Off).run().success();
    let found = python(SHOW)
        .arg(server.url("all.h5"))
        .plugin(Plugin::On)
        .run()
        .success();
    assert_eq!(found.stdout, expected.stdout);
}

/// Overwrites bytes of the collections that a contiguous dataset of texts has, so that each is wrong in its own way, and
/// one reference.
const DAMAGE: &str = r#"
import struct, sys, h5py
names = ["signature", "size", "length", "number", "free", "reference", "address"]
path = sys.argv[1]
with h5py.File(path, "w") as file:
    for name in names:
        file.create_dataset(name, data=[f"{name} {number}" for number in range(400)], dtype=h5py.string_dtype())
    offsets = [file[name].id.get_offset() for name in names]
with open(path, "r+b") as file:
    def write(at, bytes):
        file.seek(at)
        file.write(bytes)
    for name, offset in zip(names, offsets):
        file.seek(offset + 100 * 16)
        length, address, number = struct.unpack("<IQI", file.read(16))
        if name == "signature": write(address, b"GCOX")
        if name == "size": write(address + 8, struct.pack("<Q", 1 << 50))
        if name == "length": write(address + 16 + 8, struct.pack("<Q", 1 << 40))
        if name == "number": write(offset + 1600 + 12, struct.pack("<I", 60000))
        if name == "free": write(address + 16, b"\0\0")
        if name == "reference": write(offset + 1600, struct.pack("<I", length + 3))
        if name == "address": write(offset + 1600 + 4, struct.pack("<Q", 1 << 60))
"#;

#[test]
fn what_is_damaged_fails_as_it_does_locally() {
    let directory = tempfile::tempdir().expect("a directory");
    let local = directory.path().join("damaged.h5");
    python(DAMAGE).arg(&local).plugin(Plugin::Off).run().success();
    let server = Server::over(directory.path());
    let expected = python(SHOW).arg(&local).plugin(Plugin::Off).run().success();
    assert!(expected.stdout.contains("an't"), "{}", expected.stdout);
    let found = python(SHOW)
        .arg(server.url("damaged.h5"))
        .plugin(Plugin::On)
        .run()
        .success();
    assert_eq!(found.stdout, expected.stdout);
}
