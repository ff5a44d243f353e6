//! The cache on disk against a model that keeps everything, and against all that can happen to a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use proptest::prelude::*;

use super::keeping::{Fetched, Known, keep};
use super::*;
use crate::Class;
use crate::settings::CacheDir;

const SIZE: u64 = 1 << 20;

fn settings(folder: &Path, limit: u64) -> Settings {
    Settings {
        cache_dir: CacheDir::At(folder.to_path_buf()),
        cache_disk: limit,
        ..Settings::default()
    }
}

fn cache(folder: &Path) -> Arc<DiskCache> {
    DiskCache::of(&settings(folder, 1 << 30)).unwrap()
}

fn key(path: &str) -> Key {
    Key {
        base: "http://h/hdfstream".to_owned(),
        path: path.to_owned(),
        login: String::new(),
    }
}

/// The byte that every file of these tests has there.
fn byte(offset: u64) -> u8 {
    (offset.wrapping_mul(31) ^ (offset >> 8) ^ (offset >> 16)) as u8
}

fn bytes(offset: u64, length: u64) -> Bytes {
    (offset..offset + length).map(byte).collect()
}

/// Keeps bytes at once, and opens the file again as another program would.
fn kept(cache: &Arc<DiskCache>, pieces: Fetched) -> Arc<Entry> {
    let entry = cache.entry(key("a.h5"), "v1", SIZE);
    keep(&entry, pieces, &mut Known::new()).unwrap();
    cache.find(&key("a.h5")).unwrap()
}

fn raw(offset: u64, length: u64) -> (Class, u64, Bytes) {
    (Class::Raw, offset, bytes(offset, length))
}

/// Reads a range, and fails when any byte is wrong; returns what is missing.
fn check(entry: &Entry, offset: u64, length: u64) -> Vec<(u64, u64)> {
    let mut buffer = vec![0; length as usize];
    let missing = entry.read(offset, &mut buffer);
    let absent = |at: u64| {
        missing
            .iter()
            .any(|&(start, length)| (start..start + length).contains(&at))
    };
    for at in offset..offset + length {
        if !absent(at) {
            assert_eq!(buffer[(at - offset) as usize], byte(at), "byte {at}");
        }
    }
    missing
}

fn segments(cache: &DiskCache) -> Vec<PathBuf> {
    let folders = eviction::directories(&cache.root);
    let all = folders.iter().flat_map(|folder| folder::segments(folder));
    all.map(|(_, path)| path).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_kept_is_found_and_nothing_else(
        batches in proptest::collection::vec(
            proptest::collection::vec((any::<bool>(), 0..SIZE - 200_000, 1..200_000u64), 1..6),
            1..5,
        ),
        reads in proptest::collection::vec((0..SIZE - 300_000, 1..300_000u64), 1..8),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        let writing = cache.entry(key("a.h5"), "v1", SIZE);
        let mut known = Known::new();
        let mut model = vec![false; SIZE as usize];
        for batch in batches {
            let pieces = batch.iter().map(|&(metadata, offset, length)| {
                model[offset as usize..(offset + length) as usize].fill(true);
                let class = if metadata { Class::Metadata } else { Class::Raw };
                (class, offset, bytes(offset, length))
            });
            keep(&writing, pieces.collect(), &mut known).unwrap();
        }
        // The one who wrote, another program now, and it again by parts.
        for entry in [&writing, &cache.find(&key("a.h5")).unwrap()] {
            for &(offset, length) in &reads {
                let missing = check(entry, offset, length);
                prop_assert_eq!(&missing, &entry.missing(offset, length));
                for at in offset..offset + length {
                    let absent = missing.iter().any(|&(start, length)| (start..start + length).contains(&at));
                    prop_assert_eq!(absent, !model[at as usize], "byte {}", at);
                }
                let whole = entry.locate(offset, length);
                prop_assert_eq!(whole.is_some(), missing.is_empty());
                if let Some(stored) = whole {
                    prop_assert_eq!(stored.read().unwrap(), bytes(offset, length));
                }
            }
        }
    }

    #[test]
    fn whatever_is_damaged_is_missing_and_never_wrong(at in 0..10_000usize, flip in 1..=255u8, cut in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path());
        kept(&cache, vec![raw(10, 150_000), raw(500_000, 3000)]);
        let path = segments(&cache).remove(0);
        let mut content = fs::read(&path).unwrap();
        let place = content.len() * at / 10_000;
        match cut {
            true => content.truncate(place),
            false => content[place] ^= flip,
        }
        fs::write(&path, &content).unwrap();
        let entry = cache.find(&key("a.h5"));
        if let Some(entry) = entry {
            prop_assert_eq!(check(&entry, 0, 510_000), [(0, 510_000)]);
            prop_assert!(entry.locate(10, 150_000).is_none());
        }
        prop_assert!(!path.exists());
    }
}

