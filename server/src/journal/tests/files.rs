//! On the real file system.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use hdfstream::protocol::Begin;
use tempfile::TempDir;

use super::super::{Change, JournalError, Writer, is_own, needs_recovery, recover, recover_directory};

const LEASE: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "ffffffffffffffffffffffffffffffff";

fn directory() -> (TempDir, Dir) {
    let directory = tempfile::tempdir().unwrap();
    let opened = Dir::open_ambient_dir(directory.path(), ambient_authority()).unwrap();
    (directory, opened)
}

fn begin(directory: &Dir, begin: Begin, lease: &str) -> Result<Writer, JournalError> {
    Writer::begin(directory, OsStr::new("a.h5"), begin, lease, Some("joe"), true)
}

fn change<'a>(number: u64, size: u64, pieces: &'a [(u64, u64)], bytes: &'a [u8]) -> Change<'a> {
    Change {
        number,
        parts: 0,
        size,
        pieces,
        bytes,
        ordered: false,
    }
}

fn commit(writer: &mut Writer, change: Change<'_>) {
    writer.commit(change, &mut |_, _| Ok(())).unwrap();
}

fn own_names(directory: &Path) -> usize {
    let names = fs::read_dir(directory).unwrap();
    names
        .filter(|entry| is_own(&entry.as_ref().unwrap().file_name()))
        .count()
}

#[test]
fn a_new_file_appears_with_its_first_commit() {
    let (temporary, directory) = directory();
    let path = temporary.path().join("a.h5");
    let mut writer = begin(&directory, Begin::Create, LEASE).unwrap();
    writer.stage(1, 0, &[(0, 3)], b"abc").unwrap();
    assert!(!path.exists());
    commit(
        &mut writer,
        Change {
            parts: 1,
            ..change(1, 5, &[(4, 1)], b"e")
        },
    );
    assert_eq!(fs::read(&path).unwrap(), b"abc\0e");
    assert_eq!(
        writer.file().metadata().unwrap().ino(),
        fs::metadata(&path).unwrap().ino()
    );
    writer.end().unwrap();
    assert_eq!(own_names(temporary.path()), 0);
    assert!(matches!(
        begin(&directory, Begin::Create, LEASE),
        Err(JournalError::Exists)
    ));
}

#[test]
fn a_replaced_file_is_the_old_one_until_the_first_commit() {
    let (temporary, directory) = directory();
    let path = temporary.path().join("a.h5");
    fs::write(&path, b"old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let mut writer = begin(&directory, Begin::Replace, LEASE).unwrap();
    writer.stage(1, 0, &[(0, 3)], b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    commit(
        &mut writer,
        Change {
            parts: 1,
            ..change(1, 3, &[], b"")
        },
    );
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    writer.end().unwrap();
    assert_eq!(own_names(temporary.path()), 0);
}

#[test]
fn a_name_taken_meanwhile_is_not_overwritten() {
    let (temporary, directory) = directory();
    let mut writer = begin(&directory, Begin::Create, LEASE).unwrap();
    fs::write(temporary.path().join("a.h5"), b"other").unwrap();
    let refused = writer.commit(change(1, 3, &[(0, 3)], b"new"), &mut |_, _| Ok(()));
    assert!(matches!(refused, Err(JournalError::Exists)));
    writer.end().unwrap();
    assert_eq!(fs::read(temporary.path().join("a.h5")).unwrap(), b"other");
    assert_eq!(own_names(temporary.path()), 0);
}

#[test]
fn leases_and_local_programs_exclude_one_another() {
    let (temporary, directory) = directory();
    let path = temporary.path().join("a.h5");
    fs::write(&path, b"old").unwrap();
    let local = File::open(&path).unwrap();
    local.lock_shared().unwrap();
    for kind in [Begin::Existing, Begin::Replace] {
        assert!(matches!(
            begin(&directory, kind, LEASE),
            Err(JournalError::Locked)
        ));
    }
    assert_eq!(own_names(temporary.path()), 0);
    local.unlock().unwrap();
    let writer = begin(&directory, Begin::Existing, LEASE).unwrap();
    assert!(local.try_lock_shared().is_err());
    assert!(matches!(
        begin(&directory, Begin::Existing, OTHER),
        Err(JournalError::Locked)
    ));
    assert!(matches!(
        begin(&directory, Begin::Existing, LEASE),
        Err(JournalError::Locked)
    ));
    assert!(matches!(
        recover(&directory, OsStr::new("a.h5")),
        Err(JournalError::Locked)
    ));
    assert!(recover_directory(&directory).unwrap().is_empty());
    writer.end().unwrap();
    local.try_lock_shared().unwrap();
}

#[test]
fn readers_may_come_when_writes_are_ordered() {
    let (temporary, directory) = directory();
    let path = temporary.path().join("a.h5");
    fs::write(&path, b"old").unwrap();
    let mut writer = begin(&directory, Begin::Existing, LEASE).unwrap();
    commit(
        &mut writer,
        Change {
            ordered: true,
            ..change(1, 3, &[(1, 1), (0, 1)], b"ab")
        },
    );
    File::open(&path).unwrap().try_lock_shared().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"bad");
}

#[test]
fn what_was_committed_is_there_for_whoever_recovers() {
    let (temporary, directory) = directory();
    let path = temporary.path().join("a.h5");
    fs::write(&path, b"old").unwrap();
    let name = OsStr::new("a.h5");
    assert!(!needs_recovery(&directory, name).unwrap());
    let mut writer = begin(&directory, Begin::Existing, LEASE).unwrap();
    commit(&mut writer, change(1, 3, &[(0, 1)], b"n"));
    writer.stage(2, 0, &[(1, 4)], b"ever").unwrap();
    assert!(!needs_recovery(&directory, name).unwrap(), "it is held");
    drop(writer);
    assert!(needs_recovery(&directory, name).unwrap());
    // Whatever is in the place of what was committed.
    let torn = File::options().write(true).open(&path).unwrap();
    torn.write_all_at(b"?", 0).unwrap();
    let recovered = recover(&directory, name).unwrap().unwrap();
    assert!(recovered.is_of(LEASE) && !recovered.is_of(OTHER) && recovered.is_exclusive());
    assert_eq!((recovered.committed(), recovered.user()), (1, Some("joe")));
    drop(recovered);
    // The lease goes on where it was.
    let mut writer = begin(&directory, Begin::Existing, LEASE).unwrap();
    commit(
        &mut writer,
        Change {
            parts: 1,
            ..change(2, 5, &[], b"")
        },
    );
    writer.stage(3, 0, &[(9, 1)], b"x").unwrap();
    drop(writer);
    // Another lease ends it.
    begin(&directory, Begin::Existing, OTHER).unwrap().end().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"never");
    assert_eq!(own_names(temporary.path()), 0);
}

