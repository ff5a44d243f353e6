//! A file that is written, against plain memory and a server that fails in every way.

mod faults;
mod kept;
mod model;

use super::open::{Local, open_at};
use super::spill::{Maker, Spill};
use super::*;
use crate::testing::{Memory, settings};

const URL: &str = "https://writing/hdfstream/dir/file.h5";

/// A server, and what a writer has on this machine.
struct Place {
    memory: Memory,
    settings: Settings,
    cache: Arc<Cache>,
    folder: tempfile::TempDir,
    maker: Maker,
}

impl Place {
    fn new(content: Vec<u8>) -> Self {
        let settings = settings();
        let memory = Memory::new(content);
        memory.edit(|state| state.leases.writable = true);
        Self {
            memory,
            cache: Arc::new(Cache::new(&settings)),
            settings,
            folder: tempfile::tempdir().unwrap(),
            maker: Spill::temporary,
        }
    }

    /// One without the file.
    fn empty() -> Self {
        let place = Self::new(Vec::new());
        place.memory.edit(|state| state.version.clear());
        place
    }

    fn open(&self, begin: Begin) -> Result<Arc<WritableFile>, Error> {
        let name = RemoteName::parse(URL)?;
        let wanted = Wanted {
            begin,
            exclusive: true,
            directories: false,
        };
        let local = Local {
            maker: self.maker,
            recovery: Some(self.folder.path().join("recovery")),
        };
        let server = self.memory.server(&name.server(), &self.settings);
        open_at(
            server,
            Arc::clone(&self.cache),
            &name,
            &self.settings,
            wanted,
            local,
        )
    }

    fn content(&self) -> Vec<u8> {
        self.memory.edit(|state| state.content.clone())
    }

    /// The requests since the last call.
    fn requests(&self) -> Vec<String> {
        self.memory.operations()
    }
}

fn write(file: &WritableFile, offset: u64, bytes: &[u8]) {
    file.write_vector(&[(Class::Raw, offset, bytes)]).unwrap();
}

fn read(file: &WritableFile, offset: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0xEE; length];
    file.read_vector(&mut [(Class::Raw, offset, &mut bytes[..])])
        .unwrap();
    bytes
}

#[test]
fn a_new_file_is_two_requests() {
    let place = Place::empty();
    let file = place.open(Begin::Create).unwrap();
    assert_eq!(file.url(), URL);
    assert!(file.base().is_none());
    for number in 0..2000u64 {
        write(&file, number * 10, &number.to_le_bytes());
    }
    assert_eq!(read(&file, 10 * 77, 10)[..8], 77u64.to_le_bytes());
    file.close().unwrap();
    assert_eq!(place.requests(), ["lease", "commit"]);
    let content = place.content();
    assert_eq!(content.len(), 19_998);
    assert_eq!(content[10 * 1999..], 1999u64.to_le_bytes());
    assert!(place.memory.edit(|state| state.leases.present.is_none()));
    assert!(matches!(file.commit(), Err(Error::Closed { .. })));
    file.close().unwrap();
    assert!(place.requests().is_empty());
}

#[test]
fn nothing_is_seen_before_the_commit_and_all_of_it_after() {
    let place = Place::new(vec![1; 1000]);
    let file = place.open(Begin::Existing).unwrap();
    write(&file, 500, &[2; 1000]);
    assert_eq!(file.size(), 1500);
    assert_eq!(place.content(), vec![1; 1000]);
    file.commit().unwrap();
    assert_eq!(place.content(), [vec![1; 500], vec![2; 1000]].concat());
    let base = file.base().unwrap();
    assert_eq!((base.size(), base.version()), (1500, "c1"));
    place.requests();
    assert_eq!(read(&file, 490, 20), [[1; 10], [2; 10]].concat());
    file.commit().unwrap();
    assert_eq!(place.requests(), ["read"], "nothing to commit");
    write(&file, 0, &[3]);
    file.abandon();
    assert_eq!(place.requests(), ["release"]);
    assert_eq!(place.content()[0], 1);
}

#[test]
fn what_is_replaced_stays_until_the_first_commit() {
    let place = Place::new(vec![1; 1000]);
    let file = place.open(Begin::Replace).unwrap();
    assert_eq!(file.size(), 0);
    write(&file, 0, &[2; 10]);
    assert_eq!(place.content().len(), 1000);
    file.close().unwrap();
    assert_eq!(place.content(), [2; 10]);
    assert!(matches!(place.open(Begin::Create), Err(Error::Exists { .. })));
    place.memory.edit(|state| state.version.clear());
    assert!(matches!(place.open(Begin::Existing), Err(Error::NotFound { .. })));
}

