//! Values of settings, read from text.

use std::path::PathBuf;
use std::time::Duration;

use super::{CacheDir, Progress, Proxy, keys};
use crate::Error;

pub(super) fn bad(key: &str, reason: &str) -> Error {
    Error::Setting {
        key: key.to_owned(),
        reason: reason.to_owned(),
    }
}

/// A time in seconds, fractions allowed, more than nothing and at most a day.
pub(super) fn seconds(key: &str, value: &str) -> Result<Duration, Error> {
    match value.parse::<f64>() {
        Ok(number) if (0.001..=86_400.0).contains(&number) => Ok(Duration::from_secs_f64(number)),
        _ => Err(bad(
            key,
            "it must be a number of seconds between 0.001 and 86400, such as 30",
        )),
    }
}

pub(super) fn count(key: &str, value: &str) -> Result<u32, Error> {
    match value.parse::<u32>() {
        Ok(number) if number <= 100 => Ok(number),
        _ => Err(bad(key, "it must be a whole number from 0 to 100")),
    }
}

/// Bytes, with an optional K, M or G (powers of 1024; a following `B` or `iB` is fine).
pub(super) fn bytes(key: &str, value: &str) -> Result<u64, Error> {
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = value.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(0),
        "k" | "kb" | "kib" => Some(10),
        "m" | "mb" | "mib" => Some(20),
        "g" | "gb" | "gib" => Some(30),
        _ => None,
    };
    let total = number
        .parse::<u64>()
        .ok()
        .zip(shift)
        .and_then(|(number, shift)| number.checked_mul(1 << shift));
    total.ok_or_else(|| bad(key, "it must be a number of bytes, such as 268435456, 256M or 1G"))
}

pub(super) fn flag(key: &str, value: &str) -> Result<bool, Error> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(bad(key, "it must be 0 or 1")),
    }
}

pub(super) fn level(key: &str, value: &str) -> Result<log::LevelFilter, Error> {
    value
        .parse()
        .map_err(|_| bad(key, "it must be one of off, error, warn, info, debug, trace"))
}

pub(super) fn progress(key: &str, value: &str) -> Result<Progress, Error> {
    match value.to_ascii_lowercase().as_str() {
        "auto" => Ok(Progress::Auto),
        "always" => Ok(Progress::Always),
        "never" => Ok(Progress::Never),
        _ => Err(bad(key, "it must be one of auto, always, never")),
    }
}

/// Without quotes the word is a truth value in YAML.
fn is_off(value: &str) -> bool {
    matches!(value, "off" | "false")
}

/// A folder by its full path, or `off`.
pub(super) fn folder(key: &str, value: &str) -> Result<CacheDir, Error> {
    let path: PathBuf = keys::path(value);
    match value {
        _ if is_off(value) => Ok(CacheDir::Off),
        _ if path.is_absolute() => Ok(CacheDir::At(path)),
        _ => Err(bad(key, "it must be the full path of a folder, or off")),
    }
}

/// The address of a proxy, or `off`. The address is not repeated in the message: it may hold a password.
pub(super) fn proxy(key: &str, value: &str) -> Result<Proxy, Error> {
    match value.split_once("://") {
        _ if is_off(value) => Ok(Proxy::Off),
        Some(("http" | "https" | "socks5" | "socks5h", rest)) if !rest.is_empty() => {
            Ok(Proxy::At(super::Secret::new(value.to_owned())))
        }
        _ => Err(bad(
            key,
            "it must be the address of a proxy, such as http://proxy.example.org:3128, or off",
        )),
    }
}
