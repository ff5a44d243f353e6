//! Where things are in the folder of the cache, and who may have put them there.
//!
//! `files/KEY/CLASS-VERSION-RANDOM` are the segments, `files/KEY/link` says that the name leads to another file,
//! `files/lock` is locked by whoever deletes, and the length of `files/grown` says how much was written since.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use super::Key;
use crate::Class;

/// Name of the folder below that of the client's cache.
pub(super) const NAME: &str = "files";
/// Name of a file that leads to another.
const LINK: &str = "link";
/// How names of files begin that are being written.
pub(super) const UNFINISHED: &str = ".tmp";
/// Longest link file, bytes.
const LONGEST: u64 = 64 << 10;

/// Why nothing in the folder `root` is to be believed: somebody else may have written it. One that is not there is fine.
pub(super) fn distrusted(root: &Path) -> Option<&'static str> {
    let metadata = match fs::symlink_metadata(root) {
        Ok(metadata) => metadata,
        // One that cannot be made is noticed by who makes it.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return None,
        Err(_) => return Some("it cannot be looked into"),
    };
    if !metadata.is_dir() {
        Some("it is no folder")
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        Some("it belongs to another user")
    } else if metadata.mode() & 0o022 != 0 {
        Some("others may write there; take that right away, or set cache_dir to another folder")
    } else {
        None
    }
}

/// Makes the folder of a file, for its owner alone.
pub(super) fn make(root: &Path, key: &Key) -> io::Result<PathBuf> {
    let folder = root.join(key.folder());
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    // The folders above may have been there.
    match distrusted(root) {
        None => Ok(folder),
        Some(why) => Err(io::Error::other(why)),
    }
}

/// What the name of a segment tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) class: Class,
    /// Of its version.
    pub(super) hash: u64,
}

/// Tells versions apart in names; a segment has its version in full.
pub(super) fn hash(version: &str) -> u64 {
    XxHash3_64::oneshot(version.as_bytes())
}

/// How the names of segments of a version begin.
pub(super) fn prefix(class: Class, version: &str) -> String {
    let letter = match class {
        Class::Metadata => 'm',
        Class::Raw => 'r',
    };
    format!("{letter}-{:016x}-", hash(version))
}

/// Reads the name of a segment.
pub(super) fn parse(name: &str) -> Option<Name> {
    let mut parts = name.split('-');
    let class = match parts.next()? {
        "m" => Class::Metadata,
        "r" => Class::Raw,
        _ => return None,
    };
    let hash = u64::from_str_radix(parts.next()?, 16).ok()?;
    Some(Name { class, hash })
}

/// The segments in the folder of a file, with their paths.
pub(super) fn segments(folder: &Path) -> Vec<(Name, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| Some((parse(entry.file_name().to_str()?)?, entry.path())));
    named.collect()
}

#[derive(Serialize, Deserialize)]
struct Link {
    key: Key,
    path: String,
    sum: u64,
}

fn sum(key: &Key, path: &str) -> u64 {
    XxHash3_64::oneshot_with_seed(hash(path), key.folder().as_bytes())
}

/// The path of the file that the name `key` leads to, if it is another.
pub(super) fn leads_to(root: &Path, key: &Key) -> Option<String> {
    let path = root.join(key.folder()).join(LINK);
    let bytes = fs::metadata(&path)
        .ok()
        .filter(|metadata| metadata.len() <= LONGEST)
        .and_then(|_| fs::read(&path).ok())?;
    let link: Link = rmp_serde::from_slice(&bytes).ok()?;
    (link.key == *key && link.sum == sum(key, &link.path)).then_some(link.path)
}

/// Remembers that the name `key` leads to the file `path`.
pub(super) fn write_link(root: &Path, key: Key, path: String) -> io::Result<()> {
    let folder = make(root, &key)?;
    let sum = sum(&key, &path);
    let link = Link { key, path, sum };
    let mut file = unfinished(&folder)?;
    file.write_all(&rmp_serde::to_vec(&link).map_err(io::Error::other)?)?;
    file.persist(folder.join(LINK))?;
    Ok(())
}

/// A file to be written; only its owner may read it.
pub(super) fn unfinished(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)
}
