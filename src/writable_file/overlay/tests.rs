//! The overlay against plain memory.

use proptest::prelude::*;

use super::*;

const ROOM: usize = 6000;

#[derive(Debug, Clone)]
enum Step {
    Write(bool, u64, Vec<u8>),
    Clear(u64, u64),
    Cut(u64),
    Spill(u64),
    Take(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = prop::collection::vec(any::<u8>(), 0..700);
    prop_oneof![
        6 => (any::<bool>(), 0..5000u64, bytes).prop_map(|(raw, at, bytes)| Step::Write(raw, at, bytes)),
        1 => (0..5000u64, 0..900u64).prop_map(|(start, length)| Step::Clear(start, start + length)),
        1 => (0..6000u64).prop_map(Step::Cut),
        2 => (0..4000u64).prop_map(Step::Spill),
        1 => (0..4000u64).prop_map(Step::Take),
    ]
}

fn check(overlay: &Overlay) {
    let mut end = 0;
    for (offset, length, _) in overlay.ranges() {
        assert!(offset >= end && length > 0, "extents overlap or are empty");
        end = offset + length;
    }
    let extents = || overlay.extents.iter();
    let memory: u64 = extents().map(|(_, extent)| extent.cost()).sum();
    let sendable: u64 = extents()
        .map(|(&offset, extent)| overlay.counts(offset, extent))
        .sum();
    assert_eq!((overlay.memory(), overlay.sendable()), (memory, sendable));
    for (&offset, extent) in extents() {
        if let Held::Memory(bytes) = &extent.held {
            assert_eq!(bytes.len() as u64, extent.length);
            assert!(offset >= overlay.boundary || offset + extent.length <= overlay.boundary);
        }
    }
}

/// What it shows, and where it has something.
fn shown(overlay: &Overlay) -> Vec<Option<u8>> {
    let mut bytes = vec![0; ROOM];
    let missing = overlay.copy(0, &mut bytes).unwrap();
    let mut shown: Vec<_> = bytes.into_iter().map(Some).collect();
    for (offset, length) in missing {
        shown[offset as usize..(offset + length) as usize].fill(None);
    }
    shown
}

proptest! {
    #[test]
    fn it_is_what_was_written(
        steps in prop::collection::vec(step(), 1..40),
        boundary in 0..5000u64,
        (offset, length) in (0..5000u64, 0..900usize),
        most in 30..3000u64,
    ) {
        let mut overlay = Overlay::new(boundary, Spill::temporary);
        let mut model: Vec<Option<u8>> = vec![None; ROOM];
        for step in steps {
            match step {
                Step::Write(raw, at, bytes) => {
                    let class = if raw { Class::Raw } else { Class::Metadata };
                    overlay.write(class, at, &bytes).unwrap();
                    for (place, byte) in model[at as usize..].iter_mut().zip(bytes) {
                        *place = Some(byte);
                    }
                }
                Step::Clear(start, end) => {
                    overlay.clear(start, end);
                    model[start as usize..end as usize].fill(Some(0));
                }
                Step::Cut(size) => {
                    overlay.cut(size);
                    model[size as usize..].fill(None);
                }
                Step::Spill(most) => {
                    overlay.spill(most).unwrap();
                    let left = overlay.extents.values().any(|extent| matches!(extent.held, Held::Memory(_)));
                    prop_assert!(overlay.memory() <= most || !left);
                }
                Step::Take(most) => {
                    let (pieces, bytes) = overlay.take(most);
                    let total: u64 = pieces.iter().map(|piece| piece.1).sum();
                    prop_assert_eq!(total, bytes.len() as u64);
                    prop_assert!(total <= most.max(LONGEST));
                    let mut from = bytes.into_iter();
                    for (start, length) in pieces {
                        prop_assert!(start >= boundary);
                        for place in &mut model[start as usize..(start + length) as usize] {
                            prop_assert_eq!(place.take(), from.next());
                        }
                    }
                }
            }
            check(&overlay);
            prop_assert_eq!(&shown(&overlay), &model);
        }
        let last = model.iter().rposition(Option::is_some).map_or(0, |at| at + 1);
        prop_assert_eq!(overlay.end(), last as u64);
        // A part of it.
        let mut buffer = vec![7; length];
        let missing = overlay.copy(offset, &mut buffer).unwrap();
        for (at, byte) in buffer.iter().enumerate() {
            let there = !missing.iter().any(|&(start, length)| (start..start + length).contains(&(offset + at as u64)));
            prop_assert_eq!(there.then_some(*byte), model[offset as usize + at]);
        }
        // The pieces of requests are all of it.
        let mut named = vec![false; ROOM];
        let mut end = 0;
        for batch in overlay.batches(most) {
            let cost: u64 = batch.iter().map(|piece| piece.1 + PIECE).sum();
            prop_assert!(!batch.is_empty() && cost <= most);
            for (start, length) in batch {
                prop_assert!(length > 0 && start >= end);
                end = start + length;
                named[start as usize..end as usize].fill(true);
            }
        }
        prop_assert!(named.iter().zip(&model).all(|(named, place)| *named == place.is_some()));
    }
}

#[test]
fn long_writes_are_divided_so_that_parts_can_go() {
    let mut overlay = Overlay::new(0, Spill::temporary);
    for number in 0..10u64 {
        overlay
            .write(Class::Raw, number * 500_000, &vec![number as u8 + 1; 500_000])
            .unwrap();
    }
    check(&overlay);
    assert!(overlay.ranges().all(|(_, length, _)| length <= LONGEST));
    assert!(overlay.ranges().count() < 8);
    overlay.spill(2 << 20).unwrap();
    assert!(overlay.memory() <= 2 << 20);
    let (pieces, bytes) = overlay.take(8 << 20);
    assert!(pieces[0].0 >= 3_000_000, "what was spilled stays: {pieces:?}");
    assert!(bytes.iter().all(|byte| *byte > 6));
}

#[test]
fn metadata_is_spilled_last() {
    let mut overlay = Overlay::new(0, Spill::temporary);
    overlay.write(Class::Metadata, 0, &[1; 1000]).unwrap();
    overlay.write(Class::Raw, 5000, &[2; 1000]).unwrap();
    overlay.spill(1500).unwrap();
    assert_eq!(overlay.sendable(), 0);
    assert!(matches!(overlay.extents[&0].held, Held::Memory(_)));
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    // Every write to this device fails as on a full disk.
    let full = || {
        std::fs::OpenOptions::new()
            .write(true)
            .read(true)
            .open("/dev/full")
    };
    let mut overlay = Overlay::new(0, full);
    overlay.write(Class::Raw, 0, &[1; 10_000]).unwrap();
    let error = overlay.spill(100).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    check(&overlay);
    assert!(shown(&overlay).iter().all(|byte| *byte == Some(1)));
}
