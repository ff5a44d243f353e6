//! What the driver records while libhdf5 looks at a file: each touched byte once, up to a limit.

use std::time::{Duration, Instant};

use super::RangeSet;

/// How often touched ranges are reported to the front.
const REPORT_INTERVAL: Duration = Duration::from_millis(50);
/// What a range costs of the budget at least, so that many tiny ones cannot fill memory.
const LEAST_COST: u64 = 64;

/// Receives touched ranges; false when nobody listens any more.
type Report = Box<dyn FnMut(&[(u64, u64)]) -> bool>;

/// Record of one job.
pub(super) struct Tracer {
    seen: RangeSet,
    fresh: Vec<(u64, u64)>,
    budget: u64,
    deadline: Instant,
    reported: Instant,
    report: Report,
    exhausted: bool,
    /// Whether reads are recorded, or only the time counts.
    recording: bool,
}

impl Tracer {
    /// Records nothing, but ends reading when the time is over.
    pub(super) fn clock(limit: Duration) -> Self {
        Self {
            recording: false,
            ..Self::new(0, limit, Box::new(|_| true))
        }
    }

    /// Gives as much time again, from now on.
    pub(super) fn restart(&mut self, limit: Duration) {
        self.deadline = Instant::now() + limit;
    }

    pub(super) fn new(budget: u64, limit: Duration, report: Report) -> Self {
        let now = Instant::now();
        Self {
            seen: RangeSet::default(),
            fresh: Vec::new(),
            budget,
            deadline: now + limit,
            reported: now,
            report,
            exhausted: false,
            recording: true,
        }
    }

    /// Records a read. False when a limit is reached: then the read is to fail, because a single call
    /// of libhdf5 may go on for as long as the file's author wishes.
    pub(super) fn touch(&mut self, offset: u64, length: u64) -> bool {
        if self.exhausted {
            return false;
        }
        if !self.recording {
            self.check_time();
            return !self.exhausted;
        }
        let (fresh, budget) = (&mut self.fresh, &mut self.budget);
        let mut over = false;
        self.seen.insert(offset, length, |at, count| {
            match budget.checked_sub(count.max(LEAST_COST)) {
                Some(left) => {
                    *budget = left;
                    fresh.push((at, count));
                }
                None => over = true,
            }
        });
        self.exhausted |= over;
        self.check_time();
        !self.exhausted
    }

    /// Whether a limit has been reached; reports progress when it is time to.
    pub(super) fn is_exhausted(&mut self) -> bool {
        self.check_time();
        self.exhausted
    }

    /// Reports what is not reported yet.
    pub(super) fn report(&mut self) {
        self.reported = Instant::now();
        if self.fresh.is_empty() {
            return;
        }
        self.fresh.sort_unstable();
        // Disjoint by construction, so only neighbours can join.
        self.fresh.dedup_by(|next, last| {
            let adjoins = last.0 + last.1 == next.0;
            if adjoins {
                last.1 += next.1;
            }
            adjoins
        });
        if !(self.report)(&self.fresh) {
            self.exhausted = true;
        }
        self.fresh.clear();
    }

    fn check_time(&mut self) {
        let now = Instant::now();
        if now >= self.deadline {
            self.exhausted = true;
        }
        if now.duration_since(self.reported) >= REPORT_INTERVAL {
            self.report();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[test]
    fn bytes_are_reported_once_and_the_budget_holds() {
        let reported = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&reported);
        let mut tracer = Tracer::new(
            300,
            Duration::from_secs(60),
            Box::new(move |ranges| {
                sink.borrow_mut().extend_from_slice(ranges);
                true
            }),
        );
        assert!(tracer.touch(100, 100));
        assert!(tracer.touch(0, 100));
        assert!(tracer.touch(50, 100));
        tracer.report();
        assert_eq!(*reported.borrow(), vec![(0, 200)]);
        assert!(!tracer.touch(1000, 101));
        assert!(!tracer.touch(0, 1));
    }

    #[test]
    fn time_runs_out() {
        let mut tracer = Tracer::new(1 << 20, Duration::ZERO, Box::new(|_| true));
        assert!(!tracer.touch(0, 1));
        assert!(tracer.is_exhausted());
    }
}
