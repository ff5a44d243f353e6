//! Opening: by name, or by a path found in a link; what the reply brings goes into the cache.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::kept::restore;
use super::{RemoteFile, Source};
use crate::cache::{Cache, FileKey, FileVersion};
use crate::disk_cache::{DiskCache, Entry, Key};
use crate::opened::{Objects, Opened};
use crate::protocol::{OpenReply, OpenRequest};
use crate::server::discovery::{Place, discover_either, places};
use crate::server::{Server, Target};
use crate::v1::{INLINE, LEVELS, ObjectServer, Question};
use crate::{Error, RemoteName, Settings};

/// Nothing is kept of files that changed later than so long ago: some file systems count time in steps of two seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// What the server of either protocol says at first.
enum First {
    Present(OpenReply),
    Older(Objects),
}

pub(crate) fn open(
    server: Arc<Server>,
    cache: Arc<Cache>,
    name: &RemoteName,
    settings: &Settings,
    write: bool,
) -> Result<Opened, Error> {
    let url = name.url();
    let disk = match write {
        true => None,
        false => DiskCache::of(settings),
    };
    if server.is_offline() && !write {
        let places = places(&server, name);
        let kept = disk
            .iter()
            .flat_map(|disk| places.iter().map(move |place| (disk, place)))
            .find_map(|(disk, place)| {
                Some((place, disk.find(&disk_key(&server, &place.base, &place.path))?))
            });
        let (place, kept) = kept.ok_or_else(|| absent(&server, &url, disk.is_some()))?;
        let known = cache.known(&key(&server, &place.base, kept.path()));
        return Opening {
            server,
            cache,
            base: place.base.clone(),
            window: settings.data_memory / 4,
            known,
            disk: disk.clone(),
            kept: Some(Arc::clone(&kept)),
        }
        .finish(as_kept(&kept), &place.path, &url)
        .map(Opened::Bytes);
    }
    let mut known = None;
    let mut kept = None;
    let present = |target: Target<'_>, place: &Place| {
        known = cache.known(&key(&server, &place.base, &place.path));
        kept = match (&known, &disk) {
            (None, Some(disk)) => disk.find(&disk_key(&server, &place.base, &place.path)),
            _ => None,
        };
        let question = OpenRequest {
            path: place.path.clone(),
            known: version_of(known.as_ref(), kept.as_ref()),
            write,
        };
        // Mostly it has not changed.
        let reply = server.ask_and::<_, OpenReply>(target, &question, || {
            if let Some(kept) = &kept {
                kept.prepare(cache.room_for_metadata());
            }
        });
        reply.map(First::Present).map_err(|error| match error {
            // The served root itself, which is no file by any name.
            Error::NotFound { url, server } if place.path.is_empty() => Error::IsDirectory { url, server },
            other => other,
        })
    };
    let older = |place: &Place| {
        let objects = ObjectServer::new(Arc::clone(&server), place.base.clone());
        let first = objects.ask(&place.path, &Question::object("/", LEVELS, INLINE))?;
        Ok(First::Older(Objects {
            server: objects,
            path: place.path.clone(),
            first,
        }))
    };
    let (place, first) = discover_either(&server, name, &url, "open", present, older)?;
    let reply = match first {
        First::Present(reply) => reply,
        First::Older(_) if write => {
            return Err(Error::ReadOnly {
                url,
                server: server.name().to_owned(),
            });
        }
        First::Older(objects) => return Ok(Opened::Objects(objects)),
    };
    Opening {
        server,
        cache,
        base: place.base,
        window: settings.data_memory / 4,
        known,
        disk,
        kept,
    }
    .finish(reply, &place.path, &url)
    .map(Opened::Bytes)
}

