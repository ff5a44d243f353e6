//! The key that signs tokens, in a file of its own beside the users file.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

use super::file::{self, FileError};

const BYTES: usize = 32;

/// The key.
#[derive(Clone)]
pub(crate) struct Key(hmac::Key);

impl Key {
    #[cfg(test)]
    pub(crate) fn generate() -> Result<Self, FileError> {
        random().map(|bytes| Self::new(&bytes))
    }

    fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    pub(crate) fn hmac(&self) -> &hmac::Key {
        &self.0
    }

    /// The key beside the users file, if there is one.
    pub(crate) fn load(users: &Path) -> Result<Option<Self>, FileError> {
        let path = path(users);
        let Some(text) = file::read(&path)? else {
            return Ok(None);
        };
        match BASE64.decode(text.trim_end()) {
            Ok(bytes) if bytes.len() == BYTES => Ok(Some(Self::new(&bytes))),
            _ => Err(FileError::Key(path)),
        }
    }

    /// The key beside the users file, made now if there is none.
    pub(crate) fn load_or_make(users: &Path) -> Result<Self, FileError> {
        if let Some(key) = Self::load(users)? {
            return Ok(key);
        }
        let text = format!("{}\n", BASE64.encode(random()?));
        // Somebody else may have been faster: then theirs is taken.
        file::create(&path(users), &text, users)?;
        Self::load(users)?.ok_or_else(|| FileError::Key(path(users)))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key")
    }
}

/// `users.toml.key` beside `users.toml`.
pub(crate) fn path(users: &Path) -> PathBuf {
    let mut name = users.as_os_str().to_owned();
    name.push(".key");
    PathBuf::from(name)
}

fn random() -> Result<[u8; BYTES], FileError> {
    let mut bytes = [0; BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| FileError::Random)?;
    Ok(bytes)
}