#[test]
fn a_segment_of_another_file_version_or_login_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    kept(&cache, vec![raw(0, 1000)]);
    let path = segments(&cache).remove(0);
    for other in [
        key("b.h5"),
        Key {
            login: "user ada".to_owned(),
            ..key("a.h5")
        },
        Key {
            base: "http://other".to_owned(),
            ..key("a.h5")
        },
    ] {
        let there = folder::make(&cache.root, &other).unwrap();
        fs::copy(&path, there.join(path.file_name().unwrap())).unwrap();
        assert!(cache.find(&other).is_none());
        assert_eq!(cache.entry(other, "v1", SIZE).missing(0, 1000), [(0, 1000)]);
    }
    // Under the name of another version.
    let name = path.file_name().unwrap().to_str().unwrap();
    let other = name.replace(
        &folder::prefix(Class::Raw, "v1"),
        &folder::prefix(Class::Raw, "v2"),
    );
    fs::copy(&path, path.with_file_name(other)).unwrap();
    assert_eq!(cache.entry(key("a.h5"), "v2", SIZE).missing(0, 1000), [(0, 1000)]);
}

#[test]
fn metadata_comes_back_with_what_is_known_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let entry = cache.entry(key("a.h5"), "v1", SIZE);
    let mut known = Known::new();
    keep(&entry, vec![(Class::Metadata, 0, bytes(0, 100))], &mut known).unwrap();
    assert!(!cache.find(&key("a.h5")).unwrap().is_traced());
    entry.traced(true);
    entry.keeps_raw_files(false);
    keep(
        &entry,
        vec![(Class::Metadata, 300, bytes(300, 100)), raw(5000, 10)],
        &mut known,
    )
    .unwrap();
    let again = cache.find(&key("a.h5")).unwrap();
    assert!(again.is_traced() && again.is_complete() && again.raw_files() == Some(false));
    assert_eq!((again.version(), again.size()), ("v1", SIZE));
    assert_eq!(
        again.metadata(SIZE).unwrap(),
        [(0, bytes(0, 100)), (300, bytes(300, 100))]
    );
    assert!(again.metadata(150).unwrap().is_empty());
    let all = segments(&cache);
    assert_eq!(all.len(), 2, "one of metadata");
    for path in all {
        let mut content = fs::read(&path).unwrap();
        content[0] ^= 1;
        fs::write(&path, content).unwrap();
    }
    assert!(again.metadata(SIZE).is_none());
}

#[test]
fn a_newer_version_takes_the_place_of_an_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let old = kept(&cache, vec![raw(0, 1000)]);
    for path in segments(&cache) {
        let before = SystemTime::now() - Duration::from_secs(5);
        fs::File::open(path).unwrap().set_modified(before).unwrap();
    }
    let new = cache.entry(key("a.h5"), "v2", SIZE);
    keep(&new, vec![raw(0, 10)], &mut Known::new()).unwrap();
    assert_eq!(cache.find(&key("a.h5")).unwrap().version(), "v2");
    assert_eq!(segments(&cache).len(), 1);
    assert_eq!(check(&old, 0, 1000), [(0, 1000)], "nobody mixes them");
}

#[test]
fn many_small_segments_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let reading = kept(&cache, vec![raw(0, 10)]);
    assert!(check(&reading, 0, 10).is_empty());
    for number in 1..40 {
        // Each time by another program.
        kept(
            &cache,
            vec![
                raw(number * 1000, 10),
                (Class::Metadata, number * 1000 + 500, bytes(0, 1)),
            ],
        );
    }
    assert!(segments(&cache).len() < 20, "{}", segments(&cache).len());
    let now = cache.find(&key("a.h5")).unwrap();
    assert!((0..40).all(|number| check(&now, number * 1000, 10).is_empty()));
    // Whoever knew the former ones finds their bytes in the new one.
    assert!(check(&reading, 0, 10).is_empty());
}

#[test]
fn names_that_lead_to_a_file_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    kept(&cache, vec![raw(0, 1000)]);
    assert!(cache.find(&key("link.h5")).is_none());
    folder::write_link(&cache.root, key("link.h5"), "a.h5".to_owned()).unwrap();
    assert_eq!(cache.find(&key("link.h5")).unwrap().path(), "a.h5");
    let link = cache.root.join(key("link.h5").folder()).join("link");
    let mut content = fs::read(&link).unwrap();
    let last = content.len() - 12;
    content[last] ^= 1;
    fs::write(&link, content).unwrap();
    assert!(cache.find(&key("link.h5")).is_none());
}

