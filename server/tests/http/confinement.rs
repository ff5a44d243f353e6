//! Nothing outside of the root can be reached, by whatever name.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use axum::http::StatusCode;
use hdfstream::protocol::{ErrorKind, StatRequest};

use crate::harness::{Served, open_request, write};

/// A root with every kind of trap in it.
fn trapped() -> Served {
    let served = Served::new();
    served.write("dir/a.h5", b"inside");
    served.write("back\\slash", b"plain");
    write(&served.outside("secret"), b"secret");
    write(&served.outside("rooted/file"), b"neighbour");
    let links = [
        ("../secret", "out"),
        ("../missing", "out-missing"),
        ("..", "up"),
        ("dir/a.h5", "in"),
        ("../root/dir/a.h5", "out-and-in"),
        ("dir", "dirlink"),
        ("loop", "loop"),
        ("nowhere", "dangling"),
    ];
    for (target, name) in links {
        symlink(target, served.path(name)).unwrap();
    }
    symlink(served.outside("secret"), served.path("abs-out")).unwrap();
    symlink(served.outside("none"), served.path("abs-missing")).unwrap();
    symlink(served.path("dir/a.h5"), served.path("abs-in")).unwrap();
    symlink(served.path("dir"), served.path("abs-dir")).unwrap();
    // An absolute name that begins like the root without being in it.
    symlink(served.outside("rooted/file"), served.path("neighbour")).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(served.path("fifo"))
            .status()
            .unwrap()
            .success()
    );
    UnixListener::bind(served.path("socket")).unwrap();
    symlink("/dev/zero", served.path("device")).unwrap();
    served
}

#[tokio::test]
async fn names_that_lead_nowhere_or_outside_are_alike() {
    let served = trapped();
    let secret = served.outside("secret");
    let climbing = format!("{}/../../secret", served.path("dir").display());
    for name in [
        "none",
        "..",
        "../secret",
        "dir/../../secret",
        "dir/../dir/a.h5",
        "./dir/a.h5",
        "dir//a.h5",
        "dir/a.h5/",
        "dir/a.h5/x",
        "",
        "a\0b",
        "..\\secret",
        "%2e%2e/secret",
        "out",
        "out-missing",
        "up/secret",
        "abs-out",
        "abs-missing",
        "neighbour",
        "loop",
        "dangling",
        "device",
        "/etc/passwd",
        "/etc/passwd/none",
        "//etc/passwd",
        secret.to_str().unwrap(),
        &climbing,
        &"x".repeat(300),
        &"x/".repeat(5_000),
    ] {
        let answer = served.post("open", &open_request(name)).await;
        assert_eq!(answer.refusal(), ErrorKind::NotFound, "{name}");
        assert_eq!(
            answer.message(),
            format!("`{name}` does not exist on this server")
        );
        if !name.is_empty() {
            let stat = StatRequest {
                path: name.to_owned(),
            };
            assert_eq!(
                served.post("stat", &stat).await.refusal(),
                ErrorKind::NotFound,
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn links_that_stay_inside_are_followed_to_one_name() {
    let served = trapped();
    let absolute = served.path("dir/a.h5");
    let untidy = format!("{}//./dir/a.h5", served.path("").display());
    for name in [
        "dir/a.h5",
        "in",
        "dirlink/a.h5",
        "abs-in",
        "abs-dir/a.h5",
        absolute.to_str().unwrap(),
        &untidy,
    ] {
        let reply = served.open(name).await;
        assert_eq!((reply.path.as_str(), reply.size), ("dir/a.h5", 6), "{name}");
    }
    assert_eq!(served.open("back\\slash").await.size, 5);
}

#[tokio::test]
async fn only_regular_files_are_opened() {
    let served = trapped();
    for (name, kind) in [
        ("fifo", ErrorKind::Invalid),
        ("socket", ErrorKind::Invalid),
        ("dir", ErrorKind::IsDirectory),
        ("dirlink", ErrorKind::IsDirectory),
        ("abs-dir", ErrorKind::IsDirectory),
    ] {
        let answer = served.post("open", &open_request(name)).await;
        assert_eq!(answer.refusal(), kind, "{name}");
    }
}

#[tokio::test]
async fn downloads_are_confined_however_they_are_encoded() {
    let served = trapped();
    for page in [
        "../secret",
        "../../secret",
        "dir/../../secret",
        "%2e%2e/secret",
        "%2E%2E%2Fsecret",
        "..%2fsecret",
        "dir%2fa.h5",
        "dir/..%2f..%2fsecret",
        "%2fetc%2fpasswd",
        "/etc/passwd",
        "//etc/passwd",
        "dir//a.h5",
        "dir/./a.h5",
        "dir/a.h5/",
        "dir/a.h5%00",
        "%ff",
        "%",
        "..%5csecret",
        "up/secret",
        "out",
        "abs-out",
        "none",
    ] {
        let answer = served.get(&format!("/download/{page}"), &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{page}");
        assert!(!answer.body.windows(6).any(|window| window == b"secret") || page.contains("secret"));
    }
    for page in ["dir/a.h5", "in", "abs-in", "%64ir/a%2Eh5"] {
        let answer = served.get(&format!("/download/{page}"), &[]).await;
        assert_eq!(
            (answer.status, &answer.body[..]),
            (StatusCode::OK, &b"inside"[..]),
            "{page}"
        );
    }
    let answer = served.get("/download/back%5Cslash", &[]).await;
    assert_eq!(&answer.body[..], b"plain");
    // An archive of what is in it.
    let answer = served.get("/download/dir", &[]).await;
    assert_eq!(answer.header("content-type"), "application/x-tar");
    for page in ["fifo", "socket"] {
        let answer = served.get(&format!("/download/{page}"), &[]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{page}");
    }
}
