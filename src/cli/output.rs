//! Standard output: a reader that has gone (`hdfstream ls … | head`) is no failure.

use std::io::{ErrorKind, Write};

use serde::Serialize;

use super::Failure;

/// Writes everything at once.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}

/// A number of things, such as `1 file` or `2 files`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{ending}")
}

/// Writes one JSON document.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| Failure::Output(error.into()))?;
    text.push(b'\n');
    write(&text)
}

/// Text from a server, with control characters made visible: a file's name must not steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    #[test]
    fn control_characters_are_shown_not_sent() {
        assert_eq!(super::printable("a\u{1b}[2Jb\n ü"), "a\\u{1b}[2Jb\\n ü");
    }
}
