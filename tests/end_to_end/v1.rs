//! Protocol v1: what users of the Python client `hdfstream` find on our server.

mod bounds;
mod session;
mod suite;
mod values;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::harness::{Program, built, python_file};

/// A script of `programs`.
fn script(name: &str) -> Program {
    python_file(&format!("end_to_end/programs/{name}"))
}

/// The source of the client, tests included.
fn client() -> PathBuf {
    let source = built::tools().join("client");
    assert!(
        source.join("tests/cassettes").exists(),
        "{} is missing: run tests/tools/provision",
        source.display()
    );
    source
}

/// The tree that the client's tests expect.
fn tree() -> &'static Path {
    static TREE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let tree = TREE.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let make = script("v1_tree.py").arg("--client-src").arg(client());
        make.arg("--out").arg(directory.path()).run().success();
        directory
    });
    tree.path()
}
