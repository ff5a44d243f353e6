//! From a failed close to the recovery file, and back to the server.

use super::recovery::Recovery;
use super::*;
use crate::testing::Fault;

/// Closes when the server is away; the recovery file.
fn close_without_server(place: &Place, file: &WritableFile) -> Recovery {
    place
        .memory
        .edit(|state| state.faults = vec![Fault::Lost; 20].into());
    let error = file.close().unwrap_err();
    place.memory.edit(|state| state.faults.clear());
    let Error::Kept { error, file: path } = &error else {
        panic!("{error}")
    };
    assert!(matches!(**error, Error::Cut { .. }));
    assert!(matches!(file.commit(), Err(Error::Closed { .. })));
    file.close().unwrap();
    Recovery::read(path).unwrap()
}

/// Sends it as the command does.
fn send(place: &Place, kept: &Recovery, force: bool) -> Result<(), Error> {
    let begin = match (kept.begin(), force) {
        (Begin::Create, true) => Begin::Replace,
        (begin, _) => begin,
    };
    kept.send_to(&*place.open(begin)?, force)
}

fn forget_lease(place: &Place) {
    place.memory.edit(|state| state.leases.present = None);
}

#[test]
fn what_could_not_be_saved_is_sent_later() {
    let mut place = Place::new((0..100_000u32).map(|at| at as u8).collect());
    place.settings.write_memory = 10_000;
    place.settings.retries = 0;
    let file = place.open(Begin::Existing).unwrap();
    let mut expected = place.content();
    for number in 0..50usize {
        write(&file, number as u64 * 3000, &[number as u8; 2000]);
        expected.resize(expected.len().max(number * 3000 + 2000), 0);
        expected[number * 3000..number * 3000 + 2000].fill(number as u8);
    }
    file.set_size(90_000);
    file.set_size(200_000);
    expected.truncate(90_000);
    expected.resize(200_000, 0);
    let kept = close_without_server(&place, &file);
    assert_eq!((kept.url(), kept.missing()), (URL, 0));
    forget_lease(&place);
    send(&place, &kept, false).unwrap();
    assert!(place.content() == expected);
    // The version has changed by that.
    assert!(matches!(send(&place, &kept, false), Err(Error::Recovery { .. })));
    send(&place, &kept, true).unwrap();
    assert!(place.content() == expected);
    assert!(place.memory.edit(|state| state.leases.present.is_none()));
}

#[test]
fn a_file_that_was_to_be_made_is_made_later() {
    let mut place = Place::empty();
    place.settings.retries = 0;
    let file = place.open(Begin::Create).unwrap();
    write(&file, 10, b"hello");
    let kept = close_without_server(&place, &file);
    forget_lease(&place);
    send(&place, &kept, false).unwrap();
    assert_eq!(place.content(), b"\0\0\0\0\0\0\0\0\0\0hello");
    assert!(matches!(send(&place, &kept, false), Err(Error::Exists { .. })));
    send(&place, &kept, true).unwrap();
}

#[test]
fn what_was_sent_ahead_is_fetched_back() {
    let mut place = Place::empty();
    place.settings.write_memory = 4 << 20;
    place.settings.retries = 0;
    let file = place.open(Begin::Create).unwrap();
    let mut expected = Vec::new();
    for number in 0..20u64 {
        let bytes = vec![number as u8; 1 << 20];
        write(&file, expected.len() as u64, &bytes);
        expected.extend(bytes);
    }
    assert!(place.requests().contains(&"stage".to_owned()));
    // The disk is full when it comes to the commit, but can be read.
    place.memory.edit(|state| state.leases.room = Some(0));
    let Err(Error::Kept { error, file }) = file.close() else {
        panic!("not kept")
    };
    assert!(matches!(*error, Error::NoSpace { .. }));
    assert!(
        place.memory.edit(|state| state.leases.present.is_none()),
        "given back"
    );
    let kept = Recovery::read(&file).unwrap();
    assert_eq!((kept.bytes(), kept.missing()), (20 << 20, 0));
    place.memory.edit(|state| state.leases.room = None);
    send(&place, &kept, false).unwrap();
    assert!(place.content() == expected);
}

#[test]
fn without_a_place_for_it_the_file_stays_open() {
    let mut place = Place::new(vec![1; 10]);
    place.settings.retries = 0;
    // A file where the folder should be.
    std::fs::write(place.folder.path().join("recovery"), "").unwrap();
    let file = place.open(Begin::Existing).unwrap();
    write(&file, 0, &[2; 10]);
    place.memory.edit(|state| state.faults = vec![Fault::Lost].into());
    let error = file.close().unwrap_err();
    assert!(matches!(error, Error::Unsaved { .. }), "{error}");
    file.close().unwrap();
    assert_eq!(place.content(), [2; 10]);
}
