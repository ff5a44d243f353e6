//! Where writing is refused: clearly, at once, and with nothing changed.

use super::Scene;
use crate::harness::{Accounts, Outcome, Plugin, Server, corpus, python, served_names};

/// Tries every way to change `file.h5` and to make `new.h5`, and prints kind and errno of what happens.
const ATTEMPTS: &str = r#"
import sys, h5py
from together import error_of
url, new = sys.argv[1] + "/file.h5", sys.argv[1] + "/new.h5"
for name, modes in ((url, ("r+", "a", "w", "x")), (new, ("w", "x", "a"))):
    for mode in modes:
        kind, number, text = error_of(h5py.File, name, mode)
        assert name in text, text
        print(mode, kind, number)
"#;

/// A directory with a file of 42, and what it looks like.
fn directory() -> (tempfile::TempDir, Vec<u8>) {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.small('file.h5', 42)",
        directory.path(),
    );
    let bytes = std::fs::read(directory.path().join("file.h5")).expect("the file");
    (directory, bytes)
}

fn attempt(base: &str, user: Option<&str>) -> Outcome {
    let program = python(ATTEMPTS).arg(base).plugin(Plugin::On);
    let program = match user {
        Some(user) => program
            .env("HDFSTREAM_USER", user)
            .env("HDFSTREAM_PASSWORD", "pw"),
        None => program,
    };
    program.run().success()
}

#[track_caller]
fn unchanged(directory: &tempfile::TempDir, bytes: &[u8]) {
    let found = std::fs::read(directory.path().join("file.h5")).expect("the file");
    assert_eq!(found, bytes);
    assert_eq!(served_names(directory.path()), ["file.h5"]);
}

/// A server that was not started with `--writable`, and one that speaks only the older protocol, refuse to open files for
/// writing with errno 30, and change nothing.
#[test]
fn read_only_servers_refuse() {
    for options in [&[][..], &["--protocol", "v1"]] {
        let (directory, bytes) = directory();
        let server = Server::with(directory.path(), options);
        let outcome = attempt(server.base(), None);
        for line in outcome.stdout.lines() {
            // The file is there, or is not, whoever may write.
            let expected = line.ends_with("OSError 30")
                || line == "x FileExistsError 17"
                || (line.starts_with("a ") && line.ends_with("FileNotFoundError 2"));
            assert!(expected, "{line}: {outcome}");
        }
        assert!(outcome.stdout.matches("OSError 30").count() >= 5, "{outcome}");
        unchanged(&directory, &bytes);
    }
}

/// With accounts only those write a file whose role allows it; others are refused with errno 13, and where they may not look,
/// nothing seems to be there.
#[test]
fn who_may_not_write_is_refused() {
    let (directory, bytes) = directory();
    let private = directory.path().join("private");
    std::fs::create_dir(&private).expect("a directory");
    std::fs::copy(directory.path().join("file.h5"), private.join("file.h5")).expect("a copy");
    let rules = "[directories.\"\"]\nwrite = ['staff']\n[directories.private]\nread = ['staff']\n";
    let accounts = Accounts::new(rules);
    accounts.add("ada", "pw", &["staff"]);
    accounts.add("bob", "pw", &[]);
    let server = accounts.serve(directory.path(), &["--writable"]);
    for (place, expected) in [("", "PermissionError 13"), ("/private", "FileNotFoundError 2")] {
        let outcome = attempt(&format!("{}{place}", server.base()), Some("bob"));
        for line in outcome.stdout.lines() {
            assert!(line.ends_with(expected), "{outcome}");
        }
        let found = std::fs::read(
            directory
                .path()
                .join(&place[place.len().min(1)..])
                .join("file.h5"),
        );
        assert_eq!(found.expect("the file"), bytes);
    }
    let write = "import sys, h5py\n\
        with h5py.File(sys.argv[1] + '/private/file.h5', 'r+') as f: f['new'] = 1\n\
        with h5py.File(sys.argv[1] + '/private/new.h5', 'x') as f: f['new'] = 1";
    python(write)
        .arg(server.base())
        .env("HDFSTREAM_USER", "ada")
        .env("HDFSTREAM_PASSWORD", "pw")
        .plugin(Plugin::On)
        .run()
        .success();
    let count = |path: &std::path::Path| served_names(path).len();
    assert_eq!((count(directory.path()), count(&private)), (2, 2));
}

/// Datasets with external raw storage are neither made nor written through a remote file: their bytes would go to the
/// program's disk, to a place that the file names.
#[test]
fn raw_files_of_the_program_are_not_written() {
    let scene = Scene::new();
    corpus::write_with(
        "import h5py\n\
         with h5py.File('file.h5', 'w') as f:\n\
         \x20   f.create_dataset('raw', (10,), 'i4', external=[('raw.bin', 0, 40)])\n\
         \x20   f['plain'] = 1\n",
        &scene.served(""),
    );
    let script = r#"
os.chdir(local)
with h5py.File(name, "r+") as f:
    f["plain"][()] = 2
    print(error_of(f["raw"].__setitem__, 0, 5)[0])
    print(error_of(f.create_dataset, "more", (10,), "i4", external=[("more.bin", 0, 40)])[0])
    f.copy("raw", "copied")
    print(error_of(f["copied"].__setitem__, 0, 5)[0])
print(sorted(entry for entry in os.listdir(local) if entry.endswith(".bin")))
"#;
    let outcome = scene.run(script);
    assert_eq!(outcome.stdout, "OSError\nValueError\nOSError\n[]\n", "{outcome}");
    assert_eq!(scene.names("file.h5"), "copied plain raw");
}
