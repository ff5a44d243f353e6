//! Local files are untouched by the plugin: h5py's own tests give the same counts with it as without.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::harness::comparison::difference;
use crate::harness::{Plugin, Program, host};

/// Results of all tests of h5py, by name.
fn h5py_suite(plugin: Plugin) -> BTreeMap<String, String> {
    let directory = tempfile::tempdir().expect("a directory");
    let outcome = Program::new(host::interpreter())
        .args([
            "-m",
            "pytest",
            "--pyargs",
            "h5py",
            "-p",
            "no:cacheprovider",
            "-q",
            "-rA",
            "--tb=no",
        ])
        .directory(directory.path())
        .plugin(plugin)
        .limit(Duration::from_secs(1200))
        .run();
    assert!(!outcome.timed_out, "{outcome}");
    let results: BTreeMap<_, _> = outcome.stdout.lines().filter_map(result).collect();
    assert!(results.len() > 500, "h5py has more tests than this: {outcome}");
    results
}

/// A line of the summary such as `PASSED h5py/tests/test_file.py::TestFile::test_x`.
fn result(line: &str) -> Option<(String, String)> {
    let (verdict, rest) = line.split_once(' ')?;
    if !matches!(verdict, "PASSED" | "FAILED" | "ERROR" | "XFAIL" | "XPASS") {
        return None;
    }
    let name = rest.split(" - ").next().unwrap_or(rest);
    Some((name.to_owned(), verdict.to_owned()))
}

fn shown(results: &BTreeMap<String, String>) -> String {
    results
        .iter()
        .map(|(name, verdict)| format!("{verdict} {name}\n"))
        .collect()
}

#[test]
fn h5py_passes_its_own_tests_as_without_the_plugin() {
    let without = h5py_suite(Plugin::Off);
    let passed = without.values().filter(|verdict| *verdict == "PASSED").count();
    println!(
        "h5py without the plugin: {passed} of {} tests pass",
        without.len()
    );
    let mut differences = String::new();
    for plugin in [Plugin::On, Plugin::Discovery] {
        if let Some(difference) = difference(&shown(&without), &shown(&h5py_suite(plugin))) {
            differences.push_str(&format!("plugin {plugin:?}\n{difference}"));
        }
    }
    assert!(differences.is_empty(), "not as without the plugin\n{differences}");
}
