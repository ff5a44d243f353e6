//! Base URLs found before: by this process, and by earlier ones where finding took more than one request.
//!
//! What a file of the cache folder says is only an order in which to try: a wrong one costs a request.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Bases found so far, by server.
static FOUND: Mutex<Option<HashMap<String, Vec<String>>>> = Mutex::new(None);

/// Name of the file in the cache folder: JSON, servers with their bases.
const FILE: &str = "servers.json";
/// Longest such file, bytes; a longer one is begun anew.
const LONGEST: u64 = 256 << 10;

type Bases = BTreeMap<String, Vec<String>>;

/// The bases of `server`, escaped paths.
pub(super) fn of(server: &str, folder: Option<&Path>) -> Vec<String> {
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    let found = found.get_or_insert_default();
    if let Some(known) = found.get(server) {
        return known.clone();
    }
    let kept = folder.and_then(|folder| read(&folder.join(FILE)).remove(server));
    found
        .entry(server.to_owned())
        .or_insert(kept.unwrap_or_default())
        .clone()
}

/// Keeps `base` of `server`, also for later programs if it was `hard` to find.
pub(super) fn remember(server: &str, base: &str, hard: bool, folder: Option<&Path>) {
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    let bases = found
        .get_or_insert_default()
        .entry(server.to_owned())
        .or_default();
    if bases.iter().any(|known| known == base) {
        return;
    }
    bases.push(base.to_owned());
    if let Some(folder) = folder.filter(|_| hard)
        && let Err(error) = write(folder, server, base)
    {
        log::debug!("{}: {error}", folder.display());
    }
}

/// What the file holds; nothing when it cannot be read or understood.
fn read(path: &Path) -> Bases {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    read.ok()
        .and_then(|_| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Adds to the file. Of two programs that do so at once one may lose its entry, and finds it again.
fn write(folder: &Path, server: &str, base: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(FILE);
    let mut bases = read(&path);
    let known = bases.entry(server.to_owned()).or_default();
    known.push(base.to_owned());
    known.dedup();
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(&serde_json::to_vec_pretty(&bases)?)?;
    beside.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hard_ones_are_kept_for_later_programs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        remember("https://easy", "/x", false, Some(&path));
        assert!(!path.exists());
        remember("https://hard", "/x/y", true, Some(&path));
        remember("https://hard", "/x/y/z", true, Some(&path));
        remember("https://other", "", true, Some(&path));
        assert_eq!(of("https://hard", None), ["/x/y", "/x/y/z"]);
        let kept = read(&path.join(FILE));
        assert_eq!(kept["https://hard"], ["/x/y", "/x/y/z"]);
        assert_eq!(kept.len(), 2);
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_makes_no_sense_is_as_none() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "[]", "{\"https://odd\": 5}", "\u{0}"] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            assert!(of("https://odd", Some(folder.path())).is_empty());
        }
    }
}
