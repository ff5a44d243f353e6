//! The cache against a model that keeps everything.

use proptest::prelude::*;

use super::*;

fn cache(metadata: u64, data: u64) -> Cache {
    Cache::new(&Settings {
        metadata_memory: metadata,
        data_memory: data,
        ..Settings::default()
    })
}

/// The byte that every file of these tests has there.
fn byte(file: u64, offset: u64) -> u8 {
    (offset.wrapping_mul(31).wrapping_add(file * 7) ^ (offset >> 8)) as u8
}

fn bytes(file: u64, offset: u64, length: u64) -> Vec<u8> {
    (offset..offset + length).map(|at| byte(file, at)).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u64, bool, u64, u64, bool),
    Copy(u64, u64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3u64, any::<bool>(), 0..4000u64, 0..600u64, any::<bool>())
            .prop_map(|(file, raw, offset, length, owned)| Step::Insert(file, raw, offset, length, owned)),
        (0..3u64, 0..4000u64, 0..900u64).prop_map(|(file, offset, length)| Step::Copy(file, offset, length)),
    ]
}

proptest! {
    #[test]
    fn it_never_lies_and_keeps_its_books(
        steps in proptest::collection::vec(step(), 1..80),
        metadata in 0..6000u64,
        data in 0..6000u64,
    ) {
        let cache = cache(metadata, data);
        let mut model = std::collections::HashSet::new();
        for step in steps {
            match step {
                Step::Insert(file, raw, offset, length, owned) => {
                    let class = if raw { Class::Raw } else { Class::Metadata };
                    let content = bytes(file, offset, length);
                    if owned {
                        cache.insert_owned(file, class, offset, content.into());
                    } else {
                        cache.insert(file, class, offset, &content);
                    }
                    model.extend((offset..offset + length).map(|at| (file, at)));
                }
                Step::Copy(file, offset, length) => {
                    let mut buffer = vec![0xAA; length as usize];
                    let missing = cache.copy(file, offset, &mut buffer);
                    prop_assert_eq!(&missing, &cache.missing(file, offset, length));
                    let absent = |at: u64| missing.iter().any(|&(start, length)| (start..start + length).contains(&at));
                    let mut last = None;
                    for &(start, length) in &missing {
                        prop_assert!(length > 0 && last.is_none_or(|end| start > end));
                        last = Some(start + length);
                    }
                    for at in offset..offset + length {
                        let got = buffer[(at - offset) as usize];
                        if absent(at) {
                            prop_assert_eq!(got, 0xAA);
                        } else {
                            prop_assert!(model.contains(&(file, at)));
                            prop_assert_eq!(got, byte(file, at));
                        }
                    }
                }
            }
            cache.extents().check();
        }
    }

    #[test]
    fn with_room_nothing_is_lost(ranges in proptest::collection::vec((0..4000u64, 1..600u64), 1..40)) {
        let cache = cache(1 << 20, 1 << 20);
        for &(offset, length) in &ranges {
            cache.insert(1, Class::Raw, offset, &bytes(1, offset, length));
        }
        for (offset, length) in ranges {
            prop_assert!(cache.missing(1, offset, length).is_empty());
        }
        cache.extents().check();
    }
}

#[test]
fn raw_data_does_not_push_metadata_out() {
    let cache = cache(10_000, 10_000);
    cache.insert(1, Class::Metadata, 0, &[1; 1000]);
    for number in 0..100 {
        cache.insert(1, Class::Raw, 10_000 + number * 1000, &[2; 1000]);
    }
    assert!(cache.missing(1, 0, 1000).is_empty());
    assert!(!cache.extents().has_lost(1));
}

#[test]
fn long_entries_are_split_so_that_parts_can_go() {
    let cache = cache(0, 3 << 20);
    cache.insert_owned(1, Class::Raw, 5, vec![7; 4 << 20].into());
    let missing: u64 = cache.missing(1, 5, 4 << 20).iter().map(|range| range.1).sum();
    assert!(missing > 0 && missing < 3 << 20, "{missing}");
    cache.extents().check();
}

#[test]
fn a_version_is_known_while_its_metadata_is_whole() {
    let cache = cache(1000, 0);
    let key = FileKey {
        base: "b".to_owned(),
        path: "p".to_owned(),
    };
    let version = cache.version(key.clone(), "1");
    cache.insert(version.id, Class::Metadata, 0, &[0; 100]);
    assert!(cache.known(&key).is_none(), "not before it was traced");
    version.set_complete();
    assert_eq!(cache.known(&key).unwrap().id, version.id);
    cache.insert(99, Class::Metadata, 0, &[0; 800]);
    assert!(cache.known(&key).is_none(), "its metadata was evicted");
    assert_eq!(cache.version(key.clone(), "1").id, version.id);
    assert!(!version.is_complete());
    assert_ne!(cache.version(key.clone(), "2").id, version.id);
}
