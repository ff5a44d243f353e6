//! Everything that can go wrong between a writer and its server.

use super::*;
use crate::protocol::ErrorKind;
use crate::testing::Fault;
use crate::transport::Failure;

/// What a program does to a file; the content that it should have then.
fn program(place: &Place) -> Result<Vec<u8>, Error> {
    let file = place.open(Begin::Create)?;
    let mut expected = Vec::new();
    for number in 0..8u64 {
        let bytes = vec![number as u8 + 1; 600_000];
        file.write_vector(&[(Class::Raw, expected.len() as u64, &bytes)])?;
        expected.extend(bytes);
        if number == 4 {
            file.commit()?;
        }
    }
    file.write_vector(&[(Class::Metadata, 10, &[99; 1000])])?;
    expected[10..1010].fill(99);
    file.close()?;
    Ok(expected)
}

#[test]
fn any_request_may_be_lost_or_its_answer() {
    let requests = {
        let mut place = Place::empty();
        place.settings.write_memory = 2 << 20;
        assert_eq!(program(&place).unwrap(), place.content());
        place.requests()
    };
    assert!(requests.len() > 6, "{requests:?}");
    for number in 0..requests.len() {
        for fault in [
            Fault::Lost,
            Fault::Cut(0),
            Fault::Cut(3),
            Fault::Short(2),
            Fault::Fails(Failure::Cut("reset".to_owned())),
            Fault::Busy(None),
            Fault::Foreign(503),
        ] {
            let mut place = Place::empty();
            place.settings.write_memory = 2 << 20;
            place.memory.edit(|state| {
                state.faults = vec![Fault::None; number].into();
                state.faults.push_back(fault.clone());
            });
            let expected = program(&place).unwrap();
            assert!(place.content() == expected, "request {number}, {fault:?}");
            assert!(place.memory.edit(|state| state.leases.given) == 1);
        }
    }
}

#[test]
fn a_server_that_is_started_again_is_waited_for() {
    let place = Place::new(vec![1; 100]);
    let file = place.open(Begin::Existing).unwrap();
    write(&file, 0, &[2; 50]);
    let refused = Fault::Fails(Failure::Refused);
    place
        .memory
        .edit(|state| state.faults = vec![refused.clone(), refused.clone(), refused].into());
    file.close().unwrap();
    assert_eq!(place.content()[..50], [2; 50]);
}

#[test]
fn a_full_disk_is_told_and_what_was_written_waits() {
    let mut place = Place::new(vec![1; 100]);
    place.settings.write_memory = 4 << 20;
    let file = place.open(Begin::Existing).unwrap();
    place.memory.edit(|state| state.leases.room = Some(3 << 20));
    let mut expected = vec![1; 100];
    for number in 0..20u64 {
        let bytes = vec![number as u8; 1 << 20];
        write(&file, expected.len() as u64, &bytes);
        expected.extend(bytes);
    }
    for _ in 0..2 {
        assert!(matches!(file.commit(), Err(Error::NoSpace { .. })));
        assert_eq!(place.content(), vec![1; 100]);
        // All of it is here, wherever it is.
        assert_eq!(read(&file, 0, expected.len()), expected);
    }
    // Written after the commit that failed, over what it holds.
    write(&file, 50, &[77; 100]);
    expected[50..150].fill(77);
    place.memory.edit(|state| state.leases.room = None);
    file.commit().unwrap();
    assert_eq!(place.content(), expected);
    write(&file, 0, &[9]);
    file.close().unwrap();
    assert_eq!(place.content()[0], 9);
}

#[test]
fn a_full_disk_here_is_told() {
    let mut place = Place::new(vec![1; 4 << 20]);
    place.settings.write_memory = 1 << 20;
    place.maker = || {
        std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/full")
    };
    let file = place.open(Begin::Existing).unwrap();
    let error = file
        .write_vector(&[(Class::Raw, 0, &vec![5; 3 << 20])])
        .unwrap_err();
    assert!(matches!(error, Error::Spill { full: true, .. }), "{error}");
    assert_eq!(error.errno(), 28);
    assert!(error.to_string().contains("TMPDIR"), "{error}");
    // What was taken can be saved.
    let size = read(&file, 0, 3 << 20).iter().filter(|byte| **byte == 5).count();
    assert!(size >= 1 << 20);
    file.commit().unwrap();
    assert_eq!(place.content()[..size], vec![5; size]);
    file.close().unwrap();
}

fn lose_lease(place: &Place) {
    place.memory.edit(|state| state.leases.present = None);
}

#[test]
fn a_computer_that_slept_goes_on() {
    for begin in [Begin::Existing, Begin::Create, Begin::Replace] {
        let place = match begin {
            Begin::Create => Place::empty(),
            _ => Place::new(vec![1; 100]),
        };
        let file = place.open(begin).unwrap();
        write(&file, 0, &[2; 100]);
        lose_lease(&place);
        file.commit().unwrap();
        assert_eq!(place.content(), [2; 100], "{begin:?}");
        lose_lease(&place);
        write(&file, 0, &[3; 10]);
        // More than one request takes.
        write(&file, 200, &vec![4; 20 << 20]);
        file.close().unwrap();
        assert_eq!(place.content().len(), 200 + (20 << 20));
        assert_eq!(place.memory.edit(|state| state.leases.given), 3);
    }
}

