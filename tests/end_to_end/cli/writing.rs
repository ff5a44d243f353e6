//! What the tool changes on servers: put, rm, mv, and what could not be saved.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::harness::{Fault, Plugin, Program, Server, hdfstream, make_stub, python, served_names};

const MIB: usize = 1 << 20;

/// A writable server over an empty directory, and a local folder.
struct Scene {
    served: tempfile::TempDir,
    here: tempfile::TempDir,
    server: Server,
}

fn scene() -> Scene {
    let served = tempfile::tempdir().expect("a directory");
    Scene {
        server: Server::with(served.path(), &["--writable"]),
        here: tempfile::tempdir().expect("a directory"),
        served,
    }
}

impl Scene {
    fn tool(&self, command: &str) -> Program {
        hdfstream()
            .arg(command)
            .directory(self.here.path())
            .env("XDG_STATE_HOME", self.here.path().join(".state"))
    }

    fn local(&self, path: &str, bytes: &[u8]) -> PathBuf {
        write(&self.here.path().join(path), bytes)
    }

    fn remote(&self, path: &str, bytes: &[u8]) -> String {
        write(&self.served.path().join(path), bytes);
        self.server.url(path)
    }

    fn there(&self, path: &str) -> Vec<u8> {
        fs::read(self.served.path().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Everything that is served, also what no server shows.
    fn all(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(self.served.path(), self.served.path(), &mut found);
        found.sort();
        found
    }
}

fn write(path: &Path, bytes: &[u8]) -> PathBuf {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a directory");
    fs::write(path, bytes).expect("a file");
    path.to_path_buf()
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for name in served_names(folder) {
        let path = folder.join(name);
        let shown = path.strip_prefix(root).expect("below").display().to_string();
        if path.is_dir() {
            found.push(format!("{shown}/"));
            collect(root, &path, found);
        } else {
            found.push(shown);
        }
    }
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = length as u64;
    (0..length)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

#[test]
fn files_of_all_sizes_are_stored() {
    let scene = scene();
    for (name, size) in [
        ("empty", 0),
        ("one byte", 1),
        ("large ü.bin", 70 * MIB + 3),
        ("9MiB", 9 * MIB),
    ] {
        let bytes = noise(size);
        scene.local(name, &bytes);
        let url = scene.server.url(name);
        let report = scene.tool("put").args(["--json", name]).arg(&url).output();
        let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        assert_eq!(
            (&report[0]["outcome"], &report[0]["size"]),
            (&"stored".into(), &size.into())
        );
        assert!(scene.there(name) == bytes, "{name}");
    }
    assert_eq!(scene.all(), ["9MiB", "empty", "large ü.bin", "one byte"]);
    // And what programs see of one.
    let script = "import h5py\nwith h5py.File('x.h5', 'w') as file: file['x'] = [1, 2]";
    python(script).directory(scene.here.path()).run().success();
    scene
        .tool("put")
        .arg("x.h5")
        .arg(scene.server.url("deep/er/"))
        .run()
        .success();
    assert_eq!(
        scene.there("deep/er/x.h5"),
        fs::read(scene.here.path().join("x.h5")).expect("a file")
    );
}

#[test]
fn files_that_are_there_stay_unless_forced() {
    let scene = scene();
    let url = scene.remote("a.txt", b"old");
    scene.local("a.txt", b"new");
    scene.local("b.txt", b"new too");
    let outcome = scene.tool("put").args(["a.txt", &url]).run().failure();
    assert!(outcome.stderr.contains("exists already"), "{outcome}");
    assert_eq!(scene.there("a.txt"), b"old");
    // The others are stored all the same.
    let outcome = scene
        .tool("put")
        .args(["a.txt", "b.txt"])
        .arg(scene.server.base())
        .run()
        .failure();
    assert!(
        outcome.stderr.contains("1 of 2 files were not stored") && outcome.stdout.contains("stored 1 file"),
        "{outcome}"
    );
    assert_eq!(scene.there("b.txt"), b"new too");
    scene.tool("put").args(["--force", "a.txt", &url]).run().success();
    assert_eq!(scene.there("a.txt"), b"new");
    assert_eq!(scene.all(), ["a.txt", "b.txt"]);
}

#[test]
fn trees_are_stored_as_they_are() {
    let scene = scene();
    for path in ["run/a.h5", "run/deep/b c.txt", "run/deep/er/d", "run/.hidden"] {
        scene.local(path, path.as_bytes());
    }
    fs::create_dir(scene.here.path().join("run/nothing")).expect("a directory");
    let outcome = scene
        .tool("put")
        .arg("run")
        .arg(scene.server.url("x"))
        .run()
        .failure();
    assert!(outcome.stderr.contains("-r"), "{outcome}");
    scene
        .tool("put")
        .args(["-r", "run"])
        .arg(scene.server.url("x"))
        .run()
        .success();
    let expected = [
        "x/",
        "x/.hidden",
        "x/a.h5",
        "x/deep/",
        "x/deep/b c.txt",
        "x/deep/er/",
        "x/deep/er/d",
        "x/nothing/",
    ];
    assert_eq!(scene.all(), expected);
    assert_eq!(scene.there("x/deep/b c.txt"), b"run/deep/b c.txt");
    // The same again goes to the same place; two at once go into it.
    scene
        .tool("put")
        .args(["-r", "--force", "run"])
        .arg(scene.server.url("x"))
        .run()
        .success();
    assert_eq!(scene.all(), expected);
    scene.local("other/e", b"e");
    scene
        .tool("put")
        .args(["-r", "run/deep", "other"])
        .arg(scene.server.url("x"))
        .run()
        .failure();
    assert_eq!(scene.there("x/other/e"), b"e");
}

#[test]
fn what_cannot_be_stored_is_told() {
    let scene = scene();
    let url = scene.remote("real.h5", &noise(2000));
    scene.local("tree/good", b"good");
    make_stub(&url, &scene.here.path().join("tree/stub.h5"));
    std::os::unix::fs::symlink(".", scene.here.path().join("tree/loop")).expect("a link");
    std::os::unix::fs::symlink("good", scene.here.path().join("tree/link")).expect("a link");
    let outcome = scene
        .tool("put")
        .args(["-r", "tree"])
        .arg(scene.server.url("t"))
        .run()
        .failure();
    for words in [
        "this is a stub",
        "link to a directory",
        "2 of 4 files were not stored",
    ] {
        assert!(outcome.stderr.contains(words), "{words}: {outcome}");
    }
    assert_eq!(scene.all(), ["real.h5", "t/", "t/good", "t/link"]);
    for (arguments, words) in [
        (&["put", "no such file", &url][..], "No such file"),
        (&["put", "tree/good", "tree/link", &url], "several files"),
        (&["put", "/dev/null", &url], "no ordinary file"),
        (&["put", "tree/stub.h5", &url], "this is a stub"),
        (&["put", "tree/good", "not-remote"], "not a remote name"),
        (&["rm", "real.h5"], "not a remote name"),
        (&["rm", &scene.server.url("none")], "no such file"),
        (&["rm", &scene.server.url("t")], "-r"),
        (&["rm", "-r", scene.server.base()], "refuses"),
        (&["mv", &url, "tree/x.h5"], "not a remote name"),
        (&["mv", &url, "https://elsewhere.example/x/y"], "between servers"),
        (
            &["mv", &scene.server.url("none"), &scene.server.url("x")],
            "no such file",
        ),
        (&["mv", &url, &scene.server.url("t/good")], "exists already"),
    ] {
        let outcome = hdfstream()
            .args(arguments)
            .directory(scene.here.path())
            .env("HDFSTREAM_RETRIES", "0")
            .run();
        assert_eq!(outcome.status.code(), Some(1), "{arguments:?}: {outcome}");
        assert!(
            outcome.stderr.contains(words) && outcome.stdout.is_empty(),
            "{arguments:?}: {outcome}"
        );
    }
    assert_eq!(scene.all(), ["real.h5", "t/", "t/good", "t/link"]);
}

#[test]
fn read_only_servers_say_so() {
    let scene = scene();
    let server = Server::over(scene.served.path());
    scene.remote("a", b"a");
    scene.local("b", b"b");
    let url = server.url("a");
    for arguments in [
        &["put", "--force", "b", &url][..],
        &["rm", &url],
        &["mv", &url, &server.url("z")],
    ] {
        let outcome = hdfstream()
            .args(arguments)
            .directory(scene.here.path())
            .run()
            .failure();
        assert!(outcome.stderr.contains("read-only"), "{outcome}");
    }
    assert_eq!(scene.there("a"), b"a");
}

#[test]
fn files_and_trees_are_removed_and_renamed() {
    let scene = scene();
    for path in ["a", "b", "d/c", "d/e/f"] {
        scene.remote(path, path.as_bytes());
    }
    let url = |path: &str| scene.server.url(path);
    let tool = |command: &str, names: &[&str]| scene.tool(command).args(names).run().success();
    tool("mv", &[&url("a"), &url("d/e")]);
    tool("mv", &[&url("b"), &url("z")]);
    tool("mv", &[&url("d/e"), &url("e")]);
    assert_eq!(scene.all(), ["d/", "d/c", "e/", "e/a", "e/f", "z"]);
    tool("mv", &["--force", &url("z"), &url("d/c")]);
    assert_eq!(scene.there("d/c"), b"b");
    tool("rm", &[&url("e/a"), &url("e/f")]);
    tool("rm", &["-r", &url("d")]);
    assert_eq!(scene.all(), ["e/"]);
}

#[test]
fn stubs_go_with_their_files() {
    let scene = scene();
    let url = scene.remote("data/x.h5", b"content");
    let stub = |path: &str| scene.here.path().join(path);
    fs::create_dir_all(stub("data")).expect("a directory");
    fs::create_dir_all(stub("old")).expect("a directory");
    fs::create_dir_all(scene.served.path().join("old")).expect("a directory");
    make_stub(&url, &stub("data/x.h5"));
    make_stub(&url, &stub("gone.h5"));
    let stands_for = |path: &str| {
        let text = hdfstream()
            .args(["ls", "--json", path])
            .directory(scene.here.path())
            .output();
        let shown: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        shown[0]["url"].as_str().expect("a URL").to_owned()
    };
    // To a local name: both go the same way.
    let tool = |command: &str, names: &[&str]| scene.tool(command).args(names).run().success();
    tool("mv", &["data/x.h5", "old/y.h5"]);
    assert_eq!(scene.all(), ["data/", "old/", "old/y.h5"]);
    assert!(!stub("data/x.h5").exists());
    assert_eq!(stands_for("old/y.h5"), scene.server.url("old/y.h5"));
    // Into a local directory.
    tool("mv", &["old/y.h5", "data"]);
    assert_eq!(stands_for("data/y.h5"), scene.server.url("data/y.h5"));
    // To a remote name: the stub stays where it is.
    tool("mv", &["data/y.h5", &scene.server.url("z.h5")]);
    assert_eq!(stands_for("data/y.h5"), scene.server.url("z.h5"));
    // A local file is not moved over.
    scene.local("mine.txt", b"mine");
    let outcome = scene.tool("mv").args(["data/y.h5", "mine.txt"]).run().failure();
    assert!(outcome.stderr.contains("is there already"), "{outcome}");
    assert_eq!(scene.all(), ["data/", "old/", "z.h5"]);
    tool("rm", &["data/y.h5"]);
    assert!(!stub("data/y.h5").exists());
    assert_eq!(scene.all(), ["data/", "old/"]);
    // What stands for nothing any more can be removed in the same way.
    tool("rm", &["gone.h5"]);
    assert!(!stub("gone.h5").exists());
}

#[test]
fn ctrl_c_leaves_nothing_and_no_lock() {
    let scene = scene();
    let url = scene.server.url("large.bin");
    let large = scene.local("large.bin", b"");
    let file = fs::File::create(&large).expect("a file");
    // Of zeros, which take no space here.
    file.set_len(2 << 30).expect("a size");
    let running = scene.tool("put").arg(&large).arg(&url).start();
    let end = Instant::now() + Duration::from_secs(60);
    while scene.all().is_empty() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    running.signal("INT");
    let outcome = running.wait();
    assert_eq!(outcome.status.code(), Some(130), "{outcome}");
    assert!(outcome.stderr.contains("interrupted"), "{outcome}");
    assert_eq!(scene.all(), [""; 0]);
    // The next one need not wait.
    let small = scene.local("small.bin", b"small");
    scene.tool("put").arg(&small).arg(&url).run().success();
    assert_eq!(scene.there("large.bin"), b"small");
}

#[test]
fn a_cut_connection_leaves_what_was_there() {
    let scene = scene();
    scene.remote("a.bin", b"old");
    scene.local("a.bin", &noise(40 * MIB));
    let proxy = scene.server.behind_proxy();
    proxy.set_fault(Fault::Cut { after: 700 });
    let outcome = scene
        .tool("put")
        .args(["--force", "a.bin"])
        .arg(proxy.url("a.bin"))
        .env("HDFSTREAM_RETRIES", "0")
        .run()
        .failure();
    assert!(!outcome.stderr.contains("recover"), "{outcome}");
    assert_eq!(scene.there("a.bin"), b"old");
}

#[test]
fn there_is_nothing_to_recover_at_first() {
    let scene = scene();
    let text = scene.tool("recover").output();
    assert_eq!(text, "nothing to recover\n");
    let text = scene.tool("recover").args(["list", "--json"]).output();
    assert_eq!(text.trim(), "[]");
    scene.tool("recover").args(["send", "--all"]).run().success();
    scene.local("precious", b"mine");
    for action in ["send", "drop"] {
        let outcome = scene.tool("recover").args([action, "precious"]).run().failure();
        assert!(outcome.stderr.contains("no recovery file"), "{outcome}");
    }
    assert!(scene.here.path().join("precious").exists());
}

/// Writes a file while its server goes away; says what closing it raised.
const UNSAVED: &str = "
import h5py, numpy, os, sys
file = h5py.File(sys.argv[1], sys.argv[3])
file['new'] = numpy.arange(100_000)
os.killpg(int(sys.argv[2]), 9)
try: file.close()
except Exception as error: print(type(error).__name__, error)
else: print('no error')
";

#[test]
fn what_a_program_could_not_save_is_sent_later() {
    let mut scene = scene();
    let state = scene.here.path().join(".state");
    for (number, mode) in ["w", "r+"].into_iter().enumerate() {
        let url = scene.server.url("kept.h5");
        let outcome = python(UNSAVED)
            .plugin(Plugin::On)
            .args([&url, &scene.server.id().to_string(), mode])
            .env("XDG_STATE_HOME", &state)
            .env("HDFSTREAM_RETRIES", "0")
            .run()
            .success();
        let said = &outcome.stdout;
        assert!(
            said.contains("Error") && said.contains("hdfstream recover"),
            "{outcome}"
        );
        let report = scene.tool("recover").args(["list", "--json"]).output();
        let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        assert_eq!(
            (&report[0]["url"], &report[0]["missing"]),
            (&url.clone().into(), &0.into())
        );
        let text = scene.tool("recover").output();
        assert!(text.contains(&url) && text.lines().count() == 1, "{text}");
        // Without a server it stays.
        scene
            .tool("recover")
            .args(["send", "--all"])
            .env("HDFSTREAM_RETRIES", "0")
            .run()
            .failure();
        let address = scene.server.address().to_string();
        scene.server = Server::started(scene.served.path(), &address, &["--writable"]);
        let sent = scene.tool("recover").args(["send", "--all"]).output();
        assert_eq!(sent, format!("sent {url}\n"));
        assert_eq!(scene.tool("recover").output(), "nothing to recover\n");
        let read = "import h5py, sys\nwith h5py.File(sys.argv[1]) as f: print(sorted(f), f['new'][:].sum())";
        let found = python(read).arg(scene.served.path().join("kept.h5")).output();
        let names = ["['new']", "['new', 'old']"][number];
        assert_eq!(found, format!("{names} 4999950000\n"));
        if number > 0 {
            break;
        }
        // For the next time.
        let rename = "import h5py, sys\nwith h5py.File(sys.argv[1], 'r+') as f: f.move('new', 'old')";
        python(rename)
            .arg(scene.served.path().join("kept.h5"))
            .run()
            .success();
    }
}
