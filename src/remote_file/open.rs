//! Opening: by name, or by a path found in a link; what the reply brings goes into the cache.

use std::sync::Arc;

use super::{RemoteFile, Source};
use crate::cache::{Cache, FileKey, FileVersion};
use crate::opened::{Objects, Opened};
use crate::protocol::{OpenReply, OpenRequest};
use crate::server::discovery::{Place, discover_either};
use crate::server::{Server, Target};
use crate::v1::{INLINE, LEVELS, ObjectServer, Question};
use crate::{Error, RemoteName, Settings};

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
    let mut known = None;
    let present = |target: Target<'_>, place: &Place| {
        known = cache.known(&key(&server, &place.base, &place.path));
        let question = OpenRequest {
            path: place.path.clone(),
            known: known.as_ref().map(|version| version.version.clone()),
            write,
        };
        let reply = server.ask::<_, OpenReply>(target, &question);
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
    }
    .finish(reply, &place.path, &url)
    .map(Opened::Bytes)
}

pub(super) fn open_linked(from: &RemoteFile, target: &str) -> Result<Arc<RemoteFile>, Error> {
    let path = format!("/{}", target.trim_start_matches('/'));
    let server = &from.source.server;
    let shown = format!("{}{} (linked from {})", server.name(), path, from.source.url);
    let known = from.cache.known(&key(server, &from.source.base, target));
    let question = OpenRequest {
        path,
        known: known.as_ref().map(|version| version.version.clone()),
        write: false,
    };
    let asked = Target {
        base: &from.source.base,
        operation: "open",
        url: &shown,
    };
    let reply = server.ask::<_, OpenReply>(asked, &question)?;
    Opening {
        server: Arc::clone(server),
        cache: Arc::clone(&from.cache),
        base: from.source.base.clone(),
        window: from.window,
        known,
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
        if reply.unchanged && self.known.as_ref().map(|known| &known.version) != Some(&reply.version) {
            return Err(garbage("it calls a file unchanged that was never read"));
        }
        let path = reply.path.trim_start_matches('/').to_owned();
        let version = match self.known {
            Some(known) if reply.unchanged => known,
            _ => self
                .cache
                .version(key(&self.server, &self.base, &path), &reply.version),
        };
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
        if let Some(pack) = &reply.pack {
            file.keep(pack)?;
        }
        if reply.complete && !reply.unchanged {
            file.version.set_complete();
        }
        log::info!(
            "{}: opened, {} bytes, {}",
            file.source.url,
            file.size,
            match (reply.unchanged, &reply.pack) {
                (true, _) => "metadata in memory already",
                (false, Some(_)) => "metadata came with it",
                (false, None) => "no metadata in advance",
            }
        );
        Ok(Arc::new(file))
    }
}
