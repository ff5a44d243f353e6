//! The settings file: `config.yml`, the very file of the Python client, with further keys beside its `aliases`.
//!
//! Read when a name may concern it, and again when it has changed. A mistake in it is an error for remote
//! files and for nothing else.

mod document;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::{Secret, ServerEntry};
use crate::{Error, RemoteName};

/// Longest settings file, bytes.
const LONGEST: u64 = 1 << 20;

/// What a settings file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsFile {
    path: PathBuf,
    values: Vec<Value>,
    aliases: BTreeMap<String, ServerEntry>,
    mounts: Vec<Mount>,
    /// Of all servers and aliases, one entry for each base URL, the longest first.
    servers: Vec<ServerEntry>,
}

/// A key with its value, as text; hidden, since a proxy's address may hold a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) key: &'static str,
    pub(super) line: u64,
    pub(super) text: Secret,
}

/// A local directory below which everything is remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Full path, plain: no `.`, `..`, double or trailing slash.
    pub local: String,
    /// What is there.
    pub remote: RemoteName,
}

impl SettingsFile {
    /// Servers by their short names.
    #[must_use]
    pub fn aliases(&self) -> &BTreeMap<String, ServerEntry> {
        &self.aliases
    }

    /// Mounts, the longest local path first.
    #[must_use]
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// All servers and aliases, one entry for each base URL.
    #[must_use]
    pub fn servers(&self) -> &[ServerEntry] {
        &self.servers
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    pub(super) fn server(&self, name: &RemoteName) -> Option<&ServerEntry> {
        self.servers.iter().find(|server| name.is_below(&server.base))
    }

    /// `error` about a setting, with the place where it stands.
    pub(super) fn at(&self, line: u64, error: Error) -> Error {
        match error {
            Error::Setting { key, reason } => Error::SettingsFile {
                path: self.path.clone(),
                line,
                reason: format!("{key}: {reason}"),
            },
            other => other,
        }
    }

    /// Reads the text of a settings file; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::SettingsFile`] with the line and the key that cannot be understood.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        document::read(text, path)
    }
}

/// Where the settings file is or would be: `HDFSTREAM_CONFIG`, else `hdfstream/config.yml` in
/// `$XDG_CONFIG_HOME` or `~/.config`. `None` for a user without a home.
#[must_use]
pub fn path() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(path) = variable("HDFSTREAM_CONFIG") {
        return Some(PathBuf::from(path));
    }
    Some(directory()?.join("config.yml"))
}

/// The user's directory for settings, logins among them.
#[must_use]
pub fn directory() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        // The specification wants relative ones ignored.
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".config")))?;
    Some(base.join("hdfstream"))
}

/// The settings file last read, with what tells whether it is still the same.
#[derive(Debug)]
struct Seen {
    path: PathBuf,
    stamp: Option<Stamp>,
    result: Result<Arc<SettingsFile>, Error>,
}

/// Changes when the file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// No lock: another thread might hold it while this process forks.
static SEEN: ArcSwapOption<Seen> = ArcSwapOption::const_empty();

/// The user's settings file; an empty one when there is none.
///
/// # Errors
/// [`Error::SettingsFile`] when it cannot be read or understood.
pub fn current() -> Result<Arc<SettingsFile>, Error> {
    let Some(path) = path() else {
        return Ok(Arc::default());
    };
    let stamp = std::fs::metadata(&path).ok().map(|metadata| Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.len(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    });
    if let Some(seen) = &*SEEN.load()
        && seen.path == path
        && seen.stamp == stamp
    {
        return seen.result.clone();
    }
    let result = read(&path).map(Arc::new);
    SEEN.store(Some(Arc::new(Seen {
        path,
        stamp,
        result: result.clone(),
    })));
    result
}

fn read(path: &Path) -> Result<SettingsFile, Error> {
    let bad = |reason: String| Error::SettingsFile {
        path: path.to_path_buf(),
        line: 0,
        reason,
    };
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(bad("it is not a regular file".to_owned())),
        // Without a file all is as without settings; one that was named must be there.
        Err(error)
            if error.kind() == ErrorKind::NotFound && std::env::var_os("HDFSTREAM_CONFIG").is_none() =>
        {
            return Ok(SettingsFile::default());
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(bad(
                "HDFSTREAM_CONFIG names it, but there is no such file".to_owned()
            ));
        }
        // A home that this user may not look into holds nothing for them.
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(SettingsFile::default()),
        _ => {}
    }
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text))
        .map_err(|error| bad(format!("it cannot be read: {error}")))?;
    if text.len() as u64 > LONGEST {
        return Err(bad(format!("it is longer than {LONGEST} bytes")));
    }
    SettingsFile::parse(&text, path)
}

#[cfg(test)]
mod tests;
