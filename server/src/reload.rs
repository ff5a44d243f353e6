//! Something made from files, made anew when they change. A change that cannot be used is logged, and
//! what was there stays.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often the files are looked at, at most.
const LOOK: Duration = Duration::from_secs(1);

type Load<T> = Box<dyn Fn() -> Result<T, Box<dyn std::error::Error>> + Send + Sync>;

pub(crate) struct Reloaded<T> {
    files: Vec<PathBuf>,
    load: Load<T>,
    state: Mutex<State<T>>,
}

struct State<T> {
    current: Arc<T>,
    looked: Instant,
    stamps: Vec<Option<Stamp>>,
}

/// Changes with every change of a file: device, inode, size, and the times of change.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

impl<T: Send + Sync + 'static> Reloaded<T> {
    /// Loads for the first time, which must succeed.
    pub(crate) fn new<E: std::error::Error + 'static>(
        files: Vec<PathBuf>,
        load: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        let state = State {
            stamps: stamps(&files),
            current: Arc::new(load()?),
            looked: Instant::now(),
        };
        Ok(Self {
            files,
            load: Box::new(move || load().map_err(Into::into)),
            state: Mutex::new(state),
        })
    }

    /// What the files said when they were last loaded.
    pub(crate) fn now(&self) -> Arc<T> {
        Arc::clone(&self.lock().current)
    }

    /// What the files say now, or said less than a second ago.
    pub(crate) async fn fresh(self: &Arc<Self>) -> Arc<T> {
        let current = {
            let mut state = self.lock();
            let current = Arc::clone(&state.current);
            if state.looked.elapsed() < LOOK {
                return current;
            }
            // One request looks, the others go on with what is there.
            state.looked = Instant::now();
            current
        };
        self.look_now().await.unwrap_or(current)
    }

    /// What the files say at this moment; nothing only when the server is ending.
    pub(crate) async fn look_now(self: &Arc<Self>) -> Option<Arc<T>> {
        let this = Arc::clone(self);
        tokio::task::spawn_blocking(move || this.look()).await.ok()
    }

    /// Loads if a file has changed. Blocks.
    fn look(&self) -> Arc<T> {
        let stamps = stamps(&self.files);
        let current = {
            let mut state = self.lock();
            if state.stamps == stamps {
                return Arc::clone(&state.current);
            }
            // Also when it fails: a mistake is logged once, and the next change is tried again.
            state.stamps = stamps;
            Arc::clone(&state.current)
        };
        match (self.load)() {
            Ok(loaded) => {
                let loaded = Arc::new(loaded);
                self.lock().current = Arc::clone(&loaded);
                tracing::info!("loaded {} anew", self.files[0].display());
                loaded
            }
            Err(error) => {
                tracing::error!("a change is not used, what was there before holds on: {error}");
                current
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Reloaded<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Reloaded")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |path: &PathBuf| {
        let data = std::fs::metadata(path).ok()?;
        let changed = (data.ctime(), data.ctime_nsec());
        Some((
            data.dev(),
            data.ino(),
            data.size(),
            (data.mtime(), data.mtime_nsec()),
            changed,
        ))
    };
    files.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[tokio::test]
    async fn changes_are_noticed_and_bad_ones_are_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("number");
        let load = {
            let path = path.clone();
            move || fs::read_to_string(&path).unwrap_or_default().parse::<i32>()
        };
        assert!(Reloaded::new(vec![path.clone()], load.clone()).is_err());
        fs::write(&path, "1").unwrap();
        let number = Arc::new(Reloaded::new(vec![path.clone()], load).unwrap());
        for (text, expected) in [("22", 22), ("bad", 22), ("333", 333)] {
            fs::write(&path, text).unwrap();
            tokio::time::sleep(LOOK).await;
            assert_eq!(*number.fresh().await, expected);
        }
        fs::remove_file(&path).unwrap();
        tokio::time::sleep(LOOK).await;
        assert_eq!(*number.fresh().await, 333);
    }
}
