//! Logins: how the user proves to a server who they are, and where that is kept.
//!
//! Looked for in this order: what the environment or the info string gives, netrc, the system's keyring, the
//! token file that `hdfstream login` writes. The first one found is sent; no other is tried after it.

mod check;
mod keyring;
mod netrc;
mod own_file;
pub mod prompt;
pub mod stored;
mod token_file;

use std::fmt;

use crate::settings::{ServerEntry, Settings, usual};
use crate::{Error, RemoteName, Secret};

pub use check::{request_token, verify};
pub(crate) use keyring::forget as forget_keyring;

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

/// Where a login was found. `Display` says it in words, with the file.
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

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => formatter.write_str("the login of the environment or the info string"),
            Self::Netrc => {
                let (path, _) = usual::netrc().unwrap_or_default();
                write!(formatter, "the login in {}", path.display())
            }
            Self::Keyring => formatter.write_str("the password in the keyring"),
            Self::TokenFile => {
                let path = token_file::path().unwrap_or_default();
                write!(formatter, "the login in {}", path.display())
            }
        }
    }
}

/// A login, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The login.
    pub credentials: Credentials,
    /// Where it was found.
    pub source: Source,
}

/// Who named a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// The user, or their program.
    User,
    /// A file on another server, by a link.
    File,
}

/// What came of looking for a login.
#[derive(Debug, Default)]
pub(crate) struct Search {
    pub(crate) found: Option<Found>,
    /// Logins that were passed over, and places that could not be looked into.
    pub(crate) passed_over: Vec<String>,
}

/// The login for the server of `name`, which the user or their program named, if there is any.
///
/// # Errors
/// [`Error::Setting`] when a password has no user, [`Error::Unauthorized`] when a token that was kept for this
/// server has expired.
pub fn find(name: &RemoteName, settings: &Settings) -> Result<Option<Found>, Error> {
    Ok(search(name, Naming::User, settings)?.found)
}

/// Looks for the login for the server of `name`. A login that the user gave for whatever server their program
/// names is not for one that only a file names, nor are netrc's lines for all the rest of the world.
pub(crate) fn search(name: &RemoteName, naming: Naming, settings: &Settings) -> Result<Search, Error> {
    let entry = settings.server(name);
    let trusted = naming == Naming::User || is_configured(name, settings);
    let given = &settings.login;
    let user = given
        .user
        .as_deref()
        .or_else(|| entry.and_then(|entry| entry.user.as_deref()));
    let mut search = Search::default();
    match self::given(user, settings)? {
        Some(credentials) if trusted => return Ok(search.with(credentials, Source::Given)),
        Some(_) => search.passed_over.push(format!(
            "{} was not sent, as only a link in a file names this server; name it below 'servers' in the settings \
             file if you trust it",
            Source::Given
        )),
        None => {}
    }
    if let Some(found) = search.note(netrc::find(name, user, trusted)) {
        return Ok(search.with(found, Source::Netrc));
    }
    if let Some(entry) = entry.filter(|entry| entry.use_keyring)
        && let Some(credentials) = search.note(in_keyring(entry, user))
    {
        return Ok(search.with(credentials, Source::Keyring));
    }
    match search.note(token_file::find(name, user)) {
        // Who asks no server sends none.
        Some(kept) if kept.has_expired() && !settings.offline => Err(Error::Unauthorized {
            url: name.url(),
            server: name.server(),
            reason: format!(
                "the token that was kept for it has expired; run 'hdfstream login {}'",
                short_name(name, settings).unwrap_or_else(|| kept.base.url())
            ),
        }),
        Some(kept) => Ok(search.with(kept.credentials, Source::TokenFile)),
        None => {
            if let Some(user) = user {
                search
                    .passed_over
                    .push(format!("no password or token of {user} was found"));
            }
            Ok(search)
        }
    }
}

impl Search {
    fn with(mut self, credentials: Credentials, source: Source) -> Self {
        self.found = Some(Found { credentials, source });
        self
    }

    /// What a place has; why it could not be looked into is kept for later.
    fn note<T>(&mut self, looked: Result<Option<T>, String>) -> Option<T> {
        looked.unwrap_or_else(|reason| {
            log::warn!("{reason}");
            self.passed_over.push(reason);
            None
        })
    }
}

/// What the environment or the info string gives.
fn given(user: Option<&str>, settings: &Settings) -> Result<Option<Credentials>, Error> {
    let given = &settings.login;
    if let Some(token) = &given.token {
        return Ok(Some(Credentials::Bearer(token.clone())));
    }
    match (user, &given.password) {
        (Some(user), Some(password)) => Ok(Some(Credentials::Basic {
            user: user.to_owned(),
            password: password.clone(),
        })),
        (None, Some(_)) => Err(Error::Setting {
            key: "HDFSTREAM_PASSWORD".to_owned(),
            reason: "it needs HDFSTREAM_USER beside it".to_owned(),
        }),
        (_, None) => Ok(None),
    }
}

/// What the keyring has for a server whose entry says that it is there.
fn in_keyring(entry: &ServerEntry, user: Option<&str>) -> Result<Option<Credentials>, String> {
    let user =
        user.ok_or_else(|| format!("use_keyring of the server {} needs a user beside it", entry.base))?;
    let password = keyring::find(&services(entry), user)?;
    Ok(password.map(|password| Credentials::Basic {
        user: user.to_owned(),
        password,
    }))
}

/// Whether the user's settings file speaks of the server of `name`.
fn is_configured(name: &RemoteName, settings: &Settings) -> bool {
    settings.server(name).is_some()
        || settings
            .file
            .mounts()
            .iter()
            .any(|mount| name.is_below(&mount.remote))
}

/// The names under which the keyring may have a login: first the texts that the Python client goes by.
fn services(entry: &ServerEntry) -> Vec<String> {
    let mut services = entry.spellings.clone();
    let canonical = entry.base.url().trim_end_matches('/').to_owned();
    if !services.contains(&canonical) {
        services.push(canonical);
    }
    services
}

/// What the user calls the server of `name`: an alias, or the base URL that the settings file has.
pub(crate) fn short_name(name: &RemoteName, settings: &Settings) -> Option<String> {
    let base = &settings.server(name)?.base;
    let mut aliases = settings.file.aliases().iter();
    let alias = aliases.find(|(_, entry)| entry.base == *base);
    Some(alias.map_or_else(|| base.url(), |(alias, _)| alias.clone()))
}

#[cfg(test)]
mod tests;
