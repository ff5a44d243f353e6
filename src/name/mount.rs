//! Mounts: local directories that need not exist, below which everything is remote.

use super::RemoteName;
use crate::Error;
use crate::settings::file::Mount;

/// A full path without `.`, `..`, double and trailing slashes, by its text alone; `None` for others.
pub(crate) fn plain(path: &str) -> Option<String> {
    let mut components: Vec<&str> = Vec::new();
    for component in path.strip_prefix('/')?.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop();
            }
            other => components.push(other),
        }
    }
    Some(format!("/{}", components.join("/")))
}

/// Reads a path below one of `mounts`, which come longest first.
pub(super) fn find(name: &str, mounts: &[Mount]) -> Option<Result<RemoteName, Error>> {
    if mounts.is_empty() {
        return None;
    }
    let path = plain(name)?;
    mounts.iter().find_map(|mount| {
        let rest = path.strip_prefix(&mount.local)?;
        match rest.strip_prefix('/') {
            Some(rest) => Some(mount.remote.below(rest)),
            None => rest.is_empty().then(|| Ok(mount.remote.clone())),
        }
    })
}
