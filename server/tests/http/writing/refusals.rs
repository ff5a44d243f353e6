//! What is asked for in vain: it changes nothing.

use std::os::unix::fs::symlink;

use axum::body::Body;
use axum::http::StatusCode;
use hdfstream::protocol::{
    Begin, CommitRequest, DirectoryRequest, ErrorKind, LeaseState, RemoveRequest, RenameRequest,
};

use super::{bytes, names};
use crate::harness::{Served, open_request};
use crate::writer::{Writer, good};

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
