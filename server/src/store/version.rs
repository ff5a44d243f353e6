//! Version tags: what tells one content of a file from the next, without reading it.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use twox_hash::XxHash3_128;

/// File systems stamp changes with the time of the last clock tick, at most 10 ms apart on Linux.
const TICK: Duration = Duration::from_millis(12);

/// The tag of the content that `metadata` describes: 32 hexadecimal digits, opaque to clients.
///
/// Every way to change a file's content moves at least the change time, which programs cannot set;
/// replacing the file by another gives another inode.
pub(crate) fn tag(metadata: &Metadata) -> String {
    let mut bytes = [0u8; 56];
    let fields = [
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime().cast_unsigned(),
        metadata.mtime_nsec().cast_unsigned(),
        metadata.ctime().cast_unsigned(),
        metadata.ctime_nsec().cast_unsigned(),
    ];
    for (slot, field) in bytes.chunks_exact_mut(8).zip(fields) {
        slot.copy_from_slice(&field.to_le_bytes());
    }
    format!("{:032x}", XxHash3_128::oneshot(&bytes))
}

/// Nanoseconds since 1970 of the last modification; saturates beyond the year 2262.
pub(crate) fn modified(metadata: &Metadata) -> i64 {
    metadata
        .mtime()
        .saturating_mul(1_000_000_000)
        .saturating_add(metadata.mtime_nsec())
}

/// How long to wait until a further change must get another time stamp: a file that was changed
/// within the present clock tick could change again and keep its tag.
pub(crate) fn unsettled(metadata: &Metadata) -> Option<Duration> {
    let changed = Duration::new(
        u64::try_from(metadata.ctime()).ok()?,
        u32::try_from(metadata.ctime_nsec()).ok()?,
    );
    let age = SystemTime::UNIX_EPOCH
        .checked_add(changed)?
        .elapsed()
        .unwrap_or(Duration::ZERO);
    TICK.checked_sub(age).filter(|left| !left.is_zero())
}

/// Gives a file that was just changed a time of modification between two ticks, so that the next change must get another
/// one. Returns what its metadata say then; `None` where the server may not set it, or the file system keeps less exact
/// times.
pub(crate) fn stamp(file: &File) -> Option<Metadata> {
    let now = SystemTime::now();
    file.set_modified(now).ok()?;
    let metadata = file.metadata().ok()?;
    (metadata.modified().ok()? == now).then_some(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_change_that_keeps_the_size_gives_another_tag() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        fs::write(&path, b"one").unwrap();
        let before = fs::metadata(&path).unwrap();
        assert_eq!(tag(&before), tag(&fs::metadata(&path).unwrap()));
        std::thread::sleep(unsettled(&before).unwrap_or_default());
        fs::write(&path, b"two").unwrap();
        assert_ne!(tag(&before), tag(&fs::metadata(&path).unwrap()));
    }

    #[test]
    fn after_a_stamp_the_next_change_shows_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        for _ in 0..200 {
            fs::write(&path, b"one").unwrap();
            let stamped = stamp(&File::options().write(true).open(&path).unwrap()).unwrap();
            fs::write(&path, b"two").unwrap();
            // The change time may be that of the same tick.
            assert_ne!(
                stamped.modified().unwrap(),
                fs::metadata(&path).unwrap().modified().unwrap()
            );
            assert_ne!(tag(&stamped), tag(&fs::metadata(&path).unwrap()));
        }
    }

    #[test]
    fn a_replacement_of_the_same_age_gives_another_tag() {
        let directory = tempfile::tempdir().unwrap();
        let tags = ["a", "b"].map(|name| {
            let path = directory.path().join(name);
            fs::write(&path, b"same").unwrap();
            tag(&fs::metadata(&path).unwrap())
        });
        assert_ne!(tags[0], tags[1]);
    }
}
