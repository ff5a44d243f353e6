//! What one client may have of the server in a minute: requests, bytes, time of work. A client that had
//! more waits until the average is right again; nothing that has begun is broken off.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::response::Response;
use lru::LruCache;
use tokio::time::Instant;

use crate::client::Client;
use crate::observed::{Observer, observed};

/// Most clients counted; those not seen for longest are forgotten.
const MOST: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
/// The time in which a client may use up its share.
const MINUTE: f64 = 60.0;

/// Shares of one client in a minute; `None` is no limit.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Requests.
    pub requests: Option<u32>,
    /// MiB sent.
    pub mib: Option<u32>,
    /// Seconds until answers begin, summed up.
    pub seconds: Option<u32>,
}

/// Whose share a request is taken from: the user's, or that of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    User(Arc<str>),
    Machine(Client),
}

/// What is left to all clients.
#[derive(Debug)]
pub(crate) struct Shares {
    share: Share,
    table: Mutex<LruCache<Owner, Account>>,
}

/// What is left to one.
#[derive(Debug, Clone)]
pub(crate) struct Account(Arc<Mutex<[Option<Bucket>; 3]>>);

const REQUESTS: usize = 0;
const BYTES: usize = 1;
const SECONDS: usize = 2;

/// Fills steadily up to a minute's share; may go into debt.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    size: f64,
    level: f64,
    since: Instant,
}

impl Bucket {
    fn full(size: f64) -> Self {
        Self {
            size,
            level: size,
            since: Instant::now(),
        }
    }

    fn refill(&mut self) {
        let now = Instant::now();
        let gained = self.size * (now - self.since).as_secs_f64() / MINUTE;
        self.level = (self.level + gained).min(self.size);
        self.since = now;
    }

    /// How long until at least `least` is there.
    fn wait(&self, least: f64) -> Duration {
        let missing = (least - self.level).max(0.0);
        Duration::try_from_secs_f64(missing * MINUTE / self.size).unwrap_or(Duration::MAX)
    }
}

impl Shares {
    /// Nothing to count when no limit is set.
    pub(crate) fn new(share: Share) -> Option<Self> {
        (share != Share::default()).then(|| Self {
            share,
            table: Mutex::new(LruCache::new(MOST)),
        })
    }

    /// Takes one request, or says how long the client must wait.
    pub(crate) fn begin(&self, owner: Owner) -> Result<Account, Duration> {
        let account = self.account(owner);
        let mut buckets = account.lock();
        let mut wait = Duration::ZERO;
        for (kind, bucket) in buckets.iter_mut().enumerate() {
            let Some(bucket) = bucket else { continue };
            bucket.refill();
            // A whole request, but only something of the others: nobody knows what they will cost.
            let least = if kind == REQUESTS { 1.0 } else { 0.0 };
            wait = wait.max(bucket.wait(least));
        }
        // Less is a rounding error.
        if wait >= Duration::from_millis(1) {
            return Err(wait);
        }
        if let Some(bucket) = &mut buckets[REQUESTS] {
            bucket.level -= 1.0;
        }
        drop(buckets);
        Ok(account)
    }

    fn account(&self, owner: Owner) -> Account {
        let size = |limit: Option<u32>, unit: f64| limit.map(|limit| Bucket::full(f64::from(limit) * unit));
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let account = table.get_or_insert(owner, || {
            Account(Arc::new(Mutex::new([
                size(self.share.requests, 1.0),
                size(self.share.mib, f64::from(1 << 20)),
                size(self.share.seconds, 1.0),
            ])))
        });
        account.clone()
    }
}

impl Account {
    fn lock(&self) -> MutexGuard<'_, [Option<Bucket>; 3]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn charge(&self, kind: usize, amount: f64) {
        if let Some(bucket) = &mut self.lock()[kind] {
            bucket.refill();
            bucket.level -= amount;
        }
    }

    /// Charges for an answer: the work until now, and its bytes as they leave.
    pub(crate) fn charge_answer(self, begin: Instant, response: Response) -> Response {
        self.charge(SECONDS, begin.elapsed().as_secs_f64());
        response.map(|body| observed(body, self))
    }
}

impl Observer for Account {
    fn saw(&mut self, bytes: Result<u64, &axum::Error>) {
        self.charge(BYTES, bytes.unwrap_or(0) as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(requests: u32, mib: u32, seconds: u32) -> Shares {
        Shares::new(Share {
            requests: Some(requests),
            mib: Some(mib),
            seconds: Some(seconds),
        })
        .unwrap()
    }

    fn owner(last: u8) -> Owner {
        Owner::Machine(Client::of([10, 0, 0, last].into()))
    }

    #[tokio::test(start_paused = true)]
    async fn requests_come_back_with_time() {
        let shares = shares(6, 1, 1);
        for _ in 0..6 {
            shares.begin(owner(1)).unwrap();
        }
        assert_eq!(shares.begin(owner(1)).unwrap_err(), Duration::from_secs(10));
        assert!(shares.begin(owner(2)).is_ok());
        assert!(shares.begin(Owner::User("ada".into())).is_ok());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(shares.begin(owner(1)).is_ok());
        assert!(shares.begin(owner(1)).is_err());
        tokio::time::advance(Duration::from_secs(3600)).await;
        for _ in 0..6 {
            shares.begin(owner(1)).unwrap();
        }
        assert!(shares.begin(owner(1)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_too_much_is_waited_for() {
        let shares = shares(100, 2, 30);
        // Three minutes' worth at once.
        shares.begin(owner(1)).unwrap().charge(BYTES, f64::from(6 << 20));
        assert_eq!(shares.begin(owner(1)).unwrap_err(), Duration::from_secs(120));
        shares.begin(owner(2)).unwrap().charge(SECONDS, 60.0);
        assert_eq!(shares.begin(owner(2)).unwrap_err(), Duration::from_secs(60));
        tokio::time::advance(Duration::from_secs(121)).await;
        assert!(shares.begin(owner(1)).is_ok() && shares.begin(owner(2)).is_ok());
    }

    #[test]
    fn without_limits_nothing_is_counted() {
        assert!(Shares::new(Share::default()).is_none());
    }
}
