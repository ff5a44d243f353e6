//! `stub --refresh`: a tree of stubs follows its server, and nothing but stubs is touched.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::corpus;
use crate::harness::{Server, hdfstream};

struct Scene {
    served: tempfile::TempDir,
    here: tempfile::TempDir,
    server: Server,
}

/// A tree of stubs of `a.h5`, `x/b.h5` and `x/y/c.h5`.
fn scene() -> Scene {
    let served = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import os, write_files\nos.makedirs('x/y')\n\
         for name in ('a.h5', 'x/b.h5', 'x/y/c.h5'): write_files.small(name)",
        served.path(),
    );
    let here = tempfile::tempdir().expect("a directory");
    let server = Server::over(served.path());
    hdfstream()
        .arg("stub")
        .arg(server.base())
        .arg(here.path().join("tree"))
        .output();
    Scene { served, here, server }
}

impl Scene {
    fn tree(&self) -> PathBuf {
        self.here.path().join("tree")
    }

    fn refresh(&self, options: &[&str]) -> serde_json::Value {
        let text = hdfstream()
            .args(["stub", "--json"])
            .args(options)
            .arg("--refresh")
            .arg(self.tree())
            .output();
        let reports: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        reports[0].clone()
    }

    fn serve(&self, name: &str) {
        let path = self.served.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a directory");
        fs::copy(self.served.path().join("a.h5"), path).expect("a file");
    }
}

fn count(report: &serde_json::Value, key: &str) -> usize {
    report[key].as_array().expect(key).len()
}

fn is_stub(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| hdfstream::Stub::decode(&bytes).is_some())
}

#[test]
fn new_files_get_stubs_and_gone_ones_are_told_then_removed() {
    let scene = scene();
    assert_eq!(scene.refresh(&[])["kept"], 3);
    scene.serve("x/new.h5");
    scene.serve("z/new.h5");
    fs::remove_dir_all(scene.served.path().join("x/y")).expect("the directory");
    fs::write(scene.tree().join("x/notes.txt"), "mine").expect("a file");

    let report = scene.refresh(&[]);
    assert_eq!(
        (
            count(&report, "new"),
            count(&report, "gone"),
            count(&report, "removed")
        ),
        (2, 1, 0),
        "{report}"
    );
    assert!(is_stub(&scene.tree().join("z/new.h5")) && is_stub(&scene.tree().join("x/y/c.h5")));
    let words = hdfstream().args(["stub", "--refresh"]).arg(scene.tree()).output();
    assert!(
        words.contains("gone from the server: ") && words.contains("--prune"),
        "{words}"
    );

    let report = scene.refresh(&["--prune"]);
    assert_eq!(
        (count(&report, "gone"), count(&report, "removed")),
        (1, 1),
        "{report}"
    );
    // With the directory that it leaves empty, and with nothing else.
    assert!(!scene.tree().join("x/y").exists());
    assert_eq!(
        fs::read(scene.tree().join("x/notes.txt")).expect("the file"),
        b"mine"
    );
    assert_eq!(scene.refresh(&["--prune"])["kept"], 4);
}

#[test]
fn files_of_the_user_and_links_are_left_alone() {
    let scene = scene();
    let elsewhere = scene.here.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a directory");
    std::os::unix::fs::symlink(&elsewhere, scene.tree().join("link")).expect("a link");
    scene.serve("link/in.h5");
    scene.serve("mine.h5");
    fs::write(scene.tree().join("mine.h5"), "mine").expect("a file");
    hdfstream::Stub::encode("https://other.example.org/hdfstream/o.h5")
        .map(|bytes| fs::write(scene.tree().join("other.h5"), bytes).expect("a file"))
        .expect("a stub");

    let report = scene.refresh(&["--prune"]);
    assert_eq!(
        (count(&report, "in_the_way"), &report["others"]),
        (2, &1.into()),
        "{report}"
    );
    assert_eq!(fs::read(scene.tree().join("mine.h5")).expect("the file"), b"mine");
    assert_eq!(fs::read_dir(&elsewhere).expect("the directory").count(), 0);
    assert!(is_stub(&scene.tree().join("other.h5")));
}

#[test]
fn a_file_that_became_a_directory_and_the_reverse() {
    let scene = scene();
    fs::remove_file(scene.served.path().join("x/b.h5")).expect("the file");
    scene.serve("x/b.h5/inner.h5");
    fs::remove_dir_all(scene.served.path().join("x/y")).expect("the directory");
    scene.serve("x/y");
    let report = scene.refresh(&[]);
    assert_eq!(
        (count(&report, "gone"), count(&report, "in_the_way")),
        (2, 2),
        "{report}"
    );
    let report = scene.refresh(&["--prune"]);
    assert_eq!(
        (count(&report, "removed"), count(&report, "new")),
        (2, 2),
        "{report}"
    );
    assert!(is_stub(&scene.tree().join("x/b.h5/inner.h5")) && is_stub(&scene.tree().join("x/y")));
}

#[test]
fn single_stubs_and_what_is_none() {
    let scene = scene();
    let stub = scene.tree().join("a.h5");
    let refresh = |path: &Path| hdfstream().args(["stub", "--prune", "--refresh"]).arg(path);
    assert!(refresh(&stub).output().contains("1 as before"));
    fs::remove_file(scene.served.path().join("a.h5")).expect("the file");
    assert!(refresh(&stub).output().contains("removed: "));
    assert!(!stub.exists());
    let plain = scene.here.path().join("plain");
    fs::write(&plain, "mine").expect("a file");
    let outcome = refresh(&plain).run().failure();
    assert!(outcome.stderr.contains("no stub here"), "{outcome}");
}

#[test]
fn nothing_is_removed_when_the_server_is_down() {
    let mut scene = scene();
    scene.server.kill();
    let outcome = hdfstream()
        .args(["stub", "--prune", "--refresh"])
        .arg(scene.tree())
        .run()
        .failure();
    assert!(outcome.stderr.contains("refused"), "{outcome}");
    assert!(is_stub(&scene.tree().join("x/y/c.h5")));
}
