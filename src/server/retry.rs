//! When to try again: few times, a bounded while, and not all clients at once.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// Decides after each failed attempt how long to wait for the next.
#[derive(Debug)]
pub(super) struct Backoff {
    begun: Instant,
    limit: Duration,
    retries: u32,
    made: u32,
}

impl Backoff {
    pub(super) fn new(retries: u32, limit: Duration) -> Self {
        Self {
            begun: Instant::now(),
            limit,
            retries,
            made: 0,
        }
    }

    /// For a server that is worth waiting for: as often as the time allows, unless nothing is to be repeated.
    pub(super) fn insisting(retries: u32, limit: Duration) -> Self {
        Self::new(if retries == 0 { 0 } else { u32::MAX }, limit)
    }

    /// The wait before the next attempt, or `None` to give up. `asked` is what the server wants; when
    /// that is longer than what is left, waiting is of no use.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        if self.made >= self.retries {
            return None;
        }
        let full = FIRST.saturating_mul(1 << self.made.min(16)).min(LONGEST);
        // Half of it at random, so that clients which failed together do not come back together.
        let share = (RandomState::new().build_hasher().finish() % 1024) as f64 / 1024.0;
        let delay = full.mul_f64(0.5 + share / 2.0).max(asked.unwrap_or_default());
        if self.begun.elapsed() + delay > self.limit {
            return None;
        }
        self.made += 1;
        Some(delay)
    }

    /// Attempts so far.
    pub(super) fn attempts(&self) -> u32 {
        self.made + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let mut backoff = Backoff::new(3, Duration::from_secs(60));
        let waits: Vec<_> = std::iter::from_fn(|| backoff.next(None)).collect();
        assert_eq!(waits.len(), 3);
        for (wait, full) in waits.iter().zip([100, 200, 400]) {
            assert!((full / 2..=full).contains(&wait.as_millis()), "{wait:?}");
        }
        assert_eq!(backoff.attempts(), 4);
    }

    #[test]
    fn the_server_is_obeyed_within_the_limit() {
        let mut backoff = Backoff::new(3, Duration::from_secs(5));
        assert_eq!(
            backoff.next(Some(Duration::from_secs(2))),
            Some(Duration::from_secs(2))
        );
        assert_eq!(backoff.next(Some(Duration::from_secs(3600))), None);
    }
}
