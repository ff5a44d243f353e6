//! Every key that can be set, where it may be set, and what its text does.
//!
//! `docs/configuration.md` has the same table; a test holds the two against each other.

use std::path::PathBuf;

use super::{Secret, Settings, values};
use crate::Error;

/// A key of the settings file and of the info string, with its environment variable.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) variable: &'static str,
    /// As the documentation has it; empty for what is not set unless the user sets it.
    #[cfg_attr(not(test), expect(dead_code, reason = "held against the documentation"))]
    pub(super) default: &'static str,
}

const fn key(name: &'static str, variable: &'static str, default: &'static str) -> Key {
    Key {
        name,
        variable,
        default,
    }
}

/// What may stand in the settings file, in the environment and in the info string.
pub(super) const KEYS: [Key; 16] = [
    key("ca", "HDFSTREAM_CA", ""),
    key("client_certificate", "HDFSTREAM_CLIENT_CERTIFICATE", ""),
    key("client_key", "HDFSTREAM_CLIENT_KEY", ""),
    key("proxy", "HDFSTREAM_PROXY", ""),
    key("connect_timeout", "HDFSTREAM_CONNECT_TIMEOUT", "10"),
    key("read_timeout", "HDFSTREAM_READ_TIMEOUT", "30"),
    key("retries", "HDFSTREAM_RETRIES", "3"),
    key("retry_time", "HDFSTREAM_RETRY_TIME", "60"),
    key("cache_memory", "HDFSTREAM_CACHE_MEMORY", "256M"),
    key("write_memory", "HDFSTREAM_WRITE_MEMORY", "64M"),
    key("cache_dir", "HDFSTREAM_CACHE_DIR", ""),
    key("cache_disk", "HDFSTREAM_CACHE_DISK", "4G"),
    key("offline", "HDFSTREAM_OFFLINE", "0"),
    key("progress", "HDFSTREAM_PROGRESS", "auto"),
    key("log", "HDFSTREAM_LOG", "off"),
    key("stats", "HDFSTREAM_STATS", "0"),
];

/// Logins: in the environment and in the info string, not in the settings file, which people show around.
pub(super) const LOGIN: [Key; 3] = [
    key("token", "HDFSTREAM_TOKEN", ""),
    key("user", "HDFSTREAM_USER", ""),
    key("password", "HDFSTREAM_PASSWORD", ""),
];

impl Settings {
    /// Sets `key` from text. `shown` is what the user wrote: a variable, a key, a place in a file. Messages do
    /// not repeat the value: it may be a secret under a wrong key.
    pub(super) fn set(&mut self, key: &str, shown: &str, value: &str) -> Result<(), Error> {
        match key {
            "ca" => self.ca = Some(path(value)),
            "client_certificate" => self.client_certificate = Some(path(value)),
            "client_key" => self.client_key = Some(path(value)),
            "proxy" => self.proxy = Some(values::proxy(shown, value)?),
            "connect_timeout" => self.connect_timeout = values::seconds(shown, value)?,
            "read_timeout" => self.read_timeout = values::seconds(shown, value)?,
            "retry_time" => self.retry_time = values::seconds(shown, value)?,
            "retries" => self.retries = values::count(shown, value)?,
            "cache_memory" => self.set_cache_memory(values::bytes(shown, value)?),
            "write_memory" => self.write_memory = values::bytes(shown, value)?,
            "cache_dir" => self.cache_dir = values::folder(shown, value)?,
            "cache_disk" => self.cache_disk = values::bytes(shown, value)?,
            "offline" => self.offline = values::flag(shown, value)?,
            "progress" => self.progress = values::progress(shown, value)?,
            "log" => self.log = Some(values::level(shown, value)?),
            "stats" => self.stats = values::flag(shown, value)?,
            // Who sets a token means to use it, whatever was set in a place that counts less, and the reverse.
            "token" => {
                self.login.token = Some(Secret::new(value.to_owned()));
                self.login.password = None;
            }
            "password" => {
                self.login.password = Some(Secret::new(value.to_owned()));
                self.login.token = None;
            }
            "user" => self.login.user = Some(value.to_owned()),
            _ => {
                let known = KEYS.iter().chain(&LOGIN).map(|key| key.name);
                let known = known.collect::<Vec<_>>().join(", ");
                return Err(values::bad(
                    shown,
                    &format!("there is no such setting; there are {known}"),
                ));
            }
        }
        Ok(())
    }
}

/// A path as users write it: `~/` is their home.
pub(super) fn path(value: &str) -> PathBuf {
    match (value.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(value),
    }
}
