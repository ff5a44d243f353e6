//! What became of each test of a suite, and the comparison of two runs.

use std::collections::BTreeMap;

/// A test's name, how it ended, and what it said.
pub(super) type Verdicts = BTreeMap<String, Verdict>;

#[derive(Debug, Clone)]
pub(super) struct Verdict {
    /// `PASSED` or another word.
    pub(super) word: String,
    /// Its last line when it failed.
    pub(super) reason: String,
}

impl Verdict {
    pub(super) fn new(word: &str, reason: &str) -> Self {
        let (word, reason) = (word.to_owned(), reason.trim().to_owned());
        Self { word, reason }
    }
}

/// Reads lines such as `PASSED tests/test_file.py::TestFile::test_x - and why`; all others are passed over.
pub(super) fn of_lines(text: &str) -> Verdicts {
    let line = |line: &str| {
        let (word, rest) = line.split_once(' ')?;
        if !matches!(
            word,
            "PASSED" | "FAILED" | "ERROR" | "SKIPPED" | "XFAIL" | "XPASS"
        ) {
            return None;
        }
        let (name, reason) = rest.split_once(" - ").unwrap_or((rest, ""));
        Some((name.trim().to_owned(), Verdict::new(word, reason)))
    };
    text.lines().filter_map(line).collect()
}

pub(super) fn passed(verdicts: &Verdicts) -> usize {
    verdicts
        .values()
        .filter(|verdict| verdict.word == "PASSED")
        .count()
}

/// Panics unless the tests that end otherwise with remote files are exactly those of the table: a name on a line of
/// its own, and below it the reason, indented. Entries about tests that did not run do not count.
pub(super) fn compare(suite: &str, native: &Verdicts, remote: &Verdicts, table: &str) {
    let listed = names(table);
    let word = |verdicts: &Verdicts, name: &str| {
        let verdict = verdicts.get(name);
        verdict.map_or("did not run".to_owned(), |verdict| verdict.word.clone())
    };
    let all: std::collections::BTreeSet<&String> = native.keys().chain(remote.keys()).collect();
    let mut wrong = Vec::new();
    let mut different = 0;
    for name in all {
        let (local, far) = (word(native, name), word(remote, name));
        let reason = remote.get(name).map_or("", |verdict| &verdict.reason);
        different += usize::from(local != far);
        match (local != far, listed.contains(&name.as_str())) {
            (true, false) => wrong.push(format!("{name}: {local} locally, {far} remotely: {reason}")),
            (false, true) => wrong.push(format!("{name}: {local} both times, but it is in the table")),
            _ => {}
        }
    }
    println!(
        "{suite}: {} of {} pass locally, {} of {} remotely, {different} differ",
        passed(native),
        native.len(),
        passed(remote),
        remote.len(),
    );
    assert!(
        wrong.is_empty(),
        "{suite}: {} tests\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn names(table: &str) -> Vec<&str> {
    let named = |line: &&str| !line.is_empty() && !line.starts_with([' ', '#']);
    table.lines().filter(named).collect()
}
