//! Requests are few: counted, not timed, so that a regression shows on any machine.

use crate::harness::corpus;
use crate::harness::{Plugin, Server, Stats, python};

/// Serves what `write` makes as `file.h5`, runs `read` with the URL as `name`, and counts.
fn count(write: &str, read: &str) -> Stats {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        &format!("import write_files; write_files.{write}"),
        directory.path(),
    );
    let server = Server::over(directory.path());
    let outcome = python(&format!("import sys, h5py; name = sys.argv[1]\n{read}"))
        .arg(server.url("file.h5"))
        .plugin(Plugin::On)
        .run()
        .success();
    outcome.stats()
}

#[track_caller]
fn at_most(limit: u64, stats: Stats) {
    assert!(stats.requests <= limit, "{limit} requests allowed: {stats:?}");
}

#[test]
fn opening_and_listing_the_root() {
    for libver in ["'earliest'", "'latest'"] {
        at_most(
            2,
            count(
                &format!("many_objects('file.h5', 2000, {libver})"),
                "with h5py.File(name) as f: assert len(list(f)) == 20",
            ),
        );
    }
}

/// Everything that a browser of files would show.
const WALK: &str = r#"
seen = []
def visit(path, item):
    seen.append((path, dict(item.attrs), getattr(item, "shape", None), getattr(item, "dtype", None)))
with h5py.File(name) as f:
    f.visititems(visit)
assert len(seen) == 20000 and all(len(attributes) == 1 for _, attributes, _, _ in seen)
"#;

#[test]
fn walking_twenty_thousand_objects_and_attributes() {
    at_most(3, count("many_objects('file.h5', 20000, 'earliest')", WALK));
    at_most(3, count("many_objects('file.h5', 20000, 'latest')", WALK));
}

#[test]
fn reading_a_contiguous_dataset() {
    let megabytes = 64;
    at_most(
        2 + megabytes / 8,
        count(
            &format!("contiguous('file.h5', {megabytes} << 20)"),
            "with h5py.File(name) as f: assert f['x'][:].size == 8 << 20",
        ),
    );
}

#[test]
fn reading_256_compressed_chunks() {
    at_most(
        4,
        count(
            "chunked('file.h5', 256, 4096)",
            "with h5py.File(name) as f: assert f['x0'][:].size == 256 * 4096",
        ),
    );
}

#[test]
fn rows_here_and_there() {
    let stats = count(
        "table('file.h5')",
        r#"
import numpy
with h5py.File(name) as f:
    data = f["rows"]
    for row in numpy.random.default_rng(70).integers(0, len(data), 1000):
        assert data[int(row)].shape == (16,)
"#,
    );
    at_most(30, stats);
    // The file has 16 MiB; little is fetched twice.
    assert!(stats.bytes_in < 24 << 20, "{stats:?}");
    assert!(stats.unasked_bytes > 8 << 20, "{stats:?}");
}

#[test]
fn elements_here_and_there_of_a_contiguous_dataset() {
    let stats = count(
        "contiguous('file.h5', 48 << 20)",
        r#"
import numpy
with h5py.File(name) as f:
    data = f["x"]
    for start in numpy.random.default_rng(72).integers(0, len(data) - 16, 1000):
        assert data[int(start):int(start) + 16].size == 16
"#,
    );
    at_most(30, stats);
    assert!(stats.bytes_in < 60 << 20, "{stats:?}");
}

#[test]
fn a_few_rows_of_a_large_table() {
    let stats = count(
        "table('file.h5', 1 << 20)",
        r#"
with h5py.File(name) as f:
    for row in (900_000, 5, 400_000):
        assert f["rows"][row].shape == (16,)
"#,
    );
    at_most(4, stats);
    assert!(stats.bytes_in < 1 << 20, "{stats:?}");
}

#[test]
fn windows_of_compressed_fields() {
    at_most(
        40,
        count(
            "fields('file.h5')",
            r#"
import numpy
with h5py.File(name) as f:
    for number, top, left in numpy.random.default_rng(71).integers(0, (4, 900, 900), (100, 3)):
        assert f[f"field{number}"][int(top):int(top) + 64, int(left):int(left) + 64].shape == (64, 64)
"#,
        ),
    );
}

#[test]
fn a_strided_region_of_compressed_chunks() {
    at_most(
        2,
        count(
            "fields('file.h5')",
            "with h5py.File(name) as f: assert f['field1'][::16, 500:600].shape == (64, 100)",
        ),
    );
}

#[test]
fn strings_of_variable_length() {
    at_most(
        8,
        count(
            "texts('file.h5')",
            "with h5py.File(name) as f: assert len(set(f['text'][:])) == 5000",
        ),
    );
}

#[test]
fn datasets_one_after_the_other() {
    let stats = count(
        "siblings('file.h5')",
        r#"
seen = []
with h5py.File(name) as f:
    f.visititems(lambda _, item: seen.append(item[...].size) if hasattr(item, "shape") else None)
assert len(seen) == 200
"#,
    );
    at_most(40, stats);
}

/// Where HDF5 is wrong about the places of chunks, nothing is fetched for what it says.
#[test]
fn chunks_in_another_order_than_they_are_counted() {
    let stats = count(
        "grows_sideways('file.h5')",
        r#"
with h5py.File(name) as f:
    for data in f.values():
        assert data[40:50, 64:1000].shape == (10, 936)
"#,
    );
    at_most(40, stats);
    assert!(stats.bytes_in < 8 << 20, "{stats:?}");
}

#[test]
fn opening_an_unchanged_file_again() {
    let write = "many_objects('file.h5', 2000)";
    let open = "with h5py.File(name) as f: assert len(list(f)) == 20\n";
    let once = count(write, open);
    let twice = count(write, &open.repeat(2));
    assert!(
        twice.requests <= once.requests + 1,
        "once {once:?}, twice {twice:?}"
    );
}

#[test]
fn local_files_cost_no_request() {
    let stats = count(
        "small('file.h5')",
        r#"
import os, tempfile
with tempfile.TemporaryDirectory() as folder:
    local = os.path.join(folder, "local.h5")
    with h5py.File(local, "w") as f: f["x"] = 1
    with h5py.File(local) as f: assert f["x"][()] == 1
    for absent in ("absent.h5", "httpx/absent.h5", "a:b.h5"):
        try: h5py.File(os.path.join(folder, absent))
        except FileNotFoundError: pass
        else: raise AssertionError(absent)
"#,
    );
    assert_eq!(stats.requests, 0, "{stats:?}");
}
