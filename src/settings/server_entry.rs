//! One server, as the settings file has it: below `servers`, or as an alias.

use std::path::PathBuf;

use super::Proxy;
use crate::RemoteName;

/// What is said of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEntry {
    /// Base URL of the server: where its own directory tree begins.
    pub base: RemoteName,
    /// Its base URL as it stands in the file, without slashes at the end: every way in which it is written. The
    /// Python client's keyring goes by the text.
    pub spellings: Vec<String>,
    /// Who to log in as.
    pub user: Option<String>,
    /// Whether to look for the password in the system's keyring.
    pub use_keyring: bool,
    /// File of further certificate authorities, PEM.
    pub ca: Option<PathBuf>,
    /// File with the client's own certificate, PEM.
    pub client_certificate: Option<PathBuf>,
    /// File with the key of that certificate, PEM.
    pub client_key: Option<PathBuf>,
    /// The proxy on the way there.
    pub proxy: Option<Proxy>,
    /// Whether the server's certificate is checked.
    pub verify: bool,
}

impl ServerEntry {
    /// An entry that says nothing but where the server is.
    pub(crate) fn new(base: RemoteName) -> Self {
        Self {
            base,
            spellings: Vec::new(),
            user: None,
            use_keyring: false,
            ca: None,
            client_certificate: None,
            client_key: None,
            proxy: None,
            verify: true,
        }
    }

    /// Adds what `other` says of the same server where this says nothing.
    pub(super) fn complete_from(&mut self, other: &Self) {
        for spelling in &other.spellings {
            if !self.spellings.contains(spelling) {
                self.spellings.push(spelling.clone());
            }
        }
        if self.user.is_none() || self.user == other.user {
            self.use_keyring |= other.use_keyring;
            self.user = self.user.take().or_else(|| other.user.clone());
        }
        self.ca = self.ca.take().or_else(|| other.ca.clone());
        if self.client_certificate.is_none() {
            self.client_certificate.clone_from(&other.client_certificate);
            self.client_key.clone_from(&other.client_key);
        }
        self.proxy = self.proxy.take().or_else(|| other.proxy.clone());
        self.verify &= other.verify;
    }
}
