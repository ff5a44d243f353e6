use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::Settings;
use crate::settings::CacheDir;
use crate::testing::{Fault, Memory, settings};

const SIZE: usize = 1000;

/// A file of chunks in disorder: number `n` is `SIZE` times the byte `n`, and has a gap behind it.
fn content(count: usize) -> (Vec<u8>, Vec<StoredChunk>) {
    let place = |number: usize| (number * 7 % count) * (SIZE + 24);
    let mut bytes = vec![0xAA; count * (SIZE + 24)];
    let chunks = (0..count).map(|number| {
        bytes[place(number)..][..SIZE].fill(number as u8);
        StoredChunk {
            offset: place(number) as u64,
            length: SIZE as u64,
            mask: 0,
        }
    });
    let chunks = chunks.collect();
    (bytes, chunks)
}

/// What arrives for each of `chunks`.
fn decoded(file: &RemoteFile, chunks: &[StoredChunk]) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let arrived = Mutex::new(vec![Vec::new(); chunks.len()]);
    let pipeline = Pipeline::new([]).unwrap();
    let whole = file.decode(&pipeline, SIZE, chunks, &|number, bytes| {
        arrived.lock().unwrap()[number].extend_from_slice(bytes);
    })?;
    Ok(whole.then(|| arrived.into_inner().unwrap()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_chunk_arrives_once_and_whole(
        first in proptest::collection::vec(0usize..200, 0..50),
        faults in proptest::collection::vec(
            prop_oneof![3 => Just(Fault::None), 1 => (0..60_000usize).prop_map(Fault::Cut)], 0..6),
        data_memory in prop_oneof![Just(0u64), Just(50_000), Just(64 << 20)],
    ) {
        let (bytes, chunks) = content(200);
        let memory = Memory::new(bytes);
        let settings = Settings { data_memory, retries: 9, ..settings() };
        let file = memory.open("https://chunks/hdfstream/x.h5", &settings).unwrap();
        memory.edit(|state| state.faults = faults.into());
        let some: Vec<StoredChunk> = {
            let mut numbers = first;
            numbers.sort_unstable();
            numbers.dedup();
            numbers.into_iter().map(|number| chunks[number]).collect()
        };
        let arrived = decoded(&file, &some).unwrap().unwrap();
        for (chunk, arrived) in some.iter().zip(&arrived) {
            let number = chunks.iter().position(|one| one == chunk).unwrap();
            prop_assert_eq!(arrived, &vec![number as u8; SIZE]);
        }
        for _ in 0..2 {
            let arrived = decoded(&file, &chunks).unwrap().unwrap();
            prop_assert!(arrived.iter().enumerate().all(|(number, bytes)| *bytes == vec![number as u8; SIZE]));
            // The second time all come from memory, if there is enough of it.
            let is_here = |chunk: &StoredChunk| {
                file.cache.missing(file.version.id, chunk.offset, chunk.length).is_empty()
            };
            prop_assert!(data_memory < 64 << 20 || chunks.iter().all(is_here));
        }
    }
}

#[test]
fn what_is_no_chunk_is_left_to_hdf5() {
    let (bytes, chunks) = content(10);
    let size = bytes.len() as u64;
    let memory = Memory::new(bytes);
    let file = memory
        .open("https://odd-chunks/hdfstream/x.h5", &settings())
        .unwrap();
    memory.operations();
    let beyond = StoredChunk {
        offset: size - 5,
        ..chunks[0]
    };
    let huge = StoredChunk {
        offset: u64::MAX - 5,
        ..chunks[0]
    };
    let overlapping = StoredChunk {
        offset: chunks[1].offset + 5,
        ..chunks[1]
    };
    for odd in [beyond, huge, overlapping] {
        assert_eq!(decoded(&file, &[chunks[1], odd]).unwrap(), None);
    }
    assert!(memory.operations().is_empty());
    let deflate = Pipeline::new([(1, &[6][..])]).unwrap();
    assert!(!file.decode(&deflate, SIZE, &chunks, &|_, _| ()).unwrap());
    assert_eq!(decoded(&file, &[]).unwrap(), Some(Vec::new()));
}

#[test]
fn a_server_that_fails_is_reported() {
    let (bytes, chunks) = content(10);
    let memory = Memory::new(bytes);
    let file = memory
        .open("https://failing-chunks/hdfstream/x.h5", &settings())
        .unwrap();
    memory.edit(|state| state.version = "v2".to_owned());
    assert!(matches!(decoded(&file, &chunks), Err(Error::Changed { .. })));
}

#[test]
fn what_is_too_much_for_memory_is_on_disk() {
    let (bytes, chunks) = content(3000);
    let memory = Memory::new(bytes);
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        data_memory: 50_000,
        cache_dir: CacheDir::At(folder.path().to_path_buf()),
        ..settings()
    };
    let file = memory
        .open("https://chunks-on-disk/hdfstream/x.h5", &settings)
        .unwrap();
    let first = decoded(&file, &chunks).unwrap();
    crate::disk_cache::finish_within(Duration::from_secs(60));
    memory.operations();
    assert_eq!(decoded(&file, &chunks).unwrap(), first);
    assert!(memory.operations().is_empty());
    assert!(first.is_some_and(|all| all[2999] == [2999u16 as u8; SIZE]));
}
