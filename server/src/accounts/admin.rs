//! What `hdfstream-server user` and `hdfstream-server token` do to the users file. Everything blocks.

use std::collections::BTreeSet;
use std::path::Path;

use super::file::{self, FileError};
use super::key::Key;
use super::name::{self, NameError};
use super::password::{Hash, HashError};
use super::token;
use super::users::{Account, Users};

/// Why an account cannot be made or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The password.
    #[error("the password is refused: {0}")]
    Password(String),
    /// There is one already.
    #[error("{0} has an account already; `user password` changes its password")]
    Exists(String),
    /// There is none.
    #[error("{0} has no account")]
    Unknown(String),
    /// A life of zero or too many days.
    #[error("a token lives for 1 to {} days", token::MOST_DAYS)]
    Days,
}

impl From<HashError> for AdminError {
    fn from(error: HashError) -> Self {
        Self::Password(error.to_string())
    }
}

/// Reads a users file that must be there.
pub(super) fn load(path: &Path) -> Result<Users, FileError> {
    let text = file::read(path)?.ok_or_else(|| FileError::Missing {
        path: path.to_owned(),
    })?;
    Users::parse(&text).map_err(|error| FileError::malformed(path, &error))
}

/// Makes an account, and the file if there is none.
///
/// # Errors
/// See [`AdminError`].
pub fn add(path: &Path, user: &str, roles: &[String], password: &str) -> Result<(), AdminError> {
    check(user, roles)?;
    let account = Account {
        hash: Hash::of(password)?,
        roles: roles.iter().cloned().collect(),
        tokens: 0,
    };
    file::replace(path, |text| {
        edit(path, text, |users| {
            if users.0.contains_key(user) {
                return Err(AdminError::Exists(user.to_owned()));
            }
            users.0.insert(user.to_owned(), account);
            Ok(())
        })
    })?;
    // The server itself may not be allowed to write here later.
    Key::load_or_make(path)?;
    Ok(())
}

/// What [`add`] will refuse, before anybody is asked for a password.
///
/// # Errors
/// See [`AdminError`].
pub fn check_new(path: &Path, user: &str, roles: &[String]) -> Result<(), AdminError> {
    check(user, roles)?;
    match load(path) {
        Ok(users) if users.0.contains_key(user) => Err(AdminError::Exists(user.to_owned())),
        Ok(_) | Err(FileError::Missing { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes an account; its tokens end with it.
///
/// # Errors
/// See [`AdminError`].
pub fn remove(path: &Path, user: &str) -> Result<(), AdminError> {
    change(path, |users| {
        users.0.remove(user).map(|_| ()).ok_or_else(|| unknown(user))
    })
}

/// Sets another password; the account's tokens end.
///
/// # Errors
/// See [`AdminError`].
pub fn set_password(path: &Path, user: &str, password: &str) -> Result<(), AdminError> {
    let hash = Hash::of(password)?;
    change(path, |users| {
        let account = users.0.get_mut(user).ok_or_else(|| unknown(user))?;
        account.hash = hash;
        Ok(())
    })
}

/// All accounts with their roles.
///
/// # Errors
/// See [`AdminError`].
pub fn list(path: &Path) -> Result<Vec<(String, BTreeSet<String>)>, AdminError> {
    let users = load(path)?;
    Ok(users
        .0
        .into_iter()
        .map(|(user, account)| (user, account.roles))
        .collect())
}

/// Whether there is such an account.
///
/// # Errors
/// [`AdminError::Unknown`] if not.
pub fn check_known(path: &Path, user: &str) -> Result<(), AdminError> {
    load(path)?.0.get(user).map(|_| ()).ok_or_else(|| unknown(user))
}

/// A token that lives for `days`.
///
/// # Errors
/// See [`AdminError`].
pub fn token(path: &Path, user: &str, days: u32) -> Result<String, AdminError> {
    if !(1..=token::MOST_DAYS).contains(&days) {
        return Err(AdminError::Days);
    }
    let users = load(path)?;
    let account = users.0.get(user).ok_or_else(|| unknown(user))?;
    let key = Key::load_or_make(path)?;
    Ok(token::issue(&key, user, account, token::expiry(days)))
}

/// Ends all tokens of a user.
///
/// # Errors
/// See [`AdminError`].
pub fn revoke(path: &Path, user: &str) -> Result<(), AdminError> {
    change(path, |users| {
        let account = users.0.get_mut(user).ok_or_else(|| unknown(user))?;
        account.tokens = account.tokens.wrapping_add(1);
        Ok(())
    })
}

fn check(user: &str, roles: &[String]) -> Result<(), NameError> {
    name::check("user", user)?;
    roles.iter().try_for_each(|role| name::check("role", role))
}

fn unknown(user: &str) -> AdminError {
    AdminError::Unknown(user.to_owned())
}

/// Changes a file that must be there.
fn change(path: &Path, change: impl FnOnce(&mut Users) -> Result<(), AdminError>) -> Result<(), AdminError> {
    load(path)?;
    file::replace(path, |text| edit(path, text, change))
}

fn edit(
    path: &Path,
    text: &str,
    change: impl FnOnce(&mut Users) -> Result<(), AdminError>,
) -> Result<String, AdminError> {
    let mut users = Users::parse(text).map_err(|error| FileError::malformed(path, &error))?;
    change(&mut users)?;
    Ok(users.render())
}
