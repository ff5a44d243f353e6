//! How fast a server answers and sends, measured by the requests that are made anyway.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a request costs both sides and those who wait behind it, besides its round trip.
pub(crate) const WORK: Duration = Duration::from_millis(5);
/// Bytes in a second, as long as nothing was measured.
const UNMEASURED: u64 = 50 << 20;
/// No answer tells of more than this.
const FASTEST: u64 = 2 << 30;
/// Answers with fewer bytes behind their first part say nothing about speed.
const TELLING: u64 = 32 << 10;
/// By this much threads of a busy machine may be late.
const LATE: Duration = Duration::from_millis(2);
/// Those with as many tell much.
const LONG: u64 = 1 << 20;

/// The measured pace of one server.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// From a request to the first byte of its answer, microseconds; 0 when unknown.
    latency: AtomicU64,
    /// Bytes in a second; 0 when unknown.
    speed: AtomicU64,
}

impl Pace {
    /// That of the server `name`, shared by all of this process.
    pub(crate) fn of(name: &str) -> Arc<Self> {
        static KNOWN: Mutex<Vec<(String, Arc<Pace>)>> = Mutex::new(Vec::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pace)) = known.iter().find(|(server, _)| server == name) {
            return Arc::clone(pace);
        }
        let pace = Arc::default();
        known.push((name.to_owned(), Arc::clone(&pace)));
        pace
    }

    /// An answer began after `waited`. The first of a connection waits longer, and so do those behind others: the
    /// shortest times count most.
    pub(super) fn answered(&self, waited: Duration) {
        let waited = (waited.as_micros() as u64).max(1);
        let before = self.latency.load(Relaxed);
        let now = match before {
            0 => waited,
            _ if waited < before => waited,
            _ => before + (waited - before) / 8,
        };
        self.latency.store(now, Relaxed);
    }

    /// An answer had `first` bytes in its first part, and then `bytes` within `time`.
    pub(super) fn carried(&self, first: u64, bytes: u64, time: Duration) {
        if bytes < TELLING {
            // That so much came at once tells that the line is no slow one, though not how fast it is.
            if first >= TELLING && self.is_measured() {
                let before = self.bytes_in_a_second();
                self.speed.store((before + before / 4).min(FASTEST), Relaxed);
            }
            return;
        }
        let micros = (time.saturating_sub(LATE).as_micros() as u64).max(1);
        let speed = (bytes.saturating_mul(1_000_000) / micros).clamp(1, FASTEST);
        let before = self.bytes_in_a_second();
        // Long answers tell more. What else is going on makes a line look slow, never fast.
        let share = if bytes >= LONG || speed > before { 2 } else { 8 };
        let now = before - before / share + speed / share;
        self.speed.store(now.max(1), Relaxed);
    }

    /// What a request of its own costs.
    pub(crate) fn request(&self) -> Duration {
        Duration::from_micros(self.latency.load(Relaxed)) + WORK
    }

    /// How long so many bytes take.
    pub(crate) fn time(&self, bytes: u64) -> Duration {
        Duration::from_micros(bytes.saturating_mul(1_000_000) / self.bytes_in_a_second())
    }

    /// Whether an answer was long enough to tell a speed.
    pub(crate) fn is_measured(&self) -> bool {
        self.speed.load(Relaxed) > 0
    }

    /// How many bytes take as long as a request.
    pub(crate) fn bytes_of_a_request(&self) -> u64 {
        (self.request().as_micros() as u64).saturating_mul(self.bytes_in_a_second()) / 1_000_000
    }

    fn bytes_in_a_second(&self) -> u64 {
        match self.speed.load(Relaxed) {
            0 => UNMEASURED,
            speed => speed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_waits_and_the_longer_answers_count() {
        let pace = Pace::default();
        assert_eq!(pace.time(UNMEASURED), Duration::from_secs(1));
        pace.answered(Duration::from_millis(200));
        pace.answered(Duration::from_millis(100));
        assert_eq!(pace.request(), Duration::from_millis(100) + WORK);
        pace.answered(Duration::from_millis(900));
        assert_eq!(pace.request(), Duration::from_millis(200) + WORK);
        pace.carried(0, 1000, Duration::from_secs(1));
        assert_eq!(pace.time(UNMEASURED), Duration::from_secs(1));
        pace.carried(0, 10 << 20, Duration::from_secs(1) + LATE);
        assert_eq!(pace.time(30 << 20), Duration::from_secs(1));
        assert_eq!(pace.bytes_of_a_request(), (30 << 20) * 205 / 1000);
        pace.carried(0, 64 << 10, Duration::from_secs(9));
        assert!(pace.time(25 << 20) < Duration::from_secs(1));
        let before = pace.time(1 << 20);
        (0..10).for_each(|_| pace.carried(64 << 10, 0, Duration::ZERO));
        assert!(pace.time(8 << 20) < before);
        (0..90).for_each(|_| pace.carried(0, 1 << 20, Duration::ZERO));
        assert!(pace.time(FASTEST) >= Duration::from_secs(1));
    }

    #[test]
    fn servers_of_one_name_have_one_pace() {
        Pace::of("https://paced").answered(Duration::from_millis(7));
        assert_eq!(
            Pace::of("https://paced").request(),
            Duration::from_millis(7) + WORK
        );
    }
}
