//! Asking the person in front of the terminal, and nobody else.

use std::io::{BufRead, IsTerminal, Read};

use hdfstream::Secret;
use hdfstream::credentials::prompt::unseen;

use super::super::Failure;

/// Longest answer that is read, bytes.
const LONGEST: u64 = 64 << 10;

/// A secret, typed without being shown, or one line of standard input.
pub(super) fn secret(question: &str, from_stdin: bool) -> Result<Secret, Failure> {
    let text = if from_stdin {
        read_line()?
    } else if std::io::stdin().is_terminal() {
        unseen(question).map_err(Failure::Prompt)?
    } else {
        return Err(Failure::NoTerminal(
            "--password-stdin reads the password from standard input",
        ));
    };
    match text.is_empty() {
        true => Err(Failure::NothingGiven),
        false => Ok(Secret::new(text)),
    }
}

/// A line that may be seen.
pub(super) fn line(question: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::NoTerminal("--user says who to log in as"));
    }
    eprint!("{question}");
    let text = read_line()?;
    match text.trim() {
        "" => Err(Failure::NothingGiven),
        text => Ok(text.to_owned()),
    }
}

/// One line of standard input, without its end.
fn read_line() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(LONGEST)
        .read_line(&mut text)
        .map_err(Failure::Prompt)?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text)
}
