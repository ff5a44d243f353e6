//! Directories open as files: their groups are directories and HDF5 files.

use std::path::Path;

use crate::harness::{Plugin, Server, assert_same, corpus, python, tool};

/// What servers may speak: objects or bytes.
const PROTOCOLS: [&str; 2] = ["v1", "v2"];

/// A tree of files below `run`, and a server that speaks one protocol.
fn scene(protocol: &str) -> (tempfile::TempDir, Server) {
    let root = tempfile::tempdir().expect("a directory");
    let inner = root.path().join("run/inner");
    std::fs::create_dir_all(&inner).expect("a directory");
    std::fs::create_dir(root.path().join("run/nothing")).expect("a directory");
    write("everything('one.h5')", &root.path().join("run"));
    write("numbers('two.hdf5')", &inner);
    std::fs::write(root.path().join("run/notes.txt"), "no HDF5 file").expect("a file");
    let server = Server::with(root.path(), &["--protocol", protocol]);
    (root, server)
}

fn write(what: &str, directory: &Path) {
    corpus::write_with(&format!("import write_objects; write_objects.{what}"), directory);
}

#[test]
fn programs_browse_and_read_through() {
    let script = r#"
import sys, h5py
base = sys.argv[1]
with h5py.File(base + "/run/") as f:
    assert f.mode == "r" and f.filename == base + "/run/"
    assert set(f) == {"inner", "nothing", "one.h5"}, list(f)
    assert "inner/two.hdf5/group/i4" in f and "inner/three.hdf5" not in f and len(f["nothing"]) == 0
    assert f["inner/two.hdf5/group/i4"][3:5].shape == (2, 200)
    assert f["one.h5"].attrs["title"] == "made up" and f["one.h5/many"][:10].shape == (10, 3)
    names = []
    f.visit(names.append)
    assert "inner/two.hdf5/group/u8" in names and len(names) > 100, names
    try: f["new"] = 1
    except ValueError: pass
    else: raise AssertionError("changed")
with h5py.File(base + "/") as f:
    assert list(f) == ["run"] and "one.h5" in f["run"]
    kept = f["run/inner/two.hdf5/group"]
for _ in range(5):
    with h5py.File(base + "/run/") as one, h5py.File(base + "/run/one.h5") as two, h5py.File(base + "/run/") as three:
        assert one["one.h5/many"][7, 1] == two["many"][7, 1] == three["one.h5/many"][7, 1]
"#;
    for protocol in PROTOCOLS {
        let (_root, server) = scene(protocol);
        python(script)
            .arg(server.base())
            .plugin(Plugin::On)
            .run()
            .success();
    }
}

/// Without a slash at the end it is an error, as it is for a local directory. Tools count on that: h5ls takes a file
/// that does not open for an object in what stands before its last slash.
#[test]
fn a_name_without_a_slash_is_no_directory() {
    let script = r#"
import sys, h5py
try: h5py.File(sys.argv[1])
except IsADirectoryError as error: assert "slash" in str(error), error
else: raise AssertionError("opened")
"#;
    for protocol in PROTOCOLS {
        let (root, server) = scene(protocol);
        for name in [server.url("run"), server.base().to_owned()] {
            python(script).arg(name).plugin(Plugin::On).run().success();
        }
        let h5ls = |name: &str| tool("h5ls").arg(name).plugin(Plugin::On).run().failure();
        for missing in ["run/missing.h5", "run/notes.txt", "run/one.h5/missing"] {
            let local = h5ls(&root.path().join(missing).display().to_string());
            let remote = h5ls(&server.url(missing));
            let told = |text: &str| text.rsplit(": ").next().unwrap_or_default().to_owned();
            assert_eq!(told(&local.stderr), told(&remote.stderr), "{local}\n{remote}");
        }
        // Looked for where it may be, in a directory.
        h5ls(&server.url("run//missing.h5"));
    }
}

#[test]
fn full_paths_in_files_of_the_older_protocol_stay_in_the_file() {
    let (_root, server) = scene("v1");
    let script = r#"
import sys, h5py
with h5py.File(sys.argv[1]) as f:
    assert (f["run/one.h5/links/soft"][:] == f["run/one.h5/numbers/i4"][:]).all()
"#;
    python(script)
        .arg(server.url(""))
        .plugin(Plugin::On)
        .run()
        .success();
}

#[test]
fn discovery_alone_does_not_open_directories_of_files() {
    let (_root, server) = scene("v2");
    let script = r#"
import sys, h5py
try:
    h5py.File(sys.argv[1])
except OSError as error:
    assert "HDF5_VOL_CONNECTOR" in str(error), error
else:
    raise AssertionError("opened")
"#;
    python(script)
        .arg(server.url("run/"))
        .plugin(Plugin::Discovery)
        .run()
        .success();
}

#[test]
fn h5ls_lists_one_level_and_all_levels() {
    for protocol in PROTOCOLS {
        let (root, server) = scene(protocol);
        let h5ls = |name: &str| tool("h5ls").arg("-r").arg(name).plugin(Plugin::On).output();
        let listed = tool("h5ls").arg(server.url("run/")).plugin(Plugin::On).output();
        let names: Vec<_> = listed
            .lines()
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(names, ["inner", "nothing", "one.h5"]);
        // Below a file there is what is in the file.
        let local = h5ls(&root.path().join("run/inner/two.hdf5").display().to_string());
        let remote = h5ls(&server.url("run/inner/"));
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
}

#[test]
fn a_level_is_listed_when_it_is_looked_into() {
    for protocol in PROTOCOLS {
        let (_root, server) = scene(protocol);
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
}