#[test]
fn who_slept_while_another_wrote_does_not_overwrite() {
    let place = Place::new(vec![1; 100]);
    let file = place.open(Begin::Existing).unwrap();
    write(&file, 0, &[2; 100]);
    lose_lease(&place);
    let other = place.open(Begin::Existing).unwrap();
    assert!(matches!(file.commit(), Err(Error::LeaseLost { .. })));
    write(&other, 0, &[3; 100]);
    other.close().unwrap();
    assert!(matches!(file.commit(), Err(Error::LeaseLost { .. })));
    assert_eq!(place.content(), [3; 100]);
    assert_eq!(read(&file, 0, 100), [2; 100], "it is all here still");
    // And is kept.
    let error = file.close().unwrap_err();
    let Error::Kept { error, file } = error else {
        panic!("{error}")
    };
    assert!(matches!(*error, Error::LeaseLost { .. }));
    assert_eq!(recovery::Recovery::read(&file).unwrap().bytes(), 100);
    assert!(place.memory.edit(|state| state.leases.present.is_none()));
}

#[test]
fn what_only_the_server_had_is_lost_with_the_lease() {
    let mut place = Place::new(vec![1; 100]);
    place.settings.write_memory = 4 << 20;
    let file = place.open(Begin::Existing).unwrap();
    for number in 0..30u64 {
        write(&file, 100 + (number << 20), &vec![5; 1 << 20]);
    }
    assert!(place.requests().contains(&"stage".to_owned()));
    lose_lease(&place);
    assert!(matches!(file.commit(), Err(Error::LeaseLost { .. })));
    let Err(Error::Kept { file, .. }) = file.close() else {
        panic!("kept")
    };
    let kept = recovery::Recovery::read(&file).unwrap();
    assert!(kept.missing() > 10 << 20);
    assert_eq!(kept.missing() + kept.bytes(), 30 << 20);
}

#[test]
fn a_commit_that_may_have_been_made_is_not_made_twice() {
    let mut place = Place::new(vec![1; 100]);
    place.settings.retries = 0;
    let file = place.open(Begin::Existing).unwrap();
    write(&file, 0, &[2; 100]);
    place
        .memory
        .edit(|state| state.faults = vec![Fault::Cut(0)].into());
    assert!(matches!(file.commit(), Err(Error::Cut { .. })));
    // The server has made it, and nobody here knows.
    assert_eq!(place.memory.edit(|state| state.leases.commits), 1);
    write(&file, 50, &[3; 100]);
    assert_eq!(read(&file, 40, 20), [[2; 10], [3; 10]].concat());
    file.commit().unwrap();
    assert_eq!(place.memory.edit(|state| state.leases.commits), 2);
    assert_eq!(place.content(), [vec![2; 50], vec![3; 100]].concat());
    file.close().unwrap();
}

#[test]
fn a_commit_whose_answer_was_lost_with_the_lease_counts_as_made() {
    for heard_of_it in [false, true] {
        let mut place = Place::new(vec![1; 100]);
        place.settings.retries = 0;
        let file = place.open(Begin::Existing).unwrap();
        write(&file, 0, &[2; 100]);
        place
            .memory
            .edit(|state| state.faults = vec![Fault::Cut(0)].into());
        assert!(matches!(file.commit(), Err(Error::Cut { .. })));
        place.memory.edit(|state| state.leases.expire());
        if heard_of_it {
            // As when a renewal was refused.
            file.enter().unwrap().session.lose();
        }
        file.commit().unwrap();
        assert_eq!(place.memory.edit(|state| state.leases.commits), 1);
        // It goes on, with another lease.
        write(&file, 0, &[3; 10]);
        file.close().unwrap();
        assert_eq!(place.content(), [vec![3; 10], vec![2; 90]].concat());
        assert_eq!(place.memory.edit(|state| state.leases.given), 2);
    }
}

#[test]
fn refusals_leave_everything_here() {
    for (status, kind) in [
        (403, ErrorKind::Forbidden),
        (409, ErrorKind::Changed),
        (500, ErrorKind::Internal),
        (400, ErrorKind::Invalid),
        (401, ErrorKind::Unauthorized),
    ] {
        let place = Place::new(vec![1; 100]);
        let file = place.open(Begin::Existing).unwrap();
        write(&file, 0, &[2; 10]);
        place
            .memory
            .edit(|state| state.faults = vec![Fault::Refused(status, kind)].into());
        assert!(file.commit().is_err());
        assert_eq!(place.content()[0], 1);
        file.commit().unwrap();
        assert_eq!(place.content()[0], 2);
    }
}

#[test]
fn another_process_sends_nothing() {
    let place = Place::new(vec![1; 100]);
    let file = place.open(Begin::Existing).unwrap();
    write(&file, 0, &[2; 10]);
    let Ok(mut file) = Arc::try_unwrap(file) else {
        panic!("held once")
    };
    place.requests();
    // As a forked child finds it.
    file.process += 1;
    assert!(matches!(file.commit(), Err(Error::Forked { .. })));
    assert!(matches!(file.close(), Err(Error::Forked { .. })));
    assert!(file.write_vector(&[(Class::Raw, 0, &[1])]).is_err());
    assert!(file.base().is_none());
    file.abandon();
    drop(file);
    assert!(place.requests().is_empty());
}
