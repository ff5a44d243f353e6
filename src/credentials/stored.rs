//! Logins that `hdfstream login` keeps and `hdfstream logout` forgets: in the system's keyring, or in the token
//! file.

use std::path::PathBuf;

use crate::protocol::TokenReply;
use crate::{Error, RemoteName, Secret, Settings};

/// Where a login is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The system's keyring.
    Keyring,
    /// This file, which only its owner can read.
    File(PathBuf),
}

/// A login that is kept in the token file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Base URL of its server.
    pub base: RemoteName,
    /// Whose it is, as far as it is known.
    pub user: Option<String>,
    /// When it expires, seconds since 1970-01-01 UTC; `None` for passwords and for tokens without a date.
    pub expires: Option<i64>,
    /// Whether it is a token; if not, it is a password.
    pub token: bool,
}

/// Keeps a password: in the keyring when the settings file says so of this server (`use_keyring: true`), else
/// in the token file. It takes the place of what was kept there.
///
/// # Errors
/// [`Error::LoginStore`] when it cannot be kept there.
pub fn save(base: &RemoteName, user: &str, password: &Secret, settings: &Settings) -> Result<Place, Error> {
    let _ = (base, user, password, settings);
    Err(unwritten())
}

/// Keeps a token in the token file. It takes the place of what was kept there for this server.
///
/// # Errors
/// [`Error::LoginStore`] when it cannot be kept there.
pub fn save_token(base: &RemoteName, token: &TokenReply) -> Result<Place, Error> {
    keep_token(
        base,
        Some(&token.user),
        &Secret::new(token.token.clone()),
        Some(token.expires),
    )
}

/// Keeps a token of which perhaps less is known, such as one that the user typed.
///
/// # Errors
/// [`Error::LoginStore`] when it cannot be kept there.
pub fn keep_token(
    base: &RemoteName,
    user: Option<&str>,
    token: &Secret,
    expires: Option<i64>,
) -> Result<Place, Error> {
    let _ = (base, user, token, expires);
    Err(unwritten())
}

/// Forgets the login for the server at `base`, wherever `hdfstream login` may have kept it, and says where it was.
/// The keyring is looked into only when the settings file says so of this server, and a user is known: `user`, or
/// that of the settings file.
///
/// # Errors
/// [`Error::LoginStore`] when a place cannot be changed.
pub fn remove(base: &RemoteName, user: Option<&str>, settings: &Settings) -> Result<Vec<Place>, Error> {
    let _ = (base, user, settings);
    Err(unwritten())
}

/// What is kept in the token file, without secrets.
///
/// # Errors
/// [`Error::LoginStore`] when it cannot be read.
pub fn list() -> Result<Vec<Kept>, Error> {
    Err(unwritten())
}

fn unwritten() -> Error {
    Error::LoginStore {
        place: "the token file".to_owned(),
        reason: "it is not written yet".to_owned(),
    }
}
