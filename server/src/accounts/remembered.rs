//! Logins that were checked not long ago, so that not every request costs the work of a password.
//!
//! They are known by a keyed hash that is of no use outside of this process. All is forgotten when the
//! users file changes, since this belongs to one reading of it.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use lru::LruCache;
use ring::hmac;
use ring::rand::SystemRandom;
use tokio::time::Instant;

use super::{FileError, Login};

/// How long a login is remembered.
const MEMORY: Duration = Duration::from_secs(300);
/// Most logins remembered.
const MOST: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Stands for a name and password.
pub(super) type Mark = [u8; 32];

pub(super) struct Remembered {
    key: hmac::Key,
    logins: Mutex<LruCache<Mark, (Login, Instant)>>,
    /// Logins that are being checked now.
    checks: Mutex<HashMap<Mark, Weak<tokio::sync::Mutex<()>>>>,
}

impl Remembered {
    pub(super) fn new() -> Result<Self, FileError> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Ok(Self {
            key: key.map_err(|_| FileError::Random)?,
            logins: Mutex::new(LruCache::new(MOST)),
            checks: Mutex::default(),
        })
    }

    pub(super) fn mark(&self, user: &str, password: &str) -> Mark {
        let mut context = hmac::Context::with_key(&self.key);
        // The length keeps name and password apart.
        context.update(&(user.len() as u64).to_le_bytes());
        context.update(user.as_bytes());
        context.update(password.as_bytes());
        let mut mark = Mark::default();
        mark.copy_from_slice(context.sign().as_ref());
        mark
    }

    pub(super) fn get(&self, mark: &Mark) -> Option<Login> {
        let mut logins = lock(&self.logins);
        let (login, since) = logins.get(mark)?;
        if since.elapsed() < MEMORY {
            return Some(login.clone());
        }
        logins.pop(mark);
        None
    }

    pub(super) fn put(&self, mark: Mark, login: Login) {
        lock(&self.logins).put(mark, (login, Instant::now()));
    }

    /// What to hold while this login is checked.
    pub(super) fn one(&self, mark: &Mark) -> Arc<tokio::sync::Mutex<()>> {
        let mut checks = lock(&self.checks);
        if let Some(one) = checks.get(mark).and_then(Weak::upgrade) {
            return one;
        }
        // As many stay as there are requests under way, and as many again.
        if checks.len() == checks.capacity() {
            checks.retain(|_, one| one.strong_count() > 0);
        }
        let one = Arc::default();
        checks.insert(*mark, Arc::downgrade(&one));
        one
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Remembered")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn logins_are_remembered_for_a_while() {
        let remembered = Remembered::new().unwrap();
        let login = Login {
            user: "ada".into(),
            roles: Arc::default(),
            expires: None,
        };
        let mark = remembered.mark("ada", "pass");
        assert_ne!(mark, remembered.mark("adap", "ass"));
        assert_ne!(mark, Remembered::new().unwrap().mark("ada", "pass"));
        remembered.put(mark, login);
        tokio::time::advance(MEMORY - Duration::from_secs(1)).await;
        assert!(remembered.get(&mark).is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(remembered.get(&mark).is_none());
    }

    #[test]
    fn checks_are_forgotten() {
        let remembered = Remembered::new().unwrap();
        let held = remembered.one(&remembered.mark("ada", "pass"));
        for number in 0..1_000 {
            remembered.one(&remembered.mark("ada", &number.to_string()));
        }
        assert!(lock(&remembered.checks).len() < 10);
        assert!(Arc::ptr_eq(
            &held,
            &remembered.one(&remembered.mark("ada", "pass"))
        ));
    }
}
