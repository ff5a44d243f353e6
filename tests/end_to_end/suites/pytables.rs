//! PyTables' own tests of what it makes: files, arrays, tables, links, attributes.

use std::time::Duration;

use super::{Verdicts, left_behind, verdicts};
use crate::harness::mounted::Mounted;
use crate::harness::{Program, python_file};

const TABLE: &str = include_str!("pytables.txt");

const MODULES: [&str; 9] = [
    "test_create",
    "test_array",
    "test_carray",
    "test_earray",
    "test_vlarray",
    "test_tables",
    "test_tablesMD",
    "test_links",
    "test_attributes",
];

fn run(modules: &[&str], place: impl Fn(Program) -> Program) -> Verdicts {
    let program = python_file("end_to_end/programs/run_pytables.py").args(modules);
    let outcome = place(program).limit(Duration::from_secs(2400)).run();
    assert!(!outcome.timed_out && outcome.status.success(), "{outcome}");
    verdicts::of_lines(&outcome.stdout)
}

fn compare(modules: &[&str], files: usize) -> Verdicts {
    let mounted = Mounted::new();
    let native = run(modules, |program| mounted.native(program));
    let remote = run(modules, |program| mounted.remote(program));
    verdicts::compare("PyTables", &native, &remote, TABLE);
    left_behind::check(&mounted, files);
    native
}

#[test]
#[ignore = "takes minutes: make suites"]
fn all_tests_of_pytables_end_as_with_local_files() {
    let native = compare(&MODULES, 1000);
    assert!(verdicts::passed(&native) > 3000, "{native:?}");
}

#[test]
fn tests_of_pytables_end_as_with_local_files() {
    compare(&["test_create", "test_links", "test_attributes"], 100);
}
