//! Disks that are full, fail, or cannot be written.

use std::ffi::OsStr;

use hdfstream::protocol::Begin;
use proptest::prelude::*;

use super::super::testing::{Acknowledged, Crash, Fault, Random, SimulatedDisk, cases, scenarios};
use super::super::writer::Wanted;
use super::super::{JournalError, Writer, is_own};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_failed_can_be_repeated_and_nothing_is_lost(scenario in scenarios(), seed in any::<u64>()) {
        let mut random = Random(seed);
        let length = {
            let (disk, mut known) = scenario.disk();
            scenario.run(&disk, &mut known).unwrap();
            disk.operations()
        };
        for operation in 0..length {
            for fault in [Fault::NoSpace, Fault::Io] {
                let (disk, mut known) = scenario.disk();
                disk.fail_at(operation, fault);
                if let Err(error) = scenario.run(&disk, &mut known) {
                    let what = format!("{fault:?} at {operation}: {error:?}");
                    // Now, or after the machine stopped: the last commit is there.
                    let crashed = disk.crash(Crash::Machine(random.next()));
                    super::super::recover::recover_all(&crashed)
                        .unwrap()
                        .into_iter()
                        .for_each(|(_, writer)| writer.unwrap().end().unwrap());
                    prop_assert!(known.allows(Acknowledged::found(&crashed).as_ref()), "{}", what);
                    match scenario.run(&disk, &mut known) {
                        Ok(_) => {}
                        // What was staged may be gone with the disk's failure, and the client is told.
                        Err(JournalError::Lost(_)) if fault == Fault::Io => continue,
                        Err(error) => panic!("{what}: then {error:?}"),
                    }
                }
                prop_assert_eq!(known.at, scenario.transactions.len());
                let crashed = disk.crash(Crash::Machine(random.next()));
                super::super::recover::recover_all(&crashed)
                    .unwrap()
                    .into_iter()
                    .for_each(|(_, writer)| writer.unwrap().end().unwrap());
                prop_assert!(Acknowledged::found(&crashed) == known.content, "{:?} at {}", fault, operation);
            }
        }
    }
}

fn wanted(begin: Begin) -> Wanted<'static> {
    Wanted {
        begin,
        lease: "0123456789abcdef0123456789abcdef",
        user: None,
        exclusive: true,
    }
}

#[test]
fn a_disk_that_cannot_be_written_is_left_alone() {
    let disk = SimulatedDisk::new();
    disk.put("a.h5", b"old");
    disk.make_read_only();
    for begin in [Begin::Existing, Begin::Replace] {
        let refused = Writer::begin_on(disk.clone(), OsStr::new("a.h5"), wanted(begin));
        assert!(matches!(refused, Err(JournalError::Io(_))), "{refused:?}");
    }
    assert!(!disk.list().iter().any(|name| is_own(name)));
}

#[test]
fn a_full_disk_leaves_the_lease_alive() {
    let disk = SimulatedDisk::new();
    disk.put("a.h5", b"old");
    let mut writer = Writer::begin_on(disk.clone(), OsStr::new("a.h5"), wanted(Begin::Existing)).unwrap();
    disk.fail_at(disk.operations() + 3, Fault::NoSpace);
    let staged = writer.stage(1, 0, &[(0, 1), (3, 2)], b"new");
    disk.fail_at(disk.operations(), Fault::NoSpace);
    let again = writer.stage(1, 0, &[(0, 1), (3, 2)], b"new");
    assert!(
        matches!(again, Err(JournalError::NoSpace)),
        "{staged:?} {again:?}"
    );
    writer.stage(1, 0, &[(0, 1), (3, 2)], b"new").unwrap();
    let change = super::super::Change {
        number: 1,
        parts: 1,
        size: 6,
        pieces: &[],
        bytes: &[],
        ordered: false,
    };
    writer.commit(change, &mut |_, _| Ok(())).unwrap();
    writer.end().unwrap();
    assert_eq!(disk.get("a.h5").unwrap(), b"nldew\0");
}

#[test]
fn a_sync_that_fails_takes_no_earlier_record_with_it() {
    let change = |number, bytes: &'static [u8]| super::super::Change {
        number,
        parts: 0,
        size: bytes.len() as u64,
        pieces: &[(0, 4)],
        bytes,
        ordered: false,
    };
    for seed in 0..40 {
        let disk = SimulatedDisk::new();
        let begin = || Writer::begin_on(disk.clone(), OsStr::new("a.h5"), wanted(Begin::Create));
        let mut writer = begin().unwrap();
        // The name tells of the first commit: its record is not waited for.
        writer.commit(change(1, b"one."), &mut |_, _| Ok(())).unwrap();
        drop(writer);
        let mut writer = begin().unwrap();
        let next = change(2, b"two.");
        // After the part and the record of the commit comes the sync, in which both are lost, and all before
        disk.fail_at(disk.operations() + 4, Fault::Io);
        let failed = writer.commit(next, &mut |_, _| Ok(()));
        assert!(matches!(failed, Err(JournalError::Broken(_))), "{failed:?}");
        drop(writer);
        let mut writer = begin().unwrap();
        writer.commit(next, &mut |_, _| Ok(())).unwrap();
        let crashed = disk.crash(Crash::Machine(seed));
        super::super::recover::recover_all(&crashed).unwrap();
        assert_eq!(crashed.get("a.h5").unwrap(), b"two.", "{seed}");
    }
}
