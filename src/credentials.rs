//! Logins: how the user proves to a server who they are, and where that is kept.
//!
//! Looked for in this order: what the environment or the info string gives, netrc, the system's keyring, the
//! token file that `hdfstream login` writes. The first one found is sent; no other is tried after it.

mod check;
pub mod stored;

use crate::settings::Settings;
use crate::{Error, RemoteName, Secret};

pub use check::{request_token, verify};

/// How the user proves who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// HTTP basic authentication.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A bearer token.
    Bearer(Secret),
}

/// Where a login was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The info string, or `HDFSTREAM_TOKEN`, `HDFSTREAM_USER` and `HDFSTREAM_PASSWORD`.
    Given,
    /// The user's netrc file.
    Netrc,
    /// The system's keyring.
    Keyring,
    /// The file that `hdfstream login` writes.
    TokenFile,
}

/// A login, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The login.
    pub credentials: Credentials,
    /// Where it was found.
    pub source: Source,
}

/// The login for the server of `name`, which the user or their program named, if there is any.
///
/// # Errors
/// [`Error::Setting`] when a password has no user, [`Error::Unauthorized`] when a token that was kept for this
/// server has expired.
pub fn find(name: &RemoteName, settings: &Settings) -> Result<Option<Found>, Error> {
    let login = &settings.login;
    let found = |credentials| {
        Ok(Some(Found {
            credentials,
            source: Source::Given,
        }))
    };
    if let Some(token) = &login.token {
        return found(Credentials::Bearer(token.clone()));
    }
    let entry = settings.server(name);
    let user = login
        .user
        .clone()
        .or_else(|| entry.and_then(|entry| entry.user.clone()));
    match (user, &login.password) {
        (Some(user), Some(password)) => found(Credentials::Basic {
            user,
            password: password.clone(),
        }),
        (None, Some(_)) => Err(Error::Setting {
            key: "HDFSTREAM_PASSWORD".to_owned(),
            reason: "it needs HDFSTREAM_USER beside it".to_owned(),
        }),
        _ => Ok(None),
    }
}
