//! Leases and commits: what a writer may do, and what comes of it.

use std::os::unix::fs::symlink;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use hdfstream::protocol::{
    Begin, Capabilities, CommitReply, CommitRequest, DirectoryRequest, Done, ErrorKind, LeaseReply,
    LeaseRequest, LeaseState, RemoveRequest, RenameRequest, StatReply, StatRequest,
};

use crate::harness::{Served, basic, noise, open_request, write_users};
use crate::writer::{Writer, good, read};

fn bytes(served: &Served, name: &str) -> Vec<u8> {
    std::fs::read(served.path(name)).unwrap()
}

/// What is kept of leases that are over.
const ENDED: &str = ".hdfstream-ended";

/// Names of everything in the root, ours included but for [`ENDED`].
fn names(served: &Served) -> Vec<String> {
    let entries = std::fs::read_dir(served.path("")).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ENDED)
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_file_is_made_with_two_requests() {
    let served = Served::writable();
    let capabilities: Capabilities = served.get("/v2", &[]).await.decode();
    assert!(capabilities.writable);
    let writer = Writer::new("new.h5", 1);
    let reply = writer.lease(&served, Begin::Create).await;
    assert_eq!((reply.file.path.as_str(), reply.file.size), ("new.h5", 0));
    assert!(reply.file.version.is_empty() && reply.file.pack.is_none());
    assert_eq!(reply.seconds, 30);
    let missing = served.post("open", &open_request("new.h5")).await;
    assert_eq!(missing.refusal(), ErrorKind::NotFound);
    let commit = writer.finish(&served, 1, 13, &[(0, b"hello, world\n")]).await;
    assert_eq!(bytes(&served, "new.h5"), b"hello, world\n");
    assert_eq!(names(&served), ["new.h5"]);
    let opened = served.open("new.h5").await;
    assert_eq!(
        (opened.version, opened.modified),
        (commit.version.clone(), commit.modified)
    );
    let again = writer.finish(&served, 1, 13, &[(0, b"hello, world\n")]).await;
    assert_eq!(again, commit);
    assert_eq!(
        writer.try_word(&served, "renew").await.refusal(),
        ErrorKind::LeaseLost
    );
    assert_eq!(writer.word(&served, "release").await.committed, 1);
}

#[tokio::test]
async fn a_file_is_changed_by_parts_and_pieces() {
    let served = Served::writable();
    let old = noise(100_000);
    served.write("a.h5", &old);
    let writer = Writer::new("a.h5", 1);
    let reply = writer.lease(&served, Begin::Existing).await;
    assert_eq!(reply.file.version, served.open("a.h5").await.version);
    assert_eq!(reply.file.pack.unwrap().unpack().unwrap().len(), 1);
    let (one, two) = (vec![1u8; 50_000], vec![2u8; 70_000]);
    good(
        &writer
            .stage(&served, 1, 0, &[(90_000, &two), (200_000, &one)])
            .await,
    );
    good(&writer.stage(&served, 1, 1, &[(100, b"part")]).await);
    // Nobody else sees anything of it; the writer does.
    assert_eq!(served.open("a.h5").await.version, reply.file.version);
    assert_eq!(served.open("a.h5").await.size, 100_000);
    let staged = writer.read(&served, &reply.file.version, 95_000, 10_000).await;
    assert!(good(&staged).body.iter().all(|&byte| byte == 2));
    let hole = writer.read(&served, &reply.file.version, 150_000, 60_000).await;
    assert_eq!(good(&hole).body[..10_000], two[..10_000]);
    assert!(hole.body[10_000..50_000].iter().all(|&byte| byte == 0));
    assert_eq!(hole.body[50_000..], one[..10_000]);
    let request = CommitRequest {
        parts: 2,
        ..writer.commit_request(1, 250_000, &[(100, b"piece"), (200_000, b"x")])
    };
    let commit: CommitReply = good(&writer.send(&served, "commit", &request).await).decode();
    let mut expected = old;
    expected.truncate(90_000);
    expected.extend(&two);
    expected.resize(200_000, 0);
    expected.extend(&one);
    expected[100..105].copy_from_slice(b"piece");
    expected[200_000] = b'x';
    assert_eq!(bytes(&served, "a.h5"), expected);
    let opened = served.open("a.h5").await;
    assert_eq!((&opened.version, opened.size), (&commit.version, 250_000));
    assert_eq!(
        read(&served, "a.h5", &commit.version, 250_000).await.body,
        expected
    );
    let state = writer.word(&served, "release").await;
    assert_eq!((state.seconds, state.committed), (0, 1));
    assert_eq!(served.open("a.h5").await.version, commit.version);
    assert_eq!(names(&served), ["a.h5"]);
}