pub(super) fn open_linked(from: &RemoteFile, target: &str) -> Result<Arc<RemoteFile>, Error> {
    let path = format!("/{}", target.trim_start_matches('/'));
    let server = &from.source.server;
    let shown = format!("{}{} (linked from {})", server.name(), path, from.source.url);
    let known = from.cache.known(&key(server, &from.source.base, target));
    let disk = from.version.disk.get().map(|entry| Arc::clone(entry.cache()));
    let kept = match (&known, &disk) {
        (None, Some(disk)) => disk.find(&disk_key(server, &from.source.base, target)),
        _ => None,
    };
    let question = OpenRequest {
        path,
        known: version_of(known.as_ref(), kept.as_ref()),
        write: false,
    };
    let asked = Target {
        base: &from.source.base,
        operation: "open",
        url: &shown,
    };
    let reply = match (server.is_offline(), &kept, &known) {
        (true, None, None) => return Err(absent(server, &shown, disk.is_some())),
        (true, Some(kept), _) => as_kept(kept),
        _ => server.ask(asked, &question)?,
    };
    Opening {
        server: Arc::clone(server),
        cache: Arc::clone(&from.cache),
        base: from.source.base.clone(),
        window: from.window,
        known,
        disk,
        kept,
    }
    .finish(reply, target, &shown)
}

/// The file again, when it has another version now.
pub(super) fn refreshed(file: &RemoteFile) -> Result<Option<Arc<RemoteFile>>, Error> {
    let source = &file.source;
    let key = key(&source.server, &source.base, &source.path);
    // This very version counts as known, lest its metadata is sent again.
    let present = file.cache.known(&key);
    let known = present
        .as_ref()
        .map_or(file.version(), |version| &version.version);
    let question = OpenRequest {
        path: source.path.clone(),
        known: Some(known.to_owned()),
        write: false,
    };
    let reply = source
        .server
        .ask::<_, OpenReply>(source.target("open"), &question)?;
    if reply.version == file.version() {
        return Ok(None);
    }
    Opening {
        server: Arc::clone(&source.server),
        cache: Arc::clone(&file.cache),
        base: source.base.clone(),
        window: file.window,
        known: present,
        // Who follows a writer would keep each of its versions.
        disk: None,
        kept: None,
    }
    .finish(reply, &source.path, &source.url)
    .map(Some)
}

/// Canonical URL of the file `path`.
pub(crate) fn url_of(server: &Server, base: &str, path: &str) -> String {
    let shown: String = path
        .split('/')
        .map(|part| format!("/{}", crate::name::escape(part)))
        .collect();
    format!("{}{base}{shown}", server.name())
}

pub(crate) fn key(server: &Server, base: &str, path: &str) -> FileKey {
    FileKey {
        base: format!("{}{base}", server.name()),
        path: path.to_owned(),
    }
}

pub(crate) fn disk_key(server: &Server, base: &str, path: &str) -> Key {
    Key {
        base: format!("{}{base}", server.name()),
        path: path.to_owned(),
        login: server.login().to_owned(),
    }
}

/// The version whose metadata is here.
fn version_of(known: Option<&Arc<FileVersion>>, kept: Option<&Arc<Entry>>) -> Option<String> {
    let kept = kept.filter(|kept| kept.is_traced());
    known
        .map(|known| known.version.clone())
        .or_else(|| kept.map(|kept| kept.version().to_owned()))
}

/// What the server would say if the file has not changed.
fn as_kept(kept: &Entry) -> OpenReply {
    OpenReply {
        path: kept.path().to_owned(),
        version: kept.version().to_owned(),
        size: kept.size(),
        modified: 0,
        unchanged: true,
        pack: None,
        complete: false,
    }
}

/// Nobody is asked, and nothing is here.
fn absent(server: &Server, url: &str, cached: bool) -> Error {
    let what = match cached {
        true => "nothing of this file is in the cache for this login",
        false => "there is no cache (settings cache_dir and cache_disk)",
    };
    server.offline(url, what.to_owned())
}

/// Whether a file changed long enough ago that the next change gets another time on every file system.
fn is_settled(modified: i64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(SETTLED).as_nanos() as i128 > i128::from(modified)
}

/// A version that a commit of this process has made.
pub(crate) struct Committed<'a> {
    pub(crate) server: &'a Arc<Server>,
    pub(crate) cache: &'a Arc<Cache>,
    pub(crate) base: &'a str,
    pub(crate) path: &'a str,
    pub(crate) url: &'a str,
    /// What it was made from, if there was something.
    pub(crate) former: Option<&'a RemoteFile>,
    pub(crate) version: &'a str,
    pub(crate) size: u64,
    pub(crate) window: u64,
}

