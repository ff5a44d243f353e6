use proptest::prelude::*;

use super::*;

/// A collection of these objects with their numbers, and free space behind them.
pub(crate) fn collection(size: usize, objects: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = b"GCOL\x01\0\0\0".to_vec();
    bytes.extend((size as u64).to_le_bytes());
    for (number, object) in objects {
        bytes.extend(number.to_le_bytes());
        bytes.extend([1, 0, 0, 0, 0, 0]);
        bytes.extend((object.len() as u64).to_le_bytes());
        bytes.extend(*object);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    if let Some(free) = size.checked_sub(bytes.len()).filter(|free| *free >= OBJECT) {
        bytes.extend([0; 8]);
        bytes.extend((free as u64).to_le_bytes());
    }
    bytes.resize(size, 0xEE);
    bytes
}

fn some() -> Vec<u8> {
    collection(
        4096,
        &[(1, b"first"), (7, b"with \0 end"), (3, b"eight by"), (4, b"")],
    )
}

#[test]
fn objects_are_found_by_their_numbers() {
    let bytes = some();
    let mut objects = Objects::default();
    objects.list(&bytes).unwrap();
    let found = |number| objects.find(&bytes, number);
    assert_eq!(found(1), Some(&b"first"[..]));
    assert_eq!(found(3), Some(&b"eight by"[..]));
    assert_eq!(found(4), Some(&b""[..]));
    assert_eq!(found(7), Some(&b"with \0 end"[..]));
    for number in [0, 2, 8, u32::MAX] {
        assert_eq!(found(number), None);
    }
    let taken: u64 = [5, 10, 8, 0].into_iter().map(taken).sum();
    let full = collection(
        4096,
        &[
            (9, &vec![1; 4096 - 32 - taken as usize]),
            (1, &[0; 3]),
            (2, &[0; 40]),
        ],
    );
    objects.list(&full).unwrap();
    assert_eq!(objects.find(&full, 2), Some(&[0; 40][..]));
    assert_eq!(objects.find(&full, 7), None, "of the collection before");
}

#[test]
fn what_is_no_collection_is_refused() {
    let mut objects = Objects::default();
    let bytes = some();
    let long = [&bytes[..], &[0; 8]].concat();
    for wrong in [&bytes[1..], &bytes[..4088], &long, &[]] {
        assert_eq!(objects.list(wrong), None);
    }
}

#[test]
fn references_are_three_numbers() {
    let stored = [1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0, 5, 6, 7, 0, 0];
    let reference = Reference::of(&stored);
    assert_eq!((reference.length, reference.number), (0x201, 0x706));
    assert_eq!(reference.address, 0x500_0000_0000_0403);
}

proptest! {
    #[test]
    fn every_object_is_found(objects in proptest::collection::btree_map(1..500u16, proptest::collection::vec(any::<u8>(), 0..60), 0..40)) {
        let list: Vec<(u16, &[u8])> = objects.iter().map(|(number, object)| (*number, &object[..])).collect();
        let bytes = collection(4096, &list);
        let mut found = Objects::default();
        prop_assert!(found.list(&bytes).is_some());
        for (number, object) in list {
            prop_assert_eq!(found.find(&bytes, number.into()), Some(object));
        }
    }

    #[test]
    fn whatever_is_damaged_does_no_harm(
        changes in proptest::collection::vec((0..200usize, any::<u8>()), 1..6),
        number in 0..9u32,
    ) {
        let mut bytes = some();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let mut objects = Objects::default();
        if objects.list(&bytes).is_some() {
            let _ = objects.find(&bytes, number);
        }
    }

    #[test]
    fn nonsense_is_survived(nonsense in proptest::collection::vec(any::<u8>(), 4080)) {
        let bytes = [b"GCOL\x01\0\0\0\0\x10\0\0\0\0\0\0".to_vec(), nonsense].concat();
        let _ = Objects::default().list(&bytes);
    }
}