#[test]
fn what_is_committed_is_read_back_from_memory() {
    let place = Place::new(vec![1; 300_000]);
    place.memory.edit(|state| {
        state.pack = vec![(0, 1000)];
        state.complete = true;
    });
    let file = place.open(Begin::Existing).unwrap();
    let metadata = |offset: u64, bytes: &[u8]| file.write_vector(&[(Class::Metadata, offset, bytes)]);
    metadata(100, &[2; 100]).unwrap();
    metadata(400_000, &[3; 100]).unwrap();
    file.commit().unwrap();
    metadata(150, &[4; 100]).unwrap();
    file.commit().unwrap();
    place.requests();
    let expected = [vec![1; 100], vec![2; 50], vec![4; 100], vec![1; 50]].concat();
    assert_eq!(read(&file, 0, 300), expected);
    assert_eq!(read(&file, 400_000, 100), [3; 100]);
    assert!(place.requests().is_empty());
    // And by whoever opens it here afterwards: all of its metadata is known.
    let reader = place
        .memory
        .open_with(URL, &place.settings, &place.cache)
        .unwrap();
    assert_eq!(place.memory.edit(|state| state.unchanged), 1);
    let mut bytes = vec![0; 300];
    reader.read(Class::Metadata, 0, &mut bytes).unwrap();
    assert_eq!(bytes, expected);
    assert_eq!(place.requests(), ["open"]);
}

#[test]
fn one_writer_at_a_time() {
    let place = Place::new(vec![1; 10]);
    let first = place.open(Begin::Existing).unwrap();
    assert!(matches!(place.open(Begin::Existing), Err(Error::Locked { .. })));
    first.close().unwrap();
    assert_eq!(place.requests(), ["lease", "lease", "release"]);
    place.open(Begin::Existing).unwrap().abandon();
}

#[test]
fn servers_that_are_not_written_say_so() {
    let place = Place::new(vec![1; 10]);
    place.memory.edit(|state| state.leases.writable = false);
    assert!(matches!(place.open(Begin::Existing), Err(Error::ReadOnly { .. })));
}

#[test]
fn raw_data_goes_ahead_and_memory_stays_small() {
    let mut place = Place::new(vec![1; 1000]);
    place.settings.write_memory = 4 << 20;
    let file = place.open(Begin::Existing).unwrap();
    let mut expected = vec![1; 1000];
    for number in 0..64u64 {
        let bytes = vec![number as u8; 1 << 20];
        write(&file, expected.len() as u64, &bytes);
        expected.extend(bytes);
        assert!(file.enter().unwrap().open.overlay.memory() <= 4 << 20);
    }
    // In the middle of what was sent, and of what was not.
    assert_eq!(read(&file, 1_000_000, 3 << 20), expected[1_000_000..][..3 << 20]);
    // Over what was sent.
    write(&file, 2_000_000, &[99; 5000]);
    expected[2_000_000..2_005_000].fill(99);
    assert_eq!(read(&file, 1_999_000, 7000), expected[1_999_000..][..7000]);
    file.close().unwrap();
    let sent = place.requests();
    assert!(sent.iter().filter(|request| *request == "stage").count() >= 60);
    assert_eq!(place.content(), expected);
}

#[test]
fn what_cannot_go_ahead_goes_to_the_disk() {
    let mut place = Place::new(vec![1; 40 << 20]);
    place.settings.write_memory = 1 << 20;
    let file = place.open(Begin::Existing).unwrap();
    for number in 0..30u64 {
        write(&file, number << 20, &vec![number as u8 + 2; 1 << 20]);
        assert!(file.enter().unwrap().open.overlay.memory() <= 1 << 20);
    }
    assert_eq!(place.requests(), ["lease"]);
    assert_eq!(read(&file, (5 << 20) - 1, 2), [6, 7]);
    file.commit().unwrap();
    let requests = place.requests();
    assert_eq!(requests.iter().filter(|request| *request == "stage").count(), 3);
    assert!(
        place.content()[..30 << 20]
            .chunks(1 << 20)
            .enumerate()
            .all(|(number, part)| part.iter().all(|byte| *byte == number as u8 + 2))
    );
}

#[test]
fn what_was_cut_off_does_not_come_back() {
    let place = Place::new(vec![1; 1000]);
    let file = place.open(Begin::Existing).unwrap();
    file.set_size(100);
    file.set_size(2000);
    assert_eq!(read(&file, 90, 30), [vec![1; 10], vec![0; 20]].concat());
    write(&file, 1500, &[5]);
    file.set_size(1400);
    file.set_size(1600);
    file.close().unwrap();
    assert_eq!(place.content(), [vec![1; 100], vec![0; 1500]].concat());
}

