//! What a process makes for itself on first use and never drops: threads do not survive a fork, and joining them
//! hangs where they do not exist. A forked child notices by its process id and makes its own.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// One `T` for each process.
pub(crate) struct PerProcess<T>(ArcSwapOption<Made<T>>);

struct Made<T> {
    process: u32,
    value: Arc<T>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// That of this process, if it was made.
    pub(crate) fn made(&self) -> Option<Arc<T>> {
        let found = self.0.load_full()?;
        let value = (found.process == std::process::id()).then(|| Arc::clone(&found.value));
        // As below: one that the parent made is not to be dropped here.
        std::mem::forget(found);
        value
    }

    /// That of this process, made by `make` when it is the first.
    pub(crate) fn get<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let process = std::process::id();
        let found = self.0.load_full();
        if let Some(made) = &found
            && made.process == process
        {
            return Ok(Arc::clone(&made.value));
        }
        // No lock here: another thread might hold it while this process forks.
        let value = Arc::new(make()?);
        let fresh = Arc::new(Made {
            process,
            value: Arc::clone(&value),
        });
        let before = self.0.compare_and_swap(&found, Some(Arc::clone(&fresh)));
        let won = before.as_ref().map(Arc::as_ptr) == found.as_ref().map(Arc::as_ptr);
        // One count is given away each, so that none of them is ever dropped.
        std::mem::forget(found);
        std::mem::forget(fresh);
        match self.0.load_full() {
            // Another thread of this process was faster.
            Some(made) if !won && made.process == process => Ok(Arc::clone(&made.value)),
            _ => Ok(value),
        }
    }
}
