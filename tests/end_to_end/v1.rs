//! Protocol v1: what users of the Python client `hdfstream` find on our server.

mod bounds;
mod broken;
mod catalogue;
mod guide;
mod session;
mod suite;
mod values;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::harness::{Program, built, python_file};

/// A script of `programs`, with a place for the settings file that the client writes when it finds none.
fn script(name: &str) -> Program {
    python_file(&format!("end_to_end/programs/{name}")).env("XDG_CONFIG_HOME", settings())
}

/// Where the client keeps its settings in these tests.
fn settings() -> PathBuf {
    let folder = built::scratch().join("python-client");
    std::fs::create_dir_all(&folder).expect("a directory");
    folder
}

/// The source of the client, tests included.
pub(crate) fn client() -> PathBuf {
    let source = built::tools().join("client");
    assert!(
        source.join("tests/cassettes").exists(),
        "{} is missing: run tests/tools/provision",
        source.display()
    );
    source
}

/// The tree that the client's tests expect.
pub(crate) fn tree() -> &'static Path {
    static TREE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let tree = TREE.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let make = script("v1_tree.py").arg("--client-src").arg(client());
        make.arg("--out").arg(directory.path()).run().success();
        directory
    });
    tree.path()
}
