//! The reading that this process shows: while it lasts, whatever arrives from servers counts for it.
//!
//! One at a time, and the outermost: a read of a dataset is many reads of its file.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::Progress;
use crate::settings;

static CURRENT: ArcSwapOption<Current> = ArcSwapOption::const_empty();

#[derive(Debug)]
struct Current {
    progress: Progress,
    /// A forked child inherits this but not the reading.
    process: u32,
}

/// Shows a reading until it is dropped.
#[derive(Debug)]
pub struct Showing(());

/// Readings of fewer bytes are over before anybody wonders.
const LEAST: u64 = 4 << 20;

impl Showing {
    /// Begins to show that `total` bytes are read; `None` when that is not wanted, or another reading is
    /// shown.
    pub(crate) fn begin(when: settings::Progress, total: u64, label: &str) -> Option<Self> {
        if total < LEAST || !Progress::is_wanted(when) {
            return None;
        }
        let process = std::process::id();
        if CURRENT
            .load()
            .as_ref()
            .is_some_and(|current| current.process == process)
        {
            return None;
        }
        CURRENT.store(Some(Arc::new(Current {
            progress: Progress::start(when, Some(total), label),
            process,
        })));
        Some(Self(()))
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        CURRENT.store(None);
    }
}

/// So many bytes have arrived.
pub(crate) fn arrived(bytes: u64) {
    if let Some(current) = &*CURRENT.load() {
        current.progress.add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outermost_reading_is_shown() {
        let always = settings::Progress::Always;
        assert!(Showing::begin(settings::Progress::Never, LEAST, "x").is_none());
        assert!(Showing::begin(always, LEAST - 1, "x").is_none());
        let outer = Showing::begin(always, LEAST, "x");
        assert!(outer.is_some() && Showing::begin(always, LEAST, "y").is_none());
        arrived(1);
        drop(outer);
        arrived(1);
        assert!(Showing::begin(always, LEAST, "y").is_some());
    }
}
