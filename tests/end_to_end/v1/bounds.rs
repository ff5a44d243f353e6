//! Large data and slow clients: what they cost the server.

use std::time::Duration;

use super::script;
use crate::harness::{Server, corpus};

/// Most memory that a process has had, in KiB.
fn peak(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).expect("a number")
}

/// The server and its workers.
fn processes(server: &Server) -> Vec<String> {
    let id = server.id().to_string();
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).expect("threads");
    let mut all = vec![id.clone()];
    for task in tasks.flatten() {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        all.extend(children.split_whitespace().map(str::to_owned));
    }
    assert!(children.is_ok() && all.len() > 1, "no workers: {all:?}");
    all
}

#[test]
fn large_reads_take_little_memory() {
    let directory = tempfile::tempdir().expect("a directory");
    // More than one piece of msgpack can hold, nothing of it on the disk; and as much to be converted.
    let write = "
import h5py, numpy
with h5py.File('large.h5', 'w') as file:
    file.create_dataset('bytes', ((1 << 32) + 1000,), 'u1', chunks=(1 << 20,))[-1] = 7
    file.create_dataset('other order', (1 << 28,), '>i8', chunks=(1 << 17,))[0] = 7
    file.create_dataset('in a row', (1 << 28,), '<i8')[1000] = 7
";
    corpus::write_with(write, directory.path());
    let server = Server::over(directory.path());
    let read = |name: &str, rows: u64| {
        let read = script("v1_large.py")
            .arg(server.url("msgpack/large.h5"))
            .arg(name);
        read.arg(rows.to_string())
            .limit(Duration::from_secs(300))
            .output()
    };
    let bytes = (1u64 << 32) + 1000;
    assert_eq!(read("bytes", bytes), format!("{bytes} 2 1\n"));
    for name in ["other order", "in a row"] {
        assert_eq!(read(name, 1 << 28), format!("{} 1 1\n", 1u64 << 31));
    }
    for process in processes(&server) {
        let peak = peak(&process);
        assert!(peak < 200 << 10, "process {process} had {peak} KiB");
    }
}

/// Rows are cut into pieces, however they are stored: of 64 MiB in the file as they are sent, in another order, in
/// small chunks, and in one chunk, which is the least that libhdf5 reads.
#[test]
fn rows_of_any_width_are_sent() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = "
import h5py, numpy
wide = (2, 8 << 20)
with h5py.File('wide.h5', 'w') as file:
    for name, kind, chunks in (('in a row', '<i8', None), ('other order', '>i8', None),
                               ('chunks', '<i8', (2, 1 << 16)), ('one chunk', '<i8', (1, 8 << 20))):
        data = file.create_dataset(name, wide, kind, chunks=chunks, compression=chunks and 1)
        data[0, 5], data[1, wide[1] - 1] = 7, 7
    cube = file.create_dataset('cube', (2, 3, 700, 4096), '<i8', chunks=(1, 1, 64, 512), compression=1)
    cube[1, 2, 699, 4095] = 7
";
    corpus::write_with(write, directory.path());
    let server = Server::over(directory.path());
    let read = |name: &str, extents: &[u64]| {
        let extents = extents.iter().map(u64::to_string);
        let read = script("v1_large.py").arg(server.url("msgpack/wide.h5")).arg(name);
        read.args(extents).limit(Duration::from_secs(300)).output()
    };
    for name in ["in a row", "other order", "chunks", "one chunk"] {
        assert_eq!(
            read(name, &[2, 8 << 20]),
            format!("{} 1 2\n", 128 << 20),
            "{name}"
        );
    }
    let bytes = 2 * 3 * 700 * 4096 * 8;
    assert_eq!(read("cube", &[2, 3, 700, 4096]), format!("{bytes} 1 1\n"));
    for process in processes(&server) {
        let peak = peak(&process);
        assert!(peak < 300 << 10, "process {process} had {peak} KiB");
    }
}

/// Bytes that a process has read, from files and pipes.
fn read_by(process: &str) -> u64 {
    let counters = std::fs::read_to_string(format!("/proc/{process}/io")).expect("a process");
    let line = counters.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.and_then(|number| number.parse().ok()).expect("a number")
}

/// One worker reads a chunk once, though it is sent in many pieces: larger than what libhdf5 keeps, and not.
#[test]
fn large_chunks_are_decoded_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = "
import h5py, numpy
noise = numpy.random.default_rng(1)
with h5py.File('chunks.h5', 'w') as file:
    for name, rows in (('small', 3 << 20), ('large', 9 << 20)):
        data = noise.integers(0, 255, (rows, 8), 'u1')
        data[:, 3:] = 0
        file.create_dataset(name, data=data, chunks=data.shape, compression=1)
";
    corpus::write_with(write, directory.path());
    let stored = std::fs::metadata(directory.path().join("chunks.h5"))
        .expect("a file")
        .len();
    let server = Server::over(directory.path());
    for (name, rows) in [("small", 3 << 20), ("large", 9 << 20)] {
        let read = script("v1_large.py")
            .arg(server.url("msgpack/chunks.h5"))
            .arg(name);
        let read = read.args([rows.to_string(), "8".to_owned()]);
        let said = read.limit(Duration::from_secs(300)).output();
        assert!(said.starts_with(&format!("{} ", rows * 8)), "{said}");
    }
    let workers = &processes(&server)[1..];
    let read: u64 = workers.iter().map(|worker| read_by(worker)).sum();
    assert!(
        read > stored - stored / 8 && read < stored + stored / 8,
        "{read} bytes read where {stored} are stored"
    );
}

#[test]
fn stalled_downloads_keep_no_worker() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = "
import h5py
with h5py.File('large.h5', 'w') as file:
    file.create_dataset('x', (64 << 20,), 'i8', chunks=(1 << 17,), compression='gzip')
";
    corpus::write_with(write, directory.path());
    let server = Server::with(directory.path(), &["--workers", "1"]);
    script("v1_slow.py").arg(server.base()).arg("8").run().success();
}
