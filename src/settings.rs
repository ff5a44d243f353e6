//! Settings: defaults, overridden by the environment, overridden by the connector info string.
//!
//! The only module that reads the environment. Secrets come from the environment alone: info strings
//! are copied into property lists, error messages and job scripts.

mod secret;
mod values;

use std::path::PathBuf;
use std::time::Duration;

pub use secret::Secret;

use crate::Error;

/// How the user proves who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// HTTP basic authentication.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: Secret,
    },
    /// A bearer token.
    Bearer(Secret),
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What to log in with; sent to hdfstream servers over https or on this machine, never in the open.
    pub credentials: Option<Credentials>,
    /// File of further certificate authorities, PEM.
    pub ca: Option<PathBuf>,
    /// What to log on stderr; `None` when nothing was asked for.
    pub log: Option<log::LevelFilter>,
    /// Whether to print [`crate::stats::json`] at exit.
    pub stats: bool,
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
}

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self {
            credentials: None,
            ca: None,
            log: None,
            stats: false,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            retries: 3,
            retry_time: Duration::from_secs(60),
            metadata_memory: 0,
            data_memory: 0,
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

/// Keys of the info string, with the environment variable of each.
const KEYS: [(&str, &str); 8] = [
    ("ca", "HDFSTREAM_CA"),
    ("log", "HDFSTREAM_LOG"),
    ("stats", "HDFSTREAM_STATS"),
    ("connect_timeout", "HDFSTREAM_CONNECT_TIMEOUT"),
    ("read_timeout", "HDFSTREAM_READ_TIMEOUT"),
    ("retries", "HDFSTREAM_RETRIES"),
    ("retry_time", "HDFSTREAM_RETRY_TIME"),
    ("cache_memory", "HDFSTREAM_CACHE_MEMORY"),
];

impl Settings {
    /// Reads the environment, then `info`: `key=value` pairs separated by `;` or `,`.
    ///
    /// Keys are `ca` (path), `log` (off, error, warn, info, debug, trace), `stats` (0 or 1),
    /// `connect_timeout`, `read_timeout` and `retry_time` (seconds), `retries` (a number) and
    /// `cache_memory` (bytes, with K, M or G); each is also an environment variable `HDFSTREAM_…` in
    /// capitals. `HDFSTREAM_TOKEN`, or `HDFSTREAM_USER` with `HDFSTREAM_PASSWORD`, log in.
    ///
    /// # Errors
    /// [`Error::Setting`] for a key that does not exist or a value that cannot be understood.
    pub fn load(info: Option<&str>) -> Result<Self, Error> {
        Self::from_sources(&|name| std::env::var(name).ok(), info)
    }

    fn from_sources(environment: &dyn Fn(&str) -> Option<String>, info: Option<&str>) -> Result<Self, Error> {
        let get = |name: &str| environment(name).filter(|value| !value.is_empty());
        let mut settings = Self::default();
        for (key, variable) in KEYS {
            if let Some(value) = get(variable) {
                settings.set(key, variable, &value)?;
            }
        }
        settings.credentials = match (
            get("HDFSTREAM_TOKEN"),
            get("HDFSTREAM_USER"),
            get("HDFSTREAM_PASSWORD"),
        ) {
            (Some(token), _, _) => Some(Credentials::Bearer(Secret::new(token))),
            (None, Some(user), password) => Some(Credentials::Basic {
                user,
                password: Secret::new(password.unwrap_or_default()),
            }),
            (None, None, Some(_)) => {
                return Err(values::bad(
                    "HDFSTREAM_PASSWORD",
                    "it needs HDFSTREAM_USER beside it",
                ));
            }
            (None, None, None) => None,
        };
        for pair in info.unwrap_or_default().split([';', ',']) {
            let pair = pair.trim();
            if pair.is_empty() {
                continue;
            }
            // The value is not repeated in any message: it may be a secret under a wrong key.
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

    fn set(&mut self, key: &str, shown: &str, value: &str) -> Result<(), Error> {
        match key {
            "ca" => self.ca = Some(PathBuf::from(value)),
            "log" => self.log = Some(values::level(shown, value)?),
            "stats" => self.stats = values::flag(shown, value)?,
            "connect_timeout" => self.connect_timeout = values::seconds(shown, value)?,
            "read_timeout" => self.read_timeout = values::seconds(shown, value)?,
            "retry_time" => self.retry_time = values::seconds(shown, value)?,
            "retries" => self.retries = values::count(shown, value)?,
            "cache_memory" => self.set_cache_memory(values::bytes(shown, value)?),
            "user" | "password" | "token" => {
                return Err(values::bad(
                    shown,
                    "logins are taken from the environment only: HDFSTREAM_TOKEN, or HDFSTREAM_USER and \
                     HDFSTREAM_PASSWORD",
                ));
            }
            _ => {
                let known: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
                return Err(values::bad(
                    shown,
                    &format!("there is no such setting; there are {}", known.join(", ")),
                ));
            }
        }
        Ok(())
    }

    /// A quarter for metadata, the rest for raw data: a stream of data never pushes metadata out.
    fn set_cache_memory(&mut self, total: u64) {
        self.metadata_memory = total / 4;
        self.data_memory = total - self.metadata_memory;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(environment: &[(&str, &str)], info: Option<&str>) -> Result<Settings, Error> {
        let get = |name: &str| {
            environment
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Settings::from_sources(&get, info)
    }

    #[test]
    fn the_info_string_wins_over_the_environment_over_the_defaults() {
        let settings = load(
            &[
                ("HDFSTREAM_READ_TIMEOUT", "7"),
                ("HDFSTREAM_RETRIES", "5"),
                ("HDFSTREAM_LOG", "debug"),
            ],
            Some(" read_timeout=2.5; cache_memory = 1G,stats=1;"),
        )
        .unwrap();
        assert_eq!(settings.read_timeout, Duration::from_millis(2500));
        assert_eq!(settings.retries, 5);
        assert_eq!(settings.log, Some(log::LevelFilter::Debug));
        assert_eq!(settings.metadata_memory + settings.data_memory, 1 << 30);
        assert_eq!(settings.connect_timeout, Duration::from_secs(10));
        assert!(settings.stats);
    }

    #[test]
    fn mistakes_are_named() {
        for (info, word) in [
            ("colour=red", "colour"),
            ("retries=many", "retries"),
            ("read_timeout=0", "read_timeout"),
            ("read_timeout=inf", "read_timeout"),
            ("cache_memory=12Q", "cache_memory"),
            ("stats", "key=value"),
            ("token=abc", "HDFSTREAM_TOKEN"),
        ] {
            let message = load(&[], Some(info)).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
            assert!(!message.contains("abc"), "{message}");
        }
        assert!(load(&[("HDFSTREAM_PASSWORD", "x")], None).is_err());
    }

    #[test]
    fn secrets_are_starred() {
        let settings = load(
            &[("HDFSTREAM_USER", "me"), ("HDFSTREAM_PASSWORD", "hunter2")],
            None,
        )
        .unwrap();
        let shown = format!("{settings:?}");
        assert!(shown.contains("***") && !shown.contains("hunter2"), "{shown}");
    }
}
