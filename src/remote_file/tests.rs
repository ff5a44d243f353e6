//! Remote files against the bytes that they must have, and against servers that misbehave.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::protocol::Run;
use crate::testing::{Fault, Memory, settings};
use crate::transport::Failure;

fn content(size: usize) -> Vec<u8> {
    let mut state = 1u64;
    (0..size)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

fn open(memory: &Memory, server: &str) -> Arc<RemoteFile> {
    let file = memory
        .open(&format!("https://{server}/hdfstream/dir/x.h5"), &settings())
        .unwrap();
    memory.operations();
    file
}

/// Without anything fetched ahead, which would take some of the faults.
fn open_blind(memory: &Memory, server: &str) -> Arc<RemoteFile> {
    let blind = Settings {
        data_memory: 0,
        ..settings()
    };
    let url = format!("https://{server}/hdfstream/dir/x.h5");
    let file = memory.open(&url, &blind).unwrap();
    memory.operations();
    file
}

#[track_caller]
fn check(file: &RemoteFile, class: Class, content: &[u8], offset: usize, length: usize) {
    let mut buffer = vec![0xAA; length];
    file.read(class, offset as u64, &mut buffer).unwrap();
    let inside = length.min(content.len().saturating_sub(offset));
    assert!(buffer[..inside] == content[content.len().min(offset)..][..inside]);
    assert!(buffer[inside..].iter().all(|&byte| byte == 0));
}

#[test]
fn the_first_request_finds_the_base_and_the_second_open_is_one_small_request() {
    let memory = Memory::new(content(1000));
    memory.edit(|state| {
        state.base = "/a/b".to_owned();
        state.pack = vec![(0, 100), (500, 20)];
        state.complete = true;
    });
    let cache = Arc::new(Cache::new(&settings()));
    let url = "https://base-finding/a/b/c.h5";
    let file = memory.open_with(url, &settings(), &cache).unwrap();
    assert_eq!(file.url(), url);
    // Each wrong base is asked in the words of both protocols.
    let elsewhere = ["elsewhere"; 4];
    assert_eq!(memory.operations(), [&elsewhere[..], &["open"]].concat());
    check(&file, Class::Metadata, &content(1000), 505, 10);
    assert!(file.version.is_complete());
    assert!(memory.operations().is_empty());

    drop(file);
    let again = memory.open_with(url, &settings(), &cache).unwrap();
    assert_eq!(memory.operations(), ["open"]);
    check(&again, Class::Metadata, &content(1000), 0, 100);
    again.trace(Intent::File).unwrap();
    assert!(memory.operations().is_empty());

    memory.edit(|state| {
        state.version = "v2".to_owned();
        state.content.reverse();
    });
    let new = memory.open_with(url, &settings(), &cache).unwrap();
    let mut turned = content(1000);
    turned.reverse();
    check(&new, Class::Metadata, &turned, 0, 100);
    assert_ne!(new.same_file(&again), Ordering::Equal);
    assert_eq!(new.same_file(&new), Ordering::Equal);
}

#[test]
fn a_metadata_miss_traces_once_and_then_reads_blocks() {
    let content = content(1 << 20);
    let memory = Memory::new(content.clone());
    memory.edit(|state| state.trace = vec![(0, 5000), (300_000, 5000)]);
    let file = open(&memory, "tracing");
    check(&file, Class::Metadata, &content, 300_100, 100);
    assert_eq!(memory.operations(), ["trace"]);
    check(&file, Class::Metadata, &content, 0, 5000);
    assert!(memory.operations().is_empty());
    check(&file, Class::Metadata, &content, 500_000, 100);
    check(&file, Class::Metadata, &content, 500_200, 100);
    assert_eq!(memory.operations(), ["read"]);
}

#[test]
fn a_server_without_hints_is_no_error() {
    let content = content(1 << 20);
    let memory = Memory::new(content.clone());
    let file = open(&memory, "hintless");
    memory.edit(|state| state.faults = [Fault::Garbage(40)].into());
    check(&file, Class::Metadata, &content, 100, 100);
    assert_eq!(memory.operations(), ["trace", "read"]);
}

#[test]
fn a_large_read_is_a_few_parallel_requests_and_leaves_the_cache_alone() {
    let content = content(40 << 20);
    let memory = Memory::new(content.clone());
    // Enough memory to keep 2 MiB, and too little to fetch the rest because of what is missing.
    let some = Settings {
        data_memory: 16 << 20,
        ..settings()
    };
    let file = memory.open("https://large/hdfstream/x.h5", &some).unwrap();
    memory.operations();
    check(&file, Class::Raw, &content, 4096, (40 << 20) - 5000);
    assert_eq!(memory.operations().len(), 4);
    check(&file, Class::Raw, &content, 4096, 100);
    assert_eq!(memory.operations().len(), 1);
    check(&file, Class::Raw, &content, 20 << 20, 2 << 20);
    assert_eq!(memory.operations().len(), 1);
    check(&file, Class::Raw, &content, (20 << 20) + 77, 1 << 20);
    assert_eq!(memory.operations().len(), 0);
}

#[test]
fn planned_ranges_come_together() {
    let content = content(8 << 20);
    let memory = Memory::new(content.clone());
    let file = open(&memory, "planned");
    let ranges: Vec<(u64, u64)> = (0..256).rev().map(|number| (number * 30_000, 20_000)).collect();
    file.plan(ranges.clone());
    for &(offset, length) in &ranges {
        check(&file, Class::Raw, &content, offset as usize, length as usize);
    }
    assert_eq!(memory.operations().len(), 1);
}

#[test]
fn what_is_read_in_order_is_fetched_ahead_in_growing_windows() {
    let content = content(24 << 20);
    let memory = Memory::new(content.clone());
    let file = open(&memory, "in-order");
    for offset in (0..content.len()).step_by(10_000) {
        check(&file, Class::Raw, &content, offset, 10_000);
    }
    let requests = memory.operations().len();
    assert!(requests <= 12, "{requests} requests for 2,500 reads");
}

#[test]
fn reads_here_and_there_end_in_fetching_the_whole_dataset() {
    let content = content(20 << 20);
    let memory = Memory::new(content.clone());
    let file = open(&memory, "here-and-there");
    let dataset: Extents = [(4 << 20, 6 << 20), (12 << 20, 6 << 20)].into();
    for number in 0..400 {
        file.occupy(&dataset);
        let at = (number * 7919 * 4096) % (12 << 20);
        let offset = if at < 6 << 20 {
            (4 << 20) + at
        } else {
            (6 << 20) + at
        };
        check(&file, Class::Raw, &content, offset, 4096);
    }
    let log = memory.edit(|state| std::mem::take(&mut state.log));
    assert!(log.len() <= 12, "{} requests for 400 reads", log.len());
    let runs = log.iter().flat_map(|(_, runs)| runs);
    for run in runs {
        let end = run.offset + run.stride * (run.count - 1) + run.length;
        let inside = |(start, length): &(u64, u64)| *start <= run.offset && end <= start + length;
        assert!(dataset.iter().any(inside), "{run:?} is no part of the dataset");
    }
}

#[test]
fn what_is_guessed_wrong_has_an_end() {
    let content = content(160 << 20);
    let memory = Memory::new(content.clone());
    let file = open(&memory, "guessed-wrong");
    // Pairs of reads that look like the beginning of a sequence.
    for pair in 0..150 {
        let offset = (pair * 37 % 150) << 20;
        check(&file, Class::Raw, &content, offset, 65_536);
        check(&file, Class::Raw, &content, offset + 65_536, 65_536);
    }
    let log = memory.edit(|state| std::mem::take(&mut state.log));
    let bytes: u64 = log
        .iter()
        .flat_map(|(_, runs)| runs)
        .map(|run| run.length * run.count)
        .sum();
    let asked = 300 * 65_536;
    assert!(bytes <= asked + 3 * (16 << 20), "{bytes} bytes for {asked}");
}

#[test]
fn what_comes_ahead_may_fail() {
    let content = content(24 << 20);
    let memory = Memory::new(content.clone());
    let file = open(&memory, "ahead-fails");
    for offset in (0..content.len()).step_by(100_000) {
        // Whoever comes second is told that the server is none; who reads for the program tries that no second time.
        memory.edit(|state| state.faults = [Fault::None, Fault::Foreign(404)].into());
        let mut buffer = vec![0; 100_000];
        if file.read(Class::Raw, offset as u64, &mut buffer).is_ok() {
            let inside = buffer.len().min(content.len() - offset);
            assert!(buffer[..inside] == content[offset..][..inside]);
        }
    }
    memory.edit(|state| state.faults.clear());
    for offset in (0..content.len()).step_by(100_000) {
        check(&file, Class::Raw, &content, offset, 100_000);
    }
}

#[test]
fn the_next_window_is_fetched_while_the_first_is_used() {
    let content = content(40 << 20);
    let memory = Memory::new(content.clone());
    let small = Settings {
        data_memory: 32 << 20,
        ..settings()
    };
    let file = memory.open("https://windows/hdfstream/x.h5", &small).unwrap();
    let ranges: Vec<(u64, u64)> = (0..40).map(|number| (number << 20, 1000 << 10)).collect();
    file.plan(ranges.clone());
    let read = |number: usize| check(&file, Class::Raw, &content, ranges[number].0 as usize, 1000 << 10);
    read(0);
    let begun = Instant::now();
    while memory.edit(|state| state.log.len()) < 3 {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "nothing was fetched ahead"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    memory.operations();
    (1..16).for_each(read);
    // The second window came without a request; the third was begun when the second was used.
    assert!(memory.operations().len() <= 1);
    memory.edit(|state| state.faults = vec![Fault::Foreign(404); 2].into());
    (16..40).rev().for_each(|number| {
        let _ = file.read(Class::Raw, ranges[number].0, &mut [0; 10]);
    });
    memory.edit(|state| state.faults.clear());
    (0..40).for_each(read);
    file.plan(Vec::new());
    (0..40).rev().for_each(read);
}

#[test]
fn a_strided_vector_is_one_request_of_one_run() {
    let content = content(1 << 20);
    let memory = Memory::new(content.clone());
    let file = open(&memory, "strided");
    let mut buffers = vec![[0u8; 8]; 1000];
    let mut pieces: Vec<_> = buffers
        .iter_mut()
        .enumerate()
        .map(|(row, buffer)| (Class::Raw, row as u64 * 1000, &mut buffer[..]))
        .collect();
    file.read_vector(&mut pieces).unwrap();
    for (row, buffer) in buffers.iter().enumerate() {
        assert_eq!(buffer[..], content[row * 1000..row * 1000 + 8]);
    }
    let log = memory.edit(|state| std::mem::take(&mut state.log));
    let column = Run {
        offset: 0,
        length: 8,
        stride: 1000,
        count: 1000,
    };
    assert_eq!(log, [("read".to_owned(), vec![column])]);
}

#[test]
fn cut_replies_are_asked_for_again_where_they_ended() {
    let content = content(4 << 20);
    let memory = Memory::new(content.clone());
    let file = open_blind(&memory, "cutting");
    memory.edit(|state| state.faults = [Fault::Cut(1_000_000), Fault::Short(500_000)].into());
    check(&file, Class::Raw, &content, 0, 2_000_000);
    let log = memory.edit(|state| std::mem::take(&mut state.log));
    let runs: Vec<Run> = log.into_iter().map(|entry| entry.1[0]).collect();
    assert_eq!(
        runs,
        [
            Run::range(0, 2_000_000),
            Run::range(1_000_000, 1_000_000),
            Run::range(1_500_000, 500_000)
        ]
    );
    memory.edit(|state| {
        state.faults = [
            Fault::Cut(1000),
            Fault::Fails(Failure::Refused),
            Fault::Fails(Failure::Refused),
            Fault::Fails(Failure::Refused),
        ]
        .into();
    });
    let error = file.read(Class::Raw, 3 << 20, &mut [0; 1000]).unwrap_err();
    assert!(
        matches!(error, Error::Cut { .. }),
        "what came first says more: {error}"
    );
    memory.edit(|state| {
        state.faults = [Fault::Fails(Failure::Dropped("closed".to_owned()))].into();
        state.faults.extend(vec![Fault::Fails(Failure::Refused); 3]);
    });
    let error = file.read(Class::Raw, 3 << 20, &mut [0; 1000]).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}

#[test]
fn every_trouble_is_an_error_of_its_own() {
    let memory = Memory::new(content(1 << 20));
    let file = open_blind(&memory, "troubled");
    let mut offset = 0;
    let mut fails = |faults: Vec<Fault>| {
        offset += 70_000;
        memory.edit(|state| state.faults = faults.into());
        let error = file.read(Class::Raw, offset, &mut [0; 10]).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("https://troubled/hdfstream/dir/x.h5"),
            "{message}"
        );
        memory.operations();
        error
    };
    assert!(matches!(fails(vec![Fault::Garbage(17)]), Error::Garbage { .. }));
    assert!(matches!(
        fails(vec![Fault::Foreign(200)]),
        Error::NotHdfstream { .. }
    ));
    assert!(matches!(
        fails(vec![Fault::Fails(Failure::Refused)]),
        Error::Refused { .. }
    ));
    let begun = Instant::now();
    assert!(matches!(
        fails(vec![Fault::Delay(Duration::from_secs(9))]),
        Error::TimedOut { .. }
    ));
    assert!(begun.elapsed() < Duration::from_secs(8));
    assert!(matches!(
        fails(vec![Fault::Busy(Some(Duration::from_secs(3600)))]),
        Error::Busy { .. }
    ));
    assert!(matches!(
        fails(vec![Fault::Busy(None); 9]),
        Error::Busy { attempts: 4, .. }
    ));
    memory.edit(|state| {
        state.faults.clear();
        state.version = "v2".to_owned();
    });
    assert_eq!(fails(vec![]).errno(), 116);
}

#[test]
fn opening_fails_with_the_right_numbers() {
    let memory = Memory::new(content(100));
    let missing = memory
        .open("https://numbers/hdfstream/missing.h5", &settings())
        .unwrap_err();
    assert_eq!(missing.errno(), 2);
    let name = RemoteName::parse("https://numbers/hdfstream/x.h5").unwrap();
    let cache = Arc::new(Cache::new(&settings()));
    let server = memory.server("https://numbers", &settings());
    let written = RemoteFile::open_at(server, cache, &name, &settings(), true).unwrap_err();
    assert_eq!(written.errno(), 30);
    memory.edit(|state| state.base = "/a/b/c/d/e/f".to_owned());
    let nowhere = memory.open("https://numbers-2/x/y.h5", &settings()).unwrap_err();
    assert!(matches!(nowhere, Error::NotHdfstream { status: 404, .. }));
}

#[test]
fn links_and_external_storage_are_the_servers_to_resolve() {
    let memory = Memory::new(content(100));
    let file = open(&memory, "linked");
    memory.edit(|state| {
        state.pack = vec![(0, 50)];
        state.complete = true;
    });
    for _ in 0..2 {
        let linked = file.open_linked("/root/other dir/y.h5").unwrap();
        assert!(linked.version.is_complete());
    }
    assert_eq!(memory.edit(|state| state.unchanged), 1);
    let linked = file.open_linked("/root/other dir/y.h5").unwrap();
    assert_eq!(linked.url(), "https://linked/hdfstream/other%20dir/y.h5");
    memory.edit(|state| state.faults = [Fault::Cut(10)].into());
    assert_eq!(file.read_external("raw", 5, 20).unwrap(), [3; 20]);
}

#[test]
fn many_threads_read_the_same_file() {
    let content = content(3 << 20);
    let memory = Memory::new(content.clone());
    let file = open(&memory, "threads");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (file, content) = (&file, &content);
            scope.spawn(move || {
                for step in 0..100 {
                    check(
                        file,
                        Class::Raw,
                        content,
                        (step * 7919 * (thread + 1)) % (3 << 20),
                        5000,
                    );
                }
            });
        }
    });
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![Just(Class::Metadata), Just(Class::Raw)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn whatever_is_read_is_what_is_there(
        reads in proptest::collection::vec(
            proptest::collection::vec((class(), 0..2_000_000u64, prop_oneof![0..300usize, 0..200_000usize]), 1..20),
            1..15,
        ),
        planned in proptest::collection::vec((0..2_000_000u64, 0..100_000u64), 0..20),
        pack in any::<bool>(),
        memory_size in prop_oneof![Just(0u64), Just(300_000), Just(64 << 20)],
        faults in proptest::collection::vec(
            prop_oneof![5 => Just(Fault::None), 1 => (0..100_000usize).prop_map(Fault::Cut)], 0..10),
    ) {
        let content = content(1_700_000);
        let memory = Memory::new(content.clone());
        let settings = Settings { metadata_memory: memory_size / 4, data_memory: memory_size, retries: 9, ..settings() };
        if pack {
            memory.edit(|state| state.pack = vec![(0, 1000), (400_000, 77_777)]);
        }
        let file = memory.open("https://random/hdfstream/x.h5", &settings).unwrap();
        memory.edit(|state| state.faults = faults.into());
        file.plan(planned);
        for vector in reads {
            memory.operations();
            let mut buffers: Vec<Vec<u8>> = vector.iter().map(|read| vec![0xAA; read.2]).collect();
            let mut pieces: Vec<_> = vector
                .iter()
                .zip(&mut buffers)
                .map(|(&(class, offset, _), buffer)| (class, offset, &mut buffer[..]))
                .collect();
            file.read_vector(&mut pieces).unwrap();
            for (&(_, offset, length), buffer) in vector.iter().zip(&buffers) {
                let mut expected: Vec<u8> = content.iter().skip(offset as usize).take(length).copied().collect();
                expected.resize(length, 0);
                prop_assert!(*buffer == expected, "{offset} {length}");
            }
        }
    }
}
