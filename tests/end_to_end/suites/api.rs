//! HDF5's own tests of its interface, `h5_api_test`, meant for connectors such as ours.

use super::verdicts::{self, Verdict};
use super::{Verdicts, left_behind};
use crate::harness::mounted::Mounted;
use crate::harness::{Program, built};

fn suite(prefix: &str) -> Program {
    let program = built::tools().join("h5_api_test/h5_api_test");
    assert!(
        program.exists(),
        "{} is missing: run tests/tools/provision",
        program.display()
    );
    Program::new(program).env("HDF5_API_TEST_PATH_PREFIX", prefix)
}

fn run(program: &Program) -> Verdicts {
    let outcome = program.run();
    assert!(!outcome.timed_out, "{outcome}");
    let verdicts = of_report(&outcome.stdout);
    assert!(
        outcome.stdout.contains(" API tests passed with VOL connector "),
        "{outcome}"
    );
    verdicts
}

/// Reads `Testing NAME  PASSED`. Parts of a test are indented below it; some have the same name.
fn of_report(report: &str) -> Verdicts {
    let mut verdicts = Verdicts::new();
    let mut test = "";
    for line in report.lines() {
        let Some(name) = line.trim_start().strip_prefix("Testing ") else {
            continue;
        };
        let words = [
            ("PASSED", "PASSED"),
            ("-SKIP-", "SKIPPED"),
            ("*FAILED*", "FAILED"),
        ];
        let end = |(mark, word)| Some((name.trim_end().strip_suffix(mark)?.trim(), word));
        let (name, word) = words.into_iter().find_map(end).unwrap_or((name.trim(), "BEGUN"));
        if !line.starts_with(' ') {
            test = name;
        }
        let name = if line.starts_with(' ') {
            format!("{test}: {name}")
        } else {
            name.to_owned()
        };
        let key = (1..)
            .map(|count| format!("{name} #{count}"))
            .find(|key| !verdicts.contains_key(key));
        verdicts.insert(key.expect("numbers do not end"), Verdict::new(word, ""));
    }
    verdicts
}

#[test]
fn hdf5s_tests_of_its_interface_end_as_with_local_files() {
    let mounted = Mounted::new();
    let native = run(&mounted.native(suite(&format!("{}/", mounted.plain().display()))));
    let remote = run(&mounted.remote(suite(&mounted.server().url(""))));
    assert!(verdicts::passed(&native) > 1000, "{native:?}");
    verdicts::compare("h5_api_test", &native, &remote, "");
    left_behind::check(&mounted, 4);
}

#[test]
fn reports_are_read() {
    let report = "Testing a  PASSED\nTesting b\n  Testing b1  -SKIP-\n  Testing b1  *FAILED*\n\n1/2 tests\n";
    let words = of_report(report)
        .into_iter()
        .map(|(name, verdict)| format!("{name}={}", verdict.word));
    let words: Vec<_> = words.collect();
    assert_eq!(
        words,
        ["a #1=PASSED", "b #1=BEGUN", "b: b1 #1=SKIPPED", "b: b1 #2=FAILED"]
    );
}