#[test]
fn a_file_that_was_replaced_is_not_written_to() {
    let (temporary, directory) = directory();
    let path = temporary.path().join("a.h5");
    fs::write(&path, b"old").unwrap();
    let mut writer = begin(&directory, Begin::Existing, LEASE).unwrap();
    commit(&mut writer, change(1, 3, &[(0, 1)], b"n"));
    fs::write(temporary.path().join("b.h5"), b"other").unwrap();
    fs::rename(temporary.path().join("b.h5"), &path).unwrap();
    let refused = writer.commit(change(2, 3, &[(0, 1)], b"m"), &mut |_, _| Ok(()));
    assert!(matches!(refused, Err(JournalError::Lost(_))));
    drop(writer);
    assert!(recover(&directory, OsStr::new("a.h5")).unwrap().is_none());
    assert_eq!(fs::read(&path).unwrap(), b"other");
    // What was acknowledged is kept for somebody to look at.
    assert!(temporary.path().join(".a.h5.hdfstream-stale").exists());
    begin(&directory, Begin::Existing, OTHER).unwrap().end().unwrap();
}

#[test]
fn requests_that_cannot_be_meant_change_nothing() {
    let (temporary, directory) = directory();
    fs::write(temporary.path().join("a.h5"), b"old").unwrap();
    assert!(matches!(
        Writer::begin(&directory, OsStr::new("none"), Begin::Existing, LEASE, None, true),
        Err(JournalError::Missing)
    ));
    let own = OsStr::new(".a.h5.hdfstream-new");
    assert!(Writer::begin(&directory, own, Begin::Create, LEASE, None, true).is_err());
    let mut writer = begin(&directory, Begin::Existing, LEASE).unwrap();
    for (number, part) in [(0, 0), (2, 0), (u64::MAX, 0), (1, u64::MAX)] {
        let refused = writer.stage(number, part, &[(0, 1)], b"x");
        assert!(
            matches!(refused, Err(JournalError::Invalid(_))),
            "{number} {part}"
        );
    }
    let bad = [
        change(0, 3, &[], b""),
        change(2, 3, &[], b""),
        change(1, 3, &[(3, 1)], b"x"),
        change(1, u64::MAX, &[], b""),
        Change {
            parts: 1,
            ..change(1, 3, &[], b"")
        },
        Change {
            parts: u64::MAX,
            ..change(1, 3, &[], b"")
        },
    ];
    for change in bad {
        let refused = writer.commit(change, &mut |_, _| Ok(()));
        assert!(matches!(refused, Err(JournalError::Invalid(_))), "{change:?}");
    }
    writer.end().unwrap();
    assert_eq!(fs::read(temporary.path().join("a.h5")).unwrap(), b"old");
    assert!(matches!(
        begin(&directory, Begin::Create, LEASE),
        Err(JournalError::Exists)
    ));
}

#[test]
fn others_may_write_in_turn_when_leases_are_not_exclusive() {
    let (temporary, directory) = directory();
    let path = temporary.path().join("a.h5");
    fs::write(&path, b"old").unwrap();
    let name = OsStr::new("a.h5");
    let begin = |lease| Writer::begin(&directory, name, Begin::Existing, lease, None, false).unwrap();
    let (mut one, mut other) = (begin(LEASE), begin(OTHER));
    one.stage(1, 0, &[(3, 2)], b"er").unwrap();
    other.stage(1, 0, &[(0, 1)], b"c").unwrap();
    commit(
        &mut one,
        Change {
            parts: 1,
            ..change(1, 5, &[], b"")
        },
    );
    commit(
        &mut other,
        Change {
            parts: 1,
            ..change(1, 5, &[], b"")
        },
    );
    assert_eq!((fs::read(&path).unwrap(), other.size()), (b"clder".to_vec(), 5));
    drop(one);
    other.end().unwrap();
    let found = recover_directory(&directory).unwrap();
    assert_eq!(found.len(), 1);
    for (_, writer) in found {
        writer.unwrap().end().unwrap();
    }
    assert_eq!(own_names(temporary.path()), 0);
}
