//! Opening a name whatever its server speaks and whatever is there.

use std::sync::Arc;

use crate::cache::Cache;
use crate::remote_file::RemoteFile;
use crate::server::Server;
use crate::v1::{Answer, Found, ObjectServer};
use crate::{Error, RemoteName, Settings};

/// What stands behind a name.
#[derive(Debug)]
pub enum Opened {
    /// A file whose bytes can be read.
    Bytes(Arc<RemoteFile>),
    /// A file or directory whose objects can be asked for.
    Objects(Objects),
    /// A directory of files with bytes.
    Directory(RemoteName),
}

/// A file or directory on a server of the older protocol.
pub struct Objects {
    /// The server.
    pub server: ObjectServer,
    /// Path below the server's base.
    pub path: String,
    /// What the server said of it: the directory, or the root group of the file.
    pub first: Answer,
}

impl std::fmt::Debug for Objects {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Objects")
            .field("url", &self.server.url(&self.path))
            .finish_non_exhaustive()
    }
}

/// Opens `name`.
///
/// # Errors
/// Any of [`Error`]'s about the network, the server and the file.
pub fn open(name: &RemoteName, settings: &Settings, write: bool) -> Result<Opened, Error> {
    let server = Arc::new(Server::new(name, settings)?);
    match crate::remote_file::open::open(server, Cache::shared(settings), name, settings, write) {
        Err(Error::IsDirectory { .. }) if !write => Ok(Opened::Directory(name.clone())),
        opened => opened,
    }
}

impl Opened {
    /// Whether this is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        match self {
            Self::Bytes(_) => false,
            Self::Objects(objects) => matches!(objects.first.found(), Ok(Found::Directory(_))),
            Self::Directory(_) => true,
        }
    }

    /// The file, if its bytes can be read.
    ///
    /// # Errors
    /// [`Error::OlderProtocol`].
    pub(crate) fn bytes(self) -> Result<Arc<RemoteFile>, Error> {
        match self {
            Self::Bytes(file) => Ok(file),
            Self::Directory(name) => Err(Error::IsDirectory {
                url: name.url(),
                server: name.server(),
            }),
            Self::Objects(objects) => Err(Error::OlderProtocol {
                url: objects.server.url(&objects.path),
                server: objects.server.name().to_owned(),
            }),
        }
    }
}
