//! Taking the lease.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::overlay::Overlay;
use super::parts::Parts;
use super::session::{self, Session, Site, Wanted};
use super::spill::{Maker, Spill};
use super::{Layer, State, WritableFile};
use crate::cache::Cache;
use crate::protocol::LeaseReply;
use crate::remote_file::open::{Opening, key, url_of};
use crate::server::discovery::{Place, discover_either};
use crate::server::{Server, Target};
use crate::settings::state_folder;
use crate::{Begin, Error, RemoteName, Settings};

/// Places on this machine that a writer uses.
pub(super) struct Local {
    /// The temporary file.
    pub(super) maker: Maker,
    /// Folder for recovery files.
    pub(super) recovery: Option<PathBuf>,
}

pub(super) fn open(
    name: &RemoteName,
    settings: &Settings,
    wanted: Wanted,
) -> Result<Arc<WritableFile>, Error> {
    let local = Local {
        maker: Spill::temporary,
        recovery: state_folder().map(|folder| folder.join("recovery")),
    };
    let server = Arc::new(Server::new(name, settings)?);
    open_at(server, Cache::shared(settings), name, settings, wanted, local)
}

/// Opens a file of `server`.
pub(super) fn open_at(
    server: Arc<Server>,
    cache: Arc<Cache>,
    name: &RemoteName,
    settings: &Settings,
    wanted: Wanted,
    local: Local,
) -> Result<Arc<WritableFile>, Error> {
    let url = name.url();
    let lease = session::name()?;
    let mut known = None;
    let ask = |target: Target<'_>, place: &Place| {
        if wanted.begin == Begin::Existing {
            known = cache.known(&key(&server, &place.base, &place.path));
        }
        let version = known.as_ref().map(|version| version.version.clone());
        server.ask::<_, LeaseReply>(target, &wanted.request(&place.path, &lease, version))
    };
    let older = |_: &Place| {
        Err(Error::ReadOnly {
            url: url.clone(),
            server: server.name().to_owned(),
        })
    };
    let (place, reply) = discover_either(&server, name, &url, "lease", ask, older)?;
    let path = reply.file.path.trim_start_matches('/').to_owned();
    let site = Arc::new(Site {
        url: url_of(&server, &place.base, &path),
        server: Arc::clone(&server),
        base: place.base.clone(),
        path,
    });
    let session = Session::begin(Arc::clone(&site), lease, reply.seconds)?;
    let window = settings.data_memory / 4;
    let base = match wanted.begin {
        Begin::Existing => Some(
            Opening {
                server,
                cache: Arc::clone(&cache),
                base: place.base,
                window,
                known,
                disk: None,
                kept: None,
            }
            .finish(reply.file, &place.path, &site.url)?,
        ),
        Begin::Create | Begin::Replace => None,
    };
    let size = base.as_ref().map_or(0, |base| base.size());
    log::info!("{}: open for writing, {size} bytes", site.url);
    Ok(Arc::new(WritableFile {
        url: site.url.clone(),
        process: std::process::id(),
        state: Mutex::new(State {
            session,
            wanted,
            cache,
            window,
            base,
            size,
            committed: 0,
            open: Layer {
                overlay: Overlay::new(size, local.maker),
                parts: Parts::new(),
            },
            frozen: None,
            own: None,
            superblock: None,
            ordered: false,
            order: None,
            ahead: true,
            budget: settings.write_memory,
            maker: local.maker,
            recovery: local.recovery,
            ended: false,
        }),
    }))
}
