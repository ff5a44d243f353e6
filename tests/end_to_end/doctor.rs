//! `hdfstream doctor` in one broken situation after another: each is found, and told with what mends it.

mod environment;
mod names;
mod programs;
mod responder;
mod secured;
mod servers;
mod settings;

use std::path::Path;

use crate::harness::{Outcome, Program, built, hdfstream};

/// A line of the report.
#[derive(Debug, Clone, serde::Deserialize)]
struct Finding {
    level: String,
    subject: String,
    message: String,
    #[serde(default)]
    remedies: Vec<String>,
}

/// The tool, in an environment without anything of HDF5 and without programs.
fn doctor() -> Program {
    hdfstream()
        .arg("doctor")
        .env_remove("HDF5_PLUGIN_PATH")
        .env("PATH", "/nonexistent")
}

/// The same with the Python packages and the tools of the tests.
fn doctor_with_programs() -> Program {
    let folders = ["python/bin", "hdf5-1.14/bin"].map(|folder| built::tools().join(folder));
    doctor().env(
        "PATH",
        std::env::join_paths(folders).expect("folders without colons"),
    )
}

/// A folder with a settings file.
fn settings(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    std::fs::write(folder.path().join("config.yml"), text).expect("a settings file");
    folder
}

/// Runs it with `--json`; the status says the same as the findings.
#[track_caller]
fn findings(program: &Program) -> Vec<Finding> {
    let outcome = program.clone().arg("--json").run();
    read(&outcome)
}

#[track_caller]
fn read(outcome: &Outcome) -> Vec<Finding> {
    #[derive(serde::Deserialize)]
    struct Report {
        ok: bool,
        findings: Vec<Finding>,
    }
    assert!(!outcome.timed_out, "{outcome}");
    let report: Report =
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}\n{outcome}"));
    let failed = report.findings.iter().any(|finding| finding.level == "fail");
    assert_eq!(report.ok, !failed, "{outcome}");
    assert_eq!(outcome.status.code(), Some(i32::from(failed)), "{outcome}");
    report.findings
}

/// The only finding about `subject`.
#[track_caller]
fn about<'a>(findings: &'a [Finding], subject: &str) -> &'a Finding {
    let found: Vec<_> = findings
        .iter()
        .filter(|finding| finding.subject == subject)
        .collect();
    assert_eq!(found.len(), 1, "{subject} in {findings:#?}");
    found[0]
}

impl Finding {
    /// Insists on a level, on words of the message, and on a command that mends it ("" for none).
    #[track_caller]
    fn says(&self, level: &str, words: &[&str], remedy: &str) {
        assert_eq!(self.level, level, "{self:#?}");
        for word in words {
            assert!(self.message.contains(word), "{word:?} in {self:#?}");
        }
        match remedy {
            "" => assert!(self.remedies.is_empty(), "{self:#?}"),
            _ => assert!(
                self.remedies.iter().any(|command| command.contains(remedy)),
                "{self:#?}"
            ),
        }
    }
}

/// Runs a command that doctor gave, in a shell that then runs `program`.
fn mended(remedy: &str, program: &str, environment: impl Fn(Program) -> Program) -> Outcome {
    environment(
        Program::new("/bin/sh")
            .arg("-c")
            .arg(format!("{remedy}\n{program}")),
    )
    .run()
}

/// A folder with links to these files, by other names.
fn links(files: &[(&str, &Path)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    for (name, file) in files {
        std::os::unix::fs::symlink(file, folder.path().join(name)).expect("a link");
    }
    folder
}
