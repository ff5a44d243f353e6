//! The threads that decode chunks: as many as there are cores, made on first use. They never call HDF5 and take no
//! lock that outlives a read.

use std::cell::Cell;
use std::sync::Arc;

use rayon_core::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

use super::Workspace;
use crate::per_process::PerProcess;

static POOL: PerProcess<ThreadPool> = PerProcess::new();

/// The threads of this process.
pub(crate) fn current() -> Result<Arc<ThreadPool>, ThreadPoolBuildError> {
    POOL.get(|| {
        ThreadPoolBuilder::new()
            .num_threads(std::thread::available_parallelism().map_or(1, usize::from))
            .thread_name(|_| "hdfstream-decode".to_owned())
            .build()
    })
}

/// Calls `work` with the working memory of this thread.
pub(crate) fn with_workspace<T>(work: impl FnOnce(&mut Workspace) -> T) -> T {
    thread_local!(static WORKSPACE: Cell<Option<Box<Workspace>>> = const { Cell::new(None) });
    // Nothing of a thread is left when a program ends and HDF5 closes its files.
    let mut workspace = WORKSPACE.try_with(Cell::take).ok().flatten().unwrap_or_default();
    let done = work(&mut workspace);
    workspace.shrink();
    let _ = WORKSPACE.try_with(|kept| kept.set(Some(workspace)));
    done
}
