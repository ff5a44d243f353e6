//! Who holds a lease, for how long, and what is left of it afterwards.

use std::os::unix::fs::symlink;
use std::time::Duration;

use axum::http::StatusCode;
use hdfstream::protocol::{Begin, CommitReply, CommitRequest, ErrorKind};

use super::{ENDED, bytes, names};
use crate::harness::{Served, open_request};
use crate::writer::{Writer, good, read};

#[tokio::test]
async fn one_writes_at_a_time() {
    let served = Served::writable();
    served.write("a.h5", b"content");
    symlink("a.h5", served.path("link.h5")).unwrap();
    let (one, two) = (Writer::new("a.h5", 1), Writer::new("link.h5", 2));
    one.lease(&served, Begin::Existing).await;
    for begin in [Begin::Existing, Begin::Replace, Begin::Create] {
        let refused = two.try_lease(&served, begin).await;
        assert_eq!(refused.refusal(), ErrorKind::Locked, "{begin:?}");
    }
    let shared = Writer {
        exclusive: false,
        ..two.clone()
    };
    let refused = shared.try_lease(&served, Begin::Existing).await;
    assert_eq!(refused.refusal(), ErrorKind::Locked);
    one.word(&served, "release").await;
    let reply = two.lease(&served, Begin::Existing).await;
    assert_eq!(reply.file.path, "a.h5");
}

#[tokio::test]
async fn two_race_for_a_name() {
    let served = Served::writable();
    let writers = [1, 2].map(|number| Writer::new("new.h5", number));
    let [one, two] = &writers;
    let (first, second) = tokio::join!(
        one.try_lease(&served, Begin::Create),
        two.try_lease(&served, Begin::Create)
    );
    let refused = [&first, &second].map(|answer| answer.status != StatusCode::OK);
    assert_eq!(refused.iter().filter(|&&refused| refused).count(), 1);
    let loser = if refused[0] { &first } else { &second };
    assert_eq!(loser.refusal(), ErrorKind::Locked);
    let winner = if refused[0] { two } else { one };
    winner.finish(&served, 1, 1, &[(0, b"1")]).await;
    let late = Writer::new("new.h5", 3).try_lease(&served, Begin::Create).await;
    assert_eq!(late.refusal(), ErrorKind::Exists);
    // A local program took the name meanwhile.
    let writer = Writer::new("other.h5", 4);
    writer.lease(&served, Begin::Create).await;
    served.write("other.h5", b"local");
    let request = writer.commit_request(1, 1, &[(0, b"1")]);
    let refused = writer.send(&served, "commit", &request).await;
    assert_eq!(refused.refusal(), ErrorKind::Exists);
    writer.word(&served, "release").await;
    assert_eq!(bytes(&served, "other.h5"), b"local");
}

#[tokio::test]
async fn local_programs_and_writers_exclude_each_other() {
    let served = Served::writable();
    served.write("a.h5", b"content");
    let local = std::fs::File::open(served.path("a.h5")).unwrap();
    local.lock().unwrap();
    let writer = Writer::new("a.h5", 1);
    let refused = writer.try_lease(&served, Begin::Existing).await;
    assert_eq!(refused.refusal(), ErrorKind::Locked);
    local.unlock().unwrap();
    writer.lease(&served, Begin::Existing).await;
    assert!(local.try_lock().is_err());
    writer.word(&served, "release").await;
    local.try_lock().unwrap();
}

#[tokio::test]
async fn without_locking_the_first_to_commit_wins() {
    let mut served = Served::writable();
    served.write("a.h5", b"content");
    let [one, two] = [1, 2].map(|number| Writer {
        exclusive: false,
        ..Writer::new("a.h5", number)
    });
    let base = one.lease(&served, Begin::Existing).await.file.version;
    two.lease(&served, Begin::Existing).await;
    let commit = |writer: &Writer, number, base: &str, text: &[u8]| CommitRequest {
        base: base.to_owned(),
        ..writer.commit_request(number, 9, &[(0, text)])
    };
    let request = commit(&two, 1, &base, b"second---");
    let reply: CommitReply = good(&two.send(&served, "commit", &request).await).decode();
    let refused = one
        .send(&served, "commit", &commit(&one, 1, &base, b"first----"))
        .await;
    assert_eq!(refused.refusal(), ErrorKind::Changed);
    assert_eq!(bytes(&served, "a.h5"), b"second---");
    let request = commit(&one, 1, &reply.version, b"first----");
    good(&one.send(&served, "commit", &request).await);
    assert_eq!(bytes(&served, "a.h5"), b"first----");
    // Each is found again, whoever comes first.
    served.restart(|config| config.writable = true);
    assert_eq!(one.word(&served, "renew").await.committed, 1);
    assert_eq!(two.word(&served, "renew").await.committed, 1);
    one.word(&served, "release").await;
    two.word(&served, "release").await;
    assert_eq!(bytes(&served, "a.h5"), b"first----");
    assert_eq!(names(&served), ["a.h5"]);
}

