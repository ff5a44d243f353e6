//! Names of users and roles: short, and of characters that mean nothing in HTTP, TOML or a log.

/// Longest name.
const LONGEST: usize = 64;

/// A name that is not allowed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{}` cannot be the name of a {what}: use 1 to 64 of A-Z, a-z, 0-9 and . _ @ + -, a letter or digit first",
    text.escape_debug()
)]
pub struct NameError {
    what: &'static str,
    text: String,
}

/// Checks the name of a `what`, a user or role.
pub(crate) fn check(what: &'static str, text: &str) -> Result<(), NameError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte);
    let first = text.bytes().next();
    if text.len() <= LONGEST
        && first.is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().all(plain)
    {
        Ok(())
    } else {
        let text = text.chars().take(LONGEST).collect();
        Err(NameError { what, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_pass() {
        for good in ["a", "ada.l@ncc-1.org", "7", "A+b_c", &"x".repeat(64)] {
            assert!(check("user", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            ".a",
            "a b",
            "a:b",
            "a\n",
            "ä",
            "a/b",
            "\"",
            &"x".repeat(65),
        ] {
            let message = check("user", bad).unwrap_err().to_string();
            assert!(message.contains("user") && !message.contains('\n'), "{message}");
        }
    }
}
