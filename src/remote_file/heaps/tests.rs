use std::collections::BTreeMap;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::Settings;
use crate::decode::heap::tests::collection;
use crate::testing::{Memory, settings};

/// Address of the collection, number and bytes of an object.
type InHeap = (u64, u32, Vec<u8>);

/// A file of collections, some far apart and some longer than others, and what is in them.
fn content() -> (Vec<u8>, Vec<InHeap>) {
    let mut bytes = vec![0; 1000];
    let mut objects = Vec::new();
    for place in 0..60usize {
        bytes.resize(bytes.len() + [0, 0, 0, 8, 5000, 70_000][place % 6], 0xAA);
        let lengths = [3000, 90, 7, 0, 1000].map(|length| if place % 10 == 3 { 9 * length } else { length });
        let made: Vec<Vec<u8>> = lengths.iter().map(|length| vec![place as u8; *length]).collect();
        let listed: Vec<(u16, &[u8])> = (1..).zip(made.iter().map(Vec::as_slice)).collect();
        let size = 16
            + lengths
                .iter()
                .map(|length| heap::taken(*length as u64))
                .sum::<u64>();
        let address = bytes.len() as u64;
        bytes.extend(collection(size.max(LEAST).next_multiple_of(8) as usize, &listed));
        objects.extend(
            made.into_iter()
                .zip(1..)
                .map(|(object, number)| (address, number, object)),
        );
    }
    (bytes, objects)
}

fn read(bytes: Vec<u8>, wanted: &mut [Object], data_memory: u64) -> Option<BTreeMap<u64, Vec<u8>>> {
    let memory = Memory::new(bytes);
    let settings = Settings {
        data_memory,
        ..settings()
    };
    let file = memory.open("https://heaps/hdfstream/x.h5", &settings).unwrap();
    let found = Mutex::new(BTreeMap::new());
    let whole = file.heap_objects(wanted, &|place, object| {
        let before = found.lock().unwrap().insert(place, object.to_vec());
        before.is_none()
    });
    whole.unwrap().then(|| found.into_inner().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_object_comes_to_its_place(
        chosen in proptest::collection::vec(0..300usize, 1..200),
        data_memory in prop_oneof![Just(0u64), Just(64 << 20)],
    ) {
        let (bytes, objects) = content();
        let mut wanted: Vec<Object> = (0..).zip(&chosen).map(|(place, number)| {
            let (address, number, object) = &objects[*number];
            Object { address: *address, number: *number, length: object.len() as u32, place }
        }).collect();
        let found = read(bytes, &mut wanted, data_memory).unwrap();
        let expected: BTreeMap<u64, Vec<u8>> =
            (0..).zip(&chosen).map(|(place, number)| (place, objects[*number].2.clone())).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn what_is_not_there_is_left_to_native_code() {
    let (bytes, objects) = content();
    let (address, number, ref object) = objects[1];
    let right = Object {
        address,
        number,
        length: object.len() as u32,
        place: 0,
    };
    let size = bytes.len() as u64;
    assert!(read(bytes.clone(), &mut [right], 0).is_some());
    for wrong in [
        Object { number: 0, ..right },
        Object { number: 6, ..right },
        Object { length: 89, ..right },
        Object {
            address: address + 8,
            ..right
        },
        Object {
            address: size,
            ..right
        },
        Object {
            address: size - 100,
            ..right
        },
        Object {
            address: u64::MAX,
            ..right
        },
    ] {
        assert!(read(bytes.clone(), &mut [right, wrong], 0).is_none(), "{wrong:?}");
    }
}

#[test]
fn collections_close_together_are_one_piece() {
    let object = |address| Object {
        address,
        number: 1,
        length: 100,
        place: 0,
    };
    let wanted = [
        object(0),
        object(0),
        object(4096),
        object(10_000),
        object(100_000),
    ];
    let found = pieces_of(&wanted, 1 << 20, LEAST).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|piece| (piece.offset, piece.length, piece.first, piece.end))
        .collect();
    assert_eq!(found, [(0, 14_096, 0, 4), (100_000, GROWN, 4, 5)]);
    let generous = pieces(&wanted, 1 << 20).unwrap();
    let lengths: Vec<u64> = generous.iter().map(|piece| piece.length).collect();
    assert_eq!(lengths, [10_000 + GROWN, GROWN]);
}
