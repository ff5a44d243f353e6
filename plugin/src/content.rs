//! What HDF5 has open when it has a remote file open: one version of it to read, or the file to write.

use std::cmp::Ordering;
use std::sync::Arc;

use hdfstream::{Class, Error, Name, RemoteFile, RemoteName, Settings, WritableFile};

/// An open remote file.
#[derive(Clone)]
pub(crate) enum Content {
    /// One version, which stays as it is.
    Reading(Arc<RemoteFile>),
    /// The file that this program changes.
    Writing(Arc<WritableFile>),
}

impl Content {
    /// Canonical URL.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Reading(file) => file.url(),
            Self::Writing(file) => file.url(),
        }
    }

    /// Size, bytes, as this program sees it.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Reading(file) => file.size(),
            Self::Writing(file) => file.size(),
        }
    }

    pub(crate) fn read_vector(&self, pieces: &mut [(Class, u64, &mut [u8])]) -> Result<(), Error> {
        match self {
            Self::Reading(file) => file.read_vector(pieces),
            Self::Writing(file) => file.read_vector(pieces),
        }
    }

    /// The file to write, if this is one.
    pub(crate) fn writer(&self) -> Option<&Arc<WritableFile>> {
        match self {
            Self::Reading(_) => None,
            Self::Writing(file) => Some(file),
        }
    }

    /// The file as the server has it: what this program changed since its last commit is not in it. A file that is
    /// being made has none.
    pub(crate) fn on_server(&self) -> Option<Arc<RemoteFile>> {
        match self {
            Self::Reading(file) => Some(Arc::clone(file)),
            Self::Writing(file) => file.base(),
        }
    }

    /// Whether both are the very same open file.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Reading(first), Self::Reading(second)) => Arc::ptr_eq(first, second),
            (Self::Writing(first), Self::Writing(second)) => Arc::ptr_eq(first, second),
            _ => false,
        }
    }

    /// Orders files; equal are those that HDF5 is to take for one. A file to write is one with itself alone: who
    /// opens it again is given the same.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Reading(first), Self::Reading(second)) => first.same_file(second),
            (Self::Writing(first), Self::Writing(second)) => Arc::as_ptr(first).cmp(&Arc::as_ptr(second)),
            (Self::Reading(_), Self::Writing(_)) => Ordering::Less,
            (Self::Writing(_), Self::Reading(_)) => Ordering::Greater,
        }
    }

    /// Opens `name`, which a link in this file names by its URL, for reading.
    pub(crate) fn open_named(
        &self,
        name: &RemoteName,
        settings: &Settings,
    ) -> Result<Arc<RemoteFile>, Error> {
        match self.on_server() {
            Some(file) => file.open_named(name, settings, false),
            // The login that may be sent to this file's server may not be sent to another.
            None if self.is_on_server_of(name) => RemoteFile::open(name, settings, false),
            None => Err(self.leads_away(name)),
        }
    }

    /// Refuses to write a file of another server because a link in this one leads there.
    pub(crate) fn may_lead_writers_to(&self, name: &RemoteName) -> Result<(), Error> {
        match self.is_on_server_of(name) {
            true => Ok(()),
            false => Err(self.leads_away(name)),
        }
    }

    /// Opens the file that a link in this one names by `target`, an absolute path of the server's file system.
    pub(crate) fn open_linked(&self, target: &str) -> Result<Arc<RemoteFile>, Error> {
        match self.on_server() {
            Some(file) => file.open_linked(target),
            None => Err(self.lacks(target)),
        }
    }

    /// What the target `name` of a link in this file means.
    pub(crate) fn link_target(&self, name: &str) -> Name {
        match hdfstream::resolve(self.url()) {
            Name::Remote(own) => hdfstream::name::resolve_link(name, &own),
            Name::Local => Name::Local,
        }
    }

    /// Says that a link's target, which is no remote name, is not there.
    pub(crate) fn lacks(&self, target: &str) -> Error {
        Error::NotFound {
            url: format!("{target} (named by a link in {})", self.url()),
            server: "this program reads no local file for a remote one: the server".into(),
        }
    }

    fn is_on_server_of(&self, name: &RemoteName) -> bool {
        match hdfstream::resolve(self.url()) {
            Name::Remote(own) => own.server() == name.server(),
            Name::Local => false,
        }
    }

    fn leads_away(&self, name: &RemoteName) -> Error {
        Error::Forbidden {
            url: name.url(),
            server: name.server(),
            reason: format!(
                "a link in {}, which is open for writing, leads here from another server; open this file by its own \
                 name",
                self.url()
            ),
        }
    }
}