#[tokio::test]
async fn a_replaced_file_stays_until_the_first_commit() {
    let served = Served::writable();
    served.write("a.h5", b"old content");
    let writer = Writer::new("a.h5", 1);
    let reply = writer.lease(&served, Begin::Replace).await;
    assert!(reply.file.version.is_empty());
    good(&writer.stage(&served, 1, 0, &[(0, b"new")]).await);
    let old = served.open("a.h5").await;
    assert_eq!(
        read(&served, "a.h5", &old.version, 11).await.body,
        "old content".as_bytes()
    );
    let request = CommitRequest {
        parts: 1,
        ..writer.commit_request(1, 3, &[])
    };
    good(&writer.send(&served, "commit", &request).await);
    assert_eq!(bytes(&served, "a.h5"), b"new");
    assert_eq!(
        read(&served, "a.h5", &old.version, 11).await.body,
        "old content".as_bytes()
    );
    // One that is given up leaves everything as it is.
    writer.word(&served, "release").await;
    let other = Writer::new("a.h5", 2);
    other.lease(&served, Begin::Replace).await;
    good(&other.stage(&served, 1, 0, &[(0, b"never")]).await);
    other.word(&served, "release").await;
    assert_eq!(bytes(&served, "a.h5"), b"new");
    assert_eq!(names(&served), ["a.h5"]);
}

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
async fn everything_may_be_said_twice() {
    let served = Served::writable();
    let writer = Writer::new("dir/new.h5", 1);
    let request = LeaseRequest {
        directories: true,
        ..writer.lease_request(Begin::Create)
    };
    let twice = async |endpoint: &str, message: &dyn erased::Message| {
        let first = message.send(&writer, &served, endpoint).await;
        let second = message.send(&writer, &served, endpoint).await;
        good(&first);
        assert_eq!(first.body, second.body, "{endpoint}");
        first
    };
    let reply: LeaseReply = twice("lease", &request).await.decode();
    assert_eq!(reply.file.path, "dir/new.h5");
    assert!(!served.path("dir").exists());
    for part in 0..3 {
        let request = writer.stage_request(1, part, &[(10 * part, &[part as u8 + 1; 10])]);
        twice("stage", &request).await;
    }
    let request = CommitRequest {
        parts: 3,
        ..writer.commit_request(1, 30, &[(5, b"x")])
    };
    twice("commit", &request).await;
    let first = bytes(&served, "dir/new.h5");
    assert_eq!((first.len(), first[5], first[29]), (30, b'x', 3));
    twice("stage", &writer.stage_request(2, 0, &[(0, b"y")])).await;
    let request = CommitRequest {
        parts: 1,
        release: true,
        ..writer.commit_request(2, 30, &[])
    };
    let last: CommitReply = twice("commit", &request).await.decode();
    assert_eq!(served.open("dir/new.h5").await.version, last.version);
    assert_eq!(bytes(&served, "dir/new.h5")[0], b'y');
    let directory = DirectoryRequest {
        path: "dir/sub".to_owned(),
        parents: false,
    };
    twice("directory", &directory).await;
}

/// Messages of any kind in one list.
mod erased {
    use std::pin::Pin;

    use serde::Serialize;

    use crate::harness::{Answer, Served};
    use crate::writer::Writer;

    pub(super) trait Message {
        fn send<'a>(
            &'a self,
            writer: &'a Writer,
            served: &'a Served,
            endpoint: &'a str,
        ) -> Pin<Box<dyn Future<Output = Answer> + 'a>>;
    }

    impl<T: Serialize> Message for T {
        fn send<'a>(
            &'a self,
            writer: &'a Writer,
            served: &'a Served,
            endpoint: &'a str,
        ) -> Pin<Box<dyn Future<Output = Answer> + 'a>> {
            Box::pin(writer.send(served, endpoint, self))
        }
    }
}

