//! Wrong passwords slow their client down: a few are free, then each doubles the pause before the next
//! is looked at. One is forgotten each minute.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::time::Instant;

use crate::client::Client;

/// Wrong passwords without a pause.
const FREE: u32 = 4;
/// The first pause.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);
/// How long a wrong password counts.
const FORGET: Duration = Duration::from_secs(60);
/// Up to this long the request waits; for a longer pause it is refused.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most clients remembered.
const MOST: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

#[derive(Debug, Clone, Copy)]
struct Record {
    /// Wrong passwords that still count.
    wrong: u32,
    /// Since when.
    since: Instant,
    /// When the next password is looked at.
    next: Instant,
}

/// Clients with wrong passwords.
#[derive(Debug)]
pub(super) struct Attempts(Mutex<LruCache<Client, Record>>);

/// Leave to try a password; counts as wrong until it is undone.
#[derive(Debug)]
pub(super) struct Attempt {
    begin: Instant,
    before: Instant,
    after: Instant,
}

impl Default for Attempts {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MOST)))
    }
}

impl Attempts {
    /// Lets `client` try a password, or says how long not to.
    pub(super) fn begin(&self, client: Client) -> Result<Attempt, Duration> {
        let now = Instant::now();
        let mut table = self.lock();
        let record = table.get_or_insert_mut(client, || Record {
            wrong: 0,
            since: now,
            next: now,
        });
        let minutes = u32::try_from((now - record.since).as_secs() / FORGET.as_secs()).unwrap_or(u32::MAX);
        record.wrong = record.wrong.saturating_sub(minutes);
        record.since += FORGET * minutes;
        if record.wrong == 0 {
            record.since = now;
        }
        let begin = record.next.max(now);
        if begin - now > PATIENCE {
            return Err(begin - now);
        }
        // Counted before it is checked, so that many at once are not free.
        record.wrong = record.wrong.saturating_add(1);
        let before = record.next;
        record.next = begin + pause(record.wrong);
        Ok(Attempt {
            begin,
            before,
            after: record.next,
        })
    }

    /// The password was right, or was not looked at.
    pub(super) fn undo(&self, client: Client, attempt: &Attempt) {
        if let Some(record) = self.lock().get_mut(&client) {
            record.wrong = record.wrong.saturating_sub(1);
            // Unless another attempt has begun since, whose pause stays.
            if record.next == attempt.after {
                record.next = attempt.before;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Client, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// How long to wait before the password is looked at.
    pub(super) fn wait(&self) -> Duration {
        self.begin.saturating_duration_since(Instant::now())
    }
}

fn pause(wrong: u32) -> Duration {
    match wrong.checked_sub(FREE + 1) {
        None => Duration::ZERO,
        Some(doublings) => PAUSE.saturating_mul(1 << doublings.min(16)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> Client {
        Client::of([10, 0, 0, last].into())
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_pass() {
        let attempts = Attempts::default();
        let one = client(1);
        for _ in 0..=FREE {
            assert_eq!(attempts.begin(one).unwrap().wait(), Duration::ZERO);
        }
        for seconds in [0.5, 1.0, 2.0] {
            let wait = attempts.begin(one).unwrap().wait();
            assert_eq!(wait.as_secs_f64(), seconds);
            tokio::time::advance(wait).await;
        }
        assert_eq!(attempts.begin(one).unwrap_err(), Duration::from_secs(4));
        // Others are not concerned.
        assert_eq!(attempts.begin(client(2)).unwrap().wait(), Duration::ZERO);
        tokio::time::advance(FORGET * 20).await;
        for _ in 0..=FREE {
            assert_eq!(attempts.begin(one).unwrap().wait(), Duration::ZERO);
        }
        assert!(attempts.begin(one).unwrap().wait() > Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn guesses_stay_rare() {
        let attempts = Attempts::default();
        let begin = Instant::now();
        let mut guesses = 0;
        while begin.elapsed() < Duration::from_secs(24 * 3600) {
            match attempts.begin(client(1)) {
                Ok(attempt) => {
                    guesses += 1;
                    tokio::time::advance(attempt.wait()).await;
                }
                Err(wait) => tokio::time::advance(wait).await,
            }
        }
        assert!((1_000..3_000).contains(&guesses), "{guesses} a day");
    }

    #[tokio::test(start_paused = true)]
    async fn right_passwords_do_not_count_and_forgive_nothing() {
        let attempts = Attempts::default();
        for _ in 0..100 {
            let attempt = attempts.begin(client(1)).unwrap();
            assert_eq!(attempt.wait(), Duration::ZERO);
            attempts.undo(client(1), &attempt);
        }
        // One that is allowed to log in cannot use that to guess faster.
        let mut refused = false;
        for _ in 0..20 {
            match attempts.begin(client(1)) {
                Ok(attempt) => tokio::time::advance(attempt.wait()).await,
                Err(_) => refused = true,
            }
            if let Ok(right) = attempts.begin(client(1)) {
                attempts.undo(client(1), &right);
            }
        }
        assert!(refused);
    }
}
