//! What all requests share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::{Rules, Viewer};
use crate::accounts::{Accounts, FileError};
use crate::catalogue::{self, Catalogue, CatalogueError};
use crate::client::Proxy;
use crate::config::Config;
use crate::error::Error;
use crate::history::Histories;
use crate::leases::Leases;
use crate::limits::Shares;
use crate::packs::Packs;
use crate::reload::Reloaded;
use crate::store::{RuleMismatch, Store, View};
use crate::transfer::Buffers;
use crate::worker::{self, Workers};

/// Shared state; clones are cheap.
#[derive(Debug, Clone)]
pub struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    leases: Option<Leases>,
    catalogue: Option<Arc<Reloaded<Catalogue>>>,
    rules: Arc<Rules>,
    accounts: Option<Accounts>,
    proxies: Vec<Proxy>,
    shares: Option<Shares>,
    packs: Option<Packs>,
    workers: Option<Workers>,
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
    /// The users file cannot be used.
    #[error(transparent)]
    Accounts(#[from] FileError),
    /// The catalogue cannot be used.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A rule does not fit the served directory.
    #[error(transparent)]
    Rule(#[from] RuleMismatch),
    /// The workers cannot be set up.
    #[error(transparent)]
    Workers(#[from] worker::Error),
}

impl App {
    pub(crate) fn start(config: &Config) -> Result<Self, StartError> {
        let unusable = |source| StartError::Root {
            root: config.root.clone(),
            source,
        };
        let mut store = Store::new(&config.root).map_err(unusable)?;
        let mut leases = None;
        if config.writable {
            let histories = Arc::new(Histories::new(config.retained_mib.saturating_mul(1 << 20)));
            let started = Leases::start(
                store.directory().map_err(unusable)?,
                Arc::clone(&histories),
                Duration::from_secs(config.lease_seconds),
                config.min_free_mib.saturating_mul(1 << 20),
            )
            .map_err(unusable)?;
            store = store.with_histories(histories, started.clone());
            leases = Some(started);
        }
        let accounts = match &config.users {
            None => None,
            Some(users) => Some(Accounts::open(
                users.clone(),
                config.anonymous,
                config.token_days,
            )?),
        };
        let ruled = config.rules.paths();
        let catalogue = match &config.catalogue {
            None => {
                store.check_ruled(&ruled)?;
                None
            }
            Some(path) => {
                let catalogue = catalogue(path.clone(), config, &store)?;
                catalogue.now().check_ruled(&ruled)?;
                Some(Arc::new(catalogue))
            }
        };
        // A server without workers serves all the same; its clients fetch metadata piece by piece.
        let workers = match config.workers {
            0 => None,
            count => Some(Workers::start(store.root(), count)?),
        };
        let pack_bytes = config.pack_cache_mib.saturating_mul(1 << 20);
        let packs = workers.clone().map(|workers| Packs::new(workers, pack_bytes));
        Ok(Self(Arc::new(Shared {
            store,
            leases,
            catalogue,
            rules: Arc::clone(&config.rules),
            accounts,
            proxies: config.trusted_proxies.clone(),
            shares: Shares::new(config.share),
            packs,
            workers,
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

    /// Leases, if files can be written.
    pub(crate) fn leases(&self) -> Option<&Leases> {
        self.0.leases.as_ref()
    }

    /// Who has an account; everybody may see everything if there are none.
    pub(crate) fn accounts(&self) -> Option<&Accounts> {
        self.0.accounts.as_ref()
    }

    /// Roles of directories.
    pub(crate) fn rules(&self) -> &Arc<Rules> {
        &self.0.rules
    }

    /// Proxies that are believed whom they forward for.
    pub(crate) fn proxies(&self) -> &[Proxy] {
        &self.0.proxies
    }

    /// What clients have left, if that is limited.
    pub(crate) fn shares(&self) -> Option<&Shares> {
        self.0.shares.as_ref()
    }

    /// Metadata of larger files, if there are workers to look into them.
    pub(crate) fn packs(&self) -> Option<&Packs> {
        self.0.packs.as_ref()
    }

    /// Those who look into files, if there are any.
    pub(crate) fn workers(&self) -> Option<&Workers> {
        self.0.workers.as_ref()
    }

    pub(crate) fn buffers(&self) -> Buffers {
        self.0.buffers.clone()
    }

    /// The one doorway to blocking threads: runs `work` on the served tree as `viewer` sees it.
    pub(crate) async fn blocking<T, F>(&self, viewer: Viewer, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(View<'_>) -> Result<T, Error> + Send + 'static,
    {
        let shared = Arc::clone(&self.0);
        let catalogue = match &self.0.catalogue {
            Some(catalogue) => Some(catalogue.fresh().await),
            None => None,
        };
        tokio::task::spawn_blocking(move || work(shared.store.seen_by(&viewer, catalogue.as_deref())))
            .await
            .map_err(|failed| Error::Internal(format!("a task of the server failed: {failed}")))?
    }
}

/// The catalogue at `path`, read again when it changes.
fn catalogue(path: PathBuf, config: &Config, store: &Store) -> Result<Reloaded<Catalogue>, CatalogueError> {
    let roots = [store.root().to_owned(), config.root.clone()];
    let accounts = config.users.is_some();
    Reloaded::new(vec![path.clone()], move || {
        catalogue::load(&path, &roots, accounts)
    })
}
