//! The users file: who has an account, with which password and roles. TOML in, TOML out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Deserialize;

use super::name::{self, NameError};
use super::password::{Hash, HashError};

/// Says what the file is, to whoever opens it.
const HEAD: &str = "\
# Accounts of hdfstream-server. `hdfstream-server user` and `hdfstream-server token --revoke` write this
# file anew. Roles may be changed here; a running server takes notice within a second.
";

/// All accounts by name.
#[derive(Debug, Default, Clone)]
pub(crate) struct Users(pub(crate) BTreeMap<String, Account>);

/// One account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// Of the password.
    pub(crate) hash: Hash,
    pub(crate) roles: BTreeSet<String>,
    /// Counts how often the account's tokens were revoked; those made before do not hold any more.
    pub(crate) tokens: u32,
}

/// Why the text of a users file is refused. Never repeats a hash.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsersError {
    #[error("{0}")]
    Malformed(String),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("the password of {user} cannot be used: {source}")]
    Hash { user: String, source: HashError },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    users: BTreeMap<String, WrittenAccount>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAccount {
    password: String,
    #[serde(default)]
    roles: BTreeSet<String>,
    #[serde(default)]
    tokens: u32,
}

impl Users {
    pub(crate) fn parse(text: &str) -> Result<Self, UsersError> {
        let written: Written = toml::from_str(text).map_err(|error| {
            // Its own message shows the line, in which a hash may stand.
            let line = error
                .span()
                .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            UsersError::Malformed(format!("line {line}: {}", error.message()))
        })?;
        let mut users = BTreeMap::new();
        for (user, account) in written.users {
            name::check("user", &user)?;
            for role in &account.roles {
                name::check("role", role)?;
            }
            let hash = Hash::parse(&account.password).map_err(|source| UsersError::Hash {
                user: user.clone(),
                source,
            })?;
            users.insert(
                user,
                Account {
                    hash,
                    roles: account.roles,
                    tokens: account.tokens,
                },
            );
        }
        Ok(Self(users))
    }

    /// The file's text. Nothing needs an escape: names and hashes consist of plain characters.
    pub(crate) fn render(&self) -> String {
        let mut text = HEAD.to_owned();
        for (user, account) in &self.0 {
            let roles: Vec<_> = account.roles.iter().map(|role| format!("\"{role}\"")).collect();
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n[users.\"{user}\"]\npassword = \"{}\"\nroles = [{}]\n",
                account.hash.as_str(),
                roles.join(", ")
            );
            if account.tokens > 0 {
                let _ = writeln!(text, "tokens = {}", account.tokens);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::password::tests::quick;
    use proptest::prelude::*;

    const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$1ZvAtjPRkVEnRbmBXgTvPlkRxqVqVVbCVVUyvMbYTcA";

    #[test]
    fn what_is_written_is_read() {
        let account = Account {
            hash: quick("pass"),
            roles: ["staff".to_owned(), "virgo.x".to_owned()].into(),
            tokens: 3,
        };
        let users = Users([("ada@ncc.org".to_owned(), account)].into());
        let text = users.render();
        let read = Users::parse(&text).unwrap();
        assert_eq!(read.render(), text);
        assert_eq!(read.0["ada@ncc.org"].tokens, 3);
        assert_eq!(Users::parse(&Users::default().render()).unwrap().0.len(), 0);
        assert_eq!(Users::parse("").unwrap().0.len(), 0);
    }

    #[test]
    fn mistakes_are_named_without_showing_the_hash() {
        for (text, part) in [
            (format!("[users.ada]\npassword = '{HASH}\n"), "line 2"),
            (format!("[users.ada]\npassword = '{HASH}'\nrole = []\n"), "role"),
            (format!("[users.ada]\npassword = ['{HASH}']\n"), "line 2"),
            (format!("[users.'a b']\npassword = '{HASH}'\n"), "a b"),
            (
                format!("[users.ada]\npassword = '{HASH}'\nroles = ['x y']\n"),
                "x y",
            ),
            (format!("[users.ada]\npassword = '{HASH}$x'\n"), "ada"),
            ("[users.ada]\npassword = 'secret'\n".to_owned(), "ada"),
            ("[users.ada]\n".to_owned(), "password"),
            ("[user.ada]\n".to_owned(), "user"),
        ] {
            let message = Users::parse(&text).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
            assert!(
                !message.contains("c29tZXNhbHQ") && !message.contains("secret"),
                "{message}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            let _ = Users::parse(&text);
        }

        /// Damage to a good file never gives an account that cannot be written again.
        #[test]
        fn damaged_files_are_read_or_refused(at in 0..250usize, byte in any::<u8>(), cut in 0..250usize) {
            let mut bytes = format!("[users.ada]\npassword = '{HASH}'\nroles = ['a', 'b']\ntokens = 1\n").into_bytes();
            let length = bytes.len();
            bytes[at % length] = byte;
            for text in [&bytes[..], &bytes[..cut % length]] {
                if let Ok(users) = Users::parse(&String::from_utf8_lossy(text)) {
                    prop_assert!(Users::parse(&users.render()).is_ok());
                }
            }
        }
    }
}
