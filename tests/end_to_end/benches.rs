//! The benches' programs work: a small run goes into the README and the manual. No time is looked at.

use crate::harness::{Program, built, host};

#[test]
fn a_small_run_is_written_into_the_readme_and_the_manual() {
    let directory = tempfile::tempdir().expect("a directory");
    let benches = built::checkout().join("benches");
    let outcome = Program::new(host::interpreter())
        .arg(benches.join("bench.py"))
        .arg("--release")
        .arg(built::directory())
        .arg("--files")
        .arg(directory.path())
        .arg("--out")
        .arg(directory.path())
        .args(["--workloads", "walk-e,walk-e-again,append", "--systems", "ours"])
        .args(["--round-trips", "0,10", "--repetitions", "1", "--limit", "90"])
        .run()
        .success();
    // Nobody failed, and all saw the same.
    assert!(outcome.stdout.contains("walk-e-again"), "{}", outcome.stdout);
    for bad in ["cannot", "wrong", "> 90"] {
        assert!(!outcome.stdout.contains(bad), "{}", outcome.stdout);
    }

    let checkout = directory.path().join("checkout");
    std::fs::create_dir_all(checkout.join("docs")).expect("a directory");
    let documents = ["README.md", "docs/performance.md"];
    for name in documents {
        std::fs::copy(built::checkout().join(name), checkout.join(name)).expect("a copy");
    }
    Program::new(host::interpreter())
        .arg(benches.join("render.py"))
        .arg(directory.path().join("results.json"))
        .arg(&checkout)
        .env("MPLCONFIGDIR", directory.path())
        .run()
        .success();
    for name in documents {
        let text = std::fs::read_to_string(checkout.join(name)).expect("a document");
        assert!(text.contains("| walk E, all attributes |"), "{text}");
    }
    let picture = std::fs::read_to_string(checkout.join("docs/performance.svg")).expect("the picture");
    assert!(picture.contains("walk E, all attributes"), "{picture}");
}
