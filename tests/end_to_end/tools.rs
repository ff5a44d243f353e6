//! HDF5's other command-line tools: they compare, count, copy and repack what is remote.

use std::path::{Path, PathBuf};

use crate::harness::corpus::{self, Corpus};
use crate::harness::{Plugin, Program, Server, assert_same, tool};

/// Files of the corpus and of our own with a bit of everything that these tools treat.
struct Scene {
    directory: tempfile::TempDir,
    server: Server,
}

const FILE: &str = "mixed.h5";

fn scene() -> Scene {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import write_files; write_files.mixed('mixed.h5')",
        directory.path(),
    );
    let server = Server::over(directory.path());
    Scene { directory, server }
}

impl Scene {
    fn local(&self) -> PathBuf {
        self.directory.path().join(FILE)
    }

    fn url(&self) -> String {
        self.server.url(FILE)
    }

    fn target(&self) -> tempfile::TempDir {
        tempfile::tempdir_in(self.directory.path()).expect("a directory")
    }
}

fn with_plugin(name: &str) -> Program {
    tool(name).plugin(Plugin::On)
}

fn assert_equal_files(left: &Path, right: &Path) {
    tool("h5diff").arg(left).arg(right).run().success();
}

#[test]
fn h5diff_finds_no_difference_between_local_and_remote() {
    let scene = scene();
    with_plugin("h5diff")
        .arg(scene.local())
        .arg(scene.url())
        .run()
        .success();
}

#[test]
fn h5diff_finds_what_differs_from_a_remote_file() {
    let scene = scene();
    let other = scene.target();
    let changed = other.path().join("changed.h5");
    std::fs::copy(scene.local(), &changed).expect("a copy");
    corpus::write_with(
        "import h5py; f = h5py.File('changed.h5', 'r+'); f['numbers'][7] = -1; f.close()",
        other.path(),
    );
    let local = tool("h5diff").arg("-v").arg(scene.local()).arg(&changed).run();
    let remote = with_plugin("h5diff")
        .arg("-v")
        .arg(scene.url())
        .arg(&changed)
        .run();
    assert_eq!(local.status.code(), Some(1), "{local}");
    assert_eq!(remote.status.code(), Some(1), "{remote}");
    assert_same(
        &local.stdout.replace(&scene.local().display().to_string(), "FILE"),
        &remote.stdout.replace(&scene.url(), "FILE"),
    );
}

#[test]
fn h5stat_counts_the_same() {
    let scene = scene();
    let local = tool("h5stat").arg(scene.local()).output();
    let remote = with_plugin("h5stat").arg(scene.url()).output();
    assert_same(
        &local.replace(&scene.local().display().to_string(), "FILE"),
        &remote.replace(&scene.url(), "FILE"),
    );
}

#[test]
fn h5copy_brings_objects_into_a_local_file() {
    let scene = scene();
    let target = scene.target();
    let (expected, copied) = (target.path().join("expected.h5"), target.path().join("copied.h5"));
    for object in ["/numbers", "/group"] {
        let copy = |program: Program, from: &str, to: &Path| {
            program
                .args(["-i", from, "-s", object, "-d", object, "-o"])
                .arg(to)
                .run()
                .success();
        };
        copy(tool("h5copy"), &scene.local().display().to_string(), &expected);
        copy(with_plugin("h5copy"), &scene.url(), &copied);
    }
    assert_equal_files(&expected, &copied);
    let listing = |path: &Path| tool("h5ls").arg("-r").arg(path).output();
    assert_eq!(listing(&expected), listing(&copied));
    assert!(listing(&copied).contains("/group/nested"), "{}", listing(&copied));
}

#[test]
fn h5repack_makes_a_local_copy() {
    let scene = scene();
    let target = scene.target();
    for options in [&["-f", "GZIP=6"][..], &["-l", "CONTI"]] {
        let repacked = target.path().join("repacked.h5");
        with_plugin("h5repack")
            .args(options)
            .arg(scene.url())
            .arg(&repacked)
            .run()
            .success();
        assert_equal_files(&scene.local(), &repacked);
        std::fs::remove_file(&repacked).expect("the copy");
    }
}

/// h5diff takes a shortcut when both names lead to one file, so the native comparison is with a copy.
#[test]
fn h5diff_finds_the_corpus_equal_to_its_copy() {
    let corpus = Corpus::get();
    let parent = tempfile::tempdir().expect("a directory");
    let copy = parent.path().join("copy");
    Program::new("/bin/cp")
        .arg("-a")
        .arg(&corpus.directory)
        .arg(&copy)
        .run()
        .success();
    let server = Server::over(&copy);
    let mut failures = Vec::new();
    for entry in corpus.entries.iter().filter(|entry| !entry.large) {
        if entry.skip.iter().any(|tool| tool == "h5diff" || tool == "h5dump") {
            continue;
        }
        let compare = |other: &str, plugin| {
            let program = tool("h5diff").plugin(plugin);
            let program = entry
                .env
                .iter()
                .fold(program, |program, (name, value)| program.env(name, value));
            program
                .arg(corpus.path(&entry.file))
                .arg(format!("{other}/{}", entry.file))
                .run()
        };
        let local = compare(&copy.display().to_string(), Plugin::Off);
        let remote = compare(server.base(), Plugin::On);
        if local.ending() != remote.ending() || local.stdout != remote.stdout {
            failures.push(format!("{}\n{local}\n{remote}", entry.file));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
