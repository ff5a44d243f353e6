//! Servers of the older protocol, which give the objects of files and not their bytes: unmodified programs read them
//! as they read local files, as far as that protocol has words for it.

mod expressed;
mod limits;
mod recorded;
mod requests;
mod snapshots;

use std::path::{Path, PathBuf};

use crate::harness::comparison::without_addresses;
use crate::harness::{Plugin, Program, Server, assert_same, corpus};

/// A file and a server that speaks only the older protocol.
struct Scene {
    directory: tempfile::TempDir,
    server: Server,
}

impl Scene {
    /// Serves what `write` of `write_objects` makes as `file.h5`.
    fn new(write: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        corpus::write_with(
            &format!("import write_objects; write_objects.{write}('file.h5')"),
            directory.path(),
        );
        let server = Server::with(directory.path(), &["--protocol", "v1"]);
        Self { directory, server }
    }

    fn local(&self) -> PathBuf {
        self.directory.path().join("file.h5")
    }

    fn url(&self) -> String {
        self.server.url("file.h5")
    }
}

/// What a program says of a local file, and of the same one on a server, with their names taken out.
#[track_caller]
fn shows_the_same(local: &Path, url: &str, program: &Program) {
    let show =
        |program: Program, name: &str| without_addresses(&program.arg(name).output().replace(name, "FILE"));
    let expected = show(program.clone(), &local.display().to_string());
    assert!(!expected.is_empty());
    assert_same(&expected, &show(program.clone().plugin(Plugin::On), url));
}
