//! Logins: how the user proves to a server who they are.

use crate::settings::Settings;
use crate::{Error, RemoteName, Secret};

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

/// The login for the server of `name`, if there is any.
///
/// # Errors
/// [`Error::Setting`] when a password has no user.
pub fn find(name: &RemoteName, settings: &Settings) -> Result<Option<Credentials>, Error> {
    let login = &settings.login;
    if let Some(token) = &login.token {
        return Ok(Some(Credentials::Bearer(token.clone())));
    }
    let entry = settings.server(name);
    let user = login
        .user
        .clone()
        .or_else(|| entry.and_then(|entry| entry.user.clone()));
    match (user, &login.password) {
        (Some(user), Some(password)) => Ok(Some(Credentials::Basic {
            user,
            password: password.clone(),
        })),
        (None, Some(_)) => Err(Error::Setting {
            key: "HDFSTREAM_PASSWORD".to_owned(),
            reason: "it needs HDFSTREAM_USER beside it".to_owned(),
        }),
        (Some(user), None) if login.user.is_some() => Ok(Some(Credentials::Basic {
            user,
            password: Secret::new(String::new()),
        })),
        _ => Ok(None),
    }
}
