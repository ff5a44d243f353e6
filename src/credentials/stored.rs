//! Logins that `hdfstream login` keeps and `hdfstream logout` forgets: in the system's keyring, or in the token
//! file.

use std::path::PathBuf;

use super::token_file::{self, Login};
use super::{keyring, services};
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
    let entry = settings.server(base).filter(|entry| entry.use_keyring);
    // The Python client looks for the URL of the alias, as it is written; aliases come last.
    if let Some(entry) = entry
        && let Some(service) = entry.spellings.last()
    {
        keyring::store(service, user, password).map_err(store_error)?;
        return Ok(Place::Keyring);
    }
    keep(
        base,
        Login {
            user: Some(user.to_owned()),
            password: Some(password.reveal().to_owned()),
            ..Login::default()
        },
    )
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
    keep(
        base,
        Login {
            user: user.map(str::to_owned),
            token: Some(token.reveal().to_owned()),
            expires,
            ..Login::default()
        },
    )
}

fn keep(base: &RemoteName, login: Login) -> Result<Place, Error> {
    let (path, _) = token_file::change(|logins| logins.insert(base.url(), login))?;
    Ok(Place::File(path))
}

/// Forgets the login for the server at `base`, wherever `hdfstream login` may have kept it, and says where it was.
/// The keyring is looked into only when the settings file says so of this server, and a user is known: `user`, or
/// that of the settings file.
///
/// # Errors
/// [`Error::LoginStore`] when a place cannot be changed.
pub fn remove(base: &RemoteName, user: Option<&str>, settings: &Settings) -> Result<Vec<Place>, Error> {
    let (path, removed) = token_file::change(|logins| {
        let theirs = logins
            .get(&base.url())
            .is_some_and(|login| user.is_none() || login.user.is_none() || login.user.as_deref() == user);
        theirs && logins.remove(&base.url()).is_some()
    })?;
    let mut places = Vec::new();
    if removed {
        places.push(Place::File(path));
    }
    let entry = settings.server(base).filter(|entry| entry.use_keyring);
    if let Some(entry) = entry
        && let Some(user) = user.or(entry.user.as_deref())
        && keyring::remove(&services(entry), user).map_err(store_error)?
    {
        places.push(Place::Keyring);
    }
    Ok(places)
}

/// What is kept in the token file, without secrets.
///
/// # Errors
/// [`Error::LoginStore`] when it cannot be read.
pub fn list() -> Result<Vec<Kept>, Error> {
    let Some(path) = token_file::path() else {
        return Ok(Vec::new());
    };
    let logins = token_file::read(&path).map_err(|reason| Error::LoginStore {
        place: "the token file".to_owned(),
        reason,
    })?;
    let kept = |(base, login): (String, Login)| {
        Some(Kept {
            base: RemoteName::parse(&base).ok()?,
            token: login.token.is_some(),
            user: login.user,
            expires: login.expires,
        })
    };
    Ok(logins.into_iter().filter_map(kept).collect())
}

fn store_error(reason: String) -> Error {
    Error::LoginStore {
        place: "the keyring".to_owned(),
        reason,
    }
}