#[test]
fn marks_of_writing_are_seen_by_the_program_alone() {
    let open = [
        b"\x89HDF\r\n\x1a\n\x03\x08\x08\x01".to_vec(),
        vec![0; 8],
        vec![0xFF; 8],
        vec![0; 16],
        vec![0; 4],
    ]
    .concat();
    let mut marked = open.clone();
    // Any sum will do that is right; the tests of the superblock have real ones.
    let sum = superblock::sum(&marked[..44]);
    marked[44..].copy_from_slice(&sum);
    let mut clean = marked.clone();
    assert!(superblock::unmark(&mut clean));
    for user_block in [0usize, 512, 2048] {
        let place = Place::empty();
        let file = place.open(Begin::Create).unwrap();
        let at = user_block as u64;
        file.write_vector(&[(Class::Metadata, at, &marked)]).unwrap();
        // An HDF5 file in a dataset is data.
        write(&file, 4096, &marked);
        file.commit().unwrap();
        assert_eq!(place.content()[user_block..user_block + 48], clean);
        assert_eq!(place.content()[4096..], marked);
        assert_eq!(read(&file, at, 48), marked);
        // Written again, and then as it is in the end.
        file.write_vector(&[(Class::Metadata, at, &marked)]).unwrap();
        file.commit().unwrap();
        assert_eq!(place.content()[user_block..user_block + 48], clean);
        file.write_vector(&[(Class::Metadata, at, &clean)]).unwrap();
        file.commit().unwrap();
        assert_eq!(read(&file, at, 48), clean);
        // With readers at any time they are meant to be seen.
        file.set_ordered(true);
        file.write_vector(&[(Class::Metadata, at, &marked)]).unwrap();
        file.close().unwrap();
        assert_eq!(place.content()[user_block..user_block + 48], marked);
    }
}

#[test]
fn what_is_as_it_was_keeps_its_version() {
    let mut clean = [b"\x89HDF\r\n\x1a\n\x02\x08\x08\x00".to_vec(), vec![7; 32]].concat();
    let sum = superblock::sum(&clean);
    clean.extend(sum);
    let mut marked = clean[..44].to_vec();
    marked[11] = 1;
    let sum = superblock::sum(&marked);
    marked.extend(sum);
    let content = [clean.clone(), vec![1; 100]].concat();
    let place = Place::new(content.clone());
    let marks = |file: &WritableFile| {
        for bytes in [&marked, &clean, &marked] {
            file.write_vector(&[(Class::Metadata, 0, bytes)]).unwrap();
        }
        assert_eq!(read(file, 0, 48), marked);
    };
    let file = place.open(Begin::Existing).unwrap();
    marks(&file);
    file.commit().unwrap();
    file.close().unwrap();
    assert_eq!(place.memory.edit(|state| state.leases.commits), 0);
    assert!(place.memory.edit(|state| state.leases.present.is_none()));
    // Anything else is a change.
    for change in 0..3 {
        let file = place.open(Begin::Existing).unwrap();
        marks(&file);
        match change {
            0 => write(&file, 50, &[2]),
            1 => file.set_size(1000),
            _ => {
                let mut other = marked.clone();
                other[20] = 99;
                let sum = superblock::sum(&other[..44]);
                other[44..].copy_from_slice(&sum);
                file.write_vector(&[(Class::Metadata, 0, &other)]).unwrap();
            }
        }
        file.close().unwrap();
        assert_eq!(place.memory.edit(|state| state.leases.commits), change + 1);
    }
    assert_eq!(place.content()[20], 99);
}

#[test]
fn in_order_means_every_write() {
    let place = Place::new(vec![0; 100]);
    let file = place.open(Begin::Existing).unwrap();
    file.set_ordered(true);
    write(&file, 50, &[1; 20]);
    write(&file, 0, &[2; 10]);
    write(&file, 60, &[3; 20]);
    assert_eq!(read(&file, 55, 10), [[1; 5], [3; 5]].concat());
    file.commit().unwrap();
    let mut expected = vec![0; 100];
    expected[50..60].fill(1);
    expected[60..80].fill(3);
    expected[..10].fill(2);
    assert_eq!(place.content(), expected);
    // Much of it does not wait.
    for number in 0..40u64 {
        write(&file, 100 + (number << 20), &vec![number as u8; 1 << 20]);
    }
    assert!(place.memory.edit(|state| state.leases.commits) >= 3);
    file.set_size(200);
    file.close().unwrap();
    assert_eq!(place.content().len(), 200);
}

#[test]
fn the_lease_is_kept_alive() {
    let place = Place::new(vec![0; 100]);
    place.memory.edit(|state| state.leases.seconds = 1);
    let file = place.open(Begin::Existing).unwrap();
    let begun = std::time::Instant::now();
    let mut renewals = 0;
    while renewals < 3 && begun.elapsed().as_secs() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(20));
        renewals += place
            .requests()
            .iter()
            .filter(|request| *request == "renew")
            .count();
    }
    assert!(renewals >= 3);
    file.close().unwrap();
}