#[tokio::test]
async fn forged_and_foreign_leases_do_nothing() {
    let served = Served::writable();
    served.write("a.h5", b"content");
    served.write("b.h5", b"content");
    let writer = Writer::new("a.h5", 1);
    writer.lease(&served, Begin::Existing).await;
    let forged = Writer::new("a.h5", 2);
    let elsewhere = Writer::new("b.h5", 1);
    for writer in [&forged, &elsewhere] {
        let commit = writer.commit_request(1, 1, &[(0, b"1")]);
        let answers = [
            writer.stage(&served, 1, 0, &[(0, b"1")]).await,
            writer.send(&served, "commit", &commit).await,
            writer.try_word(&served, "renew").await,
            writer.try_word(&served, "release").await,
            writer.read(&served, "", 0, 1).await,
        ];
        for answer in answers {
            assert_eq!(answer.refusal(), ErrorKind::LeaseLost);
        }
    }
    for name in ["", "1", "G0000000000000000000000000000001", &"0".repeat(33)] {
        let malformed = Writer {
            lease: name.to_owned(),
            ..writer.clone()
        };
        let answer = malformed.try_lease(&served, Begin::Existing).await;
        assert_eq!(answer.refusal(), ErrorKind::Invalid);
        let answer = malformed.try_word(&served, "renew").await;
        assert_eq!(answer.refusal(), ErrorKind::Invalid);
    }
    // The same name for something else.
    let other = writer.try_lease(&served, Begin::Replace).await;
    assert_eq!(other.refusal(), ErrorKind::Invalid);
    assert_eq!(bytes(&served, "a.h5"), b"content");
    assert_eq!(writer.word(&served, "renew").await.seconds, 30);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let served = Served::writable();
    served.write("a.h5", b"content");
    let writer = Writer::new("a.h5", 1);
    writer.lease(&served, Begin::Existing).await;
    let stage = writer.stage_request(1, 0, &[(0, b"ab"), (10, b"cd")]);
    let pieces = [
        vec![(0, 2), (1, 2)],
        vec![(10, 2), (0, 2)],
        vec![(0, 0), (1, 4)],
        vec![(0, 2), (10, 3)],
        vec![(0, 3)],
        vec![(0, 2), (u64::MAX - 1, 2)],
        vec![(0, 2), (1 << 63, 2)],
    ];
    for pieces in pieces {
        let request = hdfstream::protocol::StageRequest {
            pieces: pieces.clone(),
            ..stage.clone()
        };
        let answer = writer.send(&served, "stage", &request).await;
        assert_eq!(answer.refusal(), ErrorKind::Invalid, "{pieces:?}");
    }
    for (number, part) in [(0, 0), (2, 0), (1, u64::MAX)] {
        let answer = writer.stage(&served, number, part, &[(0, b"x")]).await;
        assert_eq!(answer.refusal(), ErrorKind::Invalid, "{number} {part}");
    }
    let good_one = writer.commit_request(1, 20, &[(0, b"ab")]);
    let bad = [
        CommitRequest {
            number: 0,
            ..good_one.clone()
        },
        CommitRequest {
            number: 2,
            ..good_one.clone()
        },
        CommitRequest {
            parts: 1,
            ..good_one.clone()
        },
        CommitRequest {
            size: 1,
            ..good_one.clone()
        },
        CommitRequest {
            size: 1 << 63,
            ..good_one.clone()
        },
    ];
    for request in bad {
        let answer = writer.send(&served, "commit", &request).await;
        assert_eq!(answer.refusal(), ErrorKind::Invalid, "{request:?}");
    }
    assert_eq!(bytes(&served, "a.h5"), b"content");
    good(&writer.send(&served, "commit", &good_one).await);
    assert_eq!(bytes(&served, "a.h5")[..7], *b"abntent");
}

