//! What is already where a file is to be fetched to.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, SystemTime};

use hdfstream::protocol::Entry;

use super::super::{Failure, stubs};

/// What is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Present {
    /// Nothing, or a stub: it only stands for a file.
    Nothing,
    /// A file with the size and the time of the remote one, as an earlier `get` leaves it.
    Same,
    /// Anything else.
    Other,
}

/// Looks at `path`, where `entry` is to go.
pub(super) fn look(path: &Path, entry: &Entry) -> Result<Present, Failure> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        // Also where a directory is still to be made.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Present::Nothing),
        Err(error) => return Err(Failure::local(path)(error)),
    };
    if metadata.is_file() && metadata.len() == entry.size {
        let modified = metadata.modified().map_err(Failure::local(path))?;
        // Some file systems keep whole seconds only.
        if seconds(modified) == entry.modified.div_euclid(1_000_000_000) {
            return Ok(Present::Same);
        }
    }
    match stubs::file::may_be_replaced(path)? {
        true => Ok(Present::Nothing),
        false => Ok(Present::Other),
    }
}

/// Whole seconds since 1970.
fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_secs() as i64,
        Err(before) => {
            let before = before.duration();
            -((before.as_secs() + u64::from(before > Duration::from_secs(before.as_secs()))) as i64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdfstream::protocol::EntryKind;

    #[test]
    fn files_of_the_same_size_and_second_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "abc").unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        let entry = |size, modified| Entry {
            name: "x".to_owned(),
            kind: EntryKind::File,
            size,
            modified,
        };
        for nanoseconds in [1_500_000_000, 0, -1, -1_000_000_000, -1_500_000_000] {
            let distance = Duration::from_nanos(i64::unsigned_abs(nanoseconds));
            let time = match nanoseconds < 0 {
                true => SystemTime::UNIX_EPOCH - distance,
                false => SystemTime::UNIX_EPOCH + distance,
            };
            file.set_modified(time).unwrap();
            let same = |entry: &Entry| look(&path, entry).unwrap() == Present::Same;
            assert!(same(&entry(3, nanoseconds)), "{nanoseconds}");
            assert!(!same(&entry(4, nanoseconds)));
            assert!(!same(&entry(3, nanoseconds + 1_000_000_000)));
        }
        let absent = folder.path().join("not/there");
        assert_eq!(look(&absent, &entry(3, 0)).unwrap(), Present::Nothing);
        assert_eq!(look(folder.path(), &entry(3, 0)).unwrap(), Present::Other);
    }
}
