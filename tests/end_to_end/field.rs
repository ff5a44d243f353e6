//! Systems from the field that keep their data in HDF5 files: their real packages, unmodified, say the same whether
//! the files are remote or not.

mod bamboost;
mod client;
mod pybest;
mod pymodaq;

use std::time::Duration;

use crate::harness::mounted::{Mounted, files_below};
use crate::harness::{Program, assert_same, built, tool};

/// A script of `programs`, in the environment that has the systems.
fn script(name: &str) -> Program {
    let python = built::tools().join("field/bin/python");
    assert!(
        python.exists(),
        "{} is missing: run tests/tools/provision",
        python.display()
    );
    Program::new(python)
        .arg(built::checkout().join("tests/end_to_end/programs").join(name))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .limit(Duration::from_secs(400))
}

/// Runs a script in a local directory and in a mount, and compares what it prints; the files are then on the server,
/// and local programs read them there.
fn same(mounted: &Mounted, name: &str) {
    let local = mounted.native(script(name).arg(mounted.plain())).run().success();
    let remote = mounted.remote(script(name).arg(mounted.path())).run().success();
    assert!(local.stdout.lines().count() > 10, "{local}");
    assert_same(&local.stdout, &remote.stdout);
    assert!(remote.stats().requests > 0, "{remote}");
    let is_hdf5 = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "h5");
    let made = files_below(&mounted.plain()).into_iter().filter(is_hdf5);
    for path in made {
        let below = path.strip_prefix(mounted.plain()).expect("a path below");
        let stub = std::fs::metadata(mounted.path().join(below)).expect("a stub");
        assert_eq!(stub.len(), 1024, "{} was made locally", below.display());
        tool("h5dump").arg(mounted.served().join(below)).run().success();
    }
}
