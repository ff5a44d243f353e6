//! What a name means: local, or a file on some server.
//!
//! Pure text work, except that a stub and a URL behind a directory prefix look at the local disk. For
//! an ordinary local name nothing is touched but the name itself (and, with stubs, one `stat`).

mod address;
pub(crate) mod alias;
mod mangled;
pub(crate) mod mount;
mod path;
pub mod stub;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::{Error, settings};
pub(crate) use address::Authority;

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// An ordinary local name, not ours.
    Local,
    /// A file or directory on a server.
    Remote(RemoteName),
}

/// A file or directory on a server. `Display` gives its canonical URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemoteName {
    authority: Authority,
    components: Vec<String>,
}

/// Decides what `name` means from its text; see [`resolve_with_stub`] for stubs.
///
/// Remote are `https:`, `http:`, `hdfstream:` (https) and `hdfstream+http:` URLs, with any number of
/// slashes after the colon, also behind a directory prefix that some library put in front; and names
/// with an alias of the settings file or below one of its mounts. A name that looks remote but cannot be
/// is [`Name::Local`] here and an error there.
#[must_use]
pub fn resolve(name: &str) -> Name {
    read(name).unwrap_or(Name::Local)
}

/// Decides what the target of a link inside the remote file `from` means: remote are URLs, and paths below mounts of
/// that file's own server, which programs write that know it by a mount. Aliases and other mounts are the user's own,
/// and no file should reach through them.
#[must_use]
pub fn resolve_link(name: &str, from: &RemoteName) -> Name {
    if let Some(found) = mangled::find(name) {
        return RemoteName::from_url(&name[found.start..]).map_or(Name::Local, Name::Remote);
    }
    let mounted = || mount::find(name, settings::file::current().ok()?.mounts())?.ok();
    let beside = mounted().filter(|target| target.authority == from.authority);
    beside.map_or(Name::Local, Name::Remote)
}

/// Decides what `name` means, local files that are stubs included.
///
/// # Errors
/// [`Error::InvalidName`] when it is a URL, or a stub holding one, that cannot be used.
pub fn resolve_with_stub(name: &str) -> Result<Name, Error> {
    match read(name)? {
        Name::Local => read_stub(name),
        // A stub that was moved or copied below a mount stands for the same file as before.
        mounted if by_mount(name).is_some() => match read_stub(name)? {
            Name::Local => Ok(mounted),
            named => Ok(named),
        },
        remote => Ok(remote),
    }
}

/// `name` as it may be shown and logged: a user name or password that stands in a URL is starred.
#[must_use]
pub fn without_login(name: &str) -> String {
    match mangled::find(name) {
        Some(_) => address::without_user(name),
        None => name.to_owned(),
    }
}

fn read(name: &str) -> Result<Name, Error> {
    // A name that stands behind a directory may be that of a local file, however it looks.
    let local = || std::fs::symlink_metadata(name).is_ok();
    if let Some(found) = mangled::find(name) {
        return if found.prefixed && local() {
            Ok(Name::Local)
        } else {
            RemoteName::from_url(&name[found.start..]).map(Name::Remote)
        };
    }
    if !may_be_configured(name) {
        return Ok(Name::Local);
    }
    // A mistake in the file must not stop programs that open local files: see [`settings_problem`].
    let Ok(file) = settings::file::current() else {
        return Ok(Name::Local);
    };
    match alias::find(name, file.aliases()) {
        Some((remote, prefixed)) if !prefixed || !local() => return remote.map(Name::Remote),
        _ => {}
    }
    mount::find(name, file.mounts()).map_or(Ok(Name::Local), |remote| remote.map(Name::Remote))
}

/// Whether the settings file can make `name` remote: names with a colon, and full paths.
fn may_be_configured(name: &str) -> bool {
    name.starts_with('/') || name.contains(':')
}

/// Why a name that was taken for local may be remote all the same: the settings file, which would tell,
/// cannot be understood. To be told when a local file of this name does not open.
#[must_use]
pub fn settings_problem(name: &str) -> Option<Error> {
    if mangled::find(name).is_some() || !may_be_configured(name) {
        return None;
    }
    settings::file::current().err()
}

/// Where on this machine a stub of the file `name` stands, or belongs when the file is made: at a name below a mount
/// whose directory is there too, and where a stub is. Programs that look before they open then find something.
#[must_use]
pub fn stub_place(name: &str) -> Option<PathBuf> {
    match by_mount(name) {
        Some(path) => Some(PathBuf::from(path)).filter(|path| path.parent().is_some_and(Path::is_dir)),
        None => {
            let stub = matches!(stub::Stub::look(name.as_ref()), Ok(stub::Found::Stub(_)));
            stub.then(|| PathBuf::from(name))
        }
    }
}

/// The plain path that `name` is, if a mount makes it remote.
fn by_mount(name: &str) -> Option<String> {
    if mangled::find(name).is_some() || !may_be_configured(name) {
        return None;
    }
    let file = settings::file::current().ok()?;
    let local = || std::fs::symlink_metadata(name).is_ok();
    match alias::find(name, file.aliases()) {
        Some((_, prefixed)) if !prefixed || !local() => None,
        _ => {
            let remote = mount::find(name, file.mounts())?.ok()?;
            (!remote.components().is_empty()).then(|| mount::plain(name))?
        }
    }
}

