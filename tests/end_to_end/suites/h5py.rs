//! h5py's own tests.

use std::time::Duration;

use super::{Verdicts, left_behind, verdicts};
use crate::harness::mounted::Mounted;
use crate::harness::{Program, host};

const TABLE: &str = include_str!("h5py.txt");

/// h5py's tests, or those of the modules named. The package is always named as a whole, since that decides how tests
/// are called.
fn suite(modules: &[&str]) -> Program {
    let of_module: Vec<String> = modules.iter().map(|module| format!("{module}.py")).collect();
    Program::new(host::interpreter())
        .args(["-m", "pytest", "-p", "no:cacheprovider", "-q", "-rA", "--tb=no"])
        .args(["-k", &of_module.join(" or ")])
        .args(["--pyargs", "h5py"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // Otherwise reasons are cut to a terminal's width.
        .env("COLUMNS", "500")
        .limit(Duration::from_secs(1800))
}

fn run(program: &Program) -> Verdicts {
    let outcome = program.run();
    assert!(!outcome.timed_out, "{outcome}");
    let verdicts = verdicts::of_lines(&outcome.stdout);
    assert!(verdicts::passed(&verdicts) > 20, "{outcome}");
    verdicts
}

fn compare(modules: &[&str], files: usize) -> (Verdicts, Verdicts) {
    let mounted = Mounted::new();
    let native = run(&mounted.native(suite(modules)));
    let remote = run(&mounted.remote(suite(modules)));
    verdicts::compare("h5py", &native, &remote, TABLE);
    left_behind::check(&mounted, files);
    (native, remote)
}

#[test]
#[ignore = "takes minutes: make suites"]
fn all_tests_of_h5py_end_as_with_local_files() {
    let (native, remote) = compare(&[], 500);
    let (local, far) = (verdicts::passed(&native), verdicts::passed(&remote));
    assert!(local > 850, "h5py has more tests than {local}");
    assert!(far * 100 >= local * 98, "{far} of {local}");
}

#[test]
fn tests_of_h5py_end_as_with_local_files() {
    compare(
        &["test_file", "test_group", "test_attrs", "test_dataset_swmr"],
        50,
    );
}
