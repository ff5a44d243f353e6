//! What all requests share.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Config;
use crate::error::Error;
use crate::packs::Packs;
use crate::store::Store;
use crate::transfer::Buffers;
use crate::worker::{self, Workers};

/// Shared state; clones are cheap.
#[derive(Debug, Clone)]
pub struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    packs: Option<Packs>,
    buffers: Buffers,
    places: Arc<Semaphore>,
    all_places: u32,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The served directory cannot be opened.
    #[error("the root {} cannot be served: {source}", root.display())]
    Root {
        /// As configured.
        root: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The workers cannot be set up.
    #[error(transparent)]
    Workers(#[from] worker::Error),
}

impl App {
    pub(crate) fn start(config: &Config) -> Result<Self, StartError> {
        let store = Store::new(&config.root).map_err(|source| StartError::Root {
            root: config.root.clone(),
            source,
        })?;
        // A server without workers serves all the same; its clients fetch metadata piece by piece.
        let packs = match config.workers {
            0 => None,
            count => Some(Packs::new(
                Workers::start(store.root(), count)?,
                config.pack_cache_mib.saturating_mul(1 << 20),
            )),
        };
        Ok(Self(Arc::new(Shared {
            store,
            packs,
            buffers: Buffers::default(),
            places: Arc::new(Semaphore::new(config.max_requests as usize)),
            all_places: config.max_requests,
        })))
    }

    /// Waits for so many of the places that requests share, or for all of them if that is less.
    pub(crate) async fn places(&self, wanted: u64) -> Option<OwnedSemaphorePermit> {
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX).min(self.0.all_places);
        let places = Arc::clone(&self.0.places);
        places.acquire_many_owned(wanted).await.ok()
    }

    /// Metadata of larger files, if there are workers to look into them.
    pub(crate) fn packs(&self) -> Option<&Packs> {
        self.0.packs.as_ref()
    }

    pub(crate) fn buffers(&self) -> Buffers {
        self.0.buffers.clone()
    }

    /// The one doorway to blocking threads: runs `work` on the served tree.
    pub(crate) async fn blocking<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Store) -> Result<T, Error> + Send + 'static,
    {
        let shared = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&shared.store))
            .await
            .map_err(|failed| Error::Internal(format!("a task of the server failed: {failed}")))?
    }
}
