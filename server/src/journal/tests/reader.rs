//! Journals that are garbage, damaged or cut short.

use std::ffi::OsStr;

use hdfstream::protocol::Begin;
use proptest::prelude::*;

use super::super::disk::{Disk, DiskFile};
use super::super::log::{Found, Identity, Log, Record, Slot};
use super::super::pieces::Piece;
use super::super::recover::recover_all;
use super::super::testing::SimulatedDisk;

type Records = Vec<(Record, u64)>;

const NAME: &str = ".a.h5.hdfstream-journal";

fn records() -> impl Strategy<Value = Vec<(Record, Vec<u8>)>> {
    let piece = (any::<u64>(), 1u64..500, any::<bool>()).prop_map(|(offset, length, in_place)| Piece {
        offset,
        length,
        in_place,
    });
    let part = (any::<u64>(), any::<u64>(), prop::collection::vec(piece, 0..5));
    let record = prop_oneof![
        Just(Record::Beyond),
        part.prop_map(|(number, part, pieces)| Record::Part { number, part, pieces }),
        (any::<u64>(), any::<u64>()).prop_map(|(number, part)| Record::Done { number, part }),
        (any::<u64>(), any::<u64>(), any::<u64>(), any::<bool>()).prop_map(
            |(number, parts, size, ordered)| Record::Commit {
                number,
                parts,
                size,
                ordered,
                asked: number ^ size,
            }
        ),
    ];
    prop::collection::vec((record, prop::collection::vec(any::<u8>(), 0..2000)), 0..12)
}

fn identity() -> Identity {
    Identity {
        name: b"a.h5".to_vec(),
        begin: Begin::Existing,
        lease: [3; 32],
        user: None,
        exclusive: true,
        inode: 1,
    }
}

fn journal(records: &[(Record, Vec<u8>)]) -> (Vec<u8>, Records) {
    let disk = SimulatedDisk::new();
    let file = disk.create(OsStr::new(NAME), true).unwrap();
    let mut log = Log::create(file, identity(), Slot::first(4, 1)).unwrap();
    let written = records
        .iter()
        .map(|(record, bytes)| {
            let (one, two) = bytes.split_at(bytes.len() / 2);
            (record.clone(), log.append(record, &[one, two]).unwrap())
        })
        .collect();
    (disk.get(NAME).unwrap(), written)
}

fn read(bytes: &[u8]) -> Option<Records> {
    let disk = SimulatedDisk::new();
    disk.put("a.h5", b"base");
    disk.put(NAME, bytes);
    let found = Log::open(disk.open(OsStr::new(NAME)).unwrap()).unwrap();
    let records = match found {
        Found::Journal(log, records) => {
            for entry in &records {
                // Positions lie in the file.
                log.read_at(&mut [], entry.position).unwrap();
            }
            Some(
                records
                    .into_iter()
                    .map(|entry| (entry.record, entry.position))
                    .collect(),
            )
        }
        Found::Damaged | Found::Unfinished => None,
    };
    // Nor does what reads it fail for what is in it.
    for (_, writer) in recover_all(&disk).unwrap() {
        drop(writer);
    }
    records
}

proptest! {
    #[test]
    fn what_was_written_is_read(written in records()) {
        let (bytes, records) = journal(&written);
        prop_assert_eq!(read(&bytes).unwrap(), records.clone());
        for ((_, position), (_, data)) in records.iter().zip(&written) {
            let at = usize::try_from(*position).unwrap();
            prop_assert_eq!(&bytes[at..at + data.len()], &data[..]);
        }
    }

    #[test]
    fn of_a_damaged_one_only_what_comes_before_is_read(
        written in records(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4),
    ) {
        let (mut bytes, records) = journal(&written);
        let mut first = bytes.len();
        for (at, flip) in damage {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            first = first.min(at);
        }
        if let Some(read) = read(&bytes) {
            prop_assert!(read.len() <= records.len());
            prop_assert_eq!(&read[..], &records[..read.len()]);
        }
    }

    #[test]
    fn of_one_that_is_cut_short_only_what_is_there_is_read(
        written in records(), cut in any::<prop::sample::Index>(),
    ) {
        let (mut bytes, records) = journal(&written);
        bytes.truncate(cut.index(bytes.len() + 1));
        if let Some(read) = read(&bytes) {
            prop_assert_eq!(&read[..], &records[..read.len()]);
        }
    }

    #[test]
    fn garbage_is_no_journal(mut garbage in prop::collection::vec(any::<u8>(), 0..12_000), valid in any::<bool>()) {
        if valid && garbage.len() > 8192 {
            // Behind a right beginning.
            let (head, _) = journal(&[]);
            garbage[..8192].copy_from_slice(&head[..8192]);
            prop_assert_eq!(read(&garbage).unwrap().len(), 0);
        } else {
            prop_assert!(read(&garbage).is_none());
        }
    }
}

#[test]
fn records_left_of_earlier_times_do_not_count() {
    let disk = SimulatedDisk::new();
    let file = disk.create(OsStr::new(NAME), true).unwrap();
    let mut log = Log::create(file, identity(), Slot::first(4, 1)).unwrap();
    let record = |number| Record::Done { number, part: 0 };
    log.append(&record(1), &[]).unwrap();
    log.append(&record(2), &[]).unwrap();
    let old = disk.get(NAME).unwrap();
    log.restart(log.slot).unwrap();
    log.append(&record(3), &[]).unwrap();
    let file = disk.open(OsStr::new(NAME)).unwrap();
    let length = usize::try_from(file.size().unwrap()).unwrap();
    file.write_at(&old[length..], length as u64).unwrap();
    let records: Records = read(&disk.get(NAME).unwrap()).unwrap();
    assert_eq!(
        records.into_iter().map(|(record, _)| record).collect::<Vec<_>>(),
        [record(3)]
    );
}
