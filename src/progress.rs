//! A bar on stderr that shows how far a long transfer is.
//!
//! It appears when the work has taken half a second, is drawn by whoever adds to it, and is gone in the end. There
//! is no thread and no signal handler behind it, and a stderr that is closed is no trouble: the program belongs
//! to somebody else.

pub(crate) mod showing;

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::settings;

/// Work that is done sooner shows no bar.
const QUIET: Duration = Duration::from_millis(500);
/// Time between two drawings.
const STEP: Duration = Duration::from_millis(100);

/// How it looks when the end is known, and when it is not.
const BOUNDED: &str =
    "{wide_msg} [{bar:20}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}";
const OPEN_ENDED: &str = "{wide_msg} {binary_bytes} {binary_bytes_per_sec}";
/// How a count of things looks.
const COUNT: &str = "{wide_msg} {pos}";

/// The progress of one transfer. Any number of threads may add to it; dropping it ends it.
#[derive(Debug)]
pub struct Progress {
    /// `None` when nothing is to be shown.
    shown: Option<Shown>,
}

#[derive(Debug)]
struct Shown {
    begun: Instant,
    label: String,
    template: &'static str,
    total: Option<u64>,
    done: AtomicU64,
    /// When to draw next, milliseconds since it began.
    due: AtomicU64,
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress {
    /// Begins. `total` is in bytes, if that is known; `label` says what is under way.
    #[must_use]
    pub fn start(when: settings::Progress, total: Option<u64>, label: &str) -> Self {
        Self::with(when, total, label, total.map_or(OPEN_ENDED, |_| BOUNDED))
    }

    /// Begins to count things, of which nobody knows how many there are.
    #[must_use]
    pub fn count(when: settings::Progress, label: &str) -> Self {
        Self::with(when, None, label, COUNT)
    }

    fn with(when: settings::Progress, total: Option<u64>, label: &str, template: &'static str) -> Self {
        let shown = Self::is_wanted(when).then(|| Shown {
            begun: Instant::now(),
            template,
            // A name from a server must not steer the terminal.
            label: label.replace(char::is_control, "?"),
            total,
            done: AtomicU64::new(0),
            due: AtomicU64::new(QUIET.as_millis() as u64),
            bar: Mutex::new(None),
        });
        Self { shown }
    }

    /// Whether a bar is to be shown at all.
    fn is_wanted(when: settings::Progress) -> bool {
        match when {
            settings::Progress::Always => true,
            settings::Progress::Never => false,
            settings::Progress::Auto => {
                std::io::stderr().is_terminal() && !settings::usual::is_dumb_terminal()
            }
        }
    }

    /// So many more bytes, or things, are done.
    pub fn add(&self, more: u64) {
        if let Some(shown) = &self.shown {
            let done = shown.done.fetch_add(more, Relaxed) + more;
            shown.draw_if_due(done);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let bar = self
            .shown
            .as_mut()
            .and_then(|shown| shown.bar.get_mut().ok()?.take());
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
    }
}

impl Shown {
    fn draw_if_due(&self, done: u64) {
        let now = self.begun.elapsed().as_millis() as u64;
        if now < self.due.load(Relaxed) {
            return;
        }
        // Somebody else may be drawing; that is as good.
        let Ok(mut bar) = self.bar.try_lock() else {
            return;
        };
        self.due.store(now + STEP.as_millis() as u64, Relaxed);
        let bar = bar.get_or_insert_with(|| self.bar());
        bar.set_position(done);
        bar.tick();
    }

    fn bar(&self) -> ProgressBar {
        // As a `TermLike` it is drawn to also when it is no terminal, for those who always want a bar.
        let target = ProgressDrawTarget::term_like(Box::new(Term::buffered_stderr()));
        let style = ProgressStyle::with_template(self.template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        ProgressBar::with_draw_target(self.total, target)
            .with_style(style)
            .with_elapsed(self.begun.elapsed())
            .with_message(self.label.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar_is_there(progress: &Progress) -> bool {
        let shown = progress.shown.as_ref().unwrap();
        shown.bar.lock().unwrap().is_some()
    }

    #[test]
    fn it_appears_late() {
        let progress = Progress::start(settings::Progress::Always, Some(10), "a\u{1b}b");
        progress.add(1);
        assert!(!bar_is_there(&progress));
        let shown = progress.shown.as_ref().unwrap();
        assert_eq!(shown.label, "a?b");
        shown.due.store(0, Relaxed);
        progress.add(1);
        assert!(bar_is_there(&progress));
    }

    #[test]
    fn both_looks_are_understood() {
        for template in [BOUNDED, OPEN_ENDED, COUNT] {
            ProgressStyle::with_template(template).unwrap();
        }
    }

    #[test]
    fn threads_add_at_once() {
        let progress = Progress::start(settings::Progress::Always, None, "x");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| progress.add(3)));
            }
        });
        assert_eq!(progress.shown.as_ref().unwrap().done.load(Relaxed), 12_000);
        assert!(
            Progress::start(settings::Progress::Never, None, "x")
                .shown
                .is_none()
        );
    }
}
