//! Remote files, stubs and local files that are named.

use super::{about, doctor, findings, mended};
use crate::harness::corpus;
use crate::harness::{Server, make_stub};

fn scene() -> (tempfile::TempDir, Server) {
    let directory = tempfile::tempdir().expect("a directory");
    corpus::write_with(
        "import os, write_files\n\
         os.mkdir('folder')\n\
         for name in ('a.h5', 'b.h5', 'folder/c.h5'): write_files.small(name)\n\
         open('notes.txt', 'w').write('hello')",
        directory.path(),
    );
    let server = Server::over(directory.path());
    (directory, server)
}

#[test]
fn a_stub_whose_target_is_gone() {
    let (directory, server) = scene();
    let local = tempfile::tempdir().expect("a directory");
    let (stub, tree) = (local.path().join("stub.h5"), local.path().join("tree"));
    make_stub(&server.url("a.h5"), &stub);
    make_stub(server.base(), &tree);
    let program = doctor().arg(&stub).arg(&tree);
    let (stub, tree) = (stub.display().to_string(), tree.display().to_string());
    let all = findings(&program);
    about(&all, &stub).says("ok", &["a stub of", "opens"], "");
    about(&all, &tree).says("ok", &["3 stubs that open"], "");

    std::fs::remove_file(directory.path().join("a.h5")).expect("the file");
    let all = findings(&program);
    let gone = [server.url("a.h5"), "not on the server any more".to_owned()];
    let gone = gone.each_ref().map(String::as_str);
    about(&all, &stub).says("fail", &gone, &format!("stub --prune --refresh {stub}"));
    about(&all, &tree).says(
        "fail",
        &["2 of 3 stubs open"],
        &format!("stub --prune --refresh {tree}"),
    );
    about(&all, &format!("{tree}/a.h5")).says("fail", &gone, "");
    // The commands do what they promise.
    for finding in [about(&all, &stub), about(&all, &tree)] {
        mended(&finding.remedies[0], "true", |program| program).success();
    }
    let all = findings(&doctor().arg(&tree));
    about(&all, &tree).says("ok", &["2 stubs that open"], "");
    assert!(!std::path::Path::new(&stub).exists());
}

#[test]
fn a_tree_of_stubs_of_a_server_that_is_down() {
    let (_directory, mut server) = scene();
    let local = tempfile::tempdir().expect("a directory");
    let tree = local.path().join("tree");
    make_stub(server.base(), &tree);
    server.kill();
    let all = findings(&doctor().arg(&tree));
    let tree = tree.display().to_string();
    about(&all, &tree).says("fail", &["0 of 3 stubs open", "2 not looked at"], "");
    about(&all, &format!("{tree}/a.h5")).says("fail", &["refused the connection"], "");
}

#[test]
fn names_of_every_kind() {
    let (directory, server) = scene();
    let local = |name: &str| directory.path().join(name).display().to_string();
    for (name, level, word, remedy) in [
        (server.url("a.h5"), "ok", "opens", ""),
        (server.url("folder"), "ok", "a directory", ""),
        (server.url("notes.txt"), "warn", "no HDF5 file", ""),
        (
            server.url("absent.h5"),
            "fail",
            "no such file or directory",
            "hdfstream ls",
        ),
        (local("a.h5"), "ok", "a local HDF5 file", ""),
        (local("notes.txt"), "fail", "no HDF5 file", ""),
        (
            local("absent.h5"),
            "fail",
            "neither a local file nor a remote name",
            "hdfstream alias",
        ),
        (local("folder"), "ok", "no stubs", ""),
        (
            "cosma:a.h5".to_owned(),
            "fail",
            "neither a local file nor a remote name",
            "hdfstream alias",
        ),
        ("/dev/null".to_owned(), "fail", "no HDF5 file", ""),
        (
            "https://h:port/x".to_owned(),
            "fail",
            "not a usable remote name",
            "",
        ),
    ] {
        about(&findings(&doctor().arg(&name)), &name).says(level, &[word], remedy);
    }
}
