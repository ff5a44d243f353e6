//! Without a server: what was read is there, and what is missing is told.

use super::{Scene, scene};
use crate::harness::corpus;
use crate::harness::{Accounts, Plugin, Program, python};

fn offline(program: Program) -> Program {
    program.env("HDFSTREAM_OFFLINE", "1")
}

/// Opens the file and reads what `expression` says of `f`; prints what came of it.
fn look(scene: &Scene, file: &str, expression: &str) -> Program {
    let script = format!(
        "import h5py, sys\ntry:\n    with h5py.File(sys.argv[1]) as f: print({expression})\n\
         except Exception as error: print(type(error).__name__, error)"
    );
    scene.with_cache(python(&script).arg(scene.server.url(file)))
}

#[test]
fn what_was_read_is_there() {
    let mut scene = scene();
    for file in ["mixed.h5", "chunked.h5", "contiguous.h5", "objects.h5"] {
        scene.compare(file, scene.read(file));
    }
    scene.server.kill();
    assert!(
        !scene.read("mixed.h5").run().stdout.contains("numbers"),
        "the server is gone"
    );
    for file in ["mixed.h5", "chunked.h5", "contiguous.h5", "objects.h5"] {
        let outcome = scene.compare(file, offline(scene.read(file)));
        assert_eq!(outcome.stats().requests, 0, "{outcome}");
        scene.compare(
            file,
            scene.read(file).env("HDF5_VOL_CONNECTOR", "hdfstream offline=1"),
        );
    }
    let tool = scene
        .with_cache(crate::harness::tool("h5dump"))
        .arg(scene.server.url("mixed.h5"));
    offline(tool).run().success();
}

#[test]
fn what_is_missing_is_told() {
    let scene = scene();
    let online = look(&scene, "contiguous.h5", "f['x'].shape, int(f['x'][5])")
        .run()
        .success();
    let here = offline(look(&scene, "contiguous.h5", "f['x'].shape, int(f['x'][5])"))
        .run()
        .success();
    assert_eq!(here.stdout, online.stdout);
    let elements = offline(look(&scene, "contiguous.h5", "f['x'][-5:].sum()"))
        .run()
        .success();
    let file = offline(look(&scene, "mixed.h5", "list(f)")).run().success();
    for (outcome, words) in [
        (
            &elements,
            &["contiguous.h5", "of its elements are not in the cache", "bytes "][..],
        ),
        (&file, &["mixed.h5", "nothing of this file is in the cache"]),
    ] {
        assert!(outcome.stdout.starts_with("OSError"), "{outcome}");
        for word in words.iter().chain(&["hdfstream is offline", "HDFSTREAM_OFFLINE"]) {
            assert!(outcome.stdout.contains(word), "expected {word:?}: {outcome}");
        }
        assert_eq!(outcome.stats().requests, 0, "{outcome}");
    }
    let off = offline(look(&scene, "mixed.h5", "list(f)")).env("HDFSTREAM_CACHE_DIR", "off");
    assert!(off.run().success().stdout.contains("there is no cache"));
    let chunks = look(&scene, "chunked.h5", "f['x0'].shape").run().success();
    assert!(chunks.stdout.starts_with('('));
    let chunks = offline(look(&scene, "chunked.h5", "f['x0'][:].sum()"))
        .run()
        .success();
    assert!(
        chunks.stdout.contains("of its elements are not in the cache"),
        "{chunks}"
    );
}

#[test]
fn nothing_is_written_listed_or_looked_up() {
    let scene = scene();
    let script = "import h5py, sys\ntry: h5py.File(sys.argv[1], sys.argv[2])\n\
                  except Exception as error: print(type(error).__name__, error)";
    for (file, mode) in [("mixed.h5", "r+"), ("new.h5", "w"), ("directory/", "r")] {
        let program = scene.with_cache(python(script).arg(scene.server.url(file)).arg(mode));
        let outcome = offline(program).run().success();
        assert!(outcome.stdout.contains("hdfstream is offline"), "{outcome}");
    }
    let listed = offline(crate::harness::hdfstream())
        .arg("ls")
        .arg(scene.server.base())
        .run()
        .failure();
    assert!(listed.stderr.contains("directories are not kept"), "{listed}");
}

#[test]
fn one_login_does_not_see_what_another_has_read() {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.small('small.h5')",
        directory.path(),
    );
    super::settle(&directory.path().join("small.h5"));
    let accounts = Accounts::new("anonymous = false\n");
    for user in ["ada", "bob"] {
        accounts.add(user, "a long password", &[]);
    }
    let server = accounts.serve(directory.path(), &[]);
    let cache = tempfile::tempdir().expect("a directory");
    let open = |login: &[(&str, &str)]| {
        let script = "import h5py, sys\ntry: print(int(h5py.File(sys.argv[1])['x'][0]))\n\
                      except Exception as error: print(type(error).__name__, error)";
        let program = python(script)
            .arg(server.url("small.h5"))
            .plugin(Plugin::On)
            .env("HDFSTREAM_CACHE_DIR", cache.path());
        login
            .iter()
            .fold(program, |program, (name, value)| program.env(name, value))
    };
    let said = |program: Program| program.run().success().stdout;
    let login = |user| {
        [
            ("HDFSTREAM_USER", user),
            ("HDFSTREAM_PASSWORD", "a long password"),
        ]
    };
    assert_eq!(said(open(&login("ada"))), "1\n");
    assert_eq!(said(offline(open(&login("ada")))), "1\n");
    let token = accounts.token("ada");
    for other in [&login("bob")[..], &[], &[("HDFSTREAM_TOKEN", &*token)]] {
        let outcome = said(offline(open(other)));
        assert!(
            outcome.contains("nothing of this file is in the cache for this login"),
            "{outcome}"
        );
    }
    // With a server it is the server that decides.
    assert!(said(open(&[])).starts_with("PermissionError"));
    for entry in walk(cache.path()) {
        let content = std::fs::read(&entry).expect("a file");
        for secret in ["a long password", &token] {
            let found = content
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "{} holds a secret", entry.display());
        }
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => walk(&path),
            path => vec![path],
        })
        .collect()
}
