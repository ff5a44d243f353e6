//! Removing, renaming and making names, and who may write what.

use std::os::unix::fs::symlink;
use std::time::Duration;

use axum::http::StatusCode;
use hdfstream::protocol::{Begin, DirectoryRequest, Done, ErrorKind, RemoveRequest, RenameRequest};

use super::bytes;
use crate::harness::{Served, basic, write_users};
use crate::writer::{Writer, good, read};

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
