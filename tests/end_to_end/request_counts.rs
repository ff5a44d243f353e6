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