fn read_stub(name: &str) -> Result<Name, Error> {
    // Only a regular file of exactly this size is opened: opening others (a FIFO, a device) may have
    // effects. Whatever fails here is for the native code to report.
    let Ok(metadata) = std::fs::metadata(name) else {
        return Ok(Name::Local);
    };
    if !metadata.is_file() || metadata.len() != stub::SIZE as u64 {
        return Ok(Name::Local);
    }
    let mut bytes = [0u8; stub::SIZE];
    let read = std::fs::File::open(name).and_then(|mut file| file.read_exact(&mut bytes));
    match (read, stub::Stub::decode(&bytes)) {
        (Ok(()), Some(url)) => RemoteName::parse(&url)
            .map(Name::Remote)
            .map_err(|error| match error {
                Error::InvalidName { reason, .. } => Error::InvalidName {
                    name: name.to_owned(),
                    reason: format!("this stub holds a URL that cannot be used: {reason}"),
                },
                other => other,
            }),
        _ => Ok(Name::Local),
    }
}

impl RemoteName {
    /// Reads a URL (not one behind a prefix).
    ///
    /// # Errors
    /// [`Error::InvalidName`] when `text` is not a URL of a known scheme, or cannot be used.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match mangled::find(text) {
            Some(found) if found.start == 0 => Self::from_url(text),
            _ => Err(invalid(
                text,
                "it does not begin with https://, http://, hdfstream:// or hdfstream+http://",
            )),
        }
    }

    /// `text` begins with a scheme, its colon and at least one slash.
    fn from_url(text: &str) -> Result<Self, Error> {
        let text = text.split('#').next().unwrap_or_default();
        let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
        let rest = mangled::after_slashes(rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let secure = !mangled::is_plain(scheme);
        let authority = Authority::parse(secure, authority).map_err(|reason| invalid(text, reason))?;
        let components = path::decode(path).map_err(|reason| invalid(text, reason))?;
        Ok(Self {
            authority,
            components,
        })
    }

    /// The canonical URL: lower-case scheme and host, no default port, plain path, all special
    /// characters escaped. Reading it back gives an equal name.
    #[must_use]
    pub fn url(&self) -> String {
        self.to_string()
    }

    /// Scheme and authority, such as `https://host:8443`.
    #[must_use]
    pub fn server(&self) -> String {
        self.authority.to_string()
    }

    /// Components of the path, decoded; none is empty, `.` or `..`, and none holds a slash.
    #[must_use]
    pub fn components(&self) -> &[String] {
        &self.components
    }

    /// Last component of the path, decoded.
    #[must_use]
    pub fn file_name(&self) -> Option<&str> {
        self.components.last().map(String::as_str)
    }

    /// The directory that this is in; the server's root is its own parent.
    #[must_use]
    pub fn parent(&self) -> Self {
        let mut parent = self.clone();
        parent.components.pop();
        parent
    }

    /// Takes this as a directory and follows `target` from it: a URL, a path from the server's root
    /// (leading slash), or a relative path. Except in a URL, `target` is taken literally: `%` and `#`
    /// are characters of file names.
    ///
    /// # Errors
    /// [`Error::InvalidName`] when `target` is an unusable URL, holds NUL, or leaves the server by `..`.
    pub fn join(&self, target: &str) -> Result<Self, Error> {
        if let Some(found) = mangled::find(target)
            && found.start == 0
        {
            return Self::from_url(target);
        }
        let mut components = if target.starts_with('/') {
            Vec::new()
        } else {
            self.components.clone()
        };
        path::append(&mut components, target).map_err(|reason| invalid(target, reason))?;
        Ok(Self {
            authority: self.authority.clone(),
            components,
        })
    }

    /// Follows the literal path `path` from this, which must not be left by `..`.
    pub(crate) fn below(&self, path: &str) -> Result<Self, Error> {
        let mut below = Vec::new();
        path::append(&mut below, path).map_err(|reason| invalid(path, reason))?;
        let mut name = self.clone();
        name.components.append(&mut below);
        Ok(name)
    }

    /// Whether this is `base` or lies below it.
    pub(crate) fn is_below(&self, base: &Self) -> bool {
        self.authority == base.authority && self.components.starts_with(&base.components)
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }
}

/// One path component as it stands in a canonical URL.
pub(crate) fn escape(component: &str) -> String {
    path::encode(component).to_string()
}

impl fmt::Display for RemoteName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.authority)?;
        if self.components.is_empty() {
            return formatter.write_str("/");
        }
        for component in &self.components {
            write!(formatter, "/{}", path::encode(component))?;
        }
        Ok(())
    }
}

/// An error about `name`, with any user information cut out of it: it may be a password.
fn invalid(name: &str, reason: impl Into<String>) -> Error {
    Error::InvalidName {
        name: address::without_user(name),
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests;
