//! Accounts: who may log in, by password or token, and how often somebody may try.
//!
//! `Accounts` is the server's side, [`admin`] that of the commands which change the users file.

pub mod admin;
mod attempts;
mod authorization;
mod file;
mod key;
pub(crate) mod name;
mod password;
mod remembered;
mod token;
mod users;

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::error::Error;
use crate::reload::Reloaded;
use attempts::Attempts;
use authorization::Authorization;
use key::Key;
use password::Hash;
use remembered::Remembered;
use users::Users;

pub use file::FileError;
pub(crate) use token::now;

/// Passwords checked at the same time: each takes a processor and 19 MiB or more.
const CHECKS: usize = 4;
/// Longest wait for the turn of a check.
const TURN: Duration = Duration::from_secs(10);

/// Who a request is from.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    pub(crate) user: Arc<str>,
    pub(crate) roles: Arc<BTreeSet<String>>,
    /// When the token that brought it expires; a password does not.
    expires: Option<i64>,
}

/// The accounts of a running server.
#[derive(Debug)]
pub(crate) struct Accounts {
    path: PathBuf,
    known: Arc<Reloaded<Known>>,
    attempts: Attempts,
    checks: Arc<Semaphore>,
    anonymous: bool,
    token_days: u32,
}

/// The users file as it was read, and what was learned from it.
#[derive(Debug)]
struct Known {
    users: Users,
    key: Option<Key>,
    remembered: Remembered,
    strangers: RandomState,
}

impl Accounts {
    /// Reads the users file. `anonymous` lets in who has no login at all; tokens live for at most
    /// `token_days`.
    pub(crate) fn open(path: PathBuf, anonymous: bool, token_days: u32) -> Result<Self, FileError> {
        let load = {
            let path = path.clone();
            move || Known::load(&path)
        };
        let files = vec![path.clone(), key::path(&path)];
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            path,
            known: Arc::new(Reloaded::new(files, load)?),
            attempts: Attempts::default(),
            checks: Arc::new(Semaphore::new(processors.min(CHECKS))),
            anonymous,
            token_days,
        })
    }

    /// Who a request with these headers is from; nobody in particular without a login.
    pub(crate) async fn login(&self, headers: &HeaderMap, client: Client) -> Result<Option<Login>, Error> {
        match authorization::of(headers) {
            Authorization::None if self.anonymous => Ok(None),
            Authorization::None => Err(unauthorized("this server needs a login")),
            Authorization::Malformed => Err(unauthorized("the request's login cannot be understood")),
            Authorization::Bearer(token) => self.by_token(&token).await.map(Some),
            Authorization::Basic { user, password } => {
                self.by_password(user, password, client).await.map(Some)
            }
        }
    }

    async fn by_token(&self, token: &str) -> Result<Login, Error> {
        let wrong = || unauthorized("the token does not hold (any more); log in again");
        let known = self.known.fresh().await;
        let claim = token::parse(token).ok_or_else(wrong)?;
        let (Some(account), Some(key)) = (known.users.0.get(&claim.user), &known.key) else {
            return Err(wrong());
        };
        if !claim.is_genuine(key, account) {
            return Err(wrong());
        }
        if claim.expires <= now() {
            return Err(unauthorized("the token has expired; log in again"));
        }
        Ok(Login {
            user: claim.user.as_str().into(),
            roles: Arc::new(account.roles.clone()),
            expires: Some(claim.expires),
        })
    }

    async fn by_password(&self, user: String, password: String, client: Client) -> Result<Login, Error> {
        let known = self.known.fresh().await;
        let mark = known.remembered.mark(&user, &password);
        if let Some(login) = known.remembered.get(&mark) {
            return Ok(login);
        }
        // Programs open several connections at once: the first checks, the others wait for it.
        let one = known.remembered.one(&mark);
        let _one = timeout(TURN, one.lock()).await.map_err(|_| busy())?;
        if let Some(login) = known.remembered.get(&mark) {
            return Ok(login);
        }
        let attempt = self.attempts.begin(client).map_err(|wait| Error::TooMany {
            text: "too many wrong logins from this address; wait before the next".to_owned(),
            wait,
        })?;
        sleep(attempt.wait()).await;
        let turn = timeout(TURN, Arc::clone(&self.checks).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            self.attempts.undo(client, &attempt);
            return Err(busy());
        };
        let checked = {
            let (known, user) = (Arc::clone(&known), user.clone());
            tokio::task::spawn_blocking(move || {
                let fits = known.fits(&user, &password);
                drop(turn);
                fits
            })
        };
        let fits = checked
            .await
            .map_err(|failed| Error::Internal(format!("a login could not be checked: {failed}")))?;
        match known.users.0.get(&user) {
            Some(account) if fits => {
                self.attempts.undo(client, &attempt);
                let login = Login {
                    user: user.as_str().into(),
                    roles: Arc::new(account.roles.clone()),
                    expires: None,
                };
                known.remembered.put(mark, login.clone());
                Ok(login)
            }
            _ => {
                // No name: people type passwords in its place.
                tracing::warn!("a wrong login from {client}");
                Err(unauthorized("user or password is wrong"))
            }
        }
    }

    /// A token for who is logged in, for so many days or as long as is allowed; with its expiry. One
    /// that was asked for with a token does not outlive that.
    pub(crate) async fn issue(&self, login: &Login, days: Option<u32>) -> Result<(String, i64), Error> {
        let days = days.unwrap_or(self.token_days).min(self.token_days);
        if days == 0 {
            return Err(Error::Invalid("a token lives for at least one day".to_owned()));
        }
        let expires = token::expiry(days).min(login.expires.unwrap_or(i64::MAX));
        let path = self.path.clone();
        let key = tokio::task::spawn_blocking(move || Key::load_or_make(&path))
            .await
            .map_err(|failed| Error::Internal(format!("no token could be made: {failed}")))?
            .map_err(|error| {
                // The path is the administrator's business.
                tracing::error!("no token could be made: {error}");
                Error::Internal("this server cannot make tokens; its log says why".to_owned())
            })?;
        // The key may be new, and the token is used at once.
        let known = self.known.look_now().await.ok_or_else(busy)?;
        let account = known
            .users
            .0
            .get(&*login.user)
            .ok_or_else(|| unauthorized("user or password is wrong"))?;
        Ok((token::issue(&key, &login.user, account, expires), expires))
    }
}

impl Known {
    fn load(path: &std::path::Path) -> Result<Self, FileError> {
        Ok(Self {
            users: admin::load(path)?,
            key: Key::load(path)?,
            remembered: Remembered::new()?,
            strangers: RandomState::new(),
        })
    }

    /// Whether this is the password of `user`. Somebody who does not exist takes the time of somebody
    /// who does, always the same one.
    fn fits(&self, user: &str, password: &str) -> bool {
        if let Some(account) = self.users.0.get(user) {
            return account.hash.fits(password);
        }
        let count = self.users.0.len().max(1) as u64;
        let one = usize::try_from(self.strangers.hash_one(user) % count).unwrap_or(0);
        let stand_in = self.users.0.values().nth(one);
        let hash = stand_in.map_or_else(Hash::nobody, |account| account.hash.clone());
        // Even if it is that somebody's password.
        let _ = hash.fits(password);
        false
    }
}

fn unauthorized(text: &str) -> Error {
    Error::Unauthorized(text.to_owned())
}

fn busy() -> Error {
    Error::Busy("too many logins are being checked; try again in a moment".to_owned())
}
