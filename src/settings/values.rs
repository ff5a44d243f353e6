//! Values of settings, read from text.

use std::time::Duration;

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
