//! Asking for a password at a terminal, without showing it.

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// What is typed at the terminal after `question`, without its end. Nothing is shown from before the question on:
/// whoever types at once would see the beginning.
///
/// # Errors
/// When there is no terminal.
pub fn unseen(question: &str) -> std::io::Result<String> {
    let terminal = std::fs::File::open("/dev/tty")?;
    let usual = tcgetattr(&terminal)?;
    let mut quiet = usual.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Now, &quiet)?;
    let answer = rpassword::prompt_password(question);
    tcsetattr(&terminal, OptionalActions::Now, &usual)?;
    answer
}