impl Committed<'_> {
    /// The file, whose bytes in the ranges `changed` (offset and length) are new.
    pub(crate) fn open(self, changed: impl Iterator<Item = (u64, u64)>) -> Arc<RemoteFile> {
        let former = self.former.map(|file| &*file.version);
        let key = key(self.server, self.base, self.path);
        let version = self.cache.replace(key, former, self.version, changed, self.size);
        let source = Source {
            server: Arc::clone(self.server),
            base: self.base.to_owned(),
            path: self.path.to_owned(),
            version: self.version.to_owned(),
            url: self.url.to_owned(),
            lease: None,
        };
        Arc::new(RemoteFile::with(
            source,
            Arc::clone(self.cache),
            self.size,
            version,
            self.window,
        ))
    }
}

/// A file whose reply has come.
pub(crate) struct Opening {
    pub(crate) server: Arc<Server>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) base: String,
    pub(crate) window: u64,
    pub(crate) known: Option<Arc<FileVersion>>,
    /// Where to keep what is read, if anywhere.
    pub(crate) disk: Option<Arc<DiskCache>>,
    /// What was found there.
    pub(crate) kept: Option<Arc<Entry>>,
}

impl Opening {
    pub(crate) fn finish(self, reply: OpenReply, asked: &str, url: &str) -> Result<Arc<RemoteFile>, Error> {
        let garbage = |reason: &str| Error::Garbage {
            url: url.to_owned(),
            server: self.server.name().to_owned(),
            reason: reason.to_owned(),
        };
        if reply.version.is_empty() || reply.version.len() > 128 {
            return Err(garbage("it names no version"));
        }
        // The plugin's addresses are signed.
        if reply.size > i64::MAX as u64 {
            return Err(garbage("a file cannot be that large"));
        }
        let kept = self
            .kept
            .filter(|kept| kept.version() == reply.version && kept.size() == reply.size);
        let is_known = self.known.as_ref().map(|known| &known.version) == Some(&reply.version);
        if reply.unchanged && !is_known && kept.is_none() {
            return Err(garbage("it calls a file unchanged that was never read"));
        }
        let path = reply.path.trim_start_matches('/').to_owned();
        let version = match self.known {
            Some(known) if is_known && reply.unchanged => known,
            _ => self
                .cache
                .version(key(&self.server, &self.base, &path), &reply.version),
        };
        if let Some(disk) = &self.disk {
            if let Some(kept) = kept.as_ref().filter(|_| reply.unchanged && !is_known) {
                restore(&self.cache, &version, kept);
            }
            let key = disk_key(&self.server, &self.base, &path);
            if kept.is_some() || is_settled(reply.modified) {
                version.disk.get_or_init(|| {
                    kept.unwrap_or_else(|| disk.entry(key.clone(), &reply.version, reply.size))
                });
            }
            if asked != path {
                disk.link(disk_key(&self.server, &self.base, asked), &path);
            }
        }
        if asked != path {
            self.cache.alias(key(&self.server, &self.base, asked), &version);
        }
        let source = Source {
            url: url_of(&self.server, &self.base, &path),
            server: self.server,
            base: self.base,
            path,
            version: reply.version,
            lease: None,
        };
        let file = RemoteFile::with(source, self.cache, reply.size, version, self.window);
        let packed = reply.pack.is_some();
        if let Some(pack) = reply.pack {
            file.keep(pack)?;
        }
        if reply.complete && !reply.unchanged {
            file.version.set_complete();
            if let Some(disk) = file.version.disk.get() {
                disk.traced(true);
            }
        }
        log::info!(
            "{}: opened, {} bytes, {}",
            file.source.url,
            file.size,
            match (reply.unchanged, packed) {
                (true, _) => "its metadata is here already",
                (false, true) => "metadata came with it",
                (false, false) => "no metadata in advance",
            }
        );
        Ok(Arc::new(file))
    }
}