#[test]
fn the_limit_holds_and_what_was_used_last_stays() {
    let folder = tempfile::tempdir().unwrap();
    let limit = 4 << 20;
    let cache = DiskCache::of(&settings(folder.path(), limit)).unwrap();
    let total = || -> u64 {
        segments(&cache)
            .iter()
            .map(|path| fs::metadata(path).unwrap().len())
            .sum()
    };
    let now = SystemTime::now();
    for number in 0..30u64 {
        let entry = cache.entry(key(&format!("{number}.h5")), "v1", SIZE);
        let written = keep(&entry, vec![raw(0, 300_000)], &mut Known::new()).unwrap();
        for (_, path) in folder::segments(&entry.folder) {
            let used = now - Duration::from_secs(1000 - number * 10);
            fs::File::open(path).unwrap().set_modified(used).unwrap();
        }
        eviction::grown(&cache, written).unwrap();
        assert!(total() <= limit, "{}", total());
    }
    assert!(total() > limit / 2);
    assert!(cache.find(&key("29.h5")).is_some());
    assert!(cache.find(&key("0.h5")).is_none());
}

#[test]
fn one_file_leaves_room_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let cache = DiskCache::of(&settings(folder.path(), 1 << 20)).unwrap();
    let entry = cache.entry(key("a.h5"), "v1", SIZE);
    let pieces = (0..10).map(|number| raw(number * 100_000, 100_000)).collect();
    let written = keep(&entry, pieces, &mut Known::new()).unwrap();
    assert_eq!(written, 500_000);
}

#[test]
fn a_folder_that_others_may_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    kept(&cache, vec![raw(0, 10)]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&cache.root), 0o700);
    assert!(segments(&cache).iter().all(|path| mode(path) == 0o600));
    fs::set_permissions(&cache.root, fs::Permissions::from_mode(0o777)).unwrap();
    assert!(DiskCache::of(&settings(folder.path(), 12345)).is_none());
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(&cache.root, elsewhere.path().join("files")).unwrap();
    assert!(DiskCache::of(&settings(elsewhere.path(), 12345)).is_none());
}

#[test]
fn a_folder_that_cannot_be_made_only_ends_the_keeping() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    fs::write(&blocked, "").unwrap();
    let cache = cache(&blocked);
    let entry = cache.entry(key("a.h5"), "v1", SIZE);
    entry.put(Class::Raw, 0, bytes(0, 10));
    writer::finish_within(Duration::from_secs(60));
    assert!(cache.failed.load(Relaxed));
    assert_eq!(entry.missing(0, 10), [(0, 10)]);
    entry.put(Class::Raw, 0, bytes(0, 10));
}

#[test]
fn what_is_put_is_on_disk_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let entry = cache.entry(key("a.h5"), "v1", SIZE);
    entry.put(Class::Raw, 5, bytes(5, 10));
    entry.put(Class::Raw, 10, bytes(10, 100_000));
    writer::finish_within(Duration::from_secs(60));
    assert!(check(&entry, 5, 100_005).is_empty(), "to who wrote it");
    assert!(check(&cache.find(&key("a.h5")).unwrap(), 5, 100_005).is_empty());
    let files = files(folder.path());
    assert_eq!(files.len(), 1);
    assert_eq!(
        (&*files[0].url, files[0].kept),
        ("http://h/hdfstream/a.h5", 100_005)
    );
}

#[test]
fn it_is_verified_and_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    kept(&cache, vec![raw(0, 200_000)]);
    kept(&cache, vec![raw(300_000, 200_000)]);
    assert_eq!(
        verify(folder.path()),
        Damage {
            checked: 2,
            damaged: Vec::new()
        }
    );
    let path = segments(&cache).remove(0);
    let mut content = fs::read(&path).unwrap();
    content[100_000] ^= 1;
    fs::write(&path, content).unwrap();
    assert_eq!(verify(folder.path()).damaged, [path]);
    assert_eq!(
        verify(folder.path()),
        Damage {
            checked: 1,
            damaged: Vec::new()
        }
    );
    assert_eq!(clear(folder.path(), false).unwrap().0, 1);
    assert_eq!(clear(folder.path(), true).unwrap().0, 1);
    assert!(cache.find(&key("a.h5")).is_none());
    assert_eq!(clear(folder.path(), true).unwrap(), (0, 0));
}
