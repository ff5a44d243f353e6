//! Settings: defaults, overridden by the settings file, by the environment, by the connector info string.
//!
//! The only modules that read the environment and the settings file. Secrets have no `Display`, and are not
//! taken from the file, which people show around.

mod cache_dir;
pub mod file;
mod keys;
mod secret;
mod server_entry;
mod state_dir;
pub(crate) mod usual;
mod values;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use cache_dir::CacheDir;
pub use secret::Secret;
pub use server_entry::ServerEntry;
pub(crate) use state_dir::state_folder;

use crate::{Error, RemoteName};
use file::SettingsFile;
use keys::{KEYS, LOGIN};

/// A login that the user gave for whatever server their program names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenLogin {
    /// User name.
    pub user: Option<String>,
    /// Password; its user may come from the entry of the server.
    pub password: Option<Secret>,
    /// A bearer token.
    pub token: Option<Secret>,
}

/// When to show the progress of long transfers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// When stderr is a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How to get out to the network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Proxy {
    /// Directly, whatever the environment says.
    Off,
    /// Through this proxy. Its address may hold a password.
    At(Secret),
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// A login from the environment or the info string.
    pub login: GivenLogin,
    /// File of further certificate authorities, PEM.
    pub ca: Option<PathBuf>,
    /// File with the client's own certificate, PEM.
    pub client_certificate: Option<PathBuf>,
    /// File with the key of that certificate, PEM; the certificate's own file when there is none.
    pub client_key: Option<PathBuf>,
    /// The proxy; `None` for what the usual variables say (`HTTPS_PROXY`, `NO_PROXY`, ...).
    pub proxy: Option<Proxy>,
    /// What to log on stderr; `None` when nothing was asked for.
    pub log: Option<log::LevelFilter>,
    /// Whether to print [`crate::stats::json`] at exit.
    pub stats: bool,
    /// When to show a progress bar.
    pub progress: Progress,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the next bytes of an answer.
    pub read_timeout: Duration,
    /// Further attempts after a request failed in a way that may pass.
    pub retries: u32,
    /// No attempt begins later than this after the first.
    pub retry_time: Duration,
    /// Most memory for cached metadata, bytes.
    pub metadata_memory: u64,
    /// Most memory for cached raw data, bytes.
    pub data_memory: u64,
    /// Most memory for what one file was written and not saved, bytes.
    pub write_memory: u64,
    /// Where things are kept from one program to the next.
    pub cache_dir: CacheDir,
    /// Most bytes of remote files to keep there; none for 0.
    pub cache_disk: u64,
    /// Whether no server is to be asked for anything.
    pub offline: bool,
    /// What the settings file says of servers and names.
    pub file: Arc<SettingsFile>,
}

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self {
            login: GivenLogin::default(),
            ca: None,
            client_certificate: None,
            client_key: None,
            proxy: None,
            log: None,
            stats: false,
            progress: Progress::Auto,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            retries: 3,
            retry_time: Duration::from_secs(60),
            metadata_memory: 0,
            data_memory: 0,
            write_memory: 64 << 20,
            cache_dir: CacheDir::Default,
            cache_disk: 4 << 30,
            offline: false,
            file: Arc::default(),
        };
        settings.set_cache_memory(256 << 20);
        settings
    }
}

/// Whether the environment makes the plugin the connector of every file (`HDF5_VOL_CONNECTOR=hdfstream`).
/// If not, HDF5 asks the plugin only for files that it cannot open itself.
#[must_use]
pub fn is_default_connector() -> bool {
    std::env::var("HDF5_VOL_CONNECTOR")
        .is_ok_and(|value| value.split_whitespace().next() == Some("hdfstream"))
}

/// Every environment variable by which something can be set.
pub fn variables() -> impl Iterator<Item = &'static str> {
    let keys = KEYS.iter().chain(&LOGIN).map(|key| key.variable);
    keys.chain(["HDFSTREAM_CONFIG"])
}

impl Settings {
    /// Reads the settings file, then the environment, then `info`: `key=value` pairs separated by `;` or `,`.
    ///
    /// # Errors
    /// [`Error::Setting`] for a key that does not exist or a value that cannot be understood,
    /// [`Error::SettingsFile`] for a file that cannot.
    pub fn load(info: Option<&str>) -> Result<Self, Error> {
        Self::from_sources(file::current()?, &|name| std::env::var(name).ok(), info)
    }

    /// Reads as much as can be understood, for what is set once when a program starts: a mistake is
    /// reported when the first remote file is opened.
    #[must_use]
    pub fn at_start() -> Self {
        Self::load(None)
            .or_else(|_| Self::from_sources(Arc::default(), &|name| std::env::var(name).ok(), None))
            .unwrap_or_default()
    }

    fn from_sources(
        file: Arc<SettingsFile>,
        environment: &dyn Fn(&str) -> Option<String>,
        info: Option<&str>,
    ) -> Result<Self, Error> {
        let mut settings = Self::default();
        for value in file.values() {
            settings
                .set(value.key, value.key, value.text.reveal())
                .map_err(|error| file.at(value.line, error))?;
        }
        settings.file = file;
        for key in KEYS.iter().chain(&LOGIN) {
            if let Some(value) = environment(key.variable).filter(|value| !value.is_empty()) {
                settings.set(key.name, key.variable, &value)?;
            }
        }
        for pair in info.unwrap_or_default().split([';', ',']) {
            let pair = pair.trim();
            if pair.is_empty() {
                continue;
            }
            let Some((key, value)) = pair.split_once('=') else {
                return Err(values::bad(
                    "info string",
                    "it must be 'key=value' pairs separated by ';'",
                ));
            };
            let key = key.trim();
            settings.set(key, key, value.trim())?;
        }
        Ok(settings)
    }

    /// The info string `info` without logins and proxies, for places where it may be seen.
    #[must_use]
    pub fn without_secrets(info: &str) -> String {
        let harmless = |pair: &&str| {
            let key = pair.split('=').next().unwrap_or_default().trim();
            key != "proxy" && LOGIN.iter().all(|login| login.name != key)
        };
        info.split([';', ','])
            .filter(harmless)
            .collect::<Vec<_>>()
            .join(";")
    }

    /// What the settings file says of the server of `name`: the entry with the longest base URL that `name`
    /// lies below.
    #[must_use]
    pub fn server(&self, name: &RemoteName) -> Option<&ServerEntry> {
        self.file.server(name)
    }

    /// A quarter for metadata, the rest for raw data: a stream of data never pushes metadata out.
    fn set_cache_memory(&mut self, total: u64) {
        self.metadata_memory = total / 4;
        self.data_memory = total - self.metadata_memory;
    }
}

#[cfg(test)]
mod tests;
