//! What the command-line tool shows of the cache, checks and deletes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::segment::{Segment, discard};
use super::{eviction, folder};

/// A file of a server of which something is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// Its URL.
    pub url: String,
    /// Its size, bytes.
    pub size: u64,
    /// Bytes of it that are kept.
    pub kept: u64,
    /// When it was last of use.
    pub used: SystemTime,
}

/// What was found wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    /// Files of the cache that were checked.
    pub checked: u64,
    /// Those of them that were damaged, and are deleted.
    pub damaged: Vec<PathBuf>,
}

/// All files of which something is kept in the client's folder `cache`, the last used one first.
#[must_use]
pub fn files(cache: &Path) -> Vec<KeptFile> {
    let mut found: BTreeMap<(String, String), KeptFile> = BTreeMap::new();
    for path in segments(cache) {
        let Ok(segment) = Segment::open(&path) else {
            continue;
        };
        let Ok(used) = path.metadata().and_then(|metadata| metadata.modified()) else {
            continue;
        };
        let key = &segment.head.key;
        let parts = key
            .path
            .split('/')
            .map(|part| format!("/{}", crate::name::escape(part)));
        let url = format!("{}{}", key.base, parts.collect::<String>());
        let file = found.entry((url.clone(), key.login.clone())).or_insert(KeptFile {
            url,
            size: segment.head.size,
            kept: 0,
            used,
        });
        file.kept += segment.bytes;
        file.used = file.used.max(used);
    }
    let mut files: Vec<_> = found.into_values().collect();
    files.sort_by_key(|file| std::cmp::Reverse(file.used));
    files
}

fn segments(cache: &Path) -> Vec<PathBuf> {
    let folders = eviction::directories(&cache.join(folder::NAME));
    let segments = folders.iter().flat_map(|folder| folder::segments(folder));
    segments.map(|(_, path)| path).collect()
}

/// Reads all that is kept in the client's folder `cache`, and deletes what is damaged.
#[must_use]
pub fn verify(cache: &Path) -> Damage {
    let mut damage = Damage::default();
    for path in segments(cache) {
        let sound = match Segment::open(&path) {
            Ok(segment) => segment.check().is_ok(),
            Err(error) => !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof),
        };
        // Deleted meanwhile by somebody else.
        if !path.exists() {
            continue;
        }
        damage.checked += 1;
        if !sound {
            discard(&path);
            damage.damaged.push(path);
        }
    }
    damage
}

/// Deletes all that is kept of files in the client's folder `cache`; returns how many of its files, and bytes.
///
/// # Errors
/// When something cannot be deleted.
pub fn clear(cache: &Path, delete: bool) -> io::Result<(u64, u64)> {
    let root = cache.join(folder::NAME);
    let _lock = delete.then(|| eviction::lock(&root));
    let (mut count, mut bytes) = (0, 0);
    for directory in eviction::directories(&root) {
        for entry in fs::read_dir(&directory)?.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            count += 1;
            bytes += metadata.len();
            if delete {
                gone(fs::remove_file(entry.path()))?;
            }
        }
        if delete {
            // Somebody may be writing into it.
            let _ = fs::remove_dir(directory);
        }
    }
    if delete {
        gone(fs::remove_file(root.join("grown")))?;
    }
    Ok((count, bytes))
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