#[tokio::test]
async fn a_silent_writer_loses_its_lease() {
    let served = Served::with(|config| {
        config.writable = true;
        config.lease_seconds = 4;
    });
    served.write("a.h5", b"content");
    let writer = Writer::new("a.h5", 1);
    let version = writer.lease(&served, Begin::Existing).await.file.version;
    writer.commit(&served, 1, 7, &[(0, b"C")]).await;
    good(&writer.stage(&served, 2, 0, &[(7, b"never committed")]).await);
    assert_ne!(served.open("a.h5").await.version, version);
    tokio::time::sleep(Duration::from_millis(4_100)).await;
    // The next one need not wait for the server to look around.
    let next = Writer::new("a.h5", 2);
    next.lease(&served, Begin::Existing).await;
    let request = writer.commit_request(2, 7, &[]);
    let answer = writer.send(&served, "commit", &request).await;
    assert_eq!(answer.refusal(), ErrorKind::LeaseLost);
    next.word(&served, "release").await;
    assert_eq!(bytes(&served, "a.h5"), b"Content");
    // One that says a word now and then keeps it.
    let steady = Writer::new("a.h5", 3);
    steady.lease(&served, Begin::Existing).await;
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert_eq!(steady.word(&served, "renew").await.seconds, 4);
    }
    steady.finish(&served, 1, 7, &[(0, b"K")]).await;
    assert_eq!(bytes(&served, "a.h5"), b"Kontent");
}

#[tokio::test]
async fn a_writer_goes_on_after_the_server_was_started_again() {
    let mut served = Served::writable();
    served.write("a.h5", b"content");
    let (old, new) = (Writer::new("a.h5", 1), Writer::new("dir/new.h5", 2));
    std::fs::create_dir(served.path("dir")).unwrap();
    old.lease(&served, Begin::Existing).await;
    new.lease(&served, Begin::Create).await;
    let answer = old.stage(&served, 1, 0, &[(2, b"X"), (100, &[9; 50])]).await;
    good(&answer);
    good(&new.stage(&served, 1, 0, &[(0, b"begun ")]).await);
    served.restart(|config| config.writable = true);
    let locked = Writer::new("a.h5", 3);
    // Either it was found already, or its file is locked by itself.
    good(&old.stage(&served, 1, 1, &[(3, b"Y")]).await);
    let refused = locked.try_lease(&served, Begin::Existing).await;
    assert_eq!(refused.refusal(), ErrorKind::Locked);
    let request = CommitRequest {
        parts: 2,
        ..old.commit_request(1, 150, &[])
    };
    let reply: CommitReply = good(&old.send(&served, "commit", &request).await).decode();
    let expected = [&b"coXYent"[..], &[0; 93], &[9; 50]].concat();
    assert_eq!(bytes(&served, "a.h5"), expected);
    served.restart(|config| config.writable = true);
    // The answer was lost, so it is asked again.
    let again: CommitReply = good(&old.send(&served, "commit", &request).await).decode();
    assert_eq!(read(&served, "a.h5", &again.version, 150).await.body, expected);
    assert!(!reply.version.is_empty());
    old.finish(&served, 2, 7, &[(0, b"C")]).await;
    assert_eq!(bytes(&served, "a.h5"), b"CoXYent");
    let request = CommitRequest {
        parts: 1,
        release: true,
        ..new.commit_request(1, 11, &[(6, b"ended")])
    };
    good(&new.send(&served, "commit", &request).await);
    assert_eq!(bytes(&served, "dir/new.h5"), b"begun ended");
    assert_eq!(names(&served), ["a.h5", "dir"]);
}

