//! Leases and commits: what a writer may do, and what comes of it.

mod leases;
mod names;
mod refusals;

use hdfstream::protocol::{
    Begin, Capabilities, CommitReply, CommitRequest, DirectoryRequest, ErrorKind, LeaseReply, LeaseRequest,
    StatReply, StatRequest,
};

use crate::harness::{Served, noise, open_request};
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