#[tokio::test]
async fn only_names_that_can_be_files_are_leased() {
    let served = Served::writable();
    served.write("dir/a.h5", b"content");
    symlink("../outside", served.path("out")).unwrap();
    symlink("nowhere", served.path("dangling")).unwrap();
    let cases = [
        ("", ErrorKind::NotFound),
        ("dir", ErrorKind::IsDirectory),
        ("../x", ErrorKind::NotFound),
        ("out", ErrorKind::NotFound),
        ("out/x", ErrorKind::NotFound),
        ("dangling", ErrorKind::NotFound),
        ("missing/x", ErrorKind::NotFound),
        ("dir/a.h5/x", ErrorKind::Invalid),
        ("dir/.a.h5.hdfstream-journal", ErrorKind::NotFound),
        (".x.hdfstream-new", ErrorKind::NotFound),
    ];
    for (path, kind) in cases {
        for begin in [Begin::Create, Begin::Replace] {
            let answer = Writer::new(path, 1).try_lease(&served, begin).await;
            let is_root = path.is_empty() && answer.refusal() == ErrorKind::IsDirectory;
            assert!(is_root || answer.refusal() == kind, "{path:?} {answer:?}");
        }
    }
    let missing = Writer::new("missing", 1)
        .try_lease(&served, Begin::Existing)
        .await;
    assert_eq!(missing.refusal(), ErrorKind::NotFound);
    let taken = Writer::new("dir/a.h5", 1).try_lease(&served, Begin::Create).await;
    assert_eq!(taken.refusal(), ErrorKind::Exists);
    let long = Writer::new(&"x".repeat(300), 1)
        .try_lease(&served, Begin::Create)
        .await;
    assert!(long.status.is_client_error(), "{long:?}");
    assert_eq!(names(&served), ["dangling", "dir", "out"]);
    // A journal beside a file is nothing that the server shows.
    let writer = Writer::new("dir/a.h5", 2);
    writer.lease(&served, Begin::Existing).await;
    let journal = std::fs::read_dir(served.path("dir")).unwrap();
    let journal = journal.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let journal: Vec<_> = journal.filter(|name| name.contains("hdfstream")).collect();
    assert!(!journal.is_empty());
    for name in journal {
        let answer = served.post("open", &open_request(&format!("dir/{name}"))).await;
        assert_eq!(answer.refusal(), ErrorKind::NotFound);
        let removal = RemoveRequest {
            path: format!("dir/{name}"),
            recursive: false,
        };
        assert_eq!(
            served.post("remove", &removal).await.refusal(),
            ErrorKind::NotFound
        );
        let page = format!("/download/dir/{name}");
        assert_eq!(served.get(&page, &[]).await.status, StatusCode::NOT_FOUND);
    }
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

#[tokio::test]
async fn a_full_disk_is_told_and_changes_nothing() {
    let served = Served::with(|config| {
        config.writable = true;
        config.min_free_mib = 1 << 40;
    });
    served.write("a.h5", b"content");
    let writer = Writer::new("a.h5", 1);
    writer.lease(&served, Begin::Existing).await;
    let answer = writer.stage(&served, 1, 0, &[(0, b"x")]).await;
    assert_eq!(answer.refusal(), ErrorKind::NoSpace);
    let request = writer.commit_request(1, 7, &[(0, b"x")]);
    assert_eq!(
        writer.send(&served, "commit", &request).await.refusal(),
        ErrorKind::NoSpace
    );
    assert_eq!(bytes(&served, "a.h5"), b"content");
    // To make files shorter helps.
    writer.commit(&served, 1, 3, &[]).await;
    assert_eq!(bytes(&served, "a.h5"), b"con");
    writer.word(&served, "release").await;
}

#[tokio::test]
async fn a_server_that_does_not_write_says_so() {
    let served = Served::new();
    served.write("a.h5", b"content");
    let writer = Writer::new("a.h5", 1);
    let commit = writer.commit_request(1, 1, &[(0, b"1")]);
    let rename = RenameRequest {
        from: "a.h5".to_owned(),
        to: "b.h5".to_owned(),
        replace: false,
    };
    let removal = RemoveRequest {
        path: "a.h5".to_owned(),
        recursive: true,
    };
    let directory = DirectoryRequest {
        path: "d".to_owned(),
        parents: false,
    };
    let answers = [
        writer.try_lease(&served, Begin::Existing).await,
        writer.stage(&served, 1, 0, &[(0, b"1")]).await,
        writer.send(&served, "commit", &commit).await,
        writer.try_word(&served, "renew").await,
        writer.try_word(&served, "release").await,
        served.post("rename", &rename).await,
        served.post("remove", &removal).await,
        served.post("directory", &directory).await,
    ];
    for answer in answers {
        assert_eq!(answer.refusal(), ErrorKind::ReadOnly);
        assert!(answer.message().contains("read-only"), "{answer:?}");
    }
    assert_eq!(names(&served), ["a.h5"]);
}

#[tokio::test]
async fn names_are_removed_renamed_and_made() {
    let served = Served::writable();
    served.write("a.h5", b"a");
    served.write("b.h5", b"b");
    served.write("full/sub/c.h5", b"c");
    symlink("../outside", served.path("full/link")).unwrap();
    std::fs::create_dir(served.outside("outside")).unwrap();
    std::fs::write(served.outside("outside/kept"), b"kept").unwrap();
    let remove = async |path: &str, recursive| {
        let request = RemoveRequest {
            path: path.to_owned(),
            recursive,
        };
        served.post("remove", &request).await
    };
    let rename = async |from: &str, to: &str, replace| {
        let request = RenameRequest {
            from: from.to_owned(),
            to: to.to_owned(),
            replace,
        };
        served.post("rename", &request).await
    };
    let directory = async |path: &str, parents| {
        let request = DirectoryRequest {
            path: path.to_owned(),
            parents,
        };
        served.post("directory", &request).await
    };
    assert_eq!(rename("a.h5", "b.h5", false).await.refusal(), ErrorKind::Exists);
    assert_eq!(
        rename("a.h5", "full", true).await.refusal(),
        ErrorKind::IsDirectory
    );
    assert_eq!(
        rename("a.h5", "none/x", true).await.refusal(),
        ErrorKind::NotFound
    );
    assert_eq!(rename("none", "x", true).await.refusal(), ErrorKind::NotFound);
    assert_eq!(
        rename("full", "full/sub/x", false).await.refusal(),
        ErrorKind::Invalid
    );
    assert_eq!(rename("a.h5", "../x", false).await.refusal(), ErrorKind::NotFound);
    assert_eq!(rename("", "x", false).await.refusal(), ErrorKind::Forbidden);
    let old = served.open("b.h5").await;
    good(&rename("a.h5", "b.h5", true).await).decode::<Done>();
    assert_eq!(
        (bytes(&served, "b.h5"), served.path("a.h5").exists()),
        (b"a".to_vec(), false)
    );
    // Whoever has opened what was there goes on reading it.
    assert_eq!(read(&served, "b.h5", &old.version, 1).await.body, "b".as_bytes());
    good(&rename("full", "moved", false).await);
    assert_eq!(bytes(&served, "moved/sub/c.h5"), b"c");

    good(&directory("made", false).await);
    good(&directory("made", false).await);
    assert_eq!(directory("deep/er", false).await.refusal(), ErrorKind::NotFound);
    good(&directory("deep/er/still", true).await);
    assert!(served.path("deep/er/still").is_dir());
    assert_eq!(directory("b.h5", false).await.refusal(), ErrorKind::Exists);
    assert_eq!(directory("../x", true).await.refusal(), ErrorKind::NotFound);

    assert_eq!(remove("", true).await.refusal(), ErrorKind::Forbidden);
    assert_eq!(remove("none", true).await.refusal(), ErrorKind::NotFound);
    assert_eq!(remove("moved", false).await.refusal(), ErrorKind::Invalid);
    let writer = Writer::new("moved/sub/c.h5", 1);
    writer.lease(&served, Begin::Existing).await;
    assert_eq!(remove("moved", true).await.refusal(), ErrorKind::Locked);
    assert_eq!(remove("moved/sub/c.h5", false).await.refusal(), ErrorKind::Locked);
    assert_eq!(rename("moved", "x", false).await.refusal(), ErrorKind::Locked);
    assert_eq!(
        rename("b.h5", "moved/sub/c.h5", true).await.refusal(),
        ErrorKind::Locked
    );
    writer.word(&served, "release").await;
    good(&remove("moved/link", false).await);
    symlink("../outside", served.path("moved/link")).unwrap();
    let opened = served.open("moved/sub/c.h5").await;
    good(&remove("moved/sub/c.h5", false).await);
    assert_eq!(
        read(&served, "moved/sub/c.h5", &opened.version, 1).await.body,
        "c".as_bytes()
    );
    good(&remove("moved", true).await);
    assert!(!served.path("moved").exists());
    assert_eq!(std::fs::read(served.outside("outside/kept")).unwrap(), b"kept");
}

#[tokio::test]
async fn who_may_write_is_checked_each_time() {
    let rules = "[private]\nread = ['a']\n['open']\nwrite = ['w']\n";
    let users = [("ada", "pw", "a w"), ("bob", "pw", ""), ("eve", "pw", "w")];
    let mut served = Served::with_users(&users, rules);
    served.write("private/a.h5", b"content");
    served.write("open/a.h5", b"content");
    served.write("free.h5", b"content");
    let serve = |served: &mut Served| served.serve_again(rules, |config| config.writable = true);
    serve(&mut served);
    let who = |user: &str, path: &str, number| Writer {
        login: (!user.is_empty()).then(|| basic(user, "pw")),
        ..Writer::new(path, number)
    };
    let cases = [
        ("", "free.h5", Some(ErrorKind::Unauthorized)),
        ("", "private/a.h5", Some(ErrorKind::Unauthorized)),
        ("", "open/a.h5", Some(ErrorKind::Unauthorized)),
        ("bob", "free.h5", None),
        ("bob", "private/a.h5", Some(ErrorKind::NotFound)),
        ("bob", "private/new.h5", Some(ErrorKind::NotFound)),
        ("bob", "open/a.h5", Some(ErrorKind::Forbidden)),
        ("bob", "open/new.h5", Some(ErrorKind::Forbidden)),
        ("eve", "open/a.h5", None),
        ("eve", "private/a.h5", Some(ErrorKind::NotFound)),
        ("ada", "private/a.h5", None),
        ("ada", "private/new.h5", None),
    ];
    for (number, (user, path, refused)) in cases.into_iter().enumerate() {
        let writer = who(user, path, number as u32);
        let begin = if path.ends_with("new.h5") {
            Begin::Create
        } else {
            Begin::Existing
        };
        let answer = writer.try_lease(&served, begin).await;
        assert_eq!(
            (answer.status != StatusCode::OK).then(|| answer.refusal()),
            refused,
            "{user} {path}"
        );
        let removal = RemoveRequest {
            path: path.to_owned(),
            recursive: true,
        };
        let removed = writer.send(&served, "remove", &removal).await;
        let rename = RenameRequest {
            from: "free.h5".to_owned(),
            to: path.to_owned(),
            replace: true,
        };
        let renamed = writer.send(&served, "rename", &rename).await;
        match refused {
            None => {
                assert_eq!(
                    removed.refusal(),
                    if begin == Begin::Create {
                        ErrorKind::NotFound
                    } else {
                        ErrorKind::Locked
                    }
                );
                assert_eq!(renamed.refusal(), ErrorKind::Locked, "{user} {path}");
                // The lease is of no use to others.
                let thief = who("eve", path, number as u32);
                if user != "eve" {
                    let commit = thief.commit_request(1, 1, &[(0, b"1")]);
                    let stolen = thief.send(&served, "commit", &commit).await;
                    assert_eq!(stolen.refusal(), ErrorKind::LeaseLost);
                }
                writer.word(&served, "release").await;
            }
            Some(kind) => {
                let missing = kind == ErrorKind::Forbidden && path.ends_with("new.h5");
                assert_eq!(
                    removed.refusal(),
                    if missing { ErrorKind::NotFound } else { kind }
                );
                assert_ne!(renamed.status, StatusCode::OK);
            }
        }
    }
    // A role that is withdrawn ends the right to write at once.
    let writer = who("eve", "open/a.h5", 99);
    writer.lease(&served, Begin::Existing).await;
    write_users(&served.users(), &[("eve", "pw", "")]);
    let mut refused = None;
    for _ in 0..100 {
        let answer = writer.try_word(&served, "renew").await;
        if answer.status != StatusCode::OK {
            refused = Some(answer.refusal());
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(refused, Some(ErrorKind::Forbidden));
}

#[tokio::test]
async fn rules_are_not_left_behind_by_renaming() {
    let rules = "['a/secret']\nread = ['r']\nwrite = ['w']\n";
    let users = [("ada", "pw", "r w"), ("bob", "pw", "")];
    let mut served = Served::with_users(&users, rules);
    served.write("a/secret/x.h5", b"x");
    served.write("b/y.h5", b"y");
    served.serve_again(rules, |config| config.writable = true);
    for user in ["ada", "bob"] {
        let writer = Writer {
            login: Some(basic(user, "pw")),
            ..Writer::new("", 1)
        };
        let rename = RenameRequest {
            from: "a".to_owned(),
            to: "b/a".to_owned(),
            replace: false,
        };
        let answer = writer.send(&served, "rename", &rename).await;
        assert_eq!(answer.refusal(), ErrorKind::Forbidden, "{user}");
    }
    let bob = Writer {
        login: Some(basic("bob", "pw")),
        ..Writer::new("", 1)
    };
    let removal = RemoveRequest {
        path: "a".to_owned(),
        recursive: true,
    };
    assert_eq!(
        bob.send(&served, "remove", &removal).await.refusal(),
        ErrorKind::Forbidden
    );
    assert!(served.path("a/secret/x.h5").exists());
}

#[tokio::test]
async fn many_write_different_files_at_once() {
    let served = Served::writable();
    let content = noise(300_000);
    let write = async |number: u32| {
        let writer = Writer::new(&format!("f{number}.h5"), number);
        writer.lease(&served, Begin::Create).await;
        for commit in 1..=5u64 {
            good(
                &writer
                    .stage(&served, commit, 0, &[((commit - 1) * 60_000, &content[..60_000])])
                    .await,
            );
            let request = CommitRequest {
                parts: 1,
                release: commit == 5,
                ..writer.commit_request(commit, commit * 60_000, &[(0, &commit.to_le_bytes())])
            };
            good(&writer.send(&served, "commit", &request).await);
        }
    };
    let all: Vec<_> = (0..20).map(write).collect();
    futures_util::future::join_all(all).await;
    assert_eq!(names(&served).len(), 20);
    for name in names(&served) {
        let there = bytes(&served, &name);
        assert_eq!((there.len(), there[0]), (300_000, 5));
        assert_eq!(there[240_000..], content[..60_000]);
    }
}

#[tokio::test]
async fn listings_show_what_is_committed() {
    let served = Served::writable();
    served.write("a.h5", b"\x89HDF\r\n\x1a\n");
    let writer = Writer::new("a.h5", 1);
    writer.lease(&served, Begin::Existing).await;
    good(&writer.stage(&served, 1, 0, &[(8, &[0; 1_000])]).await);
    let stat = StatRequest {
        path: "a.h5".to_owned(),
    };
    let shown: StatReply = served.post("stat", &stat).await.decode();
    let opened = served.open("a.h5").await;
    assert_eq!((shown.entry.size, shown.version), (8, Some(opened.version)));
    let list = hdfstream::protocol::ListRequest {
        path: String::new(),
        after: None,
    };
    let listed: hdfstream::protocol::ListReply = served.post("list", &list).await.decode();
    assert_eq!(listed.entries, [shown.entry]);
    let page = served.get("/download/a.h5", &[]).await;
    assert_eq!(page.body.len(), 8);
}

#[tokio::test]
async fn a_commit_may_come_while_its_first_attempt_runs() {
    let served = Served::writable();
    let writer = Writer::new("a.h5", 1);
    writer.lease(&served, Begin::Create).await;
    let content = noise(20_000_000);
    let request = CommitRequest {
        release: true,
        ..writer.commit_request(1, content.len() as u64, &[(0, &content)])
    };
    let (first, second) = tokio::join!(
        writer.send(&served, "commit", &request),
        writer.send(&served, "commit", &request)
    );
    assert_eq!(good(&first).body, good(&second).body);
    assert_eq!(bytes(&served, "a.h5"), content);
}

#[tokio::test]
async fn a_body_that_is_no_message_is_refused() {
    let served = Served::writable();
    for endpoint in [
        "lease",
        "stage",
        "commit",
        "renew",
        "release",
        "remove",
        "rename",
        "directory",
    ] {
        let page = format!("/v2/{endpoint}");
        let request = crate::harness::request("POST", &page, &[], Body::from("nonsense"));
        assert_eq!(served.answer(request).await.refusal(), ErrorKind::Invalid);
    }
    let state = LeaseState {
        seconds: 0,
        committed: 0,
    };
    assert_eq!(served.post("renew", &state).await.refusal(), ErrorKind::Invalid);
}