#[tokio::test]
async fn a_last_commit_is_answered_also_after_a_restart() {
    let mut served = Served::writable();
    served.write("a.h5", b"content");
    let (changed, made) = (Writer::new("a.h5", 1), Writer::new("new.h5", 2));
    changed.lease(&served, Begin::Existing).await;
    made.lease(&served, Begin::Create).await;
    changed.commit(&served, 1, 7, &[(0, b"K")]).await;
    changed.finish(&served, 2, 7, &[(0, b"C")]).await;
    made.finish(&served, 1, 3, &[(0, b"new")]).await;
    for _ in 0..2 {
        served.restart(|config| config.writable = true);
        let again = changed.finish(&served, 2, 7, &[(0, b"C")]).await;
        assert_eq!(again.version.len(), 32);
        made.finish(&served, 1, 3, &[(0, b"new")]).await;
    }
    // Nothing else is known of these leases, nor is it told to others.
    let lost = [
        changed
            .send(&served, "commit", &changed.commit_request(1, 7, &[]))
            .await,
        changed
            .send(&served, "commit", &changed.commit_request(3, 7, &[]))
            .await,
        changed.stage(&served, 3, 0, &[(0, b"x")]).await,
        changed.try_word(&served, "renew").await,
        changed.try_lease(&served, Begin::Existing).await,
        {
            let elsewhere = Writer::new("new.h5", 1);
            let request = elsewhere.commit_request(2, 7, &[(0, b"C")]);
            elsewhere.send(&served, "commit", &request).await
        },
    ];
    for answer in lost {
        assert_eq!(answer.refusal(), ErrorKind::LeaseLost);
    }
    assert_eq!(
        (bytes(&served, "a.h5"), bytes(&served, "new.h5")),
        (b"Content".to_vec(), b"new".to_vec())
    );
    // It is not served.
    assert!(served.path(ENDED).exists());
    let answer = served.post("open", &open_request(ENDED)).await;
    assert_eq!(answer.refusal(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_commit_is_answered_when_its_lease_is_over() {
    let mut served = Served::with(|config| {
        config.writable = true;
        config.lease_seconds = 1;
    });
    served.write("a.h5", b"content");
    let writer = Writer::new("a.h5", 1);
    writer.lease(&served, Begin::Existing).await;
    let reply = writer.commit(&served, 1, 7, &[(0, b"C")]).await;
    let over = async |served: &Served| {
        let next = Writer::new("a.h5", 2);
        while next.try_lease(served, Begin::Existing).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        next.word(served, "release").await;
    };
    over(&served).await;
    assert_eq!(writer.commit(&served, 1, 7, &[(0, b"C")]).await, reply);
    // The version is the one that goes on.
    let next = Writer::new("a.h5", 3);
    assert_eq!(
        next.lease(&served, Begin::Existing).await.file.version,
        reply.version
    );
    next.word(&served, "release").await;
    served.restart(|config| config.writable = true);
    writer.commit(&served, 1, 7, &[(0, b"C")]).await;
    // One that was found after a restart, and whose client never came, is remembered, too.
    let writer = Writer::new("b.h5", 4);
    writer.lease(&served, Begin::Create).await;
    writer.commit(&served, 1, 3, &[(0, b"new")]).await;
    served.restart(|config| {
        config.writable = true;
        config.lease_seconds = 1;
    });
    let locked = Writer::new("b.h5", 5);
    while locked.try_lease(&served, Begin::Existing).await.status != 200 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    writer.commit(&served, 1, 3, &[(0, b"new")]).await;
    let answer = writer
        .send(&served, "commit", &writer.commit_request(2, 3, &[]))
        .await;
    assert_eq!(answer.refusal(), ErrorKind::LeaseLost);
}

#[tokio::test]
async fn files_left_by_a_crash_are_brought_into_order() {
    let mut served = Served::writable();
    served.write("a.h5", b"content");
    served.write("b.h5", b"content");
    for (number, path) in [(1, "a.h5"), (2, "b.h5")] {
        let writer = Writer::new(path, number);
        writer.lease(&served, Begin::Existing).await;
        writer.commit(&served, 1, 7, &[(0, b"C")]).await;
        good(&writer.stage(&served, 2, 0, &[(7, &[1; 100])]).await);
    }
    // A server that may not write cannot do it, and says who can.
    served.restart(|_| {});
    let answer = served.post("open", &open_request("a.h5")).await;
    assert_eq!(answer.refusal(), ErrorKind::Busy);
    assert!(answer.message().contains("--writable"), "{answer:?}");
    served.restart(|config| {
        config.writable = true;
        config.lease_seconds = 1;
    });
    let opened = served.open("a.h5").await;
    assert_eq!(opened.size, 7);
    let whole = read(&served, "a.h5", &opened.version, 7).await;
    assert_eq!(whole.body, "Content".as_bytes());
    // Nobody comes for the leases: they end, and nothing is left of them.
    for _ in 0..100 {
        if names(&served) == ["a.h5", "b.h5"] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(names(&served), ["a.h5", "b.h5"]);
    assert_eq!(bytes(&served, "b.h5"), b"Content");
    assert_eq!(served.open("a.h5").await.version, opened.version);
}
