//! Directories open as files: their groups are directories and HDF5 files.

use std::path::Path;

use crate::harness::{Plugin, Server, assert_same, corpus, python, tool};

/// A tree of files below `run`, and a server that speaks only the older protocol.
fn scene() -> (tempfile::TempDir, Server) {
    let root = tempfile::tempdir().expect("a directory");
    let inner = root.path().join("run/inner");
    std::fs::create_dir_all(&inner).expect("a directory");
    std::fs::create_dir(root.path().join("run/nothing")).expect("a directory");
    write("everything('one.h5')", &root.path().join("run"));
    write("numbers('two.hdf5')", &inner);
    std::fs::write(root.path().join("run/notes.txt"), "no HDF5 file").expect("a file");
    let server = Server::with(root.path(), &["--protocol", "v1"]);
    (root, server)
}

fn write(what: &str, directory: &Path) {
    corpus::write_with(&format!("import write_objects; write_objects.{what}"), directory);
}

#[test]
fn programs_browse_and_read_through() {
    let (_root, server) = scene();
    let script = r#"
import sys, h5py
base = sys.argv[1]
with h5py.File(base + "/run/") as f:
    assert f.mode == "r" and f.filename == base + "/run/"
    assert set(f) == {"inner", "nothing", "one.h5"}, list(f)
    assert "inner/two.hdf5/group/i4" in f and "inner/three.hdf5" not in f and len(f["nothing"]) == 0
    assert f["inner/two.hdf5/group/i4"][3:5].shape == (2, 200)
    assert f["one.h5"].attrs["title"] == "made up" and f["one.h5/many"][:10].shape == (10, 3)
    assert (f["one.h5/links/soft"][:] == f["one.h5/numbers/i4"][:]).all()
with h5py.File(base) as f:
    assert list(f) == ["run"] and "one.h5" in f["run"]
"#;
    python(script)
        .arg(server.base())
        .plugin(Plugin::On)
        .run()
        .success();
}

#[test]
fn h5ls_lists_one_level_and_all_levels() {
    let (root, server) = scene();
    let listed = tool("h5ls").arg(server.url("run/")).plugin(Plugin::On).output();
    let names: Vec<_> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(names, ["inner", "nothing", "one.h5"]);
    // Below a file there is what is in the file.
    let local = tool("h5ls")
        .arg("-r")
        .arg(root.path().join("run/inner/two.hdf5"))
        .output();
    let remote = tool("h5ls")
        .arg("-r")
        .arg(server.url("run/inner"))
        .plugin(Plugin::On)
        .output();
    let below = |listing: &str, prefix: &str| {
        let strip = |line: &str| {
            let (name, rest) = line.split_once(char::is_whitespace)?;
            Some(format!("{} {}\n", name.strip_prefix(prefix)?, rest.trim()))
        };
        listing.lines().filter_map(strip).collect::<String>()
    };
    assert_same(&below(&local, "/group"), &below(&remote, "/two.hdf5/group"));
    assert!(below(&remote, "/two.hdf5/group").lines().count() > 5, "{remote}");
}

#[test]
fn a_level_is_listed_when_it_is_looked_into() {
    let (_root, server) = scene();
    let requests = |script: &str| {
        python(&format!(
            "import sys, h5py\nwith h5py.File(sys.argv[1]) as f: {script}"
        ))
        .arg(server.url("run/"))
        .plugin(Plugin::On)
        .run()
        .success()
        .stats()
        .requests
    };
    assert!(requests("assert len(list(f)) == 3") <= 2);
    assert!(requests("assert len(f['inner']) == 1") <= 3);
}
