//! What was found, and how it is shown: a line each, or JSON.

use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};

use crate::cli::output::printable;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// May be meant so, or does not matter to all programs.
    Warn,
    /// Does not work.
    Fail,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Finding {
    level: Level,
    subject: String,
    message: String,
    /// Commands that mend it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remedies: Vec<String>,
}

impl Finding {
    fn new(level: Level, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            level,
            subject: subject.into(),
            message: message.into(),
            remedies: Vec::new(),
        }
    }

    pub(super) fn ok(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Level::Ok, subject, message)
    }

    pub(super) fn warn(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Level::Warn, subject, message)
    }

    pub(super) fn fail(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Level::Fail, subject, message)
    }

    /// Adds to the message.
    pub(super) fn add(mut self, more: &str) -> Self {
        self.message.push_str(more);
        self
    }

    /// Adds a command that mends it.
    pub(super) fn mend(mut self, command: impl Into<String>) -> Self {
        self.remedies.push(command.into());
        self
    }

    /// Adds a command that must come before the others.
    pub(super) fn mend_first(mut self, command: impl Into<String>) -> Self {
        self.remedies.insert(0, command.into());
        self
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }

    /// As lines of text. Names of files and words of servers must not steer a terminal.
    fn text(&self, colour: bool) -> String {
        let (word, style) = match self.level {
            Level::Ok => ("ok", AnsiColor::Green.on_default()),
            Level::Warn => ("warn", AnsiColor::Yellow.on_default()),
            Level::Fail => ("FAIL", AnsiColor::Red.on_default().bold()),
        };
        let style = if colour { style } else { Style::new() };
        let mut text = format!(
            "{style}{word:<4}{style:#}  {}: {}\n",
            printable(&self.subject),
            printable(&self.message)
        );
        for command in &self.remedies {
            text.push_str(&format!("      -> {}\n", printable(command)));
        }
        text
    }
}

/// All findings.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Finding>);

impl Report {
    pub(super) fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.0.extend(findings);
    }

    /// Findings of a level.
    pub(super) fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|finding| finding.level == level).count()
    }

    pub(super) fn json(&self) -> String {
        let report = serde_json::json!({ "ok": self.count(Level::Fail) == 0, "findings": self.0 });
        format!("{report:#}\n")
    }
}

/// Lines for these findings, coloured on a terminal.
pub(super) fn lines(findings: &[Finding]) -> String {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let colour = std::io::stdout().is_terminal()
        && !set("NO_COLOR")
        && std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    findings.iter().map(|finding| finding.text(colour)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_aligned_and_cannot_steer_a_terminal() {
        let bad = Finding::fail("a\u{1b}[2J", "b\nc").mend("d");
        assert_eq!(bad.text(false), "FAIL  a\\u{1b}[2J: b\\nc\n      -> d\n");
        assert_eq!(Finding::ok("a", "b").text(false), "ok    a: b\n");
        assert!(bad.text(true).starts_with("\u{1b}[1m"), "{}", bad.text(true));
    }

    #[test]
    fn json_names_levels_and_leaves_out_what_is_not_there() {
        let mut report = Report::default();
        report.add([Finding::ok("a", "b"), Finding::warn("c", "d").mend("e")]);
        let value: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(value["ok"], true);
        assert_eq!(value["findings"][0]["level"], "ok");
        assert!(value["findings"][0].get("remedies").is_none());
        assert_eq!(value["findings"][1]["remedies"][0], "e");
    }
}
