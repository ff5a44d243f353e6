//! The limit: what was not used for longest goes first.
//!
//! Looking through the whole folder takes time, so it is done once in a while: each writer makes the file `grown` as
//! much longer as it wrote, and who finds it long enough looks, if nobody else does so already.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{DiskCache, folder};

/// What a byte of `grown` stands for, bytes.
const UNIT: u64 = 64 << 10;
/// What a file takes beside its bytes, about.
const OVERHEAD: u64 = 4096;
/// Nobody writes a segment for so long.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Counts what was written, and deletes when that was much.
pub(super) fn grown(cache: &DiskCache, written: u64) -> io::Result<()> {
    if written == 0 {
        return Ok(());
    }
    let mut count = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(cache.root.join("grown"))?;
    count.write_all(&vec![0; written.div_ceil(UNIT) as usize])?;
    let since = count.metadata()?.len() * UNIT;
    if since < cache.limit / 16 {
        return Ok(());
    }
    let lock = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(cache.root.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Before looking: what others write from now on counts for the next time.
    count.set_len(0)?;
    evict(cache);
    drop(lock);
    Ok(())
}

/// A file of the cache.
struct Found {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

/// Deletes until there is some room.
fn evict(cache: &DiskCache) {
    let mut found = Vec::new();
    for directory in directories(&cache.root) {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            let Ok(used) = metadata.modified() else { continue };
            let path = entry.path();
            let unfinished = entry
                .file_name()
                .to_string_lossy()
                .starts_with(folder::UNFINISHED);
            if unfinished && used.elapsed().is_ok_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(&path);
            } else if !unfinished {
                let bytes = metadata.len() + OVERHEAD;
                found.push(Found { used, bytes, path });
            }
        }
    }
    let mut total: u64 = found.iter().map(|file| file.bytes).sum();
    let wanted = cache.limit - cache.limit / 8;
    if total <= wanted {
        return;
    }
    found.sort_by_key(|file| file.used);
    let mut deleted = 0;
    for file in found {
        if total <= wanted {
            break;
        }
        total -= file.bytes;
        deleted += file.bytes;
        let _ = fs::remove_file(&file.path);
        if let Some(folder) = file.path.parent() {
            // Only when it is empty.
            let _ = fs::remove_dir(folder);
        }
    }
    log::debug!(
        "{}: deleted {deleted} bytes not used for long",
        cache.root.display()
    );
}

/// The folders of files below `root`.
pub(super) fn directories(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.map(|entry| entry.path()).collect()
}

/// Takes the lock, for who deletes everything; waits for nobody.
pub(super) fn lock(root: &Path) -> Option<File> {
    let file = OpenOptions::new().append(true).open(root.join("lock")).ok()?;
    file.try_lock().ok()?;
    Some(file)
}
